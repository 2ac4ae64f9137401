package gatehouse

import "time"

// RefreshToken is one link of a family: each use turns it into the next one
// (RFC 9700, section 4.14.2), and using it twice revokes the family.
type RefreshToken struct {
	Hash        string
	Family      string // id of the family; a UUIDv7 of its first token's moment
	ConsumerKey string
	UserID      string
	OrgKey      string
	Carries
	IssuedAt  time.Time
	ExpiresAt time.Time
	FamilyEnd time.Time // no rotation goes beyond it
	RotatedAt time.Time // zero while it is the family's live token
	Revoked   bool      // some Revocation names it
	Replay    []byte    // the answer it gave, sealed with the token itself; only with a grace
}

// Carries is what a family of refresh tokens carries on from its beginning.
type Carries struct {
	Scopes   []string `json:"scopes"` // what was granted at first; a refresh may use less of it
	Binding  Binding  `json:"binding,omitzero"`
	Audience []string `json:"audience,omitempty"`
	SignIn   SignIn   `json:"sign_in,omitzero"`
}

// carried is what later ID tokens repeat of a sign-in: all but the nonce, which belongs to
// the first (OpenID Connect Core, section 12.2).
func (s SignIn) carried() SignIn {
	s.Nonce = ""
	return s
}

// RefreshPrefix begins every refresh token: it tells them from access tokens.
const RefreshPrefix = "ghr_"

// NewRefreshToken returns a refresh token: 256 bits after the prefix.
func NewRefreshToken() string { return RefreshPrefix + RandomText(43) }

// Issue returns the first link of a family for what a says, and ties a to it. The family
// is a new one unless a has one already.
func (c *Client) Issue(a *Authorization, token string) *RefreshToken {
	if a.Family == "" {
		a.Family = NewID(a.IssuedAt)
	}
	return &RefreshToken{
		Hash: HashToken(token), Family: a.Family, ConsumerKey: c.ConsumerKey, UserID: a.Subject, OrgKey: a.OrgKey,
		Carries:  Carries{Scopes: a.Scopes, Binding: a.Binding, Audience: a.Audience, SignIn: a.SignIn.carried()},
		IssuedAt: a.IssuedAt, ExpiresAt: a.IssuedAt.Add(c.Refresh), FamilyEnd: a.IssuedAt.Add(MaxRefreshAge),
	}
}

// Next returns the link that follows t: it lives anew, but never beyond the family.
func (t *RefreshToken) Next(k *Keys, token string, now time.Time) *RefreshToken {
	next := *t
	next.Hash, next.IssuedAt, next.ExpiresAt, next.RotatedAt, next.Replay = HashToken(token), now, now.Add(k.Refresh), time.Time{}, nil
	if next.ExpiresAt.After(t.FamilyEnd) {
		next.ExpiresAt = t.FamilyEnd
	}
	return &next
}

// RefreshUse is what presenting a refresh token leads to.
type RefreshUse uint8

// What may come of it.
const (
	RefreshRefused RefreshUse = iota // unknown, expired or revoked
	RefreshRotates                   // the live token: it gives the next pair
	RefreshReplays                   // rotated a moment ago: the identical pair once more
	RefreshReused                    // rotated before: a sign of theft, the family is revoked
)

// Use says what presenting t leads to for a client with keys k.
func (t *RefreshToken) Use(k *Keys, now time.Time) RefreshUse {
	switch {
	case t.ConsumerKey != k.ConsumerKey || t.Revoked || !now.Before(t.ExpiresAt) || !now.Before(t.FamilyEnd):
		return RefreshRefused
	case t.RotatedAt.IsZero():
		return RefreshRotates
	case len(t.Replay) > 0 && now.Sub(t.RotatedAt) < k.Grace:
		return RefreshReplays
	}
	return RefreshReused
}
