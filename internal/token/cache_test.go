package token_test

import (
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/token"
)

func TestTheCacheIsBounded(t *testing.T) {
	m := newMint(t)
	c := clientOf(formats["ES256"])
	for _, size := range []int{0, 1, 128} {
		m.Cache = token.NewCache(size)
		var texts []string
		for range 10 * max(size, 64) {
			text, _ := m.issue(t, c, "john")
			m.want(t, text, lives)
			texts = append(texts, text)
		}
		if got := m.Cache.Len(); got > max(size, 64) {
			t.Errorf("a cache for %d tokens holds %d", size, got)
		}
		for _, text := range texts[:10] { // what fell out is read again
			m.want(t, text, lives)
		}
	}
}

// Tokens that have ended make room before those that live.
func TestEndedTokensMakeRoom(t *testing.T) {
	m := newMint(t)
	m.Cache = token.NewCache(512)
	brief, long := clientOf(formats["ES256"]), clientOf(formats["ES256"])
	brief.Access, long.Access = time.Second, time.Hour
	fill := func(n int) { // the shards fill unevenly
		for range n {
			text, _ := m.issue(t, brief, "john")
			m.want(t, text, lives)
		}
	}
	fill(1500)
	m.now = m.now.Add(time.Minute)
	full := m.Cache.Len()
	for range 64 {
		text, _ := m.issue(t, long, "john")
		m.want(t, text, lives)
	}
	if got := m.Cache.Len(); got >= full {
		t.Errorf("it held %d tokens that ended; with 64 new ones it holds %d", full, got)
	}
}

// Only good tokens are held: a flood of bad ones pushes out none.
func TestRefusedTokensAreNotHeld(t *testing.T) {
	m := newMint(t)
	for range 100 {
		m.want(t, "gha_nothing", refused)
		m.want(t, "a.b.c", refused)
	}
	if got := m.Cache.Len(); got != 0 {
		t.Errorf("it holds %d", got)
	}
}

func TestVerifyingAtOnce(t *testing.T) {
	m := newMint(t)
	m.Cache = token.NewCache(64)
	var texts []string
	for range 100 {
		text, _ := m.issue(t, clientOf(formats["ES256"]), "john")
		texts = append(texts, text)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for _, text := range texts {
				if _, err := m.Verify(t.Context(), text); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
