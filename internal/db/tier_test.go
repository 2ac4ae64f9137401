package db_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/gatehousetest"
)

func (h *house) tier(level gatehouse.TierLevel, name string) *gatehouse.Tier {
	now := time.Now().UTC().Truncate(time.Microsecond)
	limit := gatehouse.Limit{Calls: 3, Every: 1, Unit: gatehouse.PerMinute}
	return &gatehouse.Tier{
		ID: gatehouse.NewID(now), OrgID: h.org.ID, Level: level, Name: name, DisplayName: name, CreatedAt: now,
		Terms: gatehouse.Terms{Limit: limit, Lenient: true, Groups: []gatehouse.ConditionGroup{{Conditions: []gatehouse.Condition{{Kind: gatehouse.ByClaim, Name: "sub", Pattern: "a"}}, Limit: limit}}},
	}
}

func noRule[T any](T) error { return nil }

func TestRulesAreStoredAndAnnounced(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		h := furnish(t, dsn)
		ctx := t.Context()
		before, err := h.LastChange(ctx)
		must(t, err)
		tier := h.tier(gatehouse.AdvancedTier, "Mini")
		must(t, h.CreateTier(ctx, &h.org, tier, noRule))
		on := &gatehouse.DenyPolicy{ID: "on", OrgID: h.org.ID, Kind: gatehouse.DenyUser, Value: "sue", Active: true, CreatedAt: tier.CreatedAt}
		off := &gatehouse.DenyPolicy{ID: "off", OrgID: h.org.ID, Kind: gatehouse.DenyUser, Value: "sam", CreatedAt: tier.CreatedAt.Add(time.Second)}
		must(t, h.CreateDenyPolicy(ctx, &h.org, on, noRule))
		must(t, h.CreateDenyPolicy(ctx, &h.org, off, noRule))
		want := &gatehouse.Rules{OrgKey: "johnsorg", Tiers: []gatehouse.Tier{*tier}, Denied: []gatehouse.DenyPolicy{*on}}
		rules, err := h.Rules(ctx, "johnsorg")
		must(t, err)
		if diff := cmp.Diff(want, rules); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		all, err := h.AllRules(ctx)
		must(t, err)
		if diff := cmp.Diff([]*gatehouse.Rules{want}, all); diff != "" {
			t.Errorf("of all (-want +got)\n%s", diff)
		}
		must(t, h.SwitchDenyPolicy(ctx, &h.org, "on", false))
		must(t, h.DeleteDenyPolicy(ctx, &h.org, "off"))
		must(t, h.DeleteTier(ctx, &h.org, tier.ID, func(*gatehouse.Tier, gatehouse.TierUses) error { return nil }))
		changes, err := h.Changes(ctx, before, 100)
		must(t, err)
		for _, c := range changes {
			if c.Noun != gatehouse.RulesChanged || c.ID != "johnsorg" {
				t.Errorf("announced %+v", c)
			}
		}
		if len(changes) != 6 {
			t.Errorf("%d changes are announced, want 6", len(changes))
		}
		if rules, err := h.Rules(ctx, "nobody"); err != nil || len(rules.Tiers) != 0 {
			t.Errorf("rules of nobody: %v, %v", rules, err)
		}
		wantKind(t, h.SwitchDenyPolicy(ctx, &gatehouse.Organization{ID: "other", Key: "other"}, "on", true), gatehouse.NotFound) // check 137
	})
}

// A tier is deleted while applications and APIs begin to use it: none of them has a tier
// afterwards that is gone.
func TestATierInUseIsNeverGone(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		h := furnish(t, dsn)
		ctx := t.Context()
		for round := range 10 {
			tier := h.tier(gatehouse.ApplicationTier, fmt.Sprint("Mini", round))
			advanced := h.tier(gatehouse.AdvancedTier, tier.Name)
			must(t, h.CreateTier(ctx, &h.org, tier, noRule))
			must(t, h.CreateTier(ctx, &h.org, advanced, noRule))
			var all sync.WaitGroup
			var used, called error
			all.Go(func() {
				used = h.UpdateApplication(ctx, h.org.ID, h.app.ID, func(a *gatehouse.Application) error { a.Tier = tier.Name; return nil })
			})
			all.Go(func() {
				called = h.UpdateAPI(ctx, h.org.ID, h.api.ID, func(a *gatehouse.API, _ *gatehouse.Definition, _ []gatehouse.Scope) error {
					a.Settings.Tier = tier.Name
					return nil
				})
			})
			gone := map[*gatehouse.Tier]*error{tier: new(error), advanced: new(error)}
			for one, err := range gone {
				all.Go(func() { *err = h.DeleteTier(ctx, &h.org, one.ID, (*gatehouse.Tier).Deletable) })
			}
			all.Wait()
			for one, use := range map[*gatehouse.Tier]error{tier: used, advanced: called} {
				deleted := *gone[one]
				if (use == nil) == (deleted == nil) {
					t.Fatalf("round %d: the %s tier was used: %v, and deleted: %v", round, one.Level, use, deleted)
				}
				if use != nil && gatehouse.KindOf(use) != gatehouse.Invalid || deleted != nil && gatehouse.KindOf(deleted) != gatehouse.Conflict {
					t.Errorf("round %d: used: %v, deleted: %v", round, use, deleted)
				}
			}
		}
	})
}
