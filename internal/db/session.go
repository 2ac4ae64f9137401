package db

import (
	"context"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db/query"
)

// CreateSession stores a browser session.
func (db *DB) CreateSession(ctx context.Context, s *gatehouse.Session) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		return t.CreateSession(ctx, query.CreateSessionParams{
			Hash: s.Hash, SID: s.SID, UserID: s.UserID, OrgID: s.OrgID, CreatedAt: micros(s.CreatedAt), SeenAt: micros(s.SeenAt), ExpiresAt: micros(s.ExpiresAt),
		})
	})
	return db.explain(err, "session")
}

// Session returns the session with a hash.
func (db *DB) Session(ctx context.Context, hash string) (*gatehouse.Session, error) {
	r, err := db.q.SessionByHash(ctx, hash)
	if err != nil {
		return nil, db.explain(err, "session")
	}
	return &gatehouse.Session{
		Hash: r.Hash, SID: r.SID, UserID: r.UserID, OrgID: r.OrgID, CreatedAt: moment(r.CreatedAt), SeenAt: moment(r.SeenAt), ExpiresAt: moment(r.ExpiresAt),
	}, nil
}

// TouchSession notes that a session was used.
func (db *DB) TouchSession(ctx context.Context, hash string, at time.Time) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		return t.TouchSession(ctx, query.TouchSessionParams{Hash: hash, SeenAt: micros(at)})
	})
	return db.explain(err, "session")
}

// DeleteSession ends a session.
func (db *DB) DeleteSession(ctx context.Context, hash string) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error { return t.DeleteSession(ctx, hash) })
	return db.explain(err, "session")
}
