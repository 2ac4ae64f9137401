package wire

import (
	"bytes"
	"strings"
	"testing"
)

// Whatever comes back from a backend, the transport reads as net/http's does, or it is an
// error. "stricter" says why we refuse what net/http takes.
func TestAnswersAreReadAsNetHTTPDoes(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\n"
	for _, row := range []struct {
		name     string
		raw      string
		body     string // that we read
		fails    string // "" when all is well, "head", "body"
		stricter string
	}{
		{"a length", lines(ok+"Content-Length: 3", "abc"), "abc", "", ""},
		{"no body", lines(ok+"Content-Length: 0", ""), "", "", ""},
		{"chunks", lines(ok+"Transfer-Encoding: chunked", "3\r\nabc\r\n0\r\n\r\n"), "abc", "", ""},
		{"chunks and a trailer", lines(ok+"Transfer-Encoding: chunked\nTrailer: X-A", "3\r\nabc\r\n0\r\nX-A: b\r\n\r\n"), "abc", "", ""},
		{"chunks and a trailer that nobody announced", lines(ok+"Transfer-Encoding: chunked", "3\r\nabc\r\n0\r\nX-A: b\r\n\r\n"), "abc", "", ""},
		{"until the end", lines(ok, "abc"), "abc", "", ""},
		{"until the end in HTTP/1.0", lines("HTTP/1.0 200 OK", "abc"), "abc", "", ""},
		{"no reason", lines("HTTP/1.1 200\nContent-Length: 0", ""), "", "", ""},
		{"no reason but its space", lines("HTTP/1.1 200 \nContent-Length: 0", ""), "", "", ""},
		{"a status of one's own", lines("HTTP/1.1 299 So so\nContent-Length: 0", ""), "", "", ""},
		{"204", lines("HTTP/1.1 204 No Content", ""), "", "", ""},
		{"204 with a length", lines("HTTP/1.1 204 No Content\nContent-Length: 3", ""), "", "", ""},
		{"304 with a length", lines("HTTP/1.1 304 Not Modified\nContent-Length: 3", ""), "", "", ""},
		{"the connection ends", lines(ok+"Connection: close\nContent-Length: 1", "a"), "a", "", ""},
		{"103 before it", lines("HTTP/1.1 103 Early Hints\nLink: </a>", "") + lines(ok+"Content-Length: 1", "a"), "a", "", ""},
		{"100 and 102 before it", lines("HTTP/1.1 100 Continue", "") + lines("HTTP/1.1 102 Processing", "") + lines(ok+"Content-Length: 1", "a"), "a", "", ""},
		{"101", lines("HTTP/1.1 101 Switching Protocols\nUpgrade: x\nConnection: Upgrade", ""), "", "", ""},
		{"interim answers without end", strings.Repeat(lines("HTTP/1.1 103 Early Hints", ""), 100) + lines(ok, ""), "", "head", "it would never end"},
		{"check 126: nonsense", "HELLO\r\n\r\n", "", "head", ""},
		{"check 126: nothing", "", "", "head", ""},
		{"check 126: half a head", "HTTP/1.1 200 OK\r\nA: b", "", "head", ""},
		{"check 126: HTTP/2.0", lines("HTTP/2.0 200 OK", ""), "", "head", "that is no HTTP/1.1"},
		{"check 126: HTTP/1.2", lines("HTTP/1.2 200 OK", ""), "", "head", "there is no such version"},
		{"check 126: two digits", lines("HTTP/1.1 20 OK", ""), "", "head", ""},
		{"check 126: four digits", lines("HTTP/1.1 2000 OK", ""), "", "head", ""},
		{"check 126: letters", lines("HTTP/1.1 2xx OK", ""), "", "head", ""},
		{"check 126: 099", lines("HTTP/1.1 099 OK", ""), "", "head", "statuses begin at 100"},
		{"check 126: two lengths", lines(ok+"Content-Length: 1\nContent-Length: 2", "ab"), "", "head", ""},
		{"check 126: the same length twice", lines(ok+"Content-Length: 1\nContent-Length: 1", "a"), "", "head", "nobody needs it"},
		{"check 126: a length that is none", lines(ok+"Content-Length: x", "a"), "", "head", ""},
		{"check 126: a length and chunks", lines(ok+"Content-Length: 3\nTransfer-Encoding: chunked", "0\r\n\r\n"), "", "head", "two readers may see two ends"},
		{"check 126: gzip, chunked", lines(ok+"Transfer-Encoding: gzip, chunked", "0\r\n\r\n"), "", "head", ""},
		{"check 126: chunks in HTTP/1.0", lines("HTTP/1.0 200 OK\nTransfer-Encoding: chunked", "0\r\n\r\n"), "", "head", "two readers may see two ends"},
		{"check 126: bare LFs", strings.ReplaceAll(lines(ok+"Content-Length: 0", ""), "\r", ""), "", "head", "two readers may see two ends"},
		{"check 126: a folded line", lines(ok+"A: b\n c\nContent-Length: 0", ""), "", "head", "RFC 9112, section 5.2, has it refused"},
		{"check 126: a space before the colon", lines(ok+"A : b\nContent-Length: 0", ""), "", "head", "two readers may see two headers"},
		{"check 126: a NUL in a value", lines(ok+"A: b\x00\nContent-Length: 0", ""), "", "head", ""},
		{"check 126: a CR in a value", lines(ok+"A: b\rc\nContent-Length: 0", ""), "", "head", ""},
		{"check 126: a head of 2 MiB", lines(ok+"A: "+strings.Repeat("a", 2<<20), ""), "", "head", ""},
		{"check 126: many headers", lines(ok+strings.Repeat("A: b\n", 2*maxFields), ""), "", "head", "nobody sends so many"},
		{"check 126: a body that breaks off", lines(ok+"Content-Length: 5", "abc"), "abc", "body", ""},
		{"check 126: chunks that break off", lines(ok+"Transfer-Encoding: chunked", "3\r\nabc\r\n"), "abc", "body", ""},
		{"check 126: a chunk that breaks off", lines(ok+"Transfer-Encoding: chunked", "5\r\nabc"), "abc", "body", ""},
		{"check 126: chunks without their last line", lines(ok+"Transfer-Encoding: chunked", "3\r\nabc\r\n0\r\n"), "abc", "body", ""},
		{"check 126: a size that is none", lines(ok+"Transfer-Encoding: chunked", "x\r\nabc\r\n0\r\n\r\n"), "", "body", ""},
		{"what comes behind the answer", lines(ok+"Content-Length: 1", "a") + lines(ok+"Content-Length: 1", "b"), "a", "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			own, std, ownErr, stdErr := compareAnswers(t, "GET", []byte(row.raw))
			fails := ""
			switch {
			case ownErr != nil:
				fails = "head"
			case own.Broken:
				fails = "body"
			}
			if fails != row.fails || own.Body != row.body {
				t.Errorf("fails at %q with %q: %v, want %q with %q", fails, own.Body, ownErr, row.fails, row.body)
			}
			if taken := stdErr == nil && !std.Broken; (fails != "" && taken) != (row.stricter != "") {
				t.Errorf("net/http: %+v, %v", std, stdErr)
			}
		})
	}
	t.Run("a HEAD has no body", func(t *testing.T) {
		for _, head := range []string{"Content-Length: 5", "Transfer-Encoding: chunked", "A: b"} {
			if own, _, err, _ := compareAnswers(t, "HEAD", []byte(lines(ok+head, ""))); err != nil || own.Body != "" || own.Broken {
				t.Errorf("%s: %+v, %v", head, own, err)
			}
		}
	})
}

// FuzzResponse asks net/http about whatever the fuzzer thinks of.
func FuzzResponse(f *testing.F) {
	for _, head := range []string{"HTTP/1.1 200 OK\nContent-Length: 3", "HTTP/1.0 404 Not Found", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nTrailer: X", "HTTP/1.1 103 Early Hints\nLink: x"} {
		f.Add([]byte(lines(head, "abc")), false)
		f.Add([]byte(lines(head, "3\r\nabc\r\n0\r\nX: y\r\n\r\n")), true)
	}
	f.Fuzz(func(t *testing.T, raw []byte, head bool) {
		method := "GET"
		if head {
			method = "HEAD"
		}
		if len(raw) > 64<<10 || bytes.Count(raw, []byte("HTTP/")) > 8 {
			return
		}
		compareAnswers(t, method, raw)
	})
}
