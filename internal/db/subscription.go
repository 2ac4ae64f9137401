package db

import (
	"context"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db/query"
)

func subscription(r query.Subscription) gatehouse.Subscription {
	return gatehouse.Subscription{
		ID: r.ID, OrgID: r.OrgID, ApplicationID: r.ApplicationID, APIID: r.APIID, Tier: r.Tier,
		State: gatehouse.SubscriptionState(r.State), CreatedAt: moment(r.CreatedAt),
	}
}

// createSubscription stores a subscription when the API, as it is in this transaction,
// takes it.
func (t *tx) createSubscription(ctx context.Context, s *gatehouse.Subscription) error {
	r, err := t.APIByID(ctx, query.APIByIDParams{OrgID: s.OrgID, ID: s.APIID})
	if err != nil {
		return t.db.explain(err, "API")
	}
	a, err := api(r.API, r.OrgKey)
	if err != nil {
		return err
	}
	if err := s.Validate(a); err != nil {
		return err
	}
	err = t.CreateSubscription(ctx, query.CreateSubscriptionParams{
		ID: s.ID, OrgID: s.OrgID, ApplicationID: s.ApplicationID, APIID: s.APIID, Tier: s.Tier, State: string(s.State), CreatedAt: micros(s.CreatedAt),
	})
	if err != nil {
		return err
	}
	return t.applicationChanged(ctx, s.ApplicationID)
}

// Subscription returns a subscription of an organization.
func (db *DB) Subscription(ctx context.Context, orgID, id string) (*gatehouse.Subscription, error) {
	r, err := db.q.SubscriptionByID(ctx, query.SubscriptionByIDParams{OrgID: orgID, ID: id})
	if err != nil {
		return nil, db.explain(err, "subscription")
	}
	s := subscription(r)
	return &s, nil
}

// SubscriptionsOf returns an application's subscriptions, the oldest first.
func (db *DB) SubscriptionsOf(ctx context.Context, applicationID string) ([]gatehouse.Subscription, error) {
	rows, err := db.q.SubscriptionsOfApplication(ctx, applicationID)
	return each(rows, subscription), db.explain(err, "subscription")
}

// SubscriptionsTo returns the subscriptions to an API, the oldest first.
func (db *DB) SubscriptionsTo(ctx context.Context, orgID, apiID string) ([]gatehouse.Subscription, error) {
	rows, err := db.q.SubscriptionsToAPI(ctx, query.SubscriptionsToAPIParams{OrgID: orgID, APIID: apiID})
	return each(rows, subscription), db.explain(err, "subscription")
}

// UpdateSubscription applies rule to a subscription and stores its tier and state.
func (db *DB) UpdateSubscription(ctx context.Context, orgID, id string, rule func(*gatehouse.Subscription) error) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		r, err := t.SubscriptionByID(ctx, query.SubscriptionByIDParams{OrgID: orgID, ID: id})
		if err != nil {
			return err
		}
		s := subscription(r)
		if err := rule(&s); err != nil {
			return err
		}
		if err := t.UpdateSubscription(ctx, query.UpdateSubscriptionParams{ID: id, Tier: s.Tier, State: string(s.State)}); err != nil {
			return err
		}
		return t.applicationChanged(ctx, s.ApplicationID)
	})
	return db.explain(err, "subscription")
}

// DeleteSubscription removes a subscription.
func (db *DB) DeleteSubscription(ctx context.Context, orgID, id string) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		r, err := t.SubscriptionByID(ctx, query.SubscriptionByIDParams{OrgID: orgID, ID: id})
		if err != nil {
			return err
		}
		rows, err := t.DeleteSubscription(ctx, query.DeleteSubscriptionParams{OrgID: orgID, ID: id})
		if err := one(rows, err, "subscription"); err != nil {
			return err
		}
		return t.applicationChanged(ctx, r.ApplicationID)
	})
	return db.explain(err, "subscription")
}
