// Package token writes authorizations down as access tokens and reads them back.
//
//	token.go     issue and verify, whatever the format
//	jws.go       signed JWTs (RFC 9068), read without a look-up
//	claims.go    their claims, read in one pass
//	idtoken.go   ID tokens and logout tokens, for clients to read
//	backend.go   what backends are told of callers
//	opaque.go    random strings, looked up by their hash; they say what their users may now
//	internal.go  keys by which publishers try their APIs out
//	keys.go      the signing keys, and their public halves
//	rotation.go  how they take turns
//	revoked.go   what ended before its time
//	cache.go     what was verified a moment ago
//	seal.go      AES-256-GCM for what must be read back
//
// It does not own the question who may get a token (package tokenapi), nor the rotation
// of refresh tokens.
package token

import (
	"context"
	"crypto/sha256"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse"
)

// MaxLength is the longest access token that is read, in bytes.
const MaxLength = 8 << 10

// Tokens issues and verifies access tokens.
type Tokens struct {
	Issuer  string // the iss of JWTs and their audience
	Keys    *Keys
	Revoked *Revoked
	Store   Store
	Rights  Rights
	Cache   *Cache
	Now     func() time.Time

	// rights grows with every change of scopes and roles: an opaque token that was read
	// before the last one is read again.
	rights atomic.Uint64
}

// Store keeps what opaque tokens say, under their hashes, and revocations.
type Store interface {
	CreateAccessToken(ctx context.Context, hash string, a *gatehouse.Authorization) error
	AccessToken(ctx context.Context, hash string) (*gatehouse.Authorization, error)
	Revoke(ctx context.Context, r gatehouse.Revocation) error
}

// Issue writes a down as an access token in the format that c's keys ask for. When c
// revokes what came before, that has ended when Issue returns. It is Invalid, and
// nothing is revoked, when the token would be longer than any that is read.
func (t *Tokens) Issue(ctx context.Context, c *gatehouse.Client, a *gatehouse.Authorization) (string, error) {
	token, err := t.write(ctx, c, a)
	if err != nil {
		return "", err
	}
	if c.RevokesBefore {
		if err := t.Store.Revoke(ctx, a.RevokeBefore(c)); err != nil {
			return "", err
		}
	}
	return token, nil
}

func (t *Tokens) write(ctx context.Context, c *gatehouse.Client, a *gatehouse.Authorization) (string, error) {
	if c.Format == gatehouse.FormatOpaque {
		token := newOpaque()
		return token, t.Store.CreateAccessToken(ctx, gatehouse.HashToken(token), a)
	}
	key, err := t.Keys.signer(ctx, c.Algorithm, a.ExpiresAt)
	if err != nil {
		return "", err
	}
	token, err := key.sign(t.claims(a))
	if len(token) > MaxLength {
		return "", gatehouse.Errorf(gatehouse.Invalid, "the scopes make an access token longer than %d bytes: ask for fewer", MaxLength)
	}
	return token, err
}

// Verify returns what an access token says. A token that is not ours, damaged or
// revoked is Unauthenticated; one whose end has passed is that too, with
// gatehouse.ErrTokenExpired in its chain.
func (t *Tokens) Verify(ctx context.Context, token string) (*gatehouse.Authorization, error) {
	if len(token) > MaxLength {
		return nil, errInvalid
	}
	hash := digest(token)
	e := t.Cache.get(hash)
	if e == nil || e.key == "" && e.rights != t.rights.Load() {
		var err error
		if e, err = t.read(ctx, token); err != nil {
			return nil, err
		}
		t.Cache.put(hash, e, t.Now())
	}
	if !t.Now().Before(e.authorization.ExpiresAt) {
		return nil, errExpired
	}
	if !t.stands(e) {
		return nil, errInvalid
	}
	return e.authorization, nil
}

// Stands reports whether no revocation names a.
func (t *Tokens) Stands(a *gatehouse.Authorization) bool { return !t.Revoked.names(a) }

// digest hashes a token. The copy of it stays on the stack, unless the token is longer
// than they usually are.
func digest(token string) [sha256.Size]byte {
	var text [2 << 10]byte
	return sha256.Sum256(append(text[:0], token...))
}

// read returns what a token says that is not revoked. What it is checked against is noted
// as it was before: a change meanwhile makes another look due.
func (t *Tokens) read(ctx context.Context, token string) (*entry, error) {
	e := &entry{rights: t.rights.Load()}
	e.generation.Store(t.Revoked.generation.Load())
	var err error
	if strings.HasPrefix(token, opaquePrefix) {
		e.authorization, err = t.readOpaque(ctx, token)
	} else {
		e.authorization, e.key, err = t.readJWT(token)
	}
	if err != nil {
		return nil, err
	}
	if t.Revoked.names(e.authorization) {
		return nil, errInvalid
	}
	return e, nil
}

// The two refusals are values: they are answered under floods of bad tokens.
var (
	errInvalid error = &gatehouse.Error{Kind: gatehouse.Unauthenticated, Message: "the access token is not valid"}
	errExpired error = &gatehouse.Error{Kind: gatehouse.Unauthenticated, Message: "the access token has expired", Err: gatehouse.ErrTokenExpired}
)
