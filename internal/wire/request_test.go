package wire

import (
	"fmt"
	"strings"
	"testing"
)

// lines makes a raw message: a first line and headers, each on a line, then the body.
func lines(head, body string) string {
	return strings.ReplaceAll(strings.Trim(head, "\n"), "\n", "\r\n") + "\r\n\r\n" + body
}

// Whatever reaches the server as bytes, it reads as net/http's does, or it refuses.
// "stricter" says why it refuses what net/http takes.
func TestRequestsAreReadAsNetHTTPDoes(t *testing.T) {
	readers := newReaders(t)
	const get, post = "GET / HTTP/1.1\nHost: a\n", "POST /p HTTP/1.1\nHost: a\n"
	many := strings.Repeat("X-A: b\n", maxFields)
	for _, row := range []struct {
		name     string
		raw      string
		requests int    // that we read
		status   string // of the last answer
		stricter string
	}{
		{"a plain GET", lines(get, ""), 1, "200", ""},
		{"with a query", lines("GET /a/b?c=d&e HTTP/1.1\nHost: a", ""), 1, "200", ""},
		{"with an empty query", lines("GET /a? HTTP/1.1\nHost: a", ""), 1, "200", ""},
		{"with escapes", lines("GET /a%2Fb%20c HTTP/1.1\nHost: a", ""), 1, "200", ""},
		{"with a broken escape", lines("GET /a%2 HTTP/1.1\nHost: a", ""), 0, "400", ""},
		{"with two slashes", lines("GET //a HTTP/1.1\nHost: a", ""), 1, "200", ""},
		{"with a fragment", lines("GET /a#b HTTP/1.1\nHost: a", ""), 1, "200", ""},
		{"with letters beyond ASCII", lines("GET /é HTTP/1.1\nHost: a", ""), 1, "200", ""},
		{"absolute-form", lines("GET http://b:80/c?d HTTP/1.1\nHost: a", ""), 1, "200", ""},
		{"asterisk-form", lines("OPTIONS * HTTP/1.1\nHost: a", ""), 1, "200", ""},
		{"authority-form", lines("CONNECT a:443 HTTP/1.1\nHost: a:443", ""), 1, "200", ""},
		{"authority-form that is none", lines("CONNECT /a HTTP/1.1\nHost: a:443", ""), 1, "200", ""},
		{"a method of one's own", lines("FROB / HTTP/1.1\nHost: a", ""), 1, "200", ""},
		{"a method in lower case", lines("get / HTTP/1.1\nHost: a", ""), 1, "200", ""},
		{"check 123: a method that is no token", lines("G(T / HTTP/1.1\nHost: a", ""), 0, "400", ""},
		{"check 123: no target", lines("GET HTTP/1.1\nHost: a", ""), 0, "400", ""},
		{"check 123: two spaces", lines("GET  / HTTP/1.1\nHost: a", ""), 0, "400", ""},
		{"check 123: a space in the target", lines("GET /a b HTTP/1.1\nHost: a", ""), 0, "400", ""},
		{"check 123: a tab for a space", lines("GET\t/ HTTP/1.1\nHost: a", ""), 0, "400", ""},
		{"check 123: a NUL in the target", lines("GET /\x00 HTTP/1.1\nHost: a", ""), 0, "400", ""},
		{"check 123: no version", lines("GET /\nHost: a", ""), 0, "400", ""},
		{"check 123: HTTP/1.2", lines("GET / HTTP/1.2\nHost: a", ""), 0, "505", "there is no such version"},
		{"check 123: HTTP/2.0", lines("GET / HTTP/2.0\nHost: a", ""), 0, "505", ""},
		{"check 123: HTTP/0.9", lines("GET / HTTP/0.9\nHost: a", ""), 0, "505", ""},
		{"check 123: http/1.1", lines("GET / http/1.1\nHost: a", ""), 0, "400", ""},
		{"check 123: HTTP/1.10", lines("GET / HTTP/1.10\nHost: a", ""), 0, "400", ""},
		{"check 123: an empty line first", "\r\n" + lines(get, ""), 0, "400", ""},
		{"an empty line behind a POST", lines(post+"Content-Length: 1", "x") + "\r\n" + lines(get, ""), 1, "400", "clients that send one are gone"},
		{"check 123: no Host", lines("GET / HTTP/1.1\nX: a", ""), 0, "400", ""},
		{"check 123: two Hosts", lines(get+"Host: b", ""), 0, "400", ""},
		{"check 123: an empty Host", lines("GET / HTTP/1.1\nHost:", ""), 1, "200", ""},
		{"check 123: a Host with a slash", lines("GET / HTTP/1.1\nHost: a/b", ""), 0, "400", ""},
		{"check 123: a Host with a user", lines("GET / HTTP/1.1\nHost: u@a", ""), 0, "400", ""},
		{"a Host that is an address", lines("GET / HTTP/1.1\nHost: [::1]:80", ""), 1, "200", ""},
		{"HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", 1, "200", ""},
		{"HTTP/1.0 kept alive", strings.Repeat(lines("GET / HTTP/1.0\nConnection: keep-alive", ""), 2), 2, "200", ""},
		{"HTTP/1.0 ends the connection", strings.Repeat(lines("GET / HTTP/1.0", ""), 2), 1, "200", ""},
		{"Connection: close ends it", strings.Repeat(lines(get+"Connection: x, Close", ""), 2), 1, "200", ""},
		{"pipelined", strings.Repeat(lines(get, ""), 3), 3, "200", ""},
		{"pipelined with bodies", strings.Repeat(lines(post+"Content-Length: 3", "abc"), 3), 3, "200", ""},
		{"names in any case", lines(get+"x-lower: a\nX-UPPER: b\nx-mIXed: c", ""), 1, "200", ""},
		{"a name with an underscore", lines(get+"x_y: a", ""), 1, "200", ""},
		{"one name twice", lines(get+"X-A: b\nx-a: c", ""), 1, "200", ""},
		{"space around a value", lines(get+"X-A: \t b c \t", ""), 1, "200", ""},
		{"an empty value", lines(get+"X-A:", ""), 1, "200", ""},
		{"a value beyond ASCII", lines(get+"X-A: \xff", ""), 1, "200", ""},
		{"Pragma", lines(get+"Pragma: no-cache", ""), 1, "200", ""},
		{"check 121: a space before the colon", lines(get+"X-A : b", ""), 0, "400", ""},
		{"check 121: a folded line", lines(get+"X-A: b\n c", ""), 0, "400", "RFC 9112, section 5.2, has it refused"},
		{"check 121: a folded first line", lines("GET / HTTP/1.1\n Host: a", ""), 0, "400", ""},
		{"check 123: a line without a colon", lines(get+"X-A", ""), 0, "400", ""},
		{"check 123: no name", lines(get+": a", ""), 0, "400", ""},
		{"check 117: a NUL in a value", lines(get+"X-A: a\x00b", ""), 0, "400", ""},
		{"check 117: a CR in a value", lines(get+"X-A: a\rb", ""), 0, "400", ""},
		{"check 117: a CR before the end", lines(get+"X-A: a\r", ""), 0, "400", ""},
		{"check 122: bare LFs", strings.ReplaceAll(lines(get, ""), "\r", ""), 0, "400", "two readers may see two ends"},
		{"check 122: one bare LF", "GET / HTTP/1.1\r\nHost: a\nX-A: b\r\n\r\n", 0, "400", "two readers may see two ends"},
		{"check 122: a bare LF for the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", 0, "400", "two readers may see two ends"},
		{"check 127: as many headers as there may be", lines("GET / HTTP/1.1\nHost: a\n"+strings.Repeat("X-A: b\n", maxFields-1), ""), 1, "200", ""},
		{"check 127: one more", lines(get+many, ""), 0, "431", "nobody sends so many"},
		{"check 127: a head that is too large", lines(get+"X-A: "+strings.Repeat("a", defaultMaxHead), ""), 0, "431", "net/http gives 4 KiB more"},
		{"check 127: a head of 60 KiB", lines(get+"X-A: "+strings.Repeat("a", 60<<10), ""), 1, "200", ""},
		{"a length", lines(post+"Content-Length: 3", "abc"), 1, "200", ""},
		{"a length with zeros", lines(post+"Content-Length: 0003", "abc"), 1, "200", ""},
		{"a length of nothing", lines(post+"Content-Length: 0", ""), 1, "200", ""},
		{"a GET with a body", lines(get+"Content-Length: 3", "abc"), 1, "200", ""},
		{"a body that breaks off", lines(post+"Content-Length: 5", "abc"), 1, "200", ""},
		{"check 120: two lengths", lines(post+"Content-Length: 3\nContent-Length: 4", "abc"), 0, "400", ""},
		{"check 120: the same length twice", lines(post+"Content-Length: 3\nContent-Length: 3", "abc"), 0, "400", "nobody needs it"},
		{"check 120: a list of lengths", lines(post+"Content-Length: 3, 3", "abc"), 0, "400", ""},
		{"check 120: +3", lines(post+"Content-Length: +3", "abc"), 0, "400", ""},
		{"check 120: -3", lines(post+"Content-Length: -3", "abc"), 0, "400", ""},
		{"check 120: 0x3", lines(post+"Content-Length: 0x3", "abc"), 0, "400", ""},
		{"check 120: 3 and a space in it", lines(post+"Content-Length: 3 3", "abc"), 0, "400", ""},
		{"check 120: an empty length", lines(post+"Content-Length:", "abc"), 0, "400", ""},
		{"check 120: a length beyond 64 bits", lines(post+"Content-Length: 18446744073709551619", "abc"), 0, "400", ""},
		{"check 120: a length and chunks", lines(post+"Content-Length: 3\nTransfer-Encoding: chunked", "0\r\n\r\n"), 0, "400", "RFC 9112, section 6.1, allows to refuse it"},
		{"check 120: chunks and a length", lines(post+"Transfer-Encoding: chunked\nContent-Length: 3", "0\r\n\r\n"), 0, "400", "RFC 9112, section 6.1, allows to refuse it"},
		{"chunks", lines(post+"Transfer-Encoding: chunked", "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), 1, "200", ""},
		{"CHUNKED", lines(post+"Transfer-Encoding: CHUNKED", "A\r\n0123456789\r\n0\r\n\r\n"), 1, "200", ""},
		{"no chunks", lines(post+"Transfer-Encoding: chunked", "0\r\n\r\n"), 1, "200", ""},
		{"chunks of a GET, and another", lines(get+"Transfer-Encoding: chunked", "1\r\nx\r\n0\r\n\r\n") + lines(get, ""), 2, "200", ""},
		{"an extension", lines(post+"Transfer-Encoding: chunked", "3;a=b\r\nabc\r\n0;c\r\n\r\n"), 1, "200", ""},
		{"spaces behind a size", lines(post+"Transfer-Encoding: chunked", "3  \r\nabc\r\n0\r\n\r\n"), 1, "200", ""},
		{"zeros before a size", lines(post+"Transfer-Encoding: chunked", "003\r\nabc\r\n00\r\n\r\n"), 1, "200", ""},
		{"check 121: xchunked", lines(post+"Transfer-Encoding: xchunked", "0\r\n\r\n"), 0, "501", ""},
		{"check 121: chunked twice", lines(post+"Transfer-Encoding: chunked\nTransfer-Encoding: chunked", "0\r\n\r\n"), 0, "501", ""},
		{"check 121: chunked, chunked", lines(post+"Transfer-Encoding: chunked, chunked", "0\r\n\r\n"), 0, "501", ""},
		{"check 121: identity", lines(post+"Transfer-Encoding: identity\nContent-Length: 3", "abc"), 0, "501", ""},
		{"check 121: gzip, chunked", lines(post+"Transfer-Encoding: gzip, chunked", "0\r\n\r\n"), 0, "501", ""},
		{"check 121: an empty encoding", lines(post+"Transfer-Encoding:", "0\r\n\r\n"), 0, "501", ""},
		{"check 121: a vertical tab", lines(post+"Transfer-Encoding: \vchunked", "0\r\n\r\n"), 0, "400", ""},
		{"check 122: chunks in HTTP/1.0", lines("POST / HTTP/1.0\nTransfer-Encoding: chunked", "0\r\n\r\n"), 0, "400", "it has none"},
		{"check 122: a size that is none", lines(post+"Transfer-Encoding: chunked", "x\r\nabc\r\n0\r\n\r\n"), 1, "200", ""},
		{"check 122: no size", lines(post+"Transfer-Encoding: chunked", "\r\n0\r\n\r\n"), 1, "200", ""},
		{"check 122: +3", lines(post+"Transfer-Encoding: chunked", "+3\r\nabc\r\n0\r\n\r\n"), 1, "200", ""},
		{"check 122: 0x3", lines(post+"Transfer-Encoding: chunked", "0x3\r\nabc\r\n0\r\n\r\n"), 1, "200", ""},
		{"check 122: a size beyond 64 bits", lines(post+"Transfer-Encoding: chunked", "10000000000000003\r\nabc\r\n0\r\n\r\n"), 1, "200", ""},
		{"check 122: a chunk that is longer", lines(post+"Transfer-Encoding: chunked", "2\r\nabc\r\n0\r\n\r\n"), 1, "200", ""},
		{"check 122: a chunk that is shorter", lines(post+"Transfer-Encoding: chunked", "4\r\nabc\r\n0\r\n\r\n"), 1, "200", ""},
		{"check 122: a bare LF behind a size", lines(post+"Transfer-Encoding: chunked", "3\nabc\r\n0\r\n\r\n"), 1, "200", ""},
		{"check 122: a bare LF in an extension", lines(post+"Transfer-Encoding: chunked", "3;a\nabc\r\n0\r\n\r\n"), 1, "200", ""},
		{"check 122: a bare LF behind a chunk", lines(post+"Transfer-Encoding: chunked", "3\r\nabc\n0\r\n\r\n"), 1, "200", ""},
		{"check 122: a bare LF for the end", lines(post+"Transfer-Encoding: chunked", "3\r\nabc\r\n0\r\n\n"), 1, "200", ""},
		{"check 122: a CR in an extension", lines(post+"Transfer-Encoding: chunked", "3;a\rb\r\nabc\r\n0\r\n\r\n"), 1, "200", ""},
		{"check 122: an extension without an end", lines(post+"Transfer-Encoding: chunked", "3;"+strings.Repeat("a", 8<<10)+"\r\nabc\r\n0\r\n\r\n"), 1, "200", ""},
		{"a trailer", lines(post+"Transfer-Encoding: chunked\nTrailer: X-A, x-b", "1\r\na\r\n0\r\nX-A: b\r\nX-C: d\r\n\r\n"), 1, "200", ""},
		{"a trailer that nobody announced", lines(post+"Transfer-Encoding: chunked", "1\r\na\r\n0\r\nX-A: b\r\n\r\n"), 1, "200", ""},
		{"a Trailer without chunks", lines(post+"Content-Length: 1\nTrailer: X-A", "a"), 1, "200", ""},
		{"a trailer that frames", lines(post+"Transfer-Encoding: chunked\nTrailer: Content-Length", "0\r\n\r\n"), 0, "400", ""},
		{"a Host in the trailer", lines(post+"Transfer-Encoding: chunked", "0\r\nHost: b\r\n\r\n"), 1, "200", ""},
		{"a trailer with a folded line", lines(post+"Transfer-Encoding: chunked", "0\r\nX-A: b\r\n c\r\n\r\n"), 1, "200", ""},
		{"a trailer that is too large", lines(post+"Transfer-Encoding: chunked", "0\r\nX-A: "+strings.Repeat("a", maxTrailer)+"\r\n\r\n"), 1, "200", ""},
		{"Expect", lines(post+"Content-Length: 3\nExpect: 100-continue", "abc"), 1, "100", ""},
		{"Expect in HTTP/1.0", lines("POST / HTTP/1.0\nContent-Length: 3\nExpect: 100-continue", "abc"), 1, "200", ""},
		{"another expectation", lines(post+"Content-Length: 3\nExpect: coffee", "abc"), 0, "417", ""},
		{"HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0, "505", "who speaks it takes it before"},
	} {
		t.Run(row.name, func(t *testing.T) {
			own, std, answer := readers.compare(t, []byte(row.raw))
			if len(own) != row.requests || !strings.HasPrefix(answer, "HTTP/1.1 "+row.status) && !strings.Contains(answer, "\r\n\r\nHTTP/1.1 "+row.status) {
				t.Errorf("%d requests, answered %q, want %d and %s", len(own), answer, row.requests, row.status)
			}
			whole := func(all []message) (n int) {
				for _, m := range all {
					if !m.Broken {
						n++
					}
				}
				return n
			}
			if stricter := whole(own) < whole(std); stricter && row.stricter == "" && !strings.Contains(row.name, "check 122") && !strings.Contains(row.name, "railer") {
				t.Errorf("net/http takes it: %+v", std)
			}
			if row.stricter != "" && whole(own) == whole(std) {
				t.Error("we are not stricter here")
			}
		})
	}
}

// FuzzRequest asks net/http about whatever the fuzzer thinks of.
func FuzzRequest(f *testing.F) {
	readers := newReaders(f)
	for _, head := range []string{"GET / HTTP/1.1\nHost: a", "POST /a?b HTTP/1.1\nHost: a\nContent-Length: 3", "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nTrailer: X",
		"GET http://a/ HTTP/1.0\nConnection: keep-alive\nExpect: 100-continue"} {
		f.Add([]byte(lines(head, "abc")))
		f.Add([]byte(lines(head, "3\r\nabc\r\n0\r\nX: y\r\n\r\n") + lines(head, "")))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 64<<10 {
			return
		}
		readers.compare(t, raw)
	})
}

// FuzzChunked puts whatever the fuzzer thinks of into a chunked body, before a request that
// must be seen where net/http sees it, or not at all.
func FuzzChunked(f *testing.F) {
	readers := newReaders(f)
	for _, body := range []string{"3\r\nabc\r\n0\r\n\r\n", "3;a=\"b\"\r\nabc\r\n00\r\nX: y\r\n\r\n", "A \r\n0123456789\r\n0\r\n\r\n", "1\r\na\n0\r\n\r\n"} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		readers.compare(t, fmt.Appendf(nil, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%sGET /next HTTP/1.1\r\nHost: a\r\n\r\n", body))
	})
}
