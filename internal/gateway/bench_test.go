package gateway_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
)

// BenchmarkProxy compares a call through the gateway with one through a bare reverse
// proxy. Both have the same client and backend on both sides of them, so the difference
// is the gateway's.
func BenchmarkProxy(b *testing.B) {
	answer := strings.Repeat("x", 1024)
	target := backend(b, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, answer) })
	u, err := url.Parse(target)
	if err != nil {
		b.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	defer transport.CloseIdleConnections()
	bare := httptest.NewServer(&httputil.ReverseProxy{
		Transport: transport,
		Rewrite:   func(p *httputil.ProxyRequest) { p.SetURL(u); p.SetXForwarded() },
	})
	defer bare.Close()
	_, front := serve(b, target, nil)
	b.Run("bare", func(b *testing.B) { calls(b, bare.URL+"/echo/1.0/any/x") })
	b.Run("gateway", func(b *testing.B) { calls(b, front.URL+"/echo/1.0/any/x") })
}

func calls(b *testing.B, target string) {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequest("GET", target, nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer good")
	b.ReportAllocs()
	for b.Loop() {
		res, err := transport.RoundTrip(r)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
			b.Fatal(res.Status, err)
		}
		res.Body.Close()
	}
}
