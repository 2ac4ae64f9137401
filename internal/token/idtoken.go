package token

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse/gatehouse"
)

// Lifetimes of what is signed for clients.
const (
	idTokenLifetime     = time.Hour
	logoutTokenLifetime = 2 * time.Minute
)

// IDToken returns the ID token (OpenID Connect Core, section 2) that goes with an access
// token which says a: who the user is, for the client alone, and how they signed in.
func (t *Tokens) IDToken(ctx context.Context, c *gatehouse.Client, a *gatehouse.Authorization, accessToken string, user *gatehouse.User) (string, error) {
	claims, end := user.Claims(nil, a.SignIn.ClaimNames.IDToken), a.IssuedAt.Add(idTokenLifetime)
	maps.Copy(claims, map[string]any{
		"iss": t.Issuer, "sub": a.Subject, "aud": c.ConsumerKey, "azp": c.ConsumerKey,
		"iat": a.IssuedAt.Unix(), "exp": end.Unix(), "at_hash": halfHash(accessToken),
	})
	if !a.SignIn.At.IsZero() {
		claims["auth_time"] = a.SignIn.At.Unix()
	}
	if len(a.SignIn.Methods) > 0 {
		claims["amr"] = a.SignIn.Methods
	}
	for name, value := range map[string]string{"nonce": a.SignIn.Nonce, "sid": a.SignIn.Session} {
		if value != "" {
			claims[name] = value
		}
	}
	return t.signFor(ctx, c.Metadata.IDTokenAlg(), "JWT", end, claims)
}

// halfHash is the left half of a SHA-256, as at_hash is made for both our algorithms
// (OpenID Connect Core, section 3.1.3.6).
func halfHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64url.EncodeToString(sum[:len(sum)/2])
}

// logoutEvent is what a logout token announces (OpenID Connect Back-Channel Logout,
// section 2.4).
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// LogoutToken returns the token that tells a client that a user's session has ended.
func (t *Tokens) LogoutToken(ctx context.Context, c *gatehouse.Client, subject, sid string) (string, error) {
	now := t.Now()
	end := now.Add(logoutTokenLifetime)
	return t.signFor(ctx, c.Metadata.IDTokenAlg(), "logout+jwt", end, map[string]any{
		"iss": t.Issuer, "aud": c.ConsumerKey, "sub": subject, "sid": sid, "jti": gatehouse.NewID(now),
		"iat": now.Unix(), "exp": end.Unix(), "events": map[string]any{logoutEvent: struct{}{}},
	})
}

// signFor signs claims that others read until they end, with the same keys as access
// tokens. The type in the header tells them apart: readJWT believes no header but an
// access token's.
func (t *Tokens) signFor(ctx context.Context, algorithm, typ string, end time.Time, claims map[string]any) (string, error) {
	key, err := t.Keys.signer(ctx, algorithm, end)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.SignatureAlgorithm(algorithm), Key: jose.JSONWebKey{Key: key.private, KeyID: key.id}},
		(&jose.SignerOptions{}).WithType(jose.ContentType(typ)),
	)
	if err != nil {
		return "", fmt.Errorf("sign a token of type %s: %w", typ, err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign a token of type %s: %w", typ, err)
	}
	return signed.CompactSerialize()
}

// Hint is what an ID token of ours told a client once.
type Hint struct {
	Subject     string `json:"sub"`
	ConsumerKey string `json:"azp"`
	Session     string `json:"sid"`
}

// ReadIDToken reads an ID token of ours that a client sends back as a hint. Its end is
// not looked at: a hint proves nothing about now. A token that is not ours is Invalid.
func (t *Tokens) ReadIDToken(text string) (*Hint, error) {
	invalid := gatehouse.Errorf(gatehouse.Invalid, "the ID token is not one of this server's")
	if len(text) > MaxLength {
		return nil, invalid
	}
	signed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.ES256, jose.RS256})
	if err != nil {
		return nil, invalid
	}
	header := signed.Signatures[0].Protected
	public := t.Keys.Public()
	keys := slices.DeleteFunc(public.Key(header.KeyID), func(k jose.JSONWebKey) bool { return k.Algorithm != header.Algorithm })
	if len(keys) != 1 || header.ExtraHeaders[jose.HeaderType] != "JWT" {
		return nil, invalid
	}
	payload, err := signed.Verify(keys[0].Key)
	if err != nil {
		return nil, invalid
	}
	var claims struct {
		Issuer string `json:"iss"`
		Hint
	}
	if err := json.Unmarshal(payload, &claims); err != nil || claims.Issuer != t.Issuer || claims.ConsumerKey == "" {
		return nil, invalid
	}
	return &claims.Hint, nil
}
