package server

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
)

// ledger is a store that may fail.
type ledger struct {
	failure error
	secrets map[string]time.Time
	apiKeys map[string]time.Time
	grants  []gatehouse.GrantUse
}

func (l *ledger) UseSecrets(_ context.Context, used map[string]time.Time) error {
	l.secrets = used
	return l.failure
}

func (l *ledger) UseAPIKeys(_ context.Context, used map[string]time.Time) error {
	l.apiKeys = used
	return l.failure
}

func (l *ledger) UseGrants(_ context.Context, used []gatehouse.GrantUse) error {
	if l.failure == nil {
		l.grants = append(l.grants, used...)
	}
	return l.failure
}

func TestUsesAreWrittenDownInBatches(t *testing.T) {
	store, now := &ledger{}, time.Date(2026, 3, 1, 23, 59, 59, 0, time.UTC)
	u := &uses{store: store, log: slog.New(slog.NewTextHandler(t.Output(), nil)), now: func() time.Time { return now }}
	u.flush(t.Context())
	if store.secrets != nil || store.grants != nil {
		t.Error("nothing was written down")
	}
	u.secret("one")
	u.apiKey("key")
	u.grant("key", "password")
	u.grant("key", "password")
	u.grant("other", "password")
	store.failure = errors.New("the store is away")
	u.flush(t.Context())
	now = now.Add(time.Minute)
	u.grant("key", "password")
	store.failure = nil
	u.flush(t.Context())
	u.flush(t.Context())
	slices.SortFunc(store.grants, func(a, b gatehouse.GrantUse) int { return len(a.ConsumerKey) - len(b.ConsumerKey) })
	if len(store.secrets) != 1 || len(store.apiKeys) != 1 {
		t.Errorf("secrets %v, API keys %v", store.secrets, store.apiKeys)
	}
	want := []gatehouse.GrantUse{
		{ConsumerKey: "key", Grant: "password", Uses: 3, LastDay: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)},
		{ConsumerKey: "other", Grant: "password", Uses: 1, LastDay: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)},
	}
	if diff := cmp.Diff(want, store.grants); diff != "" {
		t.Error("a failure loses or doubles uses:", diff)
	}
}
