package db

import (
	"context"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db/query"
)

// UseOnce notes that what has a hash was used: a client assertion or a proof, which is
// good for nothing after until. It is a Conflict when it was used before, on whichever
// node.
func (db *DB) UseOnce(ctx context.Context, hash string, until time.Time) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		rows, err := t.UseOnce(ctx, query.UseOnceParams{Hash: hash, ExpiresAt: micros(until)})
		if err == nil && rows == 0 {
			return gatehouse.Errorf(gatehouse.Conflict, "it was used before")
		}
		return err
	})
	return db.explain(err, "proof")
}

// PurgeUsed forgets what is good for nothing any more anyhow. There may be one row for
// each call of the gateway, so it is done often.
func (db *DB) PurgeUsed(ctx context.Context) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		_, err := t.PurgeUsedOnce(ctx, micros(db.Now()))
		return err
	})
	return db.explain(err, "proof")
}
