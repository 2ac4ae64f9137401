package server

import (
	"context"
	"log/slog"
	"sync"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// usagePerTransaction bounds how long the store's one writer is held, and maxUsageHeld
// what is held in memory while the store does not answer.
const (
	usagePerTransaction = 250
	maxUsageHeld        = 100_000
)

// usage stores what the gateway counted, in batches: every flushEvery, and when the server
// stops. What a kill -9 loses is what was counted in the last flushEvery.
type usage struct {
	gateway *gateway.Gateway
	store   interface {
		AddUsage(ctx context.Context, used []gatehouse.Usage) error
		PurgeUsage(ctx context.Context) error
	}
	counted func([]gatehouse.Usage) // told of everything once
	log     *slog.Logger

	mu   sync.Mutex // so that whoever looks finds what somebody else is storing
	held []gatehouse.Usage
}

// Flush stores what was counted. What could not be stored is kept for the next time, up to
// a bound.
func (u *usage) Flush(ctx context.Context) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	fresh := u.gateway.TakeUsage()
	u.counted(fresh)
	u.held = append(u.held, fresh...)
	for len(u.held) > 0 {
		batch := u.held[:min(len(u.held), usagePerTransaction)]
		if err := u.store.AddUsage(ctx, batch); err != nil {
			if lost := len(u.held) - maxUsageHeld; lost > 0 {
				u.log.ErrorContext(ctx, "usage is lost: the store has not answered for too long", "rows", lost)
				u.held = u.held[lost:]
			}
			return err
		}
		u.held = u.held[len(batch):]
	}
	u.held = nil
	return nil
}

func (u *usage) flush(ctx context.Context) {
	if err := u.Flush(ctx); err != nil {
		u.log.WarnContext(ctx, "usage was not stored: it is kept for the next time", "err", err)
	}
}

func (u *usage) purge(ctx context.Context) {
	if err := u.store.PurgeUsage(ctx); err != nil {
		u.log.WarnContext(ctx, "old usage was not purged", "err", err)
	}
}
