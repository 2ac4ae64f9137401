package gatehouse

import "time"

// Limits of a browser session.
const (
	SessionIdle   = 2 * time.Hour  // it ends this long after its last request
	SessionLength = 12 * time.Hour // and this long after sign-in in any case
)

// Session is a signed-in browser, in one organization.
type Session struct {
	Hash      string // HashToken of the cookie's value
	SID       string // names it to clients, without opening it; the same when the user signs in once more
	UserID    string
	OrgID     string
	CreatedAt time.Time
	SeenAt    time.Time
	ExpiresAt time.Time // the absolute end
}

// NewSID returns a name for a session.
func NewSID() string { return RandomText(32) }

// Live reports whether s may be used.
func (s *Session) Live(now time.Time) bool {
	return now.Before(s.ExpiresAt) && now.Sub(s.SeenAt) < SessionIdle
}
