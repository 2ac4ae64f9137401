package db

import (
	"context"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db/query"
)

func denyPolicy(r query.DenyPolicy) gatehouse.DenyPolicy {
	return gatehouse.DenyPolicy{
		ID: r.ID, OrgID: r.OrgID, Kind: gatehouse.DenyKind(r.Kind), Value: r.Value, Invert: r.Invert, Active: r.Active, CreatedAt: moment(r.CreatedAt),
	}
}

// CreateDenyPolicy stores a new deny policy. The rule sees the organization's of now and
// may refuse.
func (db *DB) CreateDenyPolicy(ctx context.Context, org *gatehouse.Organization, d *gatehouse.DenyPolicy, rule func(all []gatehouse.DenyPolicy) error) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		rows, err := t.DenyPoliciesOf(ctx, org.ID)
		if err != nil {
			return err
		}
		if err := rule(each(rows, denyPolicy)); err != nil {
			return err
		}
		err = t.CreateDenyPolicy(ctx, query.CreateDenyPolicyParams{
			ID: d.ID, OrgID: org.ID, Kind: string(d.Kind), Value: d.Value, Invert: d.Invert, Active: d.Active, CreatedAt: micros(d.CreatedAt),
		})
		if err != nil {
			return err
		}
		return t.changed(ctx, gatehouse.RulesChanged, org.Key)
	})
	return db.explain(err, "deny policy")
}

// SwitchDenyPolicy switches a deny policy on or off.
func (db *DB) SwitchDenyPolicy(ctx context.Context, org *gatehouse.Organization, id string, active bool) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		if _, err := t.DenyPolicyByID(ctx, query.DenyPolicyByIDParams{OrgID: org.ID, ID: id}); err != nil {
			return err
		}
		if err := t.UpdateDenyPolicy(ctx, query.UpdateDenyPolicyParams{ID: id, Active: active}); err != nil {
			return err
		}
		return t.changed(ctx, gatehouse.RulesChanged, org.Key)
	})
	return db.explain(err, "deny policy")
}

// DeleteDenyPolicy removes a deny policy.
func (db *DB) DeleteDenyPolicy(ctx context.Context, org *gatehouse.Organization, id string) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		rows, err := t.DeleteDenyPolicy(ctx, query.DeleteDenyPolicyParams{OrgID: org.ID, ID: id})
		if err := one(rows, err, "deny policy"); err != nil {
			return err
		}
		return t.changed(ctx, gatehouse.RulesChanged, org.Key)
	})
	return db.explain(err, "deny policy")
}

// DenyPolicies returns an organization's deny policies, the oldest first.
func (db *DB) DenyPolicies(ctx context.Context, orgID string) ([]gatehouse.DenyPolicy, error) {
	rows, err := db.q.DenyPoliciesOf(ctx, orgID)
	return each(rows, denyPolicy), db.explain(err, "deny policy")
}

// Rules returns the rules of an organization, by its key: those of its deny policies that
// are switched on. An organization that is gone has none.
func (db *DB) Rules(ctx context.Context, orgKey string) (*gatehouse.Rules, error) {
	rules := &gatehouse.Rules{OrgKey: orgKey}
	org, err := db.Organization(ctx, orgKey)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return rules, nil
	}
	if err != nil {
		return nil, err
	}
	if rules.Tiers, err = (&tx{Queries: db.q}).tiers(ctx, org.ID); err != nil {
		return nil, db.explain(err, "tier")
	}
	all, err := db.DenyPolicies(ctx, org.ID)
	for _, d := range all {
		if d.Active {
			rules.Denied = append(rules.Denied, d)
		}
	}
	return rules, err
}

// AllRules returns the rules of every organization that has some.
func (db *DB) AllRules(ctx context.Context) ([]*gatehouse.Rules, error) {
	by := map[string]*gatehouse.Rules{}
	of := func(key string) *gatehouse.Rules {
		if by[key] == nil {
			by[key] = &gatehouse.Rules{OrgKey: key}
		}
		return by[key]
	}
	tiers, err := db.q.AllTiers(ctx)
	if err != nil {
		return nil, db.explain(err, "tier")
	}
	for _, r := range tiers {
		t, err := tier(r.Tier)
		if err != nil {
			return nil, err
		}
		of(r.OrgKey).Tiers = append(of(r.OrgKey).Tiers, t)
	}
	denied, err := db.q.ActiveDenyPolicies(ctx)
	if err != nil {
		return nil, db.explain(err, "deny policy")
	}
	for _, r := range denied {
		of(r.OrgKey).Denied = append(of(r.OrgKey).Denied, denyPolicy(r.DenyPolicy))
	}
	all := make([]*gatehouse.Rules, 0, len(by))
	for _, rules := range by {
		all = append(all, rules)
	}
	return all, nil
}
