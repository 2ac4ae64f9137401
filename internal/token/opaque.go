package token

import (
	"context"

	"github.com/gatehouse/gatehouse"
)

// opaquePrefix begins every opaque access token: it tells them from JWTs and refresh
// tokens, and lets scanners for leaked secrets find them.
const opaquePrefix = "gha_"

// newOpaque returns an opaque access token: 238 bits after the prefix.
func newOpaque() string { return opaquePrefix + gatehouse.RandomText(40) }

// Rights says what users may hold now.
type Rights interface {
	// Narrow returns what the user that a speaks for may hold now of a's scopes. It is
	// NotFound when the user or the client is gone.
	Narrow(ctx context.Context, a *gatehouse.Authorization) ([]string, error)
}

// RightsChanged makes opaque tokens say what scopes and roles allow that changed just now.
// JWTs carry what they were issued with to their end.
func (t *Tokens) RightsChanged() { t.rights.Add(1) }

// readOpaque returns what an opaque token says. Its scopes are never more than it was
// issued with, and for a user never more than they may hold now.
func (t *Tokens) readOpaque(ctx context.Context, token string) (*gatehouse.Authorization, error) {
	a, err := t.Store.AccessToken(ctx, gatehouse.HashToken(token))
	if err == nil && a.For == gatehouse.ForUser {
		a.Scopes, err = t.Rights.Narrow(ctx, a)
	}
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, errInvalid
	}
	return a, err
}
