package proof

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/gatehouse/gatehouse"
)

// Algorithms are what proofs and client assertions may be signed with. None of them has
// a shared key.
var Algorithms = []jose.SignatureAlgorithm{jose.ES256, jose.PS256, jose.EdDSA, jose.RS256}

// Limits of a proof.
const (
	MaxLength = 8 << 10 // bytes
	maxID     = 256     // bytes of its jti
	Leeway    = time.Minute
)

// Once notes that something was used; it is a Conflict when it was used before.
type Once interface {
	UseOnce(ctx context.Context, hash string, until time.Time) error
}

// DPoP checks DPoP proofs.
type DPoP struct {
	Origins Origins // that proofs may name
	Once    Once
	Now     func() time.Time
}

// claims are what a proof says (RFC 9449, section 4.2).
type claims struct {
	ID       string           `json:"jti"`
	Method   string           `json:"htm"`
	URL      string           `json:"htu"`
	IssuedAt *jwt.NumericDate `json:"iat"`
	Token    string           `json:"ath"`
}

// Check returns the thumbprint (RFC 7638) of the key that a request proves to hold by
// its DPoP headers, for a method, a path and the access token that it brings, if any
// (RFC 9449, section 4.3). A proof that does not hold is Unauthenticated.
func (d *DPoP) Check(ctx context.Context, headers []string, method, path, token string) (string, error) {
	if len(headers) != 1 {
		return "", refuse("send the DPoP header once")
	}
	key, c, err := open(headers[0])
	if err != nil {
		return "", err
	}
	now := d.Now()
	switch {
	case c.ID == "" || len(c.ID) > maxID:
		return "", refuse("the DPoP proof needs a jti of at most 256 bytes")
	case c.Method != method:
		return "", refuse("the DPoP proof's htm is not the method of this request")
	case !d.Origins.Names(c.URL, path):
		return "", refuse("the DPoP proof's htu is not the URL of this request")
	case c.IssuedAt == nil || now.Sub(c.IssuedAt.Time()).Abs() > Leeway:
		return "", refuse("the DPoP proof's iat is not within a minute of this server's time: make a new proof for each request")
	case c.Token != "" && token == "":
		return "", refuse("the DPoP proof has an ath, and no access token comes with it")
	case token != "" && c.Token != hashOf(token):
		return "", refuse("the DPoP proof's ath is not the hash of the access token")
	}
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", refuse("the DPoP proof's key has no thumbprint")
	}
	thumbprint := base64.RawURLEncoding.EncodeToString(sum)
	err = d.Once.UseOnce(ctx, gatehouse.HashToken("dpop\n"+thumbprint+"\n"+c.ID), c.IssuedAt.Time().Add(Leeway+time.Second))
	if gatehouse.KindOf(err) == gatehouse.Conflict {
		return "", refuse("this DPoP proof was used before: make a new one for each request")
	}
	return thumbprint, err
}

// open returns the key in a proof's header and what the proof says, signed by that key.
func open(proof string) (*jose.JSONWebKey, *claims, error) {
	if len(proof) > MaxLength {
		return nil, nil, refuse("the DPoP proof is longer than 8192 bytes")
	}
	parsed, err := jwt.ParseSigned(proof, Algorithms)
	if err != nil || len(parsed.Headers) != 1 {
		return nil, nil, refuse("the DPoP proof is no JWT signed with ES256, PS256, EdDSA or RS256")
	}
	header := parsed.Headers[0]
	_, critical := header.ExtraHeaders["crit"]
	switch key := header.JSONWebKey; {
	case header.ExtraHeaders[jose.HeaderType] != "dpop+jwt":
		return nil, nil, refuse("the DPoP proof's typ is not dpop+jwt")
	case critical:
		return nil, nil, refuse("the DPoP proof has a crit header, of which none is understood")
	case key == nil || !key.IsPublic() || !Strong(key.Key):
		return nil, nil, refuse("the DPoP proof's jwk is no public key of 2048 bits or more, if RSA")
	}
	var c claims
	if err := parsed.Claims(header.JSONWebKey.Key, &c); err != nil {
		return nil, nil, refuse("the DPoP proof is damaged: its signature or its claims")
	}
	return header.JSONWebKey, &c, nil
}

// Strong reports whether a public key is one that signatures are believed of: elliptic
// curves are strong by their algorithm, and an RSA key may be too short, or too long to
// be checked quickly.
func Strong(key any) bool {
	k, ok := key.(*rsa.PublicKey)
	return !ok || k.N.BitLen() >= 2048 && k.N.BitLen() <= 4096
}

func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func refuse(message string) error {
	return &gatehouse.Error{Kind: gatehouse.Unauthenticated, Message: message}
}
