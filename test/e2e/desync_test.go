package e2e

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Checks 120 to 123: a request whose end two readers could see in two places is refused,
// or reaches the backend as one request with one plain end. Whatever it hides is never a
// request to the backend of its own.
func TestRequestsWithTwoEnds(t *testing.T) {
	h := furnish(t)
	token := "Authorization: Bearer " + h.token(t, john, "update").Access
	h.backend.saw()
	const smuggled = "GET /v1/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	const chunked = "Transfer-Encoding: chunked"
	put := func(body string, headers ...string) string {
		return h.head("PUT", orgnews+"/articles/1", append([]string{token}, headers...)...) + body
	}
	refused := []int{400, 501}
	for _, row := range []struct {
		name   string
		text   string
		status []int
	}{
		{"check 120: a length and chunks", put("0\r\n\r\n"+smuggled, "Content-Length: 6", chunked), []int{200, 400}},
		{"check 120: chunks and a length", put("0\r\n\r\n"+smuggled, chunked, "Content-Length: 6"), []int{200, 400}},
		{"check 120: two lengths", put("01234"+smuggled, "Content-Length: 5", "Content-Length: 6"), refused},
		{"check 120: a list of lengths", put("01234", "Content-Length: 5, 6"), refused},
		{"check 120: +5", put("01234", "Content-Length: +5"), refused},
		{"check 120: 0x5", put("01234", "Content-Length: 0x5"), refused},
		{"check 120: -1", put("01234", "Content-Length: -1"), refused},
		{"check 120: a length beyond 64 bits", put("01234", "Content-Length: 18446744073709551621"), refused},
		{"check 120: an empty length", put("01234", "Content-Length: "), refused},
		{"check 121: xchunked", put("0\r\n\r\n"+smuggled, "Transfer-Encoding: xchunked"), refused},
		{"check 121: chunked twice", put("0\r\n\r\n"+smuggled, chunked, chunked), refused},
		{"check 121: chunked, chunked", put("0\r\n\r\n"+smuggled, "Transfer-Encoding: chunked, chunked"), refused},
		{"check 121: identity", put("0\r\n\r\n"+smuggled, "Transfer-Encoding: identity"), refused},
		{"check 121: chunked, identity", put("0\r\n\r\n"+smuggled, "Transfer-Encoding: chunked, identity"), refused},
		{"check 121: a vertical tab before chunked", put("0\r\n\r\n"+smuggled, "Transfer-Encoding: \x0bchunked"), refused},
		{"check 121: a space before the colon", put("0\r\n\r\n"+smuggled, "Transfer-Encoding : chunked"), refused},
		{"check 121: a folded line", put("0\r\n\r\n"+smuggled, "Transfer-Encoding:\r\n chunked"), []int{200, 400}},
		{"check 122: 0x5 for the size of a chunk", put("0x5\r\n01234\r\n0\r\n\r\n", chunked), refused},
		{"check 122: +5 for the size of a chunk", put("+5\r\n01234\r\n0\r\n\r\n", chunked), refused},
		{"check 122: a chunk's size beyond 64 bits", put("10000000000000005\r\n01234\r\n0\r\n\r\n", chunked), refused},
		{"check 122: a chunk longer than its size", put("3\r\n01234\r\n0\r\n\r\n", chunked), refused},
		{"check 122: a bare LF behind a chunk's size", put("5\n01234\r\n0\r\n\r\n"+smuggled, chunked), []int{200, 400}},
		{"check 122: a bare LF in a chunk's extension", put("5;a\n01234\r\n0\r\n\r\n"+smuggled, chunked), []int{200, 400}},
		{"check 122: bare LFs for line ends", strings.ReplaceAll(put("", "Content-Length: 0"), "\r\n", "\n"), []int{200, 400}},
		{"check 122: HTTP/1.0 and chunks", strings.Replace(put("0\r\n\r\n"+smuggled, chunked), "HTTP/1.1", "HTTP/1.0", 1), []int{200, 400}},
		{"check 123: two hosts", put("", "Host: evil.example", "Content-Length: 0"), refused},
		{"check 123: no host", "PUT " + orgnews + "/articles/1 HTTP/1.1\r\n" + token + "\r\n\r\n", refused},
		{"check 123: a host that is none", strings.Replace(put("", "Content-Length: 0"), "Host: ", "Host: a/b", 1), refused},
		{"check 123: a version that is none", strings.Replace(put(""), "HTTP/1.1", "HTTP/9.9", 1), []int{400, 505}},
		{"check 123: a line without a version", "GET " + orgnews + "/status\r\n\r\n", refused},
		{"check 123: a header before its name", put("", ": x"), refused},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := h.raw(t, row.text)
			if !slices.Contains(row.status, r.status) {
				t.Errorf("%d %s, want one of %d", r.status, r.body, row.status)
			}
			// A request whose body breaks off may have begun to reach the backend, and is
			// cut off there too, perhaps a moment later.
			seen, whole := h.backend.saw(), 0
			for _, s := range seen {
				if !s.Cut {
					whole++
				}
				if s.Target != "/v1/articles/1" || strings.Contains(s.Body, "smuggled") {
					t.Errorf("the backend saw %+v", s)
				}
			}
			if whole > 1 || r.status != http.StatusOK && whole != 0 {
				t.Errorf("%d requests reached the backend whole: %+v", whole, seen)
			}
		})
	}
}

// Check 124: requests that come in one go are authorised one by one, and a body that is
// not read is no request.
func TestPipelinedRequestsAreJudgedAlone(t *testing.T) {
	h := furnish(t)
	update := "Authorization: Bearer " + h.token(t, john, "update").Access
	read := "Authorization: Bearer " + h.token(t, john, "read").Access
	h.backend.saw()
	inner := h.head("GET", orgnews+"/update", update)
	text := h.head("GET", orgnews+"/update", update) + h.head("GET", orgnews+"/update", read) + h.head("GET", orgnews+"/update") +
		h.head("GET", orgnews+"/articles/1", read, "Content-Length: "+strconv.Itoa(len(inner))) + inner + // a GET with a body that is a request
		h.head("GET", orgnews+"/update", read, "Connection: close")
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(h.GatewayHTTP, "http://"), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(15 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(conn)
	for i, want := range []int{200, 403, 401, 200, 403} {
		res, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatalf("answer %d: %v", i+1, err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != want {
			t.Errorf("answer %d: %s %v, want %d", i+1, res.Status, err, want)
		}
	}
	if got := h.targets(); !slices.Equal(got, []string{"/v1/update", "/v1/articles/1"}) {
		t.Errorf("the backend saw %q", got)
	}
}
