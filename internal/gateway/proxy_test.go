package gateway_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// seen makes a backend that answers with the headers it saw, and a call through a
// gateway that returns them.
func seen(t *testing.T, change func(*gateway.Gateway)) func(headers string) http.Header {
	_, front := serve(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Seen-Host", r.Host)
		if err := json.NewEncoder(w).Encode(r.Header); err != nil {
			t.Error(err)
		}
	}), change)
	return func(headers string) http.Header {
		t.Helper()
		res, body := raw(t, front, "GET /echo/1.0/any HTTP/1.1\nHost: gateway.example\nAuthorization: Bearer good\n"+headers+"\n")
		var h http.Header
		if err := json.Unmarshal([]byte(body), &h); err != nil {
			t.Fatalf("%d %s: %v", res.StatusCode, body, err)
		}
		return h
	}
}

func TestHeadersThatReachTheBackend(t *testing.T) {
	call := seen(t, nil)
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
	for _, tt := range []struct {
		name, headers string
		want          map[string]string // what the backend sees; empty for nothing
	}{
		{"check 113: not the credentials", "Connection: close\n", map[string]string{"Authorization": ""}},
		{"who calls, and by which way", "Connection: close\n", map[string]string{
			"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "gateway.example"}},
		{"check 114: Connection cannot strip what the gateway adds", "Connection: close, X-Forwarded-For, X-Forwarded-Proto, Traceparent\n",
			map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http"}},
		{"check 114: Connection: Authorization", "Connection: close, Authorization\n", map[string]string{"Authorization": ""}},
		{"check 115: what a caller claims", "Connection: close\nX-Forwarded-For: 1.2.3.4\nX-Forwarded-User: root\nX_Forwarded_User: root\nX-REAL-IP: 1.2.3.4\nX-JWT-Assertion: x\nX-WSO2-Client-Certificate: x\nForwarded: for=1.2.3.4\n",
			map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-User": "", "X_forwarded_user": "", "X-Real-Ip": "", "X-Jwt-Assertion": "", "X-Wso2-Client-Certificate": "", "Forwarded": ""}},
		{"checks 103 and 105: other paths and methods", "Connection: close\nX-HTTP-Method-Override: DELETE\nX-Original-URL: /admin\nX-Rewrite-URL: /admin\n",
			map[string]string{"X-Http-Method-Override": "", "X-Original-Url": "", "X-Rewrite-Url": ""}},
		{"check 116: hop by hop", "Connection: close, X-Hop\nX-Hop: x\nKeep-Alive: 5\nProxy-Authorization: x\nTe: gzip\n",
			map[string]string{"X-Hop": "", "Keep-Alive": "", "Proxy-Authorization": "", "Te": ""}},
		{"check 116: h2c", "Connection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\n",
			map[string]string{"Upgrade": "", "Connection": "", "Http2-Settings": ""}},
		{"the rest stays", "Connection: close\nCookie: a=b\napikey: k\nAccept-Encoding: br\n", map[string]string{"Cookie": "a=b", "Apikey": "k", "Accept-Encoding": "br", "User-Agent": ""}},
		{"a valid trace is kept", "Connection: close\nTraceparent: " + trace + "\nTracestate: a=1\n", map[string]string{"Traceparent": trace, "Tracestate": "a=1"}},
		{"the state of a trace that is not valid goes with it", "Connection: close\nTraceparent: x\nTracestate: a=1\n", map[string]string{"Tracestate": ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := call(tt.headers)
			for name, want := range tt.want {
				if got := strings.Join(h[name], "|"); got != want {
					t.Errorf("the backend sees %s: %q, want %q", name, got, want)
				}
			}
			if len(h.Get("Traceparent")) != 55 {
				t.Errorf("the backend sees the trace %q", h.Get("Traceparent"))
			}
			if strings.Contains(h.Get("Seen-Host"), "gateway") {
				t.Errorf("the backend is called %q", h.Get("Seen-Host"))
			}
		})
	}
}

func TestTrustedProxyIsBelieved(t *testing.T) {
	call := seen(t, func(g *gateway.Gateway) { g.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	h := call("Connection: close\nX-Forwarded-For: 1.2.3.4, 203.0.113.9\nX-Forwarded-Proto: https\nX-Forwarded-Host: api.example\n")
	for name, want := range map[string]string{"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "api.example"} {
		if got := h[name]; !slices.Equal(got, []string{want}) {
			t.Errorf("the backend sees %s: %q, want %q", name, got, want)
		}
	}
}

func TestHeadersThatReachTheCaller(t *testing.T) {
	_, front := serve(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", "old/1.0")
		w.Header().Set("X-Powered-By", "something")
		w.Header().Set("X-Request-Id", "theirs")
		w.Header().Set("Connection", "X-Hop")
		w.Header().Set("X-Hop", "x")
		w.Header().Set("Etag", "kept")
		if r.Method == "PUT" {
			w.WriteHeader(http.StatusEarlyHints)
		}
	}), nil)
	for _, method := range []string{"GET", "PUT"} {
		r, err := http.NewRequest(method, front.URL+"/echo/1.0/any", nil)
		if err != nil {
			t.Fatal(err)
		}
		res := do(t, r)
		for name, want := range map[string]string{"Server": "", "X-Powered-By": "", "X-Hop": "", "Etag": "kept", "X-Request-Id": "ours"} {
			if got := strings.Join(res.Header[name], "|"); got != want {
				t.Errorf("check 118: the caller of %s sees %s: %q, want %q", method, name, got, want)
			}
		}
	}
}

// do sends r with a good token, unless it has one, and closes the answer in the end.
func do(t *testing.T, r *http.Request) *http.Response {
	t.Helper()
	if r.Header.Get("Authorization") == "" {
		r.Header.Set("Authorization", "Bearer good")
	}
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	res, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

func TestBodyLimit(t *testing.T) {
	got := make(chan string, 1)
	_, front := serve(t, backend(t, func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		got <- fmt.Sprint(len(body), " ", err == nil)
	}), func(g *gateway.Gateway) { g.MaxBody = 100 })
	for _, tt := range []struct {
		name    string
		size    int
		chunked bool
		token   string
		status  int
		backend string // what it reads; empty when it must not be called
	}{
		{"at the limit", 100, false, "good", 200, "100 true"},
		{"at the limit, in chunks", 100, true, "good", 200, "100 true"},
		{"check 128: over it by Content-Length", 101, false, "good", 413, ""},
		{"check 128: over it in chunks", 1 << 20, true, "good", 413, "100 false"},
		{"check 128: the token comes first", 1 << 20, false, "bad", 401, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := io.Reader(strings.NewReader(strings.Repeat("x", tt.size)))
			if tt.chunked {
				body = io.MultiReader(body)
			}
			r, err := http.NewRequest("POST", front.URL+"/echo/1.0/any", body)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+tt.token)
			if res := do(t, r); res.StatusCode != tt.status {
				t.Errorf("status %d, want %d", res.StatusCode, tt.status)
			}
			if tt.backend == "" {
				select {
				case s := <-got:
					t.Errorf("the backend was called and read %s", s)
				default:
				}
			} else if s := <-got; s != tt.backend {
				t.Errorf("the backend read %s, want %s", s, tt.backend)
			}
		})
	}
}

func TestContinueWaitsForTheDecision(t *testing.T) {
	_, front := serve(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, r.Body)
	}), nil)
	const head = "POST /echo/1.0/any HTTP/1.1\nHost: g\nContent-Length: 5\nExpect: 100-continue\n"
	if res, _ := raw(t, front, head+"\n"); res.StatusCode != 401 {
		t.Errorf("check 128: without a token the first answer is %d, want 401", res.StatusCode)
	}
	res, body := raw(t, front, head+"Authorization: Bearer good\n\n")
	if res.StatusCode != 100 {
		t.Errorf("with a token the first answer is %d %s, want 100", res.StatusCode, body)
	}
}

