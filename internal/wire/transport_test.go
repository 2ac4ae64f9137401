package wire

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// script is a backend that reads what it is sent, and does with each connection, counted
// from 0, what it is told.
func script(tb testing.TB, do func(n int, c net.Conn, in *bufio.Reader)) (address string) {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(10 * time.Second))
				do(n, c, bufio.NewReader(c))
			})
		}
	})
	tb.Cleanup(func() { l.Close(); running.Wait() })
	return l.Addr().String()
}

// transport is one of ours, closed in the end.
func transport(tb testing.TB, change func(*Transport)) *Transport {
	tb.Helper()
	t := &Transport{Dial: new(net.Dialer).DialContext}
	if change != nil {
		change(t)
	}
	tb.Cleanup(t.CloseIdleConnections)
	return t
}

func request(tb testing.TB, method, target string, body io.Reader) *http.Request {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), method, target, body)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// call sends a request and reads the answer to its end.
func call(tb testing.TB, t *Transport, r *http.Request) (string, error) {
	tb.Helper()
	res, err := t.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return fmt.Sprint(res.StatusCode, " ", string(body)), err
}

const fine = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"

// drain reads a request to its end.
func drain(in *bufio.Reader) bool {
	r, err := http.ReadRequest(in)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, r.Body)
	return err == nil
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	for name, row := range map[string]struct {
		answer string
		conns  int32 // for three requests
	}{
		"a length":                   {fine, 1},
		"chunks":                     {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n", 1},
		"the backend ends it":        {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nfine", 3},
		"HTTP/1.0":                   {"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nfine", 3},
		"something behind":           {fine + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", 3},
		"something behind, later on": {fine + "|HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", 3},
	} {
		t.Run(name, func(t *testing.T) {
			var conns atomic.Int32
			said := make(chan bool, 10)
			address := script(t, func(_ int, c net.Conn, in *bufio.Reader) {
				conns.Add(1)
				for drain(in) {
					now, later, _ := strings.Cut(row.answer, "|")
					io.WriteString(c, now)
					if later != "" {
						<-said
						io.WriteString(c, later)
						said <- true
					}
				}
			})
			own := transport(t, nil)
			for range 3 {
				if got, err := call(t, own, request(t, "POST", "http://"+address, strings.NewReader("x"))); got != "200 fine" || err != nil {
					t.Errorf("check 124: got %q, %v", got, err)
				}
				if strings.Contains(row.answer, "|") {
					said <- true
					<-said
					time.Sleep(time.Millisecond) // on its way
				}
			}
			if n := conns.Load(); n != row.conns {
				t.Errorf("%d connections, want %d", n, row.conns)
			}
		})
	}
}

// A connection that ended while it was idle is not used; one that ends under a request is
// replaced for requests alone that do no harm twice.
func TestStaleConnections(t *testing.T) {
	for _, tt := range []struct {
		name, method, body string
		idle               bool // it ends before the request
		seen               int  // how often the backend sees the second request
		want               string
	}{
		{"idle, a GET", "GET", "", true, 1, "200 fine"},
		{"idle, a POST", "POST", "", true, 1, "200 fine"},
		{"idle, a POST with a body", "POST", "x", true, 1, "200 fine"},
		{"under a GET", "GET", "", false, 2, "200 fine"},
		{"under a DELETE", "DELETE", "", false, 2, "200 fine"},
		{"under a POST", "POST", "", false, 1, ""},
		{"under a PUT with a body", "PUT", "x", false, 1, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var seen atomic.Int32
			address := script(t, func(n int, c net.Conn, in *bufio.Reader) {
				for drain(in) {
					if n := seen.Add(1); n == 2 && !tt.idle {
						return
					}
					io.WriteString(c, fine)
					if n == 0 && tt.idle {
						return
					}
				}
			})
			own := transport(t, nil)
			if got, err := call(t, own, request(t, "GET", "http://"+address, nil)); got != "200 fine" {
				t.Fatal(got, err)
			}
			time.Sleep(5 * time.Millisecond) // the end is on its way
			r := request(t, tt.method, "http://"+address, nil)
			if tt.body != "" {
				r.Body, r.ContentLength = io.NopCloser(strings.NewReader(tt.body)), int64(len(tt.body))
			}
			if got, err := call(t, own, r); got != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("got %q, %v", got, err)
			}
			if n := int(seen.Load()) - 1; n != tt.seen {
				t.Errorf("the backend saw it %d times, want %d", n, tt.seen)
			}
		})
	}
}

