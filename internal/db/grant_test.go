package db_test

import (
	"encoding/json"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/gatehousetest"
)

// check 20: on either database one of several polls at one moment gets what was allowed.
func TestADeviceCodeIsGrantedOnce(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		h, ctx, now := furnish(t, dsn), t.Context(), time.Now().UTC().Truncate(time.Microsecond)
		d := &gatehouse.DeviceCode{
			Hash: "device", UserCode: "user", ConsumerKey: h.keys.ConsumerKey, Carries: gatehouse.Carries{Scopes: []string{"read"}},
			State: gatehouse.DevicePending, Interval: 5 * time.Second, ExpiresAt: now.Add(time.Minute),
		}
		must(t, h.CreateDeviceCode(ctx, d, 1, now))
		wantKind(t, h.CreateDeviceCode(ctx, d, 2, now), gatehouse.Conflict)
		wantKind(t, h.CreateDeviceCode(ctx, &gatehouse.DeviceCode{Hash: "other", UserCode: "other", ConsumerKey: d.ConsumerKey}, 1, now), gatehouse.TooMany)
		got, err := h.DeviceCodeByUserCode(ctx, "user")
		must(t, err)
		if diff := cmp.Diff(d, got); diff != "" {
			t.Error(diff)
		}
		got.State, got.UserID = gatehouse.DeviceAllowed, h.john.ID
		must(t, h.AnswerDeviceCode(ctx, got))
		wantKind(t, h.AnswerDeviceCode(ctx, got), gatehouse.Conflict)
		var all sync.WaitGroup
		var granted atomic.Int32
		for range 10 {
			all.Go(func() {
				err := h.PollDeviceCode(ctx, "device", func(d *gatehouse.DeviceCode) gatehouse.DevicePoll { return d.Poll(d.ConsumerKey, now) })
				if err == nil {
					granted.Add(1)
				} else if gatehouse.KindOf(err) != gatehouse.NotFound {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if granted.Load() != 1 {
			t.Errorf("granted %d times", granted.Load())
		}
	})
}

func TestUsesOfGrantsAddUp(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		h, ctx, today := furnish(t, dsn), t.Context(), gatehouse.Day(time.Now())
		use := func(key, grant string, n int64, day time.Time) gatehouse.GrantUse {
			return gatehouse.GrantUse{ConsumerKey: key, Grant: grant, Uses: n, LastDay: day}
		}
		key := h.keys.ConsumerKey
		must(t, h.UseGrants(ctx, []gatehouse.GrantUse{use(key, "password", 3, today), use("gone", "password", 1, today), use(key, "refresh_token", 1, today)}))
		must(t, h.UseGrants(ctx, []gatehouse.GrantUse{use(key, "password", 2, today.AddDate(0, 0, -1))}))
		got, err := h.GrantUses(ctx, key)
		must(t, err)
		if diff := cmp.Diff([]gatehouse.GrantUse{use(key, "password", 5, today), use(key, "refresh_token", 1, today)}, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestIssuersBelongToOrganizations(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		h, ctx, now := furnish(t, dsn), t.Context(), time.Now().UTC().Truncate(time.Microsecond)
		i := gatehouse.TrustedIssuer{
			ID: gatehouse.NewID(now), OrgID: h.org.ID, Kind: gatehouse.IssuerJWT, Issuer: "https://login.example", JWKS: json.RawMessage(`{"keys":[]}`),
			Audience: "a", Claim: "email", ConsumerKey: "k", CreatedAt: now,
		}
		must(t, h.CreateIssuer(ctx, &i, 2))
		again := i
		again.ID = gatehouse.NewID(now)
		wantKind(t, h.CreateIssuer(ctx, &again, 2), gatehouse.Conflict)
		again.Issuer = "https://other.example"
		wantKind(t, h.CreateIssuer(ctx, &again, 1), gatehouse.Conflict)
		got, err := h.Issuer(ctx, h.org.ID, gatehouse.IssuerJWT, i.Issuer)
		must(t, err)
		if diff := cmp.Diff(&i, got); diff != "" {
			t.Error(diff)
		}
		_, err = h.Issuer(ctx, "another", gatehouse.IssuerJWT, i.Issuer)
		wantKind(t, err, gatehouse.NotFound)
		wantKind(t, h.DeleteIssuer(ctx, "another", i.ID), gatehouse.NotFound)
		must(t, h.DeleteIssuer(ctx, h.org.ID, i.ID))
		all, err := h.Issuers(ctx, h.org.ID)
		must(t, err)
		if len(all) != 0 {
			t.Errorf("there are %v", all)
		}
	})
}
