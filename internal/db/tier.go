package db

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db/query"
)

func tier(r query.Tier) (gatehouse.Tier, error) {
	t := gatehouse.Tier{
		ID: r.ID, OrgID: r.OrgID, Level: gatehouse.TierLevel(r.Level), Name: r.Name, DisplayName: r.DisplayName,
		Description: r.Description, CreatedAt: moment(r.CreatedAt),
	}
	if err := json.Unmarshal([]byte(r.Terms), &t.Terms); err != nil {
		return t, fmt.Errorf("the stored terms of a tier are damaged: %w", err)
	}
	return t, nil
}

// CreateTier stores a new tier of an organization. The rule sees the organization's own
// tiers of now and may refuse.
func (db *DB) CreateTier(ctx context.Context, org *gatehouse.Organization, new *gatehouse.Tier, rule func(own []gatehouse.Tier) error) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		own, err := t.tiers(ctx, org.ID)
		if err != nil {
			return err
		}
		if err := rule(own); err != nil {
			return err
		}
		err = t.CreateTier(ctx, query.CreateTierParams{
			ID: new.ID, OrgID: org.ID, Level: string(new.Level), Name: new.Name, DisplayName: new.DisplayName,
			Description: new.Description, Terms: jsonText(new.Terms), CreatedAt: micros(new.CreatedAt),
		})
		if err != nil {
			return err
		}
		return t.changed(ctx, gatehouse.RulesChanged, org.Key)
	})
	return db.explain(err, "tier")
}

// UpdateTier applies rule to a tier and stores the outcome.
func (db *DB) UpdateTier(ctx context.Context, org *gatehouse.Organization, id string, rule func(*gatehouse.Tier) error) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		r, err := t.TierByID(ctx, query.TierByIDParams{OrgID: org.ID, ID: id})
		if err != nil {
			return err
		}
		changed, err := tier(r)
		if err != nil {
			return err
		}
		if err := rule(&changed); err != nil {
			return err
		}
		err = t.UpdateTier(ctx, query.UpdateTierParams{
			ID: id, DisplayName: changed.DisplayName, Description: changed.Description, Terms: jsonText(changed.Terms),
		})
		if err != nil {
			return err
		}
		return t.changed(ctx, gatehouse.RulesChanged, org.Key)
	})
	return db.explain(err, "tier")
}

// DeleteTier removes a tier. The rule sees what uses it and may refuse. Whatever begins to
// use it at the same time comes before, and is seen, or finds it gone (checkTiers).
func (db *DB) DeleteTier(ctx context.Context, org *gatehouse.Organization, id string, rule func(*gatehouse.Tier, gatehouse.TierUses) error) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		if err := t.announce(ctx); err != nil {
			return err
		}
		r, err := t.TierByID(ctx, query.TierByIDParams{OrgID: org.ID, ID: id})
		if err != nil {
			return err
		}
		gone, err := tier(r)
		if err != nil {
			return err
		}
		uses, err := t.usesOf(ctx, org, &gone)
		if err != nil {
			return err
		}
		if err := rule(&gone, uses); err != nil {
			return err
		}
		rows, err := t.DeleteTier(ctx, query.DeleteTierParams{OrgID: org.ID, ID: id})
		if err := one(rows, err, "tier"); err != nil {
			return err
		}
		return t.changed(ctx, gatehouse.RulesChanged, org.Key)
	})
	return db.explain(err, "tier")
}

func (t *tx) usesOf(ctx context.Context, org *gatehouse.Organization, of *gatehouse.Tier) (uses gatehouse.TierUses, err error) {
	switch of.Level {
	case gatehouse.ApplicationTier:
		uses.Applications, err = t.CountApplicationsOn(ctx, query.CountApplicationsOnParams{OrgID: org.ID, Tier: of.Name})
		return uses, err
	case gatehouse.SubscriptionTier:
		uses.Subscriptions, err = t.CountSubscriptionsOn(ctx, query.CountSubscriptionsOnParams{OrgID: org.ID, Tier: of.Name})
		if err != nil {
			return uses, err
		}
	}
	apis, err := t.apis(ctx, org.ID, org.Key)
	for _, a := range apis {
		if a.Uses(of) {
			uses.APIs = append(uses.APIs, a.Name+" "+a.Version)
		}
	}
	return uses, err
}

// Tiers returns all tiers of an organization.
func (db *DB) Tiers(ctx context.Context, orgID string) (gatehouse.Tiers, error) {
	own, err := (&tx{Queries: db.q}).tiers(ctx, orgID)
	return gatehouse.NewTiers(own), db.explain(err, "tier")
}

func (t *tx) tiers(ctx context.Context, orgID string) ([]gatehouse.Tier, error) {
	rows, err := t.TiersOf(ctx, orgID)
	if err != nil {
		return nil, err
	}
	return tryEach(rows, tier)
}

// checkTiers asks check about the tiers of an organization. Those of its own are looked at
// in turn with transactions that delete one, until the commit.
func (t *tx) checkTiers(ctx context.Context, orgID string, check func(gatehouse.Tiers) error) error {
	if check(gatehouse.NewTiers(nil)) == nil {
		return nil
	}
	if err := t.announce(ctx); err != nil {
		return err
	}
	own, err := t.tiers(ctx, orgID)
	if err != nil {
		return err
	}
	return check(gatehouse.NewTiers(own))
}
