package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db/query"
)

// CreatePending stores something that waits for its next step.
func (db *DB) CreatePending(ctx context.Context, p *gatehouse.Pending) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		return t.CreatePending(ctx, query.CreatePendingParams{
			Hash: p.Hash, Kind: string(p.Kind), ConsumerKey: p.ConsumerKey, Says: string(p.Says), ExpiresAt: micros(p.ExpiresAt),
		})
	})
	return db.explain(err, "request")
}

// Pending returns what waits under a hash; NotFound when its time is over too.
func (db *DB) Pending(ctx context.Context, kind gatehouse.PendingKind, hash string) (*gatehouse.Pending, error) {
	r, err := db.q.PendingByHash(ctx, query.PendingByHashParams{Hash: hash, Kind: string(kind), ExpiresAt: micros(db.Now())})
	if err != nil {
		return nil, db.explain(err, "request")
	}
	return &gatehouse.Pending{Hash: r.Hash, Kind: kind, ConsumerKey: r.ConsumerKey, Says: []byte(r.Says), ExpiresAt: moment(r.ExpiresAt)}, nil
}

// TakePending removes what waits under a hash. Of several who take it at once, all but
// one get NotFound.
func (db *DB) TakePending(ctx context.Context, hash string) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error { return t.takePending(ctx, hash) })
	return db.explain(err, "request")
}

func (t *tx) takePending(ctx context.Context, hash string) error {
	rows, err := t.TakePending(ctx, query.TakePendingParams{Hash: hash, ExpiresAt: micros(t.db.Now())})
	return one(rows, err, "request")
}

// CreateCode takes the request that is pending under a hash, stores the code that answers
// it, and adds to what the user consents to, all or nothing.
func (db *DB) CreateCode(ctx context.Context, pending string, c *gatehouse.Code, consent gatehouse.Consent) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		if err := t.takePending(ctx, pending); err != nil {
			return err
		}
		before, err := t.consent(ctx, consent.UserID, consent.ConsumerKey)
		if err != nil {
			return err
		}
		if !before.Covers(consent.Scopes) {
			if err := t.addConsent(ctx, before, consent); err != nil {
				return err
			}
		}
		return t.CreateCode(ctx, query.CreateCodeParams{
			Hash: c.Hash, Family: c.Family, ConsumerKey: c.ConsumerKey, UserID: c.UserID, OrgKey: c.OrgKey, Binds: jsonText(c.Binds),
			IssuedAt: micros(c.IssuedAt), ExpiresAt: micros(c.ExpiresAt),
		})
	})
	return db.explain(err, "request")
}

func (t *tx) addConsent(ctx context.Context, before *gatehouse.Consent, c gatehouse.Consent) error {
	scopes := c.Scopes
	if before != nil {
		scopes = slices.Concat(before.Scopes, c.Scopes)
		slices.Sort(scopes)
		scopes = slices.Compact(scopes)
	}
	return t.PutConsent(ctx, query.PutConsentParams{UserID: c.UserID, ConsumerKey: c.ConsumerKey, Scopes: text(scopes), At: micros(c.At)})
}

// Consent returns what a user consented to for a client, nil when that is nothing.
func (db *DB) Consent(ctx context.Context, userID, consumerKey string) (*gatehouse.Consent, error) {
	c, err := (&tx{Queries: db.q}).consent(ctx, userID, consumerKey)
	return c, db.explain(err, "consent")
}

func (t *tx) consent(ctx context.Context, userID, consumerKey string) (*gatehouse.Consent, error) {
	r, err := t.ConsentOf(ctx, query.ConsentOfParams{UserID: userID, ConsumerKey: consumerKey})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	scopes, err := list[string](r.Scopes)
	return &gatehouse.Consent{UserID: r.UserID, ConsumerKey: r.ConsumerKey, Scopes: scopes, At: moment(r.At)}, err
}

// UseCode asks rule about the code with a hash and, unless that is an error, marks the
// code as used. Of several uses at once one comes first; the rule sees the others' as
// second uses. It is NotFound when there is no such code.
func (db *DB) UseCode(ctx context.Context, hash string, at time.Time, rule func(*gatehouse.Code) error) error {
	raced := true
	for attempt := 0; raced && attempt < 2; attempt++ {
		err := db.change(ctx, func(ctx context.Context, t *tx) error {
			c, err := t.code(ctx, hash)
			if err != nil {
				return err
			}
			if err := rule(c); err != nil {
				return err
			}
			rows, err := t.UseCode(ctx, query.UseCodeParams{Hash: hash, UsedAt: micros(at)})
			raced = rows == 0
			return err
		})
		if err != nil {
			return db.explain(err, "authorization code")
		}
	}
	if raced {
		return gatehouse.Errorf(gatehouse.Unavailable, "this authorization code is being used elsewhere: try again")
	}
	return nil
}

func (t *tx) code(ctx context.Context, hash string) (*gatehouse.Code, error) {
	r, err := t.CodeByHash(ctx, hash)
	if err != nil {
		return nil, err
	}
	c := &gatehouse.Code{
		Hash: r.Hash, Family: r.Family, ConsumerKey: r.ConsumerKey, UserID: r.UserID, OrgKey: r.OrgKey,
		IssuedAt: moment(r.IssuedAt), ExpiresAt: moment(r.ExpiresAt), UsedAt: moment(r.UsedAt),
	}
	if err := json.Unmarshal([]byte(r.Binds), &c.Binds); err != nil {
		return nil, fmt.Errorf("a stored authorization code is damaged: %w", err)
	}
	c.Revoked, err = t.revoked(ctx, c)
	return c, err
}

// revoked reports whether a revocation names a code. It is asked in the transaction that
// uses the code up, so that one which raced it and came first is seen, and one that comes
// second names the tokens too.
func (t *tx) revoked(ctx context.Context, c *gatehouse.Code) (bool, error) {
	rows, err := t.RevocationsOf(ctx, query.RevocationsOfParams{
		Family: c.Family, UserID: c.UserID, Member: gatehouse.MemberID(c.UserID, c.OrgKey), ConsumerKey: c.ConsumerKey, OrgKey: c.OrgKey,
	})
	return slices.ContainsFunc(rows, func(r query.Revocation) bool {
		return r.Kind == string(gatehouse.RevokedFamily) || micros(c.IssuedAt) <= r.At
	}), err
}

// CreateSessionClient notes a client that is told when a session ends, until a moment.
func (db *DB) CreateSessionClient(ctx context.Context, sid, consumerKey, userID string, until time.Time) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		return t.PutSessionClient(ctx, query.PutSessionClientParams{SID: sid, ConsumerKey: consumerKey, UserID: userID, ExpiresAt: micros(until)})
	})
	return db.explain(err, "session")
}

// TakeSessionClients removes and returns the consumer keys of the clients that are told
// when a session ends: each is told once.
func (db *DB) TakeSessionClients(ctx context.Context, sid string) (consumerKeys []string, err error) {
	err = db.change(ctx, func(ctx context.Context, t *tx) error {
		rows, err := t.TakeSessionClients(ctx, sid)
		consumerKeys = each(rows, func(r query.SessionClient) string { return r.ConsumerKey })
		return err
	})
	return consumerKeys, db.explain(err, "session")
}