func TestBodyThatDoesNotArrive(t *testing.T) {
	_, front := serve(t, backend(t, func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }), nil)
	conn, err := net.Dial("tcp", front.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "POST /echo/1.0/any HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer good\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nnonsense\r\n")
	answer := make([]byte, 12)
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != "HTTP/1.1 400" {
		t.Errorf("answer %q, %v, want 400", answer, err)
	}
}

// onTheWire is a backend that answers with bytes as they stand.
func onTheWire(tb testing.TB, answer string) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Read(make([]byte, 4096))
			io.WriteString(conn, answer)
			conn.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

func TestBackendFailures(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	for _, tt := range []struct {
		name, backend string
		status        int
		code          string
	}{
		{"nobody listens", closed.URL, 503, "101503"},
		{"no such name", "http://backend.invalid", 503, "101503"},
		{"it takes too long", backend(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), 504, "101504"},
		{"check 126: it answers nonsense", onTheWire(t, "HELLO\r\n\r\n"), 502, "101500"},
		{"check 126: two lengths", onTheWire(t, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), 502, "101500"},
		{"check 126: a header of 2 MiB", onTheWire(t, "HTTP/1.1 200 OK\r\nA: "+strings.Repeat("a", 2<<20)+"\r\n\r\n"), 502, "101500"},
		{"it hangs up", onTheWire(t, ""), 502, "101500"},
		{"it switches protocols unasked", onTheWire(t, "HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"), 502, "101500"},
		{"check 140: it has an address that it may not have", "http://169.254.169.254", 502, "101500"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, front := serve(t, tt.backend, func(g *gateway.Gateway) { g.BackendTimeout = 200 * time.Millisecond })
			res, body := raw(t, front, "GET /echo/1.0/any HTTP/1.1\nHost: g\nConnection: close\nAuthorization: Bearer good\n\n")
			var answer struct{ Code, Type, Message, Description string }
			if err := json.Unmarshal([]byte(body), &answer); err != nil {
				t.Fatalf("%s: %v", body, err)
			}
			if res.StatusCode != tt.status || answer.Code != tt.code || answer.Type != "Status report" || answer.Description == "" {
				t.Errorf("answer %d %+v, want %d %s", res.StatusCode, answer, tt.status, tt.code)
			}
			if res.Header.Get("X-Request-Id") != "ours" {
				t.Error("the request id is gone")
			}
		})
	}
}

