package token

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Revoked is what ended before its time, held in memory on each node: it grows with
// revocations, not with tokens, and forgets them when the tokens would have ended.
type Revoked struct {
	Store RevocationStore
	Now   func() time.Time

	// generation grows with every revocation: what was checked in this generation needs
	// no second check.
	generation atomic.Uint64
	mu         sync.RWMutex
	by         map[gatehouse.RevocationName]gatehouse.Revocation
}

// RevocationStore keeps revocations.
type RevocationStore interface {
	Revocations(ctx context.Context) ([]gatehouse.Revocation, error)
	Revocation(ctx context.Context, kind gatehouse.RevocationKind, id string) (gatehouse.Revocation, error)
}

// Load reads every revocation that may name a token which has not ended.
func (r *Revoked) Load(ctx context.Context) error {
	all, err := r.Store.Revocations(ctx)
	if err != nil {
		return err
	}
	by := make(map[gatehouse.RevocationName]gatehouse.Revocation, len(all))
	for _, revocation := range all {
		by[name(revocation)] = revocation
	}
	r.mu.Lock()
	r.by = by
	r.mu.Unlock()
	r.generation.Add(1)
	return nil
}

// Apply reads one revocation that the change feed announced, "kind:id".
func (r *Revoked) Apply(ctx context.Context, id string) error {
	kind, id, ok := strings.Cut(id, ":")
	if !ok {
		return fmt.Errorf("%q names no revocation", kind)
	}
	revocation, err := r.Store.Revocation(ctx, gatehouse.RevocationKind(kind), id)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil // it was purged: the tokens it named have ended
	}
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.by[name(revocation)] = revocation
	r.mu.Unlock()
	r.generation.Add(1)
	return nil
}

// Forget drops revocations whose tokens have all ended.
func (r *Revoked) Forget() {
	now := r.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for n, revocation := range r.by {
		if revocation.AccessEnd.Before(now) {
			delete(r.by, n)
		}
	}
}

// names reports whether a revocation names a.
func (r *Revoked) names(a *gatehouse.Authorization) bool {
	issued, ok := gatehouse.IDTime(a.ID)
	if !ok {
		return true
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, n := range a.Names() {
		revocation, found := r.by[n]
		if found && (n.Kind == gatehouse.RevokedToken || n.Kind == gatehouse.RevokedFamily || !issued.After(revocation.At)) {
			return true
		}
	}
	return false
}

func name(r gatehouse.Revocation) gatehouse.RevocationName {
	return gatehouse.RevocationName{Kind: r.Kind, ID: r.ID}
}
