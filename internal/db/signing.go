package db

import (
	"context"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db/query"
)

// CreateSigningKey stores a signing key whose private part is sealed.
func (db *DB) CreateSigningKey(ctx context.Context, k gatehouse.SealedKey) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		err := t.CreateSigningKey(ctx, query.CreateSigningKeyParams{ID: k.ID, Algorithm: k.Algorithm, Sealed: k.Sealed, CreatedAt: micros(k.CreatedAt)})
		if err != nil {
			return err
		}
		return t.changed(ctx, gatehouse.KeysRotated, k.ID)
	})
	return db.explain(err, "signing key")
}

// SigningKeys returns the signing keys, the oldest first.
func (db *DB) SigningKeys(ctx context.Context) ([]gatehouse.SealedKey, error) {
	rows, err := db.q.SigningKeys(ctx)
	return each(rows, func(r query.SigningKey) gatehouse.SealedKey {
		return gatehouse.SealedKey{ID: r.ID, Algorithm: r.Algorithm, Sealed: r.Sealed, CreatedAt: moment(r.CreatedAt)}
	}), db.explain(err, "signing key")
}