func TestOwnListenerIsNoBackend(t *testing.T) {
	target := backend(t, func(http.ResponseWriter, *http.Request) { t.Error("check 141: the backend was called") })
	_, front := serve(t, target, func(g *gateway.Gateway) {
		g.Egress = new(gatehouse.Egress)
		g.Egress.Protect(netip.MustParseAddrPort(strings.TrimPrefix(target, "http://")))
	})
	res, body := raw(t, front, "GET /echo/1.0/any HTTP/1.1\nHost: g\nConnection: close\nAuthorization: Bearer good\n\n")
	if res.StatusCode != 502 || strings.Contains(body, "127.0.0.1") {
		t.Errorf("check 141: answer %d %s", res.StatusCode, body)
	}
}

func TestTruncatedAnswerIsNotCompleted(t *testing.T) {
	for name, answer := range map[string]string{
		"by length": "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
		"in chunks": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, front := serve(t, onTheWire(t, answer), nil)
			r, err := http.NewRequest("GET", front.URL+"/echo/1.0/any", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer good")
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				return // a short answer is cut off before its first byte
			}
			defer res.Body.Close()
			if body, err := io.ReadAll(res.Body); err == nil {
				t.Errorf("check 126: the caller reads %q as if it were all", body)
			}
		})
	}
}
