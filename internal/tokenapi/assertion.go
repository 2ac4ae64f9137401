package tokenapi

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/gatehouse/gatehouse"
)

// Issuers knows whose assertions an organization trusts, and which were used.
type Issuers interface {
	Issuer(ctx context.Context, orgID string, kind gatehouse.IssuerKind, name string) (*gatehouse.TrustedIssuer, error)
	UseOnce(ctx context.Context, hash string, until time.Time) error
}

// Limits of an assertion.
const (
	maxJWT        = 16 << 10  // bytes
	maxAhead      = time.Hour // its end is at most so far in the future
	assertionSkew = time.Minute
)

// assertionAlgorithms are the signatures that a trusted issuer may use. None of them works
// with a secret, so a public key can never be taken for one.
var assertionAlgorithms = []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.PS256, jose.EdDSA}

// assertion is what a trusted issuer says of a user.
type assertion struct {
	issuer  *gatehouse.TrustedIssuer
	subject string // the user's name
	id      string // unique for the issuer
	expires time.Time
}

// refusedAssertion is the one answer to whatever is wrong with an assertion; why goes into
// the log alone.
func refusedAssertion(why string, err error) error {
	return &Error{Code: InvalidGrant, Description: "the assertion is not valid: see that its issuer is trusted, its audience is this server, and that it is fresh and was not used before", Err: errors.Join(errors.New(why), err)}
}

// readJWT reads an assertion of RFC 7523, section 3, that client brought. Of its header
// nothing is believed but the algorithm, if it is one of ours, and the id of one of the
// keys that the issuer is known by: keys and addresses in it are never looked at.
func (h *Handler) readJWT(ctx context.Context, client *gatehouse.Client, text string) (*assertion, error) {
	if len(text) > maxJWT {
		return nil, refusedAssertion("it is too long", nil)
	}
	token, err := jwt.ParseSigned(text, assertionAlgorithms)
	if err != nil {
		return nil, refusedAssertion("it is no JWT with an allowed signature", err)
	}
	var unproven jwt.Claims
	if err := token.UnsafeClaimsWithoutVerification(&unproven); err != nil {
		return nil, refusedAssertion("its claims cannot be read", err)
	}
	issuer, err := h.trusted(ctx, client, gatehouse.IssuerJWT, unproven.Issuer)
	if err != nil {
		return nil, err
	}
	var claims jwt.Claims
	var all map[string]any
	if err := h.verifyJWT(ctx, issuer, token, &claims, &all); err != nil {
		return nil, err
	}
	if err := h.fresh(issuer, &claims); err != nil {
		return nil, err
	}
	a := &assertion{issuer: issuer, subject: claims.Subject, id: claims.ID, expires: claims.Expiry.Time()}
	if issuer.Claim != "" {
		a.subject, _ = all[issuer.Claim].(string)
		if verified, said := all["email_verified"].(bool); issuer.Claim == "email" && said && !verified {
			return nil, refusedAssertion("it does not vouch for the e-mail address", nil)
		}
	}
	if a.id == "" { // without an id of its own the whole of it is the id
		a.id = text
	}
	if a.subject == "" {
		return nil, refusedAssertion("it names no subject", nil)
	}
	return a, nil
}

// trusted returns the issuer that the client's organization trusts under a name.
func (h *Handler) trusted(ctx context.Context, client *gatehouse.Client, kind gatehouse.IssuerKind, name string) (*gatehouse.TrustedIssuer, error) {
	issuer, err := h.Issuers.Issuer(ctx, client.Organization.ID, kind, name)
	if gatehouse.KindOf(err) == gatehouse.NotFound || err == nil && !issuer.Serves(client.ConsumerKey) {
		return nil, refusedAssertion("its issuer is not trusted", err)
	}
	return issuer, err
}

// verifyJWT reads a token's claims with the issuer's keys.
func (h *Handler) verifyJWT(ctx context.Context, issuer *gatehouse.TrustedIssuer, token *jwt.JSONWebToken, into ...any) error {
	id := token.Headers[0].KeyID
	keys, err := h.issuerKeys(ctx, issuer, id)
	if err != nil {
		return err
	}
	for i := range keys {
		if err = token.Claims(keys[i].Key, into...); err == nil {
			return nil
		}
	}
	return refusedAssertion("none of the issuer's keys signed it", err)
}

// issuerKeys returns the keys of an issuer that an id names, all of them when there is no
// id.
func (h *Handler) issuerKeys(ctx context.Context, issuer *gatehouse.TrustedIssuer, id string) ([]jose.JSONWebKey, error) {
	set, err := h.KeySets.of(ctx, &gatehouse.ClientMetadata{JWKS: issuer.JWKS, JWKSURI: issuer.JWKSURI}, id)
	if err != nil {
		return nil, refusedAssertion("the issuer's keys could not be had", err)
	}
	keys := set.Keys
	if id != "" {
		keys = set.Key(id)
	}
	return slices.DeleteFunc(slices.Clone(keys), func(k jose.JSONWebKey) bool {
		return !k.IsPublic() || !k.Valid() || k.Use != "" && k.Use != "sig"
	}), nil
}

// fresh checks whom an assertion is for and when.
func (h *Handler) fresh(issuer *gatehouse.TrustedIssuer, c *jwt.Claims) error {
	now := h.Now()
	switch {
	case c.Issuer != issuer.Issuer:
		return refusedAssertion("its issuer is another", nil)
	case !slices.ContainsFunc(c.Audience, func(aud string) bool { return h.isUs(issuer, aud) }):
		return refusedAssertion("it is for another audience", nil)
	case c.Expiry == nil || !now.Before(c.Expiry.Time()):
		return refusedAssertion("it has no end, or has ended", nil)
	case c.Expiry.Time().Sub(now) > maxAhead:
		return refusedAssertion("it ends too far in the future", nil)
	case c.NotBefore != nil && c.NotBefore.Time().Sub(now) > assertionSkew, c.IssuedAt != nil && c.IssuedAt.Time().Sub(now) > assertionSkew:
		return refusedAssertion("it is not valid yet", nil)
	case len(c.ID) > 1000:
		return refusedAssertion("its id is too long", nil)
	}
	return nil
}

// isUs reports whether an audience means this server: the issuer, the token endpoint
// (RFC 7523, section 3), or the name that an issuer was told to call it by.
func (h *Handler) isUs(issuer *gatehouse.TrustedIssuer, audience string) bool {
	return audience == h.Issuer || h.isTokenEndpoint(audience) || issuer.Audience != "" && audience == issuer.Audience
}

func (h *Handler) isTokenEndpoint(url string) bool {
	return url == h.Issuer+"/token" || url == h.Issuer+Prefix+"/token"
}

// redeem uses an assertion up and returns the member of the client's organization that it
// names.
func (h *Handler) redeem(ctx context.Context, client *gatehouse.Client, a *assertion) (*gatehouse.Member, error) {
	user, err := h.Users.MemberNamed(ctx, &client.Organization, a.subject)
	if gatehouse.KindOf(err) == gatehouse.NotFound || err == nil && user.Disabled {
		return nil, refusedAssertion("it names nobody who is a member", err)
	}
	if err != nil {
		return nil, err
	}
	name := strings.Join([]string{string(a.issuer.Kind), client.Organization.ID, a.issuer.Issuer, a.id}, "\x00")
	err = h.Issuers.UseOnce(ctx, gatehouse.HashToken(name), a.expires.Add(assertionSkew))
	if gatehouse.KindOf(err) == gatehouse.Conflict {
		return nil, refusedAssertion("it was used before", err)
	}
	return user, err
}
