package db

import (
	"context"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db/query"
)

func organization(r query.Organization) gatehouse.Organization {
	return gatehouse.Organization{
		ID: r.ID, Key: r.Key, Name: r.Name, CreatedAt: moment(r.CreatedAt),
		PasswordGrant: r.PasswordGrant, NeverExpiring: r.NeverExpiring, SignUp: r.SignUp, PasswordDeprecated: moment(r.PasswordDeprecatedAt),
	}
}

// CreateOrganization stores a new organization, and with it its first member, a new
// user, unless that is nil. It is a Conflict when the key is taken.
func (db *DB) CreateOrganization(ctx context.Context, o *gatehouse.Organization, first *gatehouse.Member, passwordHash string) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		err := t.CreateOrganization(ctx, query.CreateOrganizationParams{
			ID: o.ID, Key: o.Key, Name: o.Name, CreatedAt: micros(o.CreatedAt),
			PasswordGrant: o.PasswordGrant, NeverExpiring: o.NeverExpiring, SignUp: o.SignUp, PasswordDeprecatedAt: micros(o.PasswordDeprecated),
		})
		if err != nil || first == nil {
			return err
		}
		return t.createUser(ctx, first, passwordHash)
	})
	return db.explain(err, "organization")
}

// Organization returns the organization with a key.
func (db *DB) Organization(ctx context.Context, key string) (*gatehouse.Organization, error) {
	r, err := db.q.OrganizationByKey(ctx, key)
	if err != nil {
		return nil, db.explain(err, "organization")
	}
	o := organization(r)
	return &o, nil
}

// Organizations returns every organization, by key.
func (db *DB) Organizations(ctx context.Context) ([]gatehouse.Organization, error) {
	rows, err := db.q.Organizations(ctx)
	return each(rows, organization), db.explain(err, "organization")
}

// UpdateOrganization applies rule to an organization and stores the outcome.
func (db *DB) UpdateOrganization(ctx context.Context, key string, rule func(*gatehouse.Organization) error) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		r, err := t.OrganizationByKey(ctx, key)
		if err != nil {
			return err
		}
		o := organization(r)
		if err := rule(&o); err != nil {
			return err
		}
		err = t.UpdateOrganization(ctx, query.UpdateOrganizationParams{
			ID: o.ID, Name: o.Name, PasswordGrant: o.PasswordGrant, NeverExpiring: o.NeverExpiring, SignUp: o.SignUp, PasswordDeprecatedAt: micros(o.PasswordDeprecated),
		})
		if err != nil {
			return err
		}
		clients, err := t.KeysOfOrganization(ctx, o.ID)
		if err != nil {
			return err
		}
		if err := t.applicationsOf(ctx, o.ID, ""); err != nil {
			return err
		}
		return t.changed(ctx, gatehouse.ClientChanged, clients...)
	})
	return db.explain(err, "organization")
}

// DeleteOrganization removes an organization with all it owns, and revokes every token
// that was issued in it.
func (db *DB) DeleteOrganization(ctx context.Context, key string) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		o, err := t.OrganizationByKey(ctx, key)
		if err != nil {
			return err
		}
		clients, err := t.KeysOfOrganization(ctx, o.ID)
		if err != nil {
			return err
		}
		apis, err := t.APIsOf(ctx, o.ID)
		if err != nil {
			return err
		}
		if err := t.applicationsOf(ctx, o.ID, ""); err != nil {
			return err
		}
		rows, err := t.DeleteOrganization(ctx, o.ID)
		if err := one(rows, err, "organization"); err != nil {
			return err
		}
		if err := t.revoke(ctx, gatehouse.RevokeAll(gatehouse.RevokedOrg, key, db.Now())); err != nil {
			return err
		}
		for _, a := range apis {
			if err := t.changed(ctx, gatehouse.APIChanged, a.ID); err != nil {
				return err
			}
		}
		if err := t.changed(ctx, gatehouse.RulesChanged, key); err != nil {
			return err
		}
		return t.changed(ctx, gatehouse.ClientChanged, clients...)
	})
	return db.explain(err, "organization")
}

// Roles returns the roles of an organization that are not built in, by name.
func (db *DB) Roles(ctx context.Context, orgID string) ([]gatehouse.Role, error) {
	names, err := db.q.Roles(ctx, orgID)
	return each(names, func(n string) gatehouse.Role { return gatehouse.Role(n) }), db.explain(err, "role")
}

// each maps rows to nouns.
func each[R, N any](rows []R, noun func(R) N) []N {
	nouns := make([]N, len(rows))
	for i, r := range rows {
		nouns[i] = noun(r)
	}
	return nouns
}

// tryEach maps rows to nouns when a row may be damaged.
func tryEach[R, N any](rows []R, noun func(R) (N, error)) ([]N, error) {
	nouns := make([]N, len(rows))
	for i, r := range rows {
		n, err := noun(r)
		if err != nil {
			return nil, err
		}
		nouns[i] = n
	}
	return nouns, nil
}
