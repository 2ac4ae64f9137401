package bench

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"
)

// serveFloor serves the least that net/http can do: POST /empty reads a form and answers
// a few bytes; everything else goes to the backend through a bare reverse proxy, with the
// gateway's transport and none of its checks.
func serveFloor(backend string) {
	target, err := url.Parse(backend)
	if err != nil {
		panic(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /empty", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			io.WriteString(w, "{}")
		}
	})
	mux.Handle("/", &httputil.ReverseProxy{
		ErrorLog: log.New(io.Discard, "", 0), // a load that ends leaves in the middle of answers
		Rewrite:  func(p *httputil.ProxyRequest) { p.SetURL(target); p.SetXForwarded() },
		Transport: &http.Transport{
			DisableCompression: true, ForceAttemptHTTP2: true, ResponseHeaderTimeout: 30 * time.Second,
			IdleConnTimeout: time.Minute, MaxIdleConns: 1000, MaxIdleConnsPerHost: 2 * callers,
		},
	})
	fmt.Println("http://" + l.Addr().String())
	panic((&http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}).Serve(l))
}

// startFloor starts the floor's process. It returns its URL and its CPU time.
func startFloor(b *testing.B, backend string) (string, cpuTime) {
	b.Helper()
	address, pid := startRole(b, floorRole+" "+backend)
	return address, cpuOf(pid)
}
