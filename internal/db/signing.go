package db

import (
	"context"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db/query"
)

// SigningKeys returns the signing keys, the oldest first.
func (db *DB) SigningKeys(ctx context.Context) (gatehouse.KeyRing, error) {
	ring, err := signingKeys(ctx, db.q)
	return ring, db.explain(err, "signing key")
}

func signingKeys(ctx context.Context, q *query.Queries) (gatehouse.KeyRing, error) {
	rows, err := q.SigningKeys(ctx)
	return each(rows, func(r query.SigningKey) gatehouse.SealedKey {
		return gatehouse.SealedKey{
			ID: r.ID, Algorithm: r.Algorithm, Sealed: r.Sealed, CreatedAt: moment(r.CreatedAt),
			SignsAt: moment(r.SignsAt), Until: moment(r.UntilAt), RevokedAt: moment(r.RevokedAt),
		}
	}), err
}

// UpdateSigningKeys applies rule to the signing keys and stores those that it returns,
// new or changed. Nobody else changes them meanwhile: what several nodes want to do
// at the same moment is done once.
func (db *DB) UpdateSigningKeys(ctx context.Context, rule func(gatehouse.KeyRing) ([]gatehouse.SealedKey, error)) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		// The lock of the change feed comes first: what is read under it is the newest.
		if err := db.dialect.announce(ctx, t.sql); err != nil {
			return err
		}
		t.announced = true
		ring, err := signingKeys(ctx, t.Queries)
		if err != nil {
			return err
		}
		changed, err := rule(ring)
		if err != nil {
			return err
		}
		for _, k := range changed {
			err := t.PutSigningKey(ctx, query.PutSigningKeyParams{
				ID: k.ID, Algorithm: k.Algorithm, Sealed: k.Sealed, CreatedAt: micros(k.CreatedAt),
				SignsAt: micros(k.SignsAt), UntilAt: micros(k.Until), RevokedAt: micros(k.RevokedAt),
			})
			if err != nil {
				return err
			}
			if err := t.changed(ctx, gatehouse.KeysRotated, k.ID); err != nil {
				return err
			}
		}
		return nil
	})
	return db.explain(err, "signing key")
}

// ExtendSigningKey writes down that tokens of a signing key may live until a moment. It
// does nothing when that is known, or when the key is revoked.
func (db *DB) ExtendSigningKey(ctx context.Context, id string, until time.Time) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		rows, err := t.ExtendSigningKey(ctx, query.ExtendSigningKeyParams{ID: id, UntilAt: micros(until)})
		if err != nil || rows == 0 {
			return err
		}
		return t.changed(ctx, gatehouse.KeysRotated, id)
	})
	return db.explain(err, "signing key")
}

// purgeSigningKeys removes the keys that are gone for long.
func (t *tx) purgeSigningKeys(ctx context.Context, now time.Time) error {
	ring, err := signingKeys(ctx, t.Queries)
	if err != nil {
		return err
	}
	for _, id := range ring.Expired(now) {
		if err := t.DeleteSigningKey(ctx, id); err != nil {
			return err
		}
	}
	return nil
}
