package db_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/gatehousetest"
)

// check 85: what several nodes want to do with the signing keys at the same moment is done
// once, and all of a key is kept.
func TestSigningKeysAreChangedByOneAtATime(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		now := time.Now().UTC().Truncate(time.Microsecond)
		a, b := open(t, dsn), open(t, dsn)
		want := gatehouse.SealedKey{ID: "k", Algorithm: "ES256", Sealed: "sealed", CreatedAt: now, SignsAt: now.Add(time.Hour), Until: now.Add(2 * time.Hour)}
		var made sync.Map
		var wg sync.WaitGroup
		for i := range 8 {
			store := a
			if i%2 == 1 {
				store = b
			}
			wg.Go(func() {
				err := store.UpdateSigningKeys(context.Background(), func(ring gatehouse.KeyRing) ([]gatehouse.SealedKey, error) {
					if len(ring) > 0 {
						return nil, nil
					}
					made.Store(i, true)
					return []gatehouse.SealedKey{want}, nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		count := 0
		made.Range(func(any, any) bool { count++; return true })
		ring, err := a.SigningKeys(t.Context())
		if err != nil || count != 1 {
			t.Errorf("made %d times, %v", count, err)
		}
		if diff := cmp.Diff(gatehouse.KeyRing{want}, ring); diff != "" {
			t.Error(diff)
		}
	})
}

// How long tokens live only grows, and not for a key that is revoked.
func TestASigningKeyIsOnlyExtended(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		now := time.Now().UTC().Truncate(time.Microsecond)
		d := open(t, dsn)
		put := func(k gatehouse.SealedKey) {
			t.Helper()
			err := d.UpdateSigningKeys(t.Context(), func(gatehouse.KeyRing) ([]gatehouse.SealedKey, error) { return []gatehouse.SealedKey{k}, nil })
			if err != nil {
				t.Fatal(err)
			}
		}
		until := func(extend time.Time) time.Time {
			t.Helper()
			if err := d.ExtendSigningKey(t.Context(), "k", extend); err != nil {
				t.Fatal(err)
			}
			ring, err := d.SigningKeys(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return ring[0].Until
		}
		key := gatehouse.SealedKey{ID: "k", Algorithm: "ES256", Sealed: "sealed", CreatedAt: now, SignsAt: now, Until: now.Add(time.Hour)}
		put(key)
		if got := until(now.Add(2 * time.Hour)); !got.Equal(now.Add(2 * time.Hour)) {
			t.Errorf("extended to %v", got)
		}
		if got := until(now); !got.Equal(now.Add(2 * time.Hour)) {
			t.Errorf("shortened to %v", got)
		}
		key.RevokedAt, key.Sealed = now, ""
		put(key)
		if got := until(gatehouse.EndOfTime); !got.Equal(now.Add(2 * time.Hour)) {
			t.Errorf("a revoked key is extended to %v", got)
		}
	})
}
