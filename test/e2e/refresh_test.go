package e2e

import (
	"net/http"
	"sync"
	"testing"
)

// Check 51: of many refreshes of one token at once, one wins, or none: the others are
// reuse, which ends the family. There are never two live branches.
func TestParallelRefreshes(t *testing.T) {
	onEachStore(t, func(t *testing.T, h *house) {
		first := h.token(t, john, "read")
		const clients = 40
		answers := make(chan reply, clients)
		var refreshes sync.WaitGroup
		for range clients {
			refreshes.Go(func() { answers <- h.post(t, "/token", h.app, refreshForm(first.Refresh)) })
		}
		refreshes.Wait()
		close(answers)
		var won []tokens
		for r := range answers {
			if r.status == http.StatusOK {
				won = append(won, r.tokens(t))
			} else {
				r.fails(t, "a refresh that lost", http.StatusBadRequest, "invalid_grant")
			}
		}
		if len(won) > 1 {
			t.Fatalf("%d refreshes of one token succeeded", len(won))
		}
		for _, pair := range won {
			h.post(t, "/token", h.app, refreshForm(pair.Refresh)).fails(t, "the winner, after its token was used again", http.StatusBadRequest, "invalid_grant")
		}
	})
}

// Check 52: a revocation that races refreshes leaves nothing alive.
func TestRevocationRacesRefreshes(t *testing.T) {
	h := furnish(t)
	for range 10 {
		first := h.token(t, john, "read")
		last := first
		refreshing := make(chan struct{})
		go func() { // refreshes until it is refused
			defer close(refreshing)
			for {
				r := h.post(t, "/token", h.app, refreshForm(last.Refresh))
				if r.status != http.StatusOK {
					return
				}
				last = r.tokens(t)
			}
		}()
		if r := h.post(t, "/revoke", h.app, revokeForm(first.Access)); r.status != http.StatusOK {
			t.Fatalf("revoke: %d %s", r.status, r.body)
		}
		<-refreshing
		h.call(t, "GET", orgnews+"/articles/1", last.Access).is(t, "the last access token", http.StatusUnauthorized, "900901")
		h.post(t, "/token", h.app, refreshForm(last.Refresh)).fails(t, "the last refresh token", http.StatusBadRequest, "invalid_grant")
	}
}
