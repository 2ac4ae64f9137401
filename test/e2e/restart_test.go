package e2e

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/gatehousetest"
)

// Scenario 25.
func TestTokensOutliveRestart(t *testing.T) {
	onEachStore(t, func(t *testing.T, h *house) {
		live, dead := h.token(t, john, "read"), h.token(t, john, "read")
		if r := h.post(t, "/revoke", h.app, revokeForm(dead.Access)); r.status != http.StatusOK {
			t.Fatalf("revoke: %d %s", r.status, r.body)
		}
		if code := h.Stop(t); code != 0 {
			t.Errorf("exit code %d after SIGTERM, want 0", code)
		}
		h.Restart(t)
		h.client.CloseIdleConnections()
		h.call(t, "GET", orgnews+"/articles/1", live.Access).is(t, "the first call, with a live token", http.StatusOK, "")
		h.call(t, "GET", orgnews+"/articles/1", dead.Access).is(t, "a token that was revoked", http.StatusUnauthorized, "900901")
		h.post(t, "/token", h.app, refreshForm(dead.Refresh)).fails(t, "its refresh token", http.StatusBadRequest, "invalid_grant")
		if r := h.post(t, "/token", h.app, refreshForm(live.Refresh)); r.status != http.StatusOK {
			t.Errorf("the live pair's refresh token: %d %s", r.status, r.body)
		}
		if r := h.send(t, request(t, http.MethodGet, h.Ops+"/readyz", "")); r.status != http.StatusOK {
			t.Errorf("readyz: %d %s", r.status, r.body)
		}
		t.Logf("ready after %v", h.Started.Round(time.Millisecond))
	})
}

// chain is one sign-in and the refreshes that followed, as a client knows of it: what was
// answered counts as kept.
type chain struct {
	pair    tokens // the last that was answered
	used    []string
	revoked bool
	doubt   bool // the last request had no answer
}

// R1 and R2 in small, check 53: killed while it issues, refreshes and revokes, the server
// comes back with everything that it had acknowledged, and with nothing that had ended.
// A refresh whose answer was lost may have used its token up: such chains are counted.
func TestAcknowledgedIsKeptWhenKilled(t *testing.T) {
	test := func(t *testing.T, settings ...string) {
		h := furnish(t, settings...)
		for round := range 5 {
			chains := h.workUntilKilled(t, 20+rand.IntN(60))
			began := time.Now()
			h.Restart(t)
			h.client.CloseIdleConnections()
			h.token(t, john, "")
			first := time.Since(began)
			kept, doubtful := 0, 0
			for _, c := range chains {
				h.checkChain(t, c)
				if kept++; c.doubt {
					doubtful++
				}
			}
			t.Logf("round %d: %d sign-ins, %d in doubt, ready after %v, first token after %v", round+1, kept, doubtful, h.Started.Round(time.Millisecond), first.Round(time.Millisecond))
		}
	}
	t.Run("sqlite", func(t *testing.T) { test(t) })
	t.Run("postgres", func(t *testing.T) { test(t, "GATEHOUSE_DATABASE="+gatehousetest.Postgres(t)) })
}

// workUntilKilled lets workers sign in, refresh and revoke, kills the server after so
// many answers, and returns what the workers know.
func (h *house) workUntilKilled(t *testing.T, answers int) []*chain {
	answered := make(chan struct{})
	chains := make([][]*chain, 4)
	var workers sync.WaitGroup
	for i := range chains {
		workers.Go(func() { chains[i] = h.work(t, answered) })
	}
	go func() { workers.Wait(); close(answered) }()
	for range answered { // also those that are on their way when the server dies
		if answers--; answers == 0 {
			h.Kill()
		}
	}
	h.Kill() // the workers may have failed before
	var all []*chain
	for _, own := range chains {
		all = append(all, own...)
	}
	return all
}

// work signs in, refreshes three times and revokes every second pair, until a request
// fails.
func (h *house) work(t *testing.T, answered chan<- struct{}) []*chain {
	var own []*chain
	for n := 0; ; n++ {
		c := &chain{doubt: true}
		r, err := h.try(h.form(t, "/token", h.app, passwordForm(john, "read")))
		if err != nil {
			return own // nothing was acknowledged of this one
		}
		if r.status != http.StatusOK {
			t.Errorf("sign in: %d %s", r.status, r.body)
			return own
		}
		answered <- struct{}{}
		c.pair, c.doubt = r.tokens(t), false
		own = append(own, c)
		for range 3 {
			if !h.step(t, c, "/token", refreshForm(c.pair.Refresh), answered) {
				return own
			}
		}
		if n%2 == 1 && !h.step(t, c, "/revoke", revokeForm(c.pair.Refresh), answered) {
			return own
		}
	}
}

// step sends one request about a chain and takes down its answer, if there is one.
func (h *house) step(t *testing.T, c *chain, path, form string, answered chan<- struct{}) bool {
	c.doubt = true
	r, err := h.try(h.form(t, path, h.app, form))
	if err != nil {
		return false
	}
	if r.status != http.StatusOK {
		t.Errorf("%s: %d %s", path, r.status, r.body)
		return false
	}
	c.doubt = false
	if path == "/revoke" {
		c.revoked = true
	} else {
		c.used = append(c.used, c.pair.Refresh)
		c.pair = r.tokens(t)
	}
	answered <- struct{}{}
	return true
}

// checkChain checks that a chain goes on where its last answer left it, then that none of
// its used refresh tokens works.
func (h *house) checkChain(t *testing.T, c *chain) {
	t.Helper()
	call := h.call(t, "GET", orgnews+"/articles/1", c.pair.Access)
	refresh := h.post(t, "/token", h.app, refreshForm(c.pair.Refresh))
	switch {
	case c.revoked:
		call.is(t, "an access token that was revoked", http.StatusUnauthorized, "900901")
		refresh.fails(t, "a refresh token that was revoked", http.StatusBadRequest, "invalid_grant")
	case !c.doubt:
		call.is(t, "an access token that was acknowledged", http.StatusOK, "")
		if refresh.status != http.StatusOK {
			t.Errorf("a refresh token that was acknowledged: %d %s", refresh.status, refresh.body)
		}
	case refresh.status != http.StatusOK:
		refresh.fails(t, "a refresh token in doubt", http.StatusBadRequest, "invalid_grant")
	}
	for _, used := range c.used {
		h.post(t, "/token", h.app, refreshForm(used)).fails(t, "a used refresh token", http.StatusBadRequest, "invalid_grant")
	}
}
