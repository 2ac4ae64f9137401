package e2e

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Check 130: password hashes are expensive on purpose, so a flood of them is bounded by
// workers and a queue. What is beyond is told to try later, and calls go on meanwhile.
func TestFloodOfPasswordsIsBounded(t *testing.T) {
	h := furnish(t, "GATEHOUSE_HASH_WORKERS=1", "GATEHOUSE_HASH_QUEUE=8")
	token, form := h.token(t, john, "read").Access, passwordForm(john, "")
	const callers = 200
	began := time.Now()
	answers := make(chan reply, callers)
	var flood sync.WaitGroup
	for range callers {
		flood.Go(func() { answers <- h.post(t, "/token", h.app, form) })
	}
	ended := make(chan struct{})
	go func() { flood.Wait(); close(ended) }()

	calls := 0
	for flooding := true; flooding; calls++ {
		select {
		case <-ended:
			flooding = false
		default:
		}
		h.call(t, "GET", orgnews+"/articles/1", token).is(t, "a call during the flood", http.StatusOK, "")
	}
	close(answers)
	count := map[int]int{}
	for r := range answers {
		count[r.status]++
		if r.status == http.StatusServiceUnavailable {
			if seconds, err := strconv.Atoi(r.header.Get("Retry-After")); err != nil || seconds < 1 {
				t.Errorf("Retry-After: %q", r.header.Get("Retry-After"))
			}
			r.fails(t, "one too many", http.StatusServiceUnavailable, "temporarily_unavailable")
		}
	}
	if count[http.StatusOK] == 0 || count[http.StatusServiceUnavailable] == 0 || count[http.StatusOK]+count[http.StatusServiceUnavailable] != callers {
		t.Errorf("answers by status: %v, want 200s and 503s", count)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("the flood took %v", took)
	}
	t.Logf("%v by status in %v, %d calls meanwhile", count, time.Since(began).Round(time.Millisecond), calls)
}

// Check 14: what is too large is refused without being kept.
func TestOversizedFormsAreRefused(t *testing.T) {
	h := furnish(t)
	for name, body := range map[string]string{
		"8 MiB of form":     "grant_type=password&x=" + strings.Repeat("x", 8<<20),
		"50,000 parameters": strings.Repeat("a=b&", 50_000),
	} {
		began := time.Now()
		r := h.post(t, "/token", h.app, body)
		r.fails(t, name, http.StatusRequestEntityTooLarge, "invalid_request")
		t.Logf("%s: refused after %v", name, time.Since(began).Round(time.Millisecond))
	}
	if r := h.post(t, "/token", h.app, passwordForm(john, "")); r.status != http.StatusOK {
		t.Errorf("afterwards: %d %s", r.status, r.body)
	}
}
