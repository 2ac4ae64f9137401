package db

import (
	"context"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db/query"
)

// changed appends to the change feed what this transaction changed of a noun.
func (t *tx) changed(ctx context.Context, noun gatehouse.Noun, ids ...string) error {
	for _, id := range ids {
		if err := t.announce(ctx); err != nil {
			return err
		}
		err := t.AppendChange(ctx, query.AppendChangeParams{Noun: string(noun), ID: id, At: micros(t.db.Now())})
		if err != nil {
			return err
		}
	}
	return nil
}

// announce puts this transaction in turn with all others that announce something, from
// now to its commit.
func (t *tx) announce(ctx context.Context) error {
	if t.announced {
		return nil
	}
	if err := t.db.dialect.announce(ctx, t.sql); err != nil {
		return err
	}
	t.announced = true
	return nil
}

// LastChange returns the sequence of the newest change, 0 when there is none.
func (db *DB) LastChange(ctx context.Context) (int64, error) {
	last, err := db.q.LastChange(ctx)
	return last, db.explain(err, "change")
}

// Changes returns up to limit changes behind a sequence, the oldest first.
func (db *DB) Changes(ctx context.Context, after int64, limit int) ([]gatehouse.Change, error) {
	rows, err := db.q.ChangesAfter(ctx, query.ChangesAfterParams{Seq: after, Limit: int32(limit)})
	if err != nil {
		return nil, db.explain(err, "change")
	}
	changes := make([]gatehouse.Change, len(rows))
	for i, r := range rows {
		changes[i] = gatehouse.Change{Sequence: r.Seq, Noun: gatehouse.Noun(r.Noun), ID: r.ID}
	}
	return changes, nil
}

// WaitForChange returns when there may be new changes, or ctx ends. On PostgreSQL it
// is woken by a notification, and after a second in any case.
func (db *DB) WaitForChange(ctx context.Context) error { return db.dialect.wait(ctx) }

// Purge removes what nobody can use any more: changes that every node has seen long
// ago, and tokens, sessions and revocations whose end has passed.
func (db *DB) Purge(ctx context.Context) error {
	now := db.Now()
	return db.change(ctx, func(ctx context.Context, t *tx) error {
		for _, purge := range []func(context.Context, int64) (int64, error){
			t.PurgeRefreshTokens, t.PurgeAccessTokens, t.PurgeRevocations, t.PurgeSessions, t.PurgePending, t.PurgeSessionClients,
		} {
			if _, err := purge(ctx, micros(now)); err != nil {
				return err
			}
		}
		if _, err := t.PurgeCodes(ctx, micros(now.Add(-gatehouse.CodeMemory))); err != nil {
			return err
		}
		if err := t.purgeSigningKeys(ctx, now); err != nil {
			return err
		}
		// A device that still polls learns that its code has expired.
		if _, err := t.PurgeDeviceCodes(ctx, micros(now.Add(-time.Hour))); err != nil {
			return err
		}
		_, err := t.PurgeChanges(ctx, micros(now.Add(-24*time.Hour)))
		return err
	})
}
