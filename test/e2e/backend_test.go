package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// backend stands behind an API. It answers every request with what it saw of it, and
// remembers it.
type backend struct {
	*httptest.Server
	mu   sync.Mutex
	seen []sight
}

// sight is a request as it reached the backend.
type sight struct {
	Method string
	Target string // as on the request line
	Host   string
	Header http.Header
	Body   string // what arrived of it
	Cut    bool   // it did not arrive whole
}

func newBackend(t testing.TB) *backend {
	b := &backend{}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		s := sight{Method: r.Method, Target: r.RequestURI, Host: r.Host, Header: r.Header, Body: string(body), Cut: err != nil}
		b.mu.Lock()
		b.seen = append(b.seen, s)
		b.mu.Unlock()
		if err != nil {
			return // the caller has left
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(s)
	}))
	t.Cleanup(b.Close)
	return b
}

// saw returns what reached the backend since it was last asked.
func (b *backend) saw() []sight {
	b.mu.Lock()
	defer b.mu.Unlock()
	seen := b.seen
	b.seen = nil
	return seen
}
