package db_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/gatehousetest"
)

// pend stores a request that waits, and returns its hash.
func (h *house) pend(t *testing.T, until time.Time) string {
	t.Helper()
	p := &gatehouse.Pending{Hash: gatehouse.NewHandle(), Kind: gatehouse.PendingAuthorize, ConsumerKey: h.keys.ConsumerKey, Says: []byte(`{"state":"\u0000"}`), ExpiresAt: until.UTC().Truncate(time.Microsecond)}
	if err := h.CreatePending(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	got, err := h.Pending(t.Context(), p.Kind, p.Hash)
	if diff := cmp.Diff(p, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	return p.Hash
}

func (h *house) newCode(now time.Time) *gatehouse.Code {
	return &gatehouse.Code{
		Hash: gatehouse.NewHandle(), Family: gatehouse.NewID(now), ConsumerKey: h.keys.ConsumerKey, UserID: h.john.ID, OrgKey: h.org.Key, IssuedAt: now, ExpiresAt: now.Add(time.Minute),
		Binds: gatehouse.Binds{RedirectURI: "https://a.example/", Challenge: "c", Scopes: []string{"read"}, SignIn: gatehouse.SignIn{At: now, Nonce: "n", Methods: []string{"pwd"}}},
	}
}

func TestCodesAreMadeAndUsedOnce(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		h := furnish(t, dsn)
		ctx, now := t.Context(), time.Now().UTC().Truncate(time.Microsecond)
		hash := h.pend(t, now.Add(time.Minute))
		if _, err := h.Pending(ctx, gatehouse.PendingPushed, hash); gatehouse.KindOf(err) != gatehouse.NotFound {
			t.Errorf("found as another kind: %v", err)
		}
		codes := make(chan *gatehouse.Code, 20)
		var makers sync.WaitGroup
		for range cap(codes) {
			makers.Go(func() {
				c := h.newCode(now)
				consent := gatehouse.Consent{UserID: h.john.ID, ConsumerKey: h.keys.ConsumerKey, Scopes: []string{"read"}, At: now}
				switch err := h.CreateCode(ctx, hash, c, consent); {
				case err == nil:
					codes <- c
				case gatehouse.KindOf(err) != gatehouse.NotFound:
					t.Error(err)
				}
			})
		}
		makers.Wait()
		close(codes)
		if len(codes) != 1 {
			t.Fatalf("one request was answered with %d codes", len(codes))
		}
		made := <-codes

		var used atomic.Int32
		var users sync.WaitGroup
		for range 20 {
			users.Go(func() {
				err := h.UseCode(ctx, made.Hash, now, func(c *gatehouse.Code) error {
					if !c.UsedAt.IsZero() {
						return gatehouse.Errorf(gatehouse.Conflict, "used")
					}
					if diff := cmp.Diff(made, c); diff != "" {
						t.Error(diff)
					}
					return nil
				})
				if err == nil {
					used.Add(1)
				} else if gatehouse.KindOf(err) != gatehouse.Conflict {
					t.Error(err)
				}
			})
		}
		users.Wait()
		if used.Load() != 1 {
			t.Errorf("one code was used %d times", used.Load())
		}
	})
}

func TestWhatWaitsEnds(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		h := furnish(t, dsn)
		hash := h.pend(t, time.Now().Add(time.Hour))
		h.Now = func() time.Time { return time.Now().Add(2 * time.Hour) }
		if err := h.TakePending(t.Context(), hash); gatehouse.KindOf(err) != gatehouse.NotFound {
			t.Errorf("taken after its end: %v", err)
		}
		if _, err := h.Pending(t.Context(), gatehouse.PendingAuthorize, hash); gatehouse.KindOf(err) != gatehouse.NotFound {
			t.Errorf("found after its end: %v", err)
		}
		if err := h.Purge(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestRevocationsEndCodes(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		h := furnish(t, dsn)
		ctx, now := t.Context(), time.Now().UTC().Truncate(time.Microsecond)
		c := h.newCode(now)
		if err := h.CreateCode(ctx, h.pend(t, now.Add(time.Minute)), c, gatehouse.Consent{UserID: h.john.ID, ConsumerKey: h.keys.ConsumerKey}); err != nil {
			t.Fatal(err)
		}
		if err := h.SetPassword(ctx, h.john.ID, "hash"); err != nil {
			t.Fatal(err)
		}
		err := h.UseCode(ctx, c.Hash, now, func(c *gatehouse.Code) error {
			if !c.Revoked {
				t.Error("a code from before the password changed is not revoked")
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestConsentsAddUp(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		h := furnish(t, dsn)
		ctx, now := t.Context(), time.Now().UTC().Truncate(time.Microsecond)
		if c, err := h.Consent(ctx, h.john.ID, h.keys.ConsumerKey); c != nil || err != nil {
			t.Errorf("%v %v before anything was allowed", c, err)
		}
		for _, scopes := range [][]string{{"read"}, {"write", "openid"}, {"openid"}} {
			err := h.CreateCode(ctx, h.pend(t, now.Add(time.Minute)), h.newCode(now), gatehouse.Consent{UserID: h.john.ID, ConsumerKey: h.keys.ConsumerKey, Scopes: scopes, At: now})
			if err != nil {
				t.Fatal(err)
			}
		}
		got, err := h.Consent(ctx, h.john.ID, h.keys.ConsumerKey)
		if err != nil || !got.Covers([]string{"read", "write", "openid"}) || len(got.Scopes) != 3 {
			t.Errorf("%v %+v", err, got)
		}
	})
}

func TestClientsOfASessionAreTakenOnce(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		h := furnish(t, dsn)
		ctx := t.Context()
		for range 2 {
			if err := h.CreateSessionClient(ctx, "sid", h.keys.ConsumerKey, h.john.ID, time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		for _, want := range []int{1, 0} {
			if got, err := h.TakeSessionClients(ctx, "sid"); err != nil || len(got) != want {
				t.Errorf("%v %v, want %d", got, err, want)
			}
		}
	})
}
