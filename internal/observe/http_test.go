package observe_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/observe"
)

// safeBuffer takes the log of a server while a test reads it.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// serve starts a server whose requests go through Requests. Its log is whole after stop.
func serve(t *testing.T, level slog.Level, accessLog bool, next http.HandlerFunc) (s *httptest.Server, log *safeBuffer) {
	t.Helper()
	log = &safeBuffer{}
	s = httptest.NewServer(&observe.Requests{
		Next: next, Log: observe.NewLogger(log, level, "text"), Now: time.Now, AccessLog: accessLog,
	})
	t.Cleanup(s.Close)
	return s, log
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestEveryAnswerHasAnIDOfOurs(t *testing.T) {
	s, _ := serve(t, slog.LevelInfo, true, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("X-Request-Id", "from the backend")
		io.WriteString(w, "seen")
	})
	req, err := http.NewRequest("GET", s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Request-Id", "from the client")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	ids := resp.Header.Values("X-Request-Id")
	if len(ids) != 1 {
		t.Fatalf("ids %q", ids)
	}
	if _, ok := gatehouse.IDTime(ids[0]); !ok {
		t.Errorf("%q is no id of ours", ids[0])
	}
}

func TestHandlersSeeTheIDTheyAnswerWith(t *testing.T) {
	s, _ := serve(t, slog.LevelInfo, true, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, observe.RequestID(w)) })
	resp, body := get(t, s.URL)
	if id := resp.Header.Get("X-Request-Id"); id == "" || id != body {
		t.Errorf("handler saw %q, client %q", body, id)
	}
}

func TestOneLineARequest(t *testing.T) {
	for _, test := range []struct {
		name      string
		level     slog.Level
		accessLog bool
		lines     int
	}{
		{"the portal logs at info", slog.LevelInfo, true, 1},
		{"the gateway does not log at info", slog.LevelInfo, false, 0},
		{"the gateway logs at debug", slog.LevelDebug, false, 1},
		{"nobody logs requests at warn", slog.LevelWarn, true, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, log := serve(t, test.level, test.accessLog, func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusTeapot)
				io.WriteString(w, "four")
			})
			resp, _ := get(t, s.URL+"/pets?access_token=canary")
			s.Close()
			got := log.String()
			if n := strings.Count(got, "\n"); n != test.lines {
				t.Fatalf("%d lines: %s", n, got)
			}
			if test.lines == 0 {
				return
			}
			for _, want := range []string{"method=GET", "path=/pets ", "status=418", "bytes=4", "duration=", "remote=127.0.0.1", "id=" + resp.Header.Get("X-Request-Id")} {
				if !strings.Contains(got, want) {
					t.Errorf("no %s in %s", want, got)
				}
			}
			if strings.Contains(got, "canary") {
				t.Errorf("the query shows: %s", got)
			}
		})
	}
}

func TestPanics(t *testing.T) {
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		status  int // 0 when the client must see a broken answer
		logged  bool
	}{
		{"before the answer gives 500 without the headers of another", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1")
			w.Header().Set("Set-Cookie", "a=b")
			panic("canary bug")
		}, 500, true},
		{"with an error gives 500", func(http.ResponseWriter, *http.Request) { panic(errors.New("canary bug")) }, 500, true},
		{"within the answer breaks it", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "half") // chunked: nothing but the connection's end tells
			http.NewResponseController(w).Flush()
			panic("canary bug")
		}, 0, true},
		{"http.ErrAbortHandler is no bug", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, log := serve(t, slog.LevelInfo, false, test.handler)
			resp, err := http.Get(s.URL)
			var body []byte
			if err == nil {
				body, err = io.ReadAll(resp.Body)
				resp.Body.Close()
			}
			s.Close()
			if (err != nil) != (test.status == 0) {
				t.Fatalf("answer %+v, %v", resp, err)
			}
			if err == nil && (resp.StatusCode != test.status || resp.Header.Get("Set-Cookie") != "" || !strings.Contains(string(body), resp.Header.Get("X-Request-Id"))) {
				t.Errorf("got %d %v %s", resp.StatusCode, resp.Header, body)
			}
			if strings.Contains(string(body), "canary") {
				t.Errorf("the client reads %s", body)
			}
			if got := log.String(); strings.Contains(got, "canary bug") != test.logged || strings.Contains(got, "http_test.go") != test.logged {
				t.Errorf("logged %s", got)
			}
		})
	}
}

func TestCapabilitiesPassThrough(t *testing.T) {
	s, log := serve(t, slog.LevelDebug, true, func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		if err := control.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Error(err)
		}
		if _, ok := w.(io.ReaderFrom); !ok {
			t.Error("no io.ReaderFrom")
		}
		if _, err := io.Copy(w, strings.NewReader("copied")); err != nil {
			t.Error(err)
		}
		if err := control.Flush(); err != nil {
			t.Error(err)
		}
	})
	if _, body := get(t, s.URL); body != "copied" {
		t.Errorf("got %q", body)
	}
	s.Close()
	if !strings.Contains(log.String(), "bytes=6") {
		t.Errorf("the copied bytes are not counted: %s", log)
	}
}

// echo upgrades a connection and sends back what it reads.
func echo(w http.ResponseWriter, _ *http.Request) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer conn.Close()
	io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	io.Copy(conn, rw)
}

func TestUpgradesPassAReverseProxyBehindIt(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(echo))
	defer backend.Close()
	target, err := url.Parse(backend.URL)
	if err != nil {
		t.Fatal(err)
	}
	log, done := &safeBuffer{}, make(chan struct{})
	requests := &observe.Requests{
		Next: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }},
		Log:  observe.NewLogger(log, slog.LevelDebug, "text"),
		Now:  time.Now,
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(done)
		requests.ServeHTTP(w, r)
	}))
	defer s.Close()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("got %v, %v", resp, err)
	}
	io.WriteString(conn, "hello")
	answer := make([]byte, 5)
	if _, err := io.ReadFull(r, answer); err != nil || string(answer) != "hello" {
		t.Errorf("got %q, %v", answer, err)
	}
	conn.Close()
	<-done
	if !strings.Contains(log.String(), "status=101") {
		t.Errorf("logged %s", log)
	}
}

func BenchmarkRequests(b *testing.B) {
	h := &observe.Requests{
		Next:  http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }),
		Log:   observe.NewLogger(io.Discard, slog.LevelInfo, "text"),
		Now:   time.Now,
		Count: observe.NewMetrics().Interface("gateway"),
	}
	r := httptest.NewRequest("GET", "/petstore/v1/pets", nil)
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}
