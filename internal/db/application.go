package db

import (
	"context"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db/query"
)

func application(r query.Application, owner string) *gatehouse.Application {
	return &gatehouse.Application{
		ID: r.ID, OrgID: r.OrgID, OwnerID: r.OwnerID, Owner: owner, Name: r.Name, Description: r.Description,
		Tier: r.Tier, TokenFormat: gatehouse.TokenFormat(r.TokenFormat), CreatedAt: moment(r.CreatedAt),
	}
}

// Provision stores what a developer needs to call an API, all or nothing: whichever of
// an application, keys with their first secret and a subscription are not nil. It is a
// Conflict when one of them exists.
func (db *DB) Provision(ctx context.Context, app *gatehouse.Application, keys *gatehouse.Keys, sub *gatehouse.Subscription) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		if app != nil {
			if err := t.createApplication(ctx, app); err != nil {
				return db.explain(err, "application")
			}
		}
		if keys != nil {
			if err := t.createKeys(ctx, keys); err != nil {
				return db.explain(err, "consumer key")
			}
		}
		if sub != nil {
			return db.explain(t.createSubscription(ctx, sub), "subscription")
		}
		return nil
	})
	return db.explain(err, "application")
}

func (t *tx) createApplication(ctx context.Context, app *gatehouse.Application) error {
	if err := t.checkTiers(ctx, app.OrgID, app.CheckTiers); err != nil {
		return err
	}
	return t.CreateApplication(ctx, query.CreateApplicationParams{
		ID: app.ID, OrgID: app.OrgID, OwnerID: app.OwnerID, Name: app.Name, Description: app.Description,
		Tier: app.Tier, TokenFormat: string(app.TokenFormat), CreatedAt: micros(app.CreatedAt),
	})
}

// Application returns an application of an organization.
func (db *DB) Application(ctx context.Context, orgID, id string) (*gatehouse.Application, error) {
	r, err := db.q.ApplicationByID(ctx, query.ApplicationByIDParams{OrgID: orgID, ID: id})
	if err != nil {
		return nil, db.explain(err, "application")
	}
	return application(r.Application, r.Username), nil
}

// ApplicationByName returns the application that an owner gave a name.
func (db *DB) ApplicationByName(ctx context.Context, orgID, ownerID, name string) (*gatehouse.Application, error) {
	r, err := db.q.ApplicationByName(ctx, query.ApplicationByNameParams{OrgID: orgID, OwnerID: ownerID, Name: name})
	if err != nil {
		return nil, db.explain(err, "application")
	}
	return application(r.Application, r.Username), nil
}

// Applications returns an organization's applications, the oldest first: one owner's,
// or everybody's when ownerID is empty.
func (db *DB) Applications(ctx context.Context, orgID, ownerID string) ([]*gatehouse.Application, error) {
	rows, err := db.q.ApplicationsOf(ctx, query.ApplicationsOfParams{OrgID: orgID, OwnerID: ownerID})
	return each(rows, func(r query.ApplicationsOfRow) *gatehouse.Application {
		return application(r.Application, r.Username)
	}), db.explain(err, "application")
}

// UpdateApplication applies rule to an application and stores the outcome.
func (db *DB) UpdateApplication(ctx context.Context, orgID, id string, rule func(*gatehouse.Application) error) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		r, err := t.ApplicationByID(ctx, query.ApplicationByIDParams{OrgID: orgID, ID: id})
		if err != nil {
			return err
		}
		app := application(r.Application, r.Username)
		if err := rule(app); err != nil {
			return err
		}
		if err := t.checkTiers(ctx, orgID, app.CheckTiers); err != nil {
			return err
		}
		err = t.UpdateApplication(ctx, query.UpdateApplicationParams{
			ID: id, Name: app.Name, Description: app.Description, Tier: app.Tier, TokenFormat: string(app.TokenFormat),
		})
		if err != nil {
			return err
		}
		return t.applicationChanged(ctx, id)
	})
	return db.explain(err, "application")
}

// DeleteApplication removes an application with its keys and subscriptions, and revokes
// every token that was issued to it.
func (db *DB) DeleteApplication(ctx context.Context, orgID, id string) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		keys, err := t.KeysOf(ctx, id)
		if err != nil {
			return err
		}
		rows, err := t.DeleteApplication(ctx, query.DeleteApplicationParams{OrgID: orgID, ID: id})
		if err := one(rows, err, "application"); err != nil {
			return err
		}
		for _, k := range keys {
			if err := t.revokeKeys(ctx, k.ConsumerKey); err != nil {
				return err
			}
		}
		return t.changed(ctx, gatehouse.ApplicationChanged, id)
	})
	return db.explain(err, "application")
}

// applicationChanged announces a change to everything that hangs on an application.
func (t *tx) applicationChanged(ctx context.Context, id string) error {
	keys, err := t.KeysOf(ctx, id)
	if err != nil {
		return err
	}
	if err := t.changed(ctx, gatehouse.ApplicationChanged, id); err != nil {
		return err
	}
	return t.changed(ctx, gatehouse.ClientChanged, each(keys, func(k query.Key) string { return k.ConsumerKey })...)
}