func TestWhoGivesUpEndsTheBackendsConnection(t *testing.T) {
	for _, answer := range []string{"", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfine"} {
		sent, ended := make(chan bool), make(chan error)
		address := script(t, func(_ int, c net.Conn, in *bufio.Reader) {
			drain(in)
			io.WriteString(c, answer)
			sent <- true
			_, err := in.ReadByte()
			ended <- err
		})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-sent; cancel() }()
		_, err := call(t, transport(t, nil), request(t, "GET", "http://"+address, nil).WithContext(ctx))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("check 124: %v", err)
		}
		if err := <-ended; err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("check 124: the backend reads %v", err)
		}
	}
}

func TestHeaderTimeout(t *testing.T) {
	address := script(t, func(_ int, c net.Conn, in *bufio.Reader) {
		drain(in)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nA: ")
		in.ReadByte()
	})
	_, err := call(t, transport(t, func(t *Transport) { t.HeaderTimeout = 20 * time.Millisecond }), request(t, "GET", "http://"+address, nil))
	if timeout, ok := errors.AsType[net.Error](err); !ok || !timeout.Timeout() {
		t.Errorf("%v", err)
	}
	for _, pieces := range [][2]string{{"Content-Length: 4\r\n\r\n", "fine"}, {"Content-Length: 4\r\n\r\nfi", "ne"}, {"\r\nfi", "ne"},
		{"Transfer-Encoding: chunked\r\n\r\n2\r\nfi\r\n", "2\r\nne\r\n0\r\n\r\n"}, {"Transfer-Encoding: chunked\r\n\r\n4\r\nfi", "ne\r\n0\r\n\r\n"}, {"Transfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n", "\r\n"}} {
		t.Run(fmt.Sprintf("a body has all the time it needs: %q", pieces), func(t *testing.T) {
			address := script(t, func(_ int, c net.Conn, in *bufio.Reader) {
				drain(in)
				io.WriteString(c, "HTTP/1.1 200 OK\r\n"+pieces[0])
				time.Sleep(50 * time.Millisecond)
				io.WriteString(c, pieces[1])
			})
			own := transport(t, func(t *Transport) { t.HeaderTimeout = 20 * time.Millisecond })
			if got, err := call(t, own, request(t, "GET", "http://"+address, nil)); got != "200 fine" {
				t.Error(got, err)
			}
		})
	}
}

func TestAnswersThatPause(t *testing.T) {
	for _, answer := range []string{"Content-Length: 9\r\n\r\nfine", "Transfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n"} {
		address := script(t, func(_ int, c net.Conn, in *bufio.Reader) {
			drain(in)
			io.WriteString(c, "HTTP/1.1 200 OK\r\n"+answer)
			in.ReadByte()
		})
		pauses(t, address)
	}
}

func pauses(t *testing.T, address string) {
	t.Helper()
	res, err := transport(t, nil).RoundTrip(request(t, "GET", "http://"+address, nil))
	if err != nil {
		t.Fatal(err)
	}
	if !Patient(res, 20*time.Millisecond) {
		t.Error("it cannot be patient")
	}
	body, err := io.ReadAll(res.Body)
	if timeout, ok := errors.AsType[net.Error](err); string(body) != "fine" || !ok || !timeout.Timeout() {
		t.Errorf("check 126: read %q, %v", body, err)
	}
}

// A trace learns when the request has been written, in whichever way.
func TestWroteRequest(t *testing.T) {
	for name, body := range map[string]io.Reader{"no body": nil, "a short one": strings.NewReader("x"), "a long one": strings.NewReader(strings.Repeat("x", 1<<20)), "chunks": io.MultiReader(strings.NewReader("x"))} {
		t.Run(name, func(t *testing.T) {
			address := script(t, func(_ int, c net.Conn, in *bufio.Reader) {
				if drain(in) {
					io.WriteString(c, fine)
				}
			})
			written := make(chan error, 1)
			r := request(t, "POST", "http://"+address, body)
			r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{WroteRequest: func(i httptrace.WroteRequestInfo) { written <- i.Err }}))
			if got, err := call(t, transport(t, nil), r); got != "200 fine" {
				t.Error(got, err)
			}
			if err := <-written; err != nil {
				t.Error(err)
			}
		})
	}
}

// endless is a body that goes on until it is closed.
type endless struct {
	closed chan struct{}
	once   sync.Once
}

func (e *endless) Read(p []byte) (int, error) {
	select {
	case <-e.closed:
		return 0, net.ErrClosed
	case <-time.After(time.Millisecond):
		return len(p), nil
	}
}

