package observe_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/observe"
)

type backends struct{}

func (backends) Counts() (map[string]int, int64, int64) { return map[string]int{"up": 2}, 3, 4 }

func TestOps(t *testing.T) {
	metrics := observe.NewMetrics()
	metrics.TokenIssued("password")
	metrics.TokenIssued("password")
	metrics.TokenRefused("invalid_grant")
	metrics.WatchHashQueue(func() int { return 7 })
	metrics.WatchBackends([]string{"up", "down"}, backends{})
	requests := &observe.Requests{
		Next:  http.NotFoundHandler(),
		Log:   observe.NewLogger(io.Discard, nil, "text"),
		Now:   time.Now,
		Count: metrics.Interface("gateway"),
	}
	requests.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	var ready error
	ops := (&observe.Ops{Metrics: metrics, Targets: func() any { return []string{"one"} }, Ready: func() error { return ready }}).Handler()

	for _, test := range []struct {
		name   string
		path   string
		ready  error
		status int
		want   string
	}{
		{"requests are counted by class", "/metrics", nil, 200, `gatehouse_requests_total{interface="gateway",status="4xx"} 1`},
		{"classes nobody saw are there", "/metrics", nil, 200, `gatehouse_requests_total{interface="gateway",status="5xx"} 0`},
		{"tokens are counted by grant", "/metrics", nil, 200, `gatehouse_tokens_issued_total{grant="password"} 2`},
		{"refusals are counted by code", "/metrics", nil, 200, `gatehouse_token_refusals_total{error="invalid_grant"} 1`},
		{"the hash queue is shown", "/metrics", nil, 200, "gatehouse_password_hash_queue 7"},
		{"targets are counted by state", "/metrics", nil, 200, `gatehouse_backend_targets{state="up"} 2`},
		{"states that no target is in are there", "/metrics", nil, 200, `gatehouse_backend_targets{state="down"} 0`},
		{"calls in flight are shown", "/metrics", nil, 200, "gatehouse_backend_calls_in_flight 3"},
		{"retries are counted", "/metrics", nil, 200, "gatehouse_backend_retries_total 4"},
		{"targets are listed", "/debug/backends", nil, 200, `"one"`},
		{"the process is measured", "/metrics", nil, 200, "process_resident_memory_bytes"},
		{"Go is measured", "/metrics", nil, 200, "go_goroutines"},
		{"alive while not ready", "/healthz", errors.New("x"), 200, "ok"},
		{"ready", "/readyz", nil, 200, "ready"},
		{"not ready, and why", "/readyz", gatehouse.Errorf(gatehouse.Unavailable, "the database does not answer"), 503, "not ready: the database does not answer"},
		{"a cause stays hidden", "/readyz", errors.New("canary"), 503, "not ready: internal error"},
		{"profiles are listed", "/debug/pprof/", nil, 200, "goroutine"},
		{"the command line is not shown, check 156", "/debug/pprof/cmdline", nil, 404, "not found"},
		{"nothing else is there", "/", nil, 404, "not found"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ready = test.ready
			w := httptest.NewRecorder()
			ops.ServeHTTP(w, httptest.NewRequest("GET", test.path, nil))
			if w.Code != test.status || !strings.Contains(w.Body.String(), test.want) {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
		})
	}
}
