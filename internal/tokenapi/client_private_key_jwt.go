package tokenapi

import (
	"context"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/proof"
)

// assertionType is what client_assertion_type must be (RFC 7523, section 2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// Limits of a client assertion.
const (
	maxAssertion     = 8 << 10 // bytes
	maxAssertionID   = 256     // bytes of its jti
	maxAssertionLife = 5 * time.Minute
	assertionLeeway  = 30 * time.Second // between the client's clock and ours
	maxKeysTried     = 10
)

// assertion proves a client by a JWT that it signed (RFC 7523, section 3). What the
// JWT's header says of keys is not looked at but for the kid, which names one of the
// keys that the client registered.
func (h *Handler) assertion(r *http.Request, f form) (*gatehouse.Client, error) {
	if f["client_assertion_type"] != assertionType || len(f["client_assertion"]) > maxAssertion {
		return nil, refusedClient(nil)
	}
	parsed, err := jwt.ParseSigned(f["client_assertion"], proof.Algorithms)
	if err != nil {
		return nil, refusedClient(err)
	}
	var c jwt.Claims
	if err := parsed.UnsafeClaimsWithoutVerification(&c); err != nil {
		return nil, refusedClient(err)
	}
	if id, given := f["client_id"]; given && id != c.Subject {
		return nil, refusedClient(nil)
	}
	client, err := h.known(r.Context(), c.Subject)
	if err != nil {
		return nil, err
	}
	if client.Metadata.AuthMethod != gatehouse.ClientPrivateKeyJWT || !h.addressed(r, &c, h.Now()) {
		return nil, refusedClient(nil)
	}
	if err := h.signedBy(r.Context(), client, parsed); err != nil {
		return nil, err
	}
	err = h.Once.UseOnce(r.Context(), gatehouse.HashToken("assertion\n"+c.Subject+"\n"+c.ID), c.Expiry.Time())
	if gatehouse.KindOf(err) == gatehouse.Conflict {
		return nil, refusedClient(err)
	}
	return client, err
}

// addressed reports whether a client made the assertion of itself, for this server
// alone, to be used now.
func (h *Handler) addressed(r *http.Request, c *jwt.Claims, now time.Time) bool {
	late := now.Add(assertionLeeway)
	switch {
	case c.Issuer == "" || c.Issuer != c.Subject || c.ID == "" || len(c.ID) > maxAssertionID:
		return false
	case len(c.Audience) != 1 || !h.isAudience(c.Audience[0], r.URL.Path):
		return false
	case c.Expiry == nil || !now.Before(c.Expiry.Time()) || c.Expiry.Time().After(late.Add(maxAssertionLife)):
		return false
	}
	return (c.NotBefore == nil || !c.NotBefore.Time().After(late)) && (c.IssuedAt == nil || !c.IssuedAt.Time().After(late))
}

// isAudience reports whether text names this server: by its issuer, by its token
// endpoint, or by the endpoint at path that was asked.
func (h *Handler) isAudience(text, path string) bool {
	return text == h.Issuer || text == h.Issuer+"/token" || text == h.Issuer+Prefix+"/token" || h.Proofs.Origins.Names(text, path)
}

// signedBy checks that one of a client's keys signed an assertion.
func (h *Handler) signedBy(ctx context.Context, client *gatehouse.Client, parsed *jwt.JSONWebToken) error {
	header := parsed.Headers[0]
	if _, critical := header.ExtraHeaders["crit"]; critical {
		return refusedClient(nil)
	}
	set, err := h.KeySets.of(ctx, &client.Metadata, header.KeyID)
	if err != nil {
		return refusedClient(err)
	}
	tried := 0
	for i := range set.Keys {
		key := &set.Keys[i]
		if !mayHaveSigned(key, &header) {
			continue
		}
		if tried++; tried > maxKeysTried {
			break
		}
		if parsed.Claims(key.Key) == nil {
			return nil
		}
	}
	return refusedClient(nil)
}

// mayHaveSigned reports whether a key fits the header of what was signed. A public key
// never checks a shared-key signature: those algorithms are not parsed.
func mayHaveSigned(key *jose.JSONWebKey, header *jose.Header) bool {
	return (header.KeyID == "" || key.KeyID == header.KeyID) && (key.Use == "" || key.Use == "sig") &&
		(key.Algorithm == "" || key.Algorithm == header.Algorithm) && key.IsPublic() && proof.Strong(key.Key)
}
