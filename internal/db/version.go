package db

import (
	"context"
	"slices"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db/query"
)

// MoveAPI applies rule to the state of an API and of its other versions that were drawn up
// before it, the newest first, and stores the states. When the rule says so, whoever
// subscribes to one of those is subscribed to this one, in the same state.
func (db *DB) MoveAPI(ctx context.Context, orgID, id string, rule func(a *gatehouse.API, before []*gatehouse.API) (carryOver bool, err error)) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		r, err := t.APIByID(ctx, query.APIByIDParams{OrgID: orgID, ID: id})
		if err != nil {
			return err
		}
		all, err := t.apis(ctx, orgID, r.OrgKey)
		if err != nil {
			return err
		}
		a, before := among(all, id)
		a.Document = r.API.Definition
		states := map[string]gatehouse.State{}
		for _, one := range all {
			states[one.ID] = one.State
		}
		carryOver, err := rule(a, before)
		if err != nil {
			return err
		}
		for _, one := range append(before, a) {
			if one.State == states[one.ID] {
				continue
			}
			if err := t.UpdateState(ctx, query.UpdateStateParams{ID: one.ID, State: string(one.State), UpdatedAt: micros(db.Now())}); err != nil {
				return err
			}
			if err := t.changed(ctx, gatehouse.APIChanged, one.ID); err != nil {
				return err
			}
		}
		if err := t.onlyDefault(ctx, a); err != nil || !carryOver {
			return err
		}
		return t.carryOver(ctx, a, before)
	})
	return db.explain(err, "API")
}

// among returns the API with an id, and the versions of it that were drawn up before, the
// newest first.
func among(all []*gatehouse.API, id string) (a *gatehouse.API, before []*gatehouse.API) {
	for _, one := range all {
		if one.ID == id {
			a = one
		}
	}
	for _, one := range all {
		if one.ID != id && one.Context == a.Context && one.CreatedAt.Before(a.CreatedAt) {
			before = append(before, one)
		}
	}
	slices.SortFunc(before, func(x, y *gatehouse.API) int { return y.CreatedAt.Compare(x.CreatedAt) })
	return a, before
}

// carryOver subscribes the applications that subscribe to older versions of a to a, on the
// same tier where a offers it.
func (t *tx) carryOver(ctx context.Context, a *gatehouse.API, before []*gatehouse.API) error {
	have := map[string]bool{}
	existing, err := t.SubscriptionsToAPI(ctx, query.SubscriptionsToAPIParams{OrgID: a.OrgID, APIID: a.ID})
	if err != nil {
		return err
	}
	for _, s := range existing {
		have[s.ApplicationID] = true
	}
	for _, older := range before {
		subs, err := t.SubscriptionsToAPI(ctx, query.SubscriptionsToAPIParams{OrgID: a.OrgID, APIID: older.ID})
		if err != nil {
			return err
		}
		for _, r := range subs {
			if have[r.ApplicationID] {
				continue
			}
			have[r.ApplicationID] = true
			s := subscription(r)
			s.ID, s.APIID, s.CreatedAt = gatehouse.NewID(t.db.Now()), a.ID, t.db.Now()
			if !slices.Contains(a.Tiers, s.Tier) {
				s.Tier = a.Tiers[0]
			}
			if err := t.createSubscription(ctx, &s); err != nil {
				return err
			}
		}
	}
	return nil
}
