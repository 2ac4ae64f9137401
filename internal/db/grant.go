package db

import (
	"context"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db/query"
)

// UseGrants adds to how often consumer keys used grant types. Keys that are gone
// meanwhile are left out.
func (db *DB) UseGrants(ctx context.Context, uses []gatehouse.GrantUse) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		for _, u := range uses {
			err := t.UseGrant(ctx, query.UseGrantParams{ConsumerKey: u.ConsumerKey, GrantType: u.Grant, Uses: u.Uses, LastDay: micros(u.LastDay)})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return db.explain(err, "use of a grant")
}

// GrantUses returns how often a consumer key used each grant type that it ever used.
func (db *DB) GrantUses(ctx context.Context, consumerKey string) ([]gatehouse.GrantUse, error) {
	rows, err := db.q.GrantUsesOf(ctx, consumerKey)
	return each(rows, func(r query.GrantUse) gatehouse.GrantUse {
		return gatehouse.GrantUse{ConsumerKey: r.ConsumerKey, Grant: r.GrantType, Uses: r.Uses, LastDay: moment(r.LastDay)}
	}), db.explain(err, "use of a grant")
}
