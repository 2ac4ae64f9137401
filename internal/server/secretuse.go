package server

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// secretUse collects when consumer secrets were used and writes it down in batches, so
// that issuing a token waits for no such write. What a kill -9 loses is the time of a
// use, at most flushEvery old.
type secretUse struct {
	store interface {
		UseSecrets(ctx context.Context, used map[string]time.Time) error
	}
	log *slog.Logger

	mu   sync.Mutex
	used map[string]time.Time
}

const flushEvery = 10 * time.Second

// note takes down that a secret, by id, was used now.
func (u *secretUse) note(id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.used == nil {
		u.used = map[string]time.Time{}
	}
	u.used[id] = time.Now()
}

// flush writes what was noted.
func (u *secretUse) flush(ctx context.Context) {
	u.mu.Lock()
	used := u.used
	u.used = nil
	u.mu.Unlock()
	if len(used) == 0 {
		return
	}
	if err := u.store.UseSecrets(ctx, used); err != nil {
		u.log.WarnContext(ctx, "the last use of consumer secrets was not written down", "secrets", len(used), "err", err)
	}
}
