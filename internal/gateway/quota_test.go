package gateway_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// tenAMinute knows one application, which may make ten calls a minute.
type tenAMinute struct{}

func (tenAMinute) Client(context.Context, string) (*gatehouse.Client, error) {
	return &gatehouse.Client{
		Application:   gatehouse.Application{ID: "app", Tier: "10PerMin"},
		Subscriptions: []gatehouse.Subscription{{ID: "sub", APIID: "echo", State: gatehouse.Unblocked, Tier: "Gold"}},
	}, nil
}

// Every answer to a call that has a limit says what is left, whoever it comes from.
func TestAnswersTellWhatIsLeft(t *testing.T) {
	target := backend(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("RateLimit-Limit", "7")
		w.Header().Set("Ratelimit-Remaining", "6")
		switch {
		case strings.HasSuffix(r.URL.Path, "/hint"):
			w.WriteHeader(http.StatusEarlyHints)
		case strings.HasSuffix(r.URL.Path, "/broken"):
			panic(http.ErrAbortHandler)
		}
	})
	var seconds atomic.Int64
	_, front := serve(t, target, func(g *gateway.Gateway) {
		g.Clients, g.MaxBody = tenAMinute{}, 10
		g.Now = func() time.Time { return start.Add(time.Duration(seconds.Load()) * time.Second) }
	})
	for _, tt := range []struct {
		name, call, body string
		at               int64 // seconds since the start, which is five seconds into a minute
		status           int
		limits           string // limit, remaining, reset, retry-after
	}{
		{"the backend's answer", "GET /echo/1.0/any/x", "", 0, 200, "10 9 55 -"},
		{"check 131: an escape that need not be", "GET /%65cho/1.0/any/x", "", 1, 200, "10 8 54 -"},
		{"check 131: by the organization's key", "GET /t/default/echo/1.0/any/x/", "", 1, 200, "10 7 54 -"},
		{"after an interim answer", "GET /echo/1.0/any/hint", "", 1, 200, "10 6 54 -"},
		{"a backend that fails", "GET /echo/1.0/any/broken", "", 1, 502, "10 5 54 -"},
		{"a body that is too large", "POST /echo/1.0/any/x", "more than ten bytes", 1, 413, "10 4 54 -"},
		{"a call of a resource that needs no token", "GET /echo/1.0", "", 2, 200, "7 6 - -"},
		{"a refusal before the limits", "GET /echo/1.0/nothing", "", 2, 404, "- - - -"},
		{"the seventh call", "GET /echo/1.0/any/x", "", 3, 200, "10 3 52 -"},
		{"the eighth call", "GET /echo/1.0/any/x", "", 3, 200, "10 2 52 -"},
		{"the ninth call", "GET /echo/1.0/any/x", "", 3, 200, "10 1 52 -"},
		{"the tenth call", "HEAD /echo/1.0/any/x", "", 3, 200, "10 0 52 -"},
		{"one too many", "GET /echo/1.0/any/x", "", 54, 429, "10 0 1 1"},
		{"the next minute", "GET /echo/1.0/any/x", "", 55, 200, "10 9 60 -"},
	} {
		seconds.Store(tt.at)
		method, path, _ := strings.Cut(tt.call, " ")
		r, err := http.NewRequest(method, front.URL+path, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		res := do(t, r)
		var limits []string
		for _, name := range []string{"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Retry-After"} {
			value := strings.Join(res.Header.Values(name), "|")
			if value == "" {
				value = "-"
			}
			limits = append(limits, value)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(limits, " "); res.StatusCode != tt.status || got != tt.limits {
			t.Errorf("%s: %d %s, want %d %s", tt.name, res.StatusCode, got, tt.status, tt.limits)
		}
		if tt.status == http.StatusTooManyRequests && !strings.Contains(string(body), `"nextAccessTime":"2026-Jan-02 03:05:00+0000 UTC"`) {
			t.Errorf("%s: %s", tt.name, body)
		}
	}
}