func (e *endless) Close() error {
	e.once.Do(func() { close(e.closed) })
	return nil
}

// A backend may answer before it has read the body: the answer is the caller's, and the
// connection is of no use any more.
func TestEarlyAnswers(t *testing.T) {
	var conns atomic.Int32
	address := script(t, func(_ int, c net.Conn, in *bufio.Reader) {
		conns.Add(1)
		if _, err := http.ReadRequest(in); err == nil {
			io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nlong")
			io.Copy(io.Discard, in)
		}
	})
	own := transport(t, nil)
	for range 2 {
		body := &endless{closed: make(chan struct{})}
		if got, err := call(t, own, request(t, "POST", "http://"+address, body)); got != "413 long" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		<-body.closed
	}
	if conns.Load() != 2 {
		t.Errorf("%d connections", conns.Load())
	}
}

// A body that fails is the caller's failure, and cannot look like a whole one.
func TestBodiesThatFail(t *testing.T) {
	failure := errors.New("the caller has failed")
	for name, length := range map[string]int64{"in chunks": -1, "a short one": 10, "a long one": 1 << 20, "shorter than was told": 11} {
		t.Run(name, func(t *testing.T) {
			whole := make(chan bool, 1)
			address := script(t, func(_ int, c net.Conn, in *bufio.Reader) { whole <- drain(in) })
			body := io.MultiReader(strings.NewReader("abc"), readerFunc(func([]byte) (int, error) { return 0, failure }))
			want := failure
			if length == 11 {
				body, want = strings.NewReader("abc"), errBodyLength
			}
			r := request(t, "POST", "http://"+address, body)
			r.ContentLength = length
			if _, err := call(t, transport(t, nil), r); !errors.Is(err, want) {
				t.Errorf("%v", err)
			}
			if <-whole {
				t.Error("the backend takes it for whole")
			}
		})
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestExpect(t *testing.T) {
	for name, row := range map[string]struct {
		first string // what the backend says before it reads the body
		body  bool   // it gets it
		want  string
	}{
		"it asks for the body":    {"HTTP/1.1 100 Continue\r\n\r\n", true, "200 fine"},
		"it does not know":        {"", true, "200 fine"},
		"it does not want it":     {"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n", false, "417 "},
		"it hints, and then asks": {"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n", true, "200 fine"},
	} {
		t.Run(name, func(t *testing.T) {
			address := script(t, func(_ int, c net.Conn, in *bufio.Reader) {
				r, err := http.ReadRequest(in)
				if err != nil {
					return
				}
				io.WriteString(c, row.first)
				body, err := io.ReadAll(r.Body)
				if (string(body) == "body" && err == nil) != row.body {
					t.Errorf("the backend reads %q, %v", body, err)
				}
				io.WriteString(c, fine)
			})
			r := request(t, "POST", "http://"+address, strings.NewReader("body"))
			r.Header.Set("Expect", "100-continue")
			if got, err := call(t, transport(t, func(t *Transport) { t.ContinueTimeout = 20 * time.Millisecond }), r); got != row.want {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestSwitchedProtocols(t *testing.T) {
	address := script(t, func(_ int, c net.Conn, in *bufio.Reader) {
		if drain(in) {
			io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello ")
			io.Copy(c, in)
		}
	})
	res, err := transport(t, nil).RoundTrip(request(t, "GET", "http://"+address, nil))
	if err != nil {
		t.Fatal(err)
	}
	tunnel := res.Body.(io.ReadWriteCloser)
	defer tunnel.Close()
	io.WriteString(tunnel, "world")
	got := make([]byte, len("hello world"))
	if _, err := io.ReadFull(tunnel, got); string(got) != "hello world" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestIdleBackendConnectionsAreBounded(t *testing.T) {
	var open atomic.Int32
	wait := make(chan bool)
	address := script(t, func(_ int, c net.Conn, in *bufio.Reader) {
		open.Add(1)
		defer open.Add(-1)
		for drain(in) {
			<-wait
			io.WriteString(c, fine)
		}
	})
	own := transport(t, func(t *Transport) { t.MaxIdle, t.IdleTimeout = 2, 20*time.Millisecond })
	var calls sync.WaitGroup
	for range 5 {
		calls.Go(func() { call(t, own, request(t, "GET", "http://"+address, nil)) })
	}
	for range 5 {
		wait <- true
	}
	calls.Wait()
	own.mu.Lock()
	idle := 0
	for _, s := range own.hosts {
		idle += len(s.conns)
	}
	own.mu.Unlock()
	if idle > 2 {
		t.Errorf("%d idle connections", idle)
	}
	for open.Load() > 0 { // until the sweep has closed the others
		time.Sleep(time.Millisecond)
	}
}

func TestRequestsThatWouldBreakTheirHead(t *testing.T) {
	for name, change := range map[string]func(*http.Request){
		"a method": func(r *http.Request) { r.Method = "GET / HTTP/1.1\r\nX: " },
		"a host":   func(r *http.Request) { r.Host = "a\r\nX: y" },
		"a query":  func(r *http.Request) { r.URL.RawQuery = "a HTTP/1.1\r\nX: y" },
	} {
		r := request(t, "GET", "http://127.0.0.1:1", nil)
		change(r)
		own := transport(t, func(t *Transport) {
			t.Dial = func(context.Context, string, string) (net.Conn, error) { return newTape([]byte(fine), true), nil }
		})
		if _, err := call(t, own, r); err != errRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TLS backends and clients: the pool and the server keep secure connections as others.
func TestOverTLS(t *testing.T) {
	var conns atomic.Int32
	backend := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) }))
	backend.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	backend.StartTLS()
	defer backend.Close()
	own := transport(t, func(o *Transport) { o.TLS = backend.Client().Transport.(*http.Transport).TLSClientConfig })
	defer own.CloseIdleConnections()
	for range 3 {
		if got, err := call(t, own, request(t, "GET", backend.URL, nil)); got != "200 HTTP/1.1" {
			t.Error(got, err)
		}
	}
	if conns.Load() != 1 {
		t.Errorf("%d connections", conns.Load())
	}
	left := make(chan bool)
	_, address := served(t, func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil {
			t.Error("no TLS")
		}
		if r.URL.Path == "/wait" {
			<-r.Context().Done()
			close(left)
		}
	}, func(s *Server) { s.TLS = backend.TLS.Clone() })
	if _, err := call(t, own, request(t, "GET", "https://"+address+"/", nil)); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := call(t, own, request(t, "GET", "https://"+address+"/wait", nil).WithContext(ctx)); err == nil {
		t.Error("an answer")
	}
	<-left
}

// Both ends together: whatever a client sends, what reaches the backend are the requests
// that a reader of the first end sees, in their order, and no others.
func TestOneRequestIsOneRequest(t *testing.T) {
	var mu sync.Mutex
	var arrived []string
	backend := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err == nil {
			mu.Lock()
			defer mu.Unlock()
			arrived = append(arrived, r.Method+" "+r.RequestURI+" "+string(body))
		}
	}))
	defer backend.Close()
	to, err := url.Parse(backend.URL)
	if err != nil {
		t.Fatal(err)
	}
	_, address := served(t, (&Proxy{
		Transport: transport(t, nil), BufferPool: lent{}, Log: slog.New(slog.DiscardHandler), Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(to) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(502) },
	}).ServeHTTP, nil)
	const smuggled, last = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	for _, tt := range []struct {
		name, head, body string
		want             []string
	}{
		{"a length", fmt.Sprintf("Content-Length: %d", len(smuggled)), smuggled, []string{"POST /first " + smuggled, "GET /last "}},
		{"chunks", "Transfer-Encoding: chunked", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(smuggled), smuggled), []string{"POST /first " + smuggled, "GET /last "}},
		{"chunks and a length", "Transfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n" + smuggled, nil},
		{"Connection names the length", fmt.Sprintf("Connection: Content-Length\r\nContent-Length: %d", len(smuggled)), smuggled, []string{"POST /first " + smuggled, "GET /last "}},
		{"Connection names the encoding", "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(smuggled), smuggled), []string{"POST /first " + smuggled, "GET /last "}},
		{"Connection names the host", "Connection: Host", "", []string{"POST /first ", "GET /last "}},
		{"a body that breaks off", "Transfer-Encoding: chunked", "3\r\nabc\r\nx\r\n" + smuggled, nil},
		{"a length in the trailer", "Transfer-Encoding: chunked\r\nTrailer: X", "0\r\nContent-Length: 40\r\n\r\n" + smuggled, nil},
		{"no length", "A: b", "", []string{"POST /first ", "GET /last "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, in := dial(t, address)
			go fmt.Fprintf(c, "POST /first HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n%s%s", tt.head, tt.body, last)
			io.Copy(io.Discard, in)
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(arrived, tt.want) {
				t.Errorf("checks 120 to 124: the backend saw %q, want %q", arrived, tt.want)
			}
			arrived = nil
		})
	}
}
