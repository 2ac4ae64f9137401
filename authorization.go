package gatehouse

import (
	"encoding/json"
	"errors"
	"time"
)

// TokenUser tells whom an access token speaks for.
type TokenUser string

// The two kinds.
const (
	ForApplication TokenUser = "APPLICATION"      // client_credentials: the application itself
	ForUser        TokenUser = "APPLICATION_USER" // a user, through the application
)

// Authorization is what an access token says: who may do what, through which
// application, until when. A token is one way of writing it down.
type Authorization struct {
	ID          string // unique; a UUIDv7, so it tells the moment of issue (RFC 9068: jti)
	ConsumerKey string
	OrgKey      string
	KeyType     KeyType
	For         TokenUser
	Subject     string // the user's id, or the consumer key
	Username    string // qualified; empty for an application
	Scopes      []string
	Family      string // the family of refresh tokens it was issued with, if any
	Binding     Binding
	Audience    []string        // resources it was asked for (RFC 8707); empty means the gateway
	SignIn      SignIn          `json:",omitzero"`  // how the user signed in; only part of it is written into a JWT
	Actor       json.RawMessage `json:",omitempty"` // who acts for the subject (RFC 8693, section 4.1), if anybody does
	IssuedAt    time.Time
	ExpiresAt   time.Time // EndOfTime for a token that never expires
}

// Binding ties a token to a key that its holder must prove to have. The zero Binding
// ties it to none: it is a Bearer token.
type Binding struct {
	JKT string `json:"jkt,omitempty"`      // thumbprint of a DPoP key (RFC 9449, section 6)
	X5T string `json:"x5t#S256,omitempty"` // thumbprint of a certificate (RFC 8705, section 3.1)
}

// SignIn is how a user proved who they are: what ID tokens tell of it (OpenID Connect
// Core, section 2).
type SignIn struct {
	At      time.Time `json:"at"`
	Methods []string  `json:"amr,omitempty"`
	Nonce   string    `json:"nonce,omitempty"`
	Session string    `json:"sid,omitempty"` // names the browser session, without opening it

	ClaimNames ClaimNames `json:"claims,omitzero"` // what else the client asked to be told
}

// ByPassword is how a user proved who they are by a password (RFC 8176, section 2).
const ByPassword = "pwd"

// Authorize returns what a token says that is issued now to a client: for user when
// there is one, else for the application itself.
func (c *Client) Authorize(user *Member, scopes []string, now time.Time) *Authorization {
	a := &Authorization{
		ID: NewID(now), ConsumerKey: c.ConsumerKey, OrgKey: c.Organization.Key, KeyType: c.Type,
		For: ForApplication, Subject: c.ConsumerKey, Scopes: scopes, IssuedAt: now,
	}
	if user != nil {
		a.For, a.Subject, a.Username = ForUser, user.ID, user.Qualified()
	}
	a.Lives(c.Access)
	return a
}

// Lives sets how long a is good for from its issue.
func (a *Authorization) Lives(lifetime time.Duration) {
	a.ExpiresAt = a.IssuedAt.Add(lifetime)
	if lifetime == Never {
		a.ExpiresAt = EndOfTime
	}
}

// EndOfTime is when a token that never expires does.
var EndOfTime = time.Unix(253402300799, 0).UTC() // 9999-12-31T23:59:59Z

// NeverExpiresIn is the expires_in of a token that never expires, in seconds: what
// clients of the platform know to mean "never".
const NeverExpiresIn = 9223372036854775

// ErrTokenExpired is in the chain of the error for a token that was good once, so that
// its holder learns to refresh it.
var ErrTokenExpired = errors.New("the token has expired")

// ExpiresIn returns how many whole seconds a holds from now on.
func (a *Authorization) ExpiresIn(now time.Time) int64 {
	if a.ExpiresAt.Equal(EndOfTime) {
		return NeverExpiresIn
	}
	return max(0, int64(a.ExpiresAt.Sub(now)/time.Second))
}

// Revocation ends tokens before their time: all that were issued up to At and are
// named by Kind and ID, access tokens and refresh tokens alike.
type Revocation struct {
	Kind      RevocationKind
	ID        string
	At        time.Time
	AccessEnd time.Time // when the last access token it names would have ended anyhow
	Until     time.Time // the same of access and refresh tokens; it may be forgotten after that
}

// RevocationKind says what a Revocation's ID names.
type RevocationKind string

// What may be revoked.
const (
	RevokedToken  RevocationKind = "token"  // one access token, by its ID
	RevokedFamily RevocationKind = "family" // a family of refresh tokens and all issued with it
	RevokedUser   RevocationKind = "user"   // everything that speaks for a user
	RevokedMember RevocationKind = "member" // the same in one organization, by MemberID
	RevokedKeys   RevocationKind = "keys"   // everything issued to a consumer key
	RevokedOrg    RevocationKind = "org"    // everything issued in an organization, by its key
	RevokedBefore RevocationKind = "before" // access tokens of a consumer key for a subject, but the newest
)

// MemberID names a user in an organization for a Revocation.
func MemberID(userID, orgKey string) string { return userID + "@" + orgKey }

// RevokeAll returns the revocation of everything a user, member, consumer key or
// organization was issued up to now. It is kept for good: tokens may live for years.
func RevokeAll(kind RevocationKind, id string, now time.Time) Revocation {
	return Revocation{Kind: kind, ID: id, At: now, AccessEnd: EndOfTime, Until: EndOfTime}
}

// Names lists what revocations could end a, one for each kind.
func (a *Authorization) Names() [7]RevocationName {
	names := [7]RevocationName{
		{RevokedToken, a.ID}, {RevokedFamily, a.Family}, {RevokedKeys, a.ConsumerKey}, {RevokedOrg, a.OrgKey},
		{RevokedBefore, a.pair()},
	}
	if a.For == ForUser {
		names[5] = RevocationName{RevokedUser, a.Subject}
		names[6] = RevocationName{RevokedMember, MemberID(a.Subject, a.OrgKey)}
	}
	return names
}

// RevocationName is what a Revocation names.
type RevocationName struct {
	Kind RevocationKind
	ID   string
}

// pair names a's consumer key and subject together.
func (a *Authorization) pair() string { return a.ConsumerKey + ":" + a.Subject }

// RevokeBefore returns the revocation of the access tokens that a's client was issued
// for a's subject before a. It does not touch refresh tokens.
func (a *Authorization) RevokeBefore(c *Client) Revocation {
	at := a.IssuedAt.Truncate(time.Microsecond).Add(-time.Microsecond)
	return Revocation{Kind: RevokedBefore, ID: a.pair(), At: at, AccessEnd: c.accessEnd(at), Until: c.accessEnd(at)}
}

// accessEnd returns when an access token that c was issued at a moment ends.
func (c *Client) accessEnd(at time.Time) time.Time {
	if c.Access == Never {
		return EndOfTime
	}
	return at.Add(c.Access)
}

// RevokeFamily returns the revocation of a family of refresh tokens and of all access
// tokens issued with it.
func (c *Client) RevokeFamily(family string, now time.Time) Revocation {
	r := Revocation{Kind: RevokedFamily, ID: family, At: now, Until: now.Add(MaxRefreshAge)}
	r.Outlast(c.accessEnd(now))
	return r
}

// Outlast keeps r at least until an access token that it names ends.
func (r *Revocation) Outlast(end time.Time) {
	if end.After(r.AccessEnd) {
		r.AccessEnd = end
	}
	if end.After(r.Until) {
		r.Until = end
	}
}
