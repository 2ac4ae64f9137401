package gatehouse

import (
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
	IssuedAt    time.Time
	ExpiresAt   time.Time // EndOfTime for a token that never expires
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
// named by Kind and ID.
type Revocation struct {
	Kind  RevocationKind
	ID    string
	At    time.Time
	Until time.Time // when the last token it names would have ended anyhow
}

// RevocationKind says what a Revocation's ID names.
type RevocationKind string

// What may be revoked.
const (
	RevokedToken  RevocationKind = "token"  // one access token, by its ID
	RevokedFamily RevocationKind = "family" // a family of refresh tokens and all issued with it
	RevokedUser   RevocationKind = "user"   // everything that speaks for a user
	RevokedKeys   RevocationKind = "keys"   // everything issued to a consumer key
	RevokedOrg    RevocationKind = "org"    // everything issued in an organization, by its key
)
