package db

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db/query"
)

// CreateRefreshToken stores the first refresh token of a family.
func (db *DB) CreateRefreshToken(ctx context.Context, r *gatehouse.RefreshToken) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error { return t.createRefreshToken(ctx, r) })
	return db.explain(err, "refresh token")
}

func (t *tx) createRefreshToken(ctx context.Context, r *gatehouse.RefreshToken) error {
	return t.CreateRefreshToken(ctx, query.CreateRefreshTokenParams{
		Hash: r.Hash, Family: r.Family, ConsumerKey: r.ConsumerKey, UserID: r.UserID, OrgKey: r.OrgKey, Carries: jsonText(r.Carries),
		IssuedAt: micros(r.IssuedAt), ExpiresAt: micros(r.ExpiresAt), FamilyEnd: micros(r.FamilyEnd),
	})
}

// RefreshToken returns what is kept of a refresh token, and the member it speaks for: one
// of who is no member any more is NotFound.
func (db *DB) RefreshToken(ctx context.Context, hash string) (*gatehouse.RefreshToken, *gatehouse.Member, error) {
	row, err := db.q.RefreshTokenByHash(ctx, hash)
	if err != nil {
		return nil, nil, db.explain(err, "refresh token")
	}
	t, err := refreshToken(row.RefreshToken)
	if err != nil {
		return nil, nil, err
	}
	t.Revoked = row.Revoked
	m, err := member(row.User, row.Organization, row.Roles, row.JoinedAt)
	return t, m, err
}

func refreshToken(r query.RefreshToken) (*gatehouse.RefreshToken, error) {
	replay, err := base64.StdEncoding.DecodeString(r.Replay)
	if err != nil {
		return nil, fmt.Errorf("a stored answer is damaged: %w", err)
	}
	token := &gatehouse.RefreshToken{
		Hash: r.Hash, Family: r.Family, ConsumerKey: r.ConsumerKey, UserID: r.UserID, OrgKey: r.OrgKey,
		IssuedAt: moment(r.IssuedAt), ExpiresAt: moment(r.ExpiresAt), FamilyEnd: moment(r.FamilyEnd), RotatedAt: moment(r.RotatedAt), Replay: replay,
	}
	if err := json.Unmarshal([]byte(r.Carries), &token.Carries); err != nil {
		return nil, fmt.Errorf("a stored refresh token is damaged: %w", err)
	}
	return token, nil
}

// RotateRefreshToken stores next in the place of its family's live token, the one with a
// hash, which keeps the answer that it gave. It does nothing, and is false, when that token
// is not the live one any more, or a revocation names it: both are asked in the statement
// that rotates it, so that whatever raced it and came first is seen. A revocation that
// comes second names the next token too.
func (db *DB) RotateRefreshToken(ctx context.Context, hash string, next *gatehouse.RefreshToken, replay []byte) (rotated bool, err error) {
	err = db.change(ctx, func(ctx context.Context, t *tx) error {
		rows, err := t.RotateRefreshToken(ctx, query.RotateRefreshTokenParams{
			Hash: hash, RotatedAt: micros(next.IssuedAt), Replay: base64.StdEncoding.EncodeToString(replay),
		})
		if rotated = rows > 0; err != nil || !rotated {
			return err
		}
		return t.createRefreshToken(ctx, next)
	})
	return rotated && err == nil, db.explain(err, "refresh token")
}

// CreateAccessToken stores what an opaque access token says.
func (db *DB) CreateAccessToken(ctx context.Context, hash string, a *gatehouse.Authorization) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		return t.CreateAccessToken(ctx, query.CreateAccessTokenParams{Hash: hash, Says: jsonText(a), ExpiresAt: micros(a.ExpiresAt)})
	})
	return db.explain(err, "access token")
}

// AccessToken returns what the opaque access token with a hash says.
func (db *DB) AccessToken(ctx context.Context, hash string) (*gatehouse.Authorization, error) {
	says, err := db.q.AccessTokenByHash(ctx, hash)
	if err != nil {
		return nil, db.explain(err, "access token")
	}
	var a gatehouse.Authorization
	if err := json.Unmarshal([]byte(says), &a); err != nil {
		return nil, fmt.Errorf("a stored access token is damaged: %w", err)
	}
	return &a, nil
}

// Revoke stores a revocation. It adds to one of the same name: nothing that was revoked
// lives again.
func (db *DB) Revoke(ctx context.Context, r gatehouse.Revocation) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error { return t.revoke(ctx, r) })
	return db.explain(err, "revocation")
}

func (t *tx) revoke(ctx context.Context, r gatehouse.Revocation) error {
	err := t.PutRevocation(ctx, query.PutRevocationParams{
		Kind: string(r.Kind), ID: r.ID, At: micros(r.At), AccessEnd: micros(r.AccessEnd), UntilAt: micros(r.Until),
	})
	if err != nil {
		return err
	}
	return t.changed(ctx, gatehouse.TokensRevoked, string(r.Kind)+":"+r.ID)
}

func revocation(r query.Revocation) gatehouse.Revocation {
	return gatehouse.Revocation{
		Kind: gatehouse.RevocationKind(r.Kind), ID: r.ID, At: moment(r.At), AccessEnd: moment(r.AccessEnd), Until: moment(r.UntilAt),
	}
}

// Revocation returns one revocation.
func (db *DB) Revocation(ctx context.Context, kind gatehouse.RevocationKind, id string) (gatehouse.Revocation, error) {
	r, err := db.q.RevocationByID(ctx, query.RevocationByIDParams{Kind: string(kind), ID: id})
	return revocation(r), db.explain(err, "revocation")
}

// Revocations returns the revocations that may name an access token which has not
// ended yet.
func (db *DB) Revocations(ctx context.Context) ([]gatehouse.Revocation, error) {
	rows, err := db.q.LiveRevocations(ctx, micros(db.Now()))
	return each(rows, revocation), db.explain(err, "revocation")
}
