package wire

import (
	"fmt"
	"io"
	"log"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
)

// lent lends what bodies are copied with.
type lent struct{}

func (lent) Get() []byte { return make([]byte, 32<<10) }
func (lent) Put([]byte)  {}

// through is a proxy of ours, or net/http's, on the server and with the transport of the
// same hand, before a backend.
func through(t *testing.T, own bool, to *url.URL, failed func(http.ResponseWriter, *http.Request, error)) (address string) {
	t.Helper()
	rewrite := func(p *httputil.ProxyRequest) {
		p.SetURL(to)
		p.Out.Header.Set("X-Added", "yes")
	}
	changed := func(res *http.Response) error {
		if res.Header.Get("X-Refuse") != "" {
			return fmt.Errorf("refused")
		}
		res.Header.Set("X-Changed", "yes")
		return nil
	}
	if own {
		p := &Proxy{Rewrite: rewrite, ModifyResponse: changed, ErrorHandler: failed, Transport: transport(t, nil), BufferPool: lent{}, Log: slog.New(slog.DiscardHandler)}
		_, address := served(t, p.ServeHTTP, nil)
		return address
	}
	theirs := &http.Transport{DisableCompression: true}
	t.Cleanup(theirs.CloseIdleConnections)
	silent := log.New(io.Discard, "", 0)
	s := httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: rewrite, ModifyResponse: changed, ErrorHandler: failed, Transport: theirs, ErrorLog: silent})
	s.Config.ErrorLog = silent
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// Whatever a client sends through it and a backend answers, each must read what it would
// read through net/http's server, proxy and transport.
func TestProxyDoesWhatReverseProxyDoes(t *testing.T) {
	long := strings.Repeat("0123456789", 10_000)
	var mu sync.Mutex
	var seen []string
	see := func(r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var headers []string
		for _, name := range slices.Sorted(maps.Keys(r.Header)) {
			headers = append(headers, fmt.Sprint(name, r.Header[name]))
		}
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, fmt.Sprint(r.Method, r.RequestURI, r.Host == "", headers, r.ContentLength, r.TransferEncoding, string(body), err != nil, r.Trailer))
	}
	saw := func() []string {
		mu.Lock()
		defer mu.Unlock()
		all := seen
		seen = nil
		return all
	}
	answers := map[string]http.HandlerFunc{
		"short": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "short") },
		"long":  func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, long) },
		"long with a length": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100000")
			io.WriteString(w, long)
		},
		"in pieces": func(w http.ResponseWriter, _ *http.Request) {
			for range 3 {
				io.WriteString(w, "piece")
				w.(http.Flusher).Flush()
			}
		},
		"nothing": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		"404":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) },
		"304":     func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Etag", "x"); w.WriteHeader(304) },
		"hops": func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Connection"] = []string{"X-Hop, Keep-Alive"}
			w.Header().Set("X-Hop", "1")
			w.Header().Set("Keep-Alive", "5")
			w.Header()["X-Two"] = []string{"1", "2"}
		},
		"103": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", "x")
			w.WriteHeader(103)
			w.Header().Del("Link")
			io.WriteString(w, "x")
		},
		"trailers": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "X-A")
			io.WriteString(w, "x")
			w.Header().Set("X-A", "1")
		},
		"late trailers": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "x")
			w.(http.Flusher).Flush()
			w.Header().Set(http.TrailerPrefix+"X-B", "1")
		},
		"refused": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Refuse", "1"); io.WriteString(w, "x") },
		"breaks off": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, long)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
		"hangs up": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	}
	requests := []string{
		"GET /a/b?c=d HTTP/1.1\nHost: a\n", "HEAD / HTTP/1.1\nHost: a\n", "GET / HTTP/1.0\nConnection: keep-alive\n", "DELETE /%2F HTTP/1.1\nHost: a\nUser-Agent: me\n",
		"POST / HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc", "POST / HTTP/1.1\nHost: a\nContent-Length: 0\n", "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nTrailer: T\n\n3\nabc\n0\nT: u\n",
		"GET / HTTP/1.1\nHost: a\nConnection: X-Mine, close\nX-Mine: 1\nKeep-Alive: 5\nTe: trailers, gzip\nProxy-Authorization: x\nForwarded: x\nX-Forwarded-For: y\n",
	}
	for name, answer := range answers {
		backend := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			see(r)
			answer(w, r)
		}))
		backend.Config.ErrorLog = log.New(io.Discard, "", 0)
		backend.Start()
		t.Cleanup(backend.Close)
		to, err := url.Parse(backend.URL)
		if err != nil {
			t.Fatal(err)
		}
		failed := func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(502) }
		own, std := through(t, true, to, failed), through(t, false, to, failed)
		for _, request := range requests {
			if name == "103" && strings.Contains(request, "HTTP/1.0") {
				continue // which has no interim answers
			}
			t.Run(name+"/"+strings.ReplaceAll(request, "\n", " "), func(t *testing.T) {
				raw := strings.ReplaceAll(request, "\n", "\r\n")
				if !strings.HasSuffix(request, "abc") {
					raw += "\r\n"
				}
				got := [2][]string{conversation(t, own, raw), saw()}
				want := [2][]string{conversation(t, std, raw), saw()}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("\n own %.1500q\n std %.1500q", got, want)
				}
			})
		}
	}
}
