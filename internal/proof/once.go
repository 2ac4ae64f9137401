package proof

import (
	"context"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Memory remembers on this node what was used once before it asks the store that all
// nodes share, and answers alone while that store does not: the gateway serves without
// its database. What is lost then is that another node could be shown the same proof
// within its minute.
type Memory struct {
	Store Once
	Now   func() time.Time

	mu          sync.Mutex
	used, older map[string]struct{}
	since       time.Time
}

// Bounds of what is remembered: for longer than any proof is good, and not for more
// proofs than take some 30 MB.
const (
	remember      = 3 * time.Minute
	maxRemembered = 200_000
	storeTimeout  = time.Second
)

// UseOnce is a Conflict when hash was used before.
func (m *Memory) UseOnce(ctx context.Context, hash string, until time.Time) error {
	if !m.fresh(hash) {
		return gatehouse.Errorf(gatehouse.Conflict, "it was used before")
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	err := m.Store.UseOnce(ctx, hash, until)
	if gatehouse.KindOf(err) == gatehouse.Unavailable {
		return nil
	}
	return err
}

// fresh notes hash and reports whether it is new. Two generations take turns, so that
// nothing is ever looked through. When one is full, it is dropped before its time.
func (m *Memory) fresh(hash string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := m.Now(); now.Sub(m.since) > remember || len(m.used) >= maxRemembered/2 {
		m.older, m.used, m.since = m.used, map[string]struct{}{}, now
	}
	_, used := m.used[hash]
	_, before := m.older[hash]
	m.used[hash] = struct{}{}
	return !used && !before
}
