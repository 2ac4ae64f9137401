package gatehouse

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"slices"
	"time"
)

// KeyType tells an application's two sets of keys apart.
type KeyType string

// The key types: they choose the backend's endpoint.
const (
	Production KeyType = "PRODUCTION"
	Sandbox    KeyType = "SANDBOX"
)

// ParseKeyType reads a key type; nothing means Production.
func ParseKeyType(s string) (KeyType, error) {
	switch t := KeyType(s); t {
	case "":
		return Production, nil
	case Production, Sandbox:
		return t, nil
	}
	return "", Errorf(Invalid, "%q is no key type: use %s or %s", s, Production, Sandbox)
}

// TokenFormat is how an access token is written down.
type TokenFormat string

// The formats, named as management clients write them.
const (
	FormatJWT    TokenFormat = "JWT"    // signed, read without a look-up
	FormatOpaque TokenFormat = "OPAQUE" // random, looked up by its hash
)

// The grant types (RFC 6749) by the name that requests carry.
const (
	GrantPassword          = "password"
	GrantRefreshToken      = "refresh_token"
	GrantClientCredentials = "client_credentials"
	GrantAuthorizationCode = "authorization_code"
)

// DefaultGrants is what new keys may use.
var DefaultGrants = []string{GrantPassword, GrantRefreshToken, GrantClientCredentials}

// Lifetimes of tokens, and their bounds.
const (
	DefaultAccessLifetime  = time.Hour
	DefaultRefreshLifetime = 24 * time.Hour      // from the last rotation
	MaxRefreshAge          = 30 * 24 * time.Hour // from the first of the family
	MaxRefreshGrace        = time.Minute
	Never                  = -time.Second // an access token without an end
)

// Keys are an application's credentials of one type: to OAuth 2.0, a client
// (RFC 6749, section 2).
type Keys struct {
	ConsumerKey   string // the client_id
	ApplicationID string
	Type          KeyType
	Grants        []string
	Callbacks     []string // redirect URIs
	Format        TokenFormat
	Algorithm     string // of JWTs: ES256, or RS256
	Access        time.Duration
	Refresh       time.Duration
	Grace         time.Duration // how long a rotated refresh token gives its next pair again
	RevokesBefore bool          // a new token revokes the one before it
	Metadata      ClientMetadata
	CreatedAt     time.Time

	Secrets []Secret // live and ended, the newest first
}

// Client is what the Token API and the gateway know of a consumer key: the keys with
// everything they hang on.
type Client struct {
	Keys
	Application   Application
	Organization  Organization
	Owner         Member // the application's owner with the roles of now
	Subscriptions []Subscription
}

// Subscription returns the client's subscription to an API, or nil; nobody has none.
func (c *Client) Subscription(apiID string) *Subscription {
	if c == nil {
		return nil
	}
	for i := range c.Subscriptions {
		if c.Subscriptions[i].APIID == apiID {
			return &c.Subscriptions[i]
		}
	}
	return nil
}

// MayUse reports whether the keys list a grant type.
func (k *Keys) MayUse(grant string) bool { return slices.Contains(k.Grants, grant) }

// Validate checks the rules keys keep in an organization.
func (k *Keys) Validate(org *Organization) error {
	for _, g := range k.Grants {
		if !slices.Contains(SupportedGrants, g) {
			return Errorf(Invalid, "the grant type %q is not supported: use some of %v", g, SupportedGrants)
		}
	}
	if k.MayUse(GrantAuthorizationCode) && len(k.Callbacks) == 0 {
		return Errorf(Invalid, "the grant type %s needs a redirect URI: give at least one", GrantAuthorizationCode)
	}
	switch {
	case k.Type != Production && k.Type != Sandbox:
		return Errorf(Invalid, "%q is no key type: use %s or %s", k.Type, Production, Sandbox)
	case k.Format != FormatJWT && k.Format != FormatOpaque:
		return Errorf(Invalid, "%q is no token format: use %s or %s", k.Format, FormatJWT, FormatOpaque)
	case k.Access == Never && !org.NeverExpiring:
		return Errorf(Invalid, "organization %s does not allow access tokens that never expire", org.Key)
	case k.Access != Never && (k.Access < time.Second || k.Access > 10*365*24*time.Hour):
		return Errorf(Invalid, "access tokens may be valid for 1 second to 10 years, or -1 for ever")
	case k.Refresh < time.Second || k.Refresh > MaxRefreshAge:
		return Errorf(Invalid, "refresh tokens may be valid for 1 second to %d days", MaxRefreshAge/(24*time.Hour))
	case k.Grace < 0 || k.Grace > MaxRefreshGrace:
		return Errorf(Invalid, "the grace of a refresh token may be 0 to %d seconds", MaxRefreshGrace/time.Second)
	case k.Algorithm != "ES256" && k.Algorithm != "RS256":
		return Errorf(Invalid, "%q is no algorithm of access tokens: use ES256 or RS256", k.Algorithm)
	}
	if err := validRedirects(k.Callbacks); err != nil {
		return err
	}
	return k.Metadata.validate()
}

// Secret is one consumer secret, of which only a hash is kept.
type Secret struct {
	ID        string
	Name      string
	Hash      string // HashToken of the secret
	Hint      string // its last four characters
	CreatedAt time.Time
	ExpiresAt time.Time // zero when it has no end
	LastUsed  time.Time // zero when it was never used; a few seconds late
}

// MaxSecrets bounds how many secrets a consumer key may have.
const MaxSecrets = 200

// NewSecret makes a consumer secret and returns it with what is kept of it.
func NewSecret(name string, now, expires time.Time) (string, Secret) {
	secret := NewConsumerSecret()
	return secret, Secret{
		ID: NewID(now), Name: name, Hash: HashToken(secret), Hint: secret[len(secret)-4:], CreatedAt: now, ExpiresAt: expires,
	}
}

// Live reports whether s may be used.
func (s *Secret) Live(now time.Time) bool { return s.ExpiresAt.IsZero() || now.Before(s.ExpiresAt) }

// Matches returns the live secret that a client presented, or nil. Every secret is
// compared, in constant time, so that time tells nothing.
func (k *Keys) Matches(secret string, now time.Time) *Secret {
	hash := []byte(HashToken(secret))
	var found *Secret
	for i := range k.Secrets {
		s := &k.Secrets[i]
		if subtle.ConstantTimeCompare([]byte(s.Hash), hash) == 1 && s.Live(now) {
			found = s
		}
	}
	return found
}

// HashToken returns what is stored of a random credential: its SHA-256 in hex. Random
// credentials hold 160 bits and more, so a slow hash would add nothing.
func HashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// NewConsumerKey returns a consumer key: 28 letters and digits.
func NewConsumerKey() string { return RandomText(28) }

// NewConsumerSecret returns a consumer secret. The prefix lets scanners for leaked
// secrets find it.
func NewConsumerSecret() string { return "ghs_" + RandomText(40) }
