package gatehouse

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// User is a person who signs in, known once whatever organizations they belong to.
type User struct {
	ID        string
	Username  string // an e-mail address or a plain name, lower case
	Name      string // what to call them; may be empty
	CreatedAt time.Time
	Disabled  bool
}

// Member is a user in one organization: what acts, and with which roles.
type Member struct {
	User
	Organization Organization
	Roles        []Role
	JoinedAt     time.Time
}

// Role is what a member may do in an organization. An organization may have roles
// of its own beside the four that are built in; scopes are bound to either.
type Role string

// The built-in roles.
const (
	Admin      Role = "admin"      // runs the organization; may do all that follows
	Publisher  Role = "publisher"  // offers APIs and moves them along their lifecycle
	Creator    Role = "creator"    // draws up APIs, without publishing them
	Subscriber Role = "subscriber" // uses the API Store
)

// BuiltInRoles are the roles every organization has.
var BuiltInRoles = []Role{Admin, Publisher, Creator, Subscriber}

// Right is something a service may ask of the acting member.
type Right uint8

// The rights, each held by some of the built-in roles.
const (
	UseStore    Right = iota // applications, keys, subscriptions of one's own
	CreateAPIs               // draw up and change APIs
	PublishAPIs              // move APIs along their lifecycle, block subscriptions
	Administer               // people, roles, settings, everybody's applications
)

var holders = map[Right][]Role{
	UseStore:    {Subscriber, Creator, Publisher, Admin},
	CreateAPIs:  {Creator, Publisher, Admin},
	PublishAPIs: {Publisher, Admin},
	Administer:  {Admin},
}

// Holds reports whether m has a role.
func (m *Member) Holds(r Role) bool { return m != nil && slices.Contains(m.Roles, r) }

// May reports whether one of m's roles carries a right.
func (m *Member) May(right Right) bool {
	return m != nil && slices.ContainsFunc(holders[right], m.Holds)
}

// Qualified returns m's username as the Token API takes it: with the organization
// key behind the last @.
func (m *Member) Qualified() string { return m.Username + "@" + m.Organization.Key }

// The longest username and password, in bytes, and the shortest password, in
// characters. A longer password is refused before anything is hashed.
const (
	MaxUsername = 254
	MinPassword = 8
	MaxPassword = 1024
)

// A username is mail-like ASCII: anything else invites look-alikes, and & or = would
// be misread by clients that do not encode the form they send.
var username = regexp.MustCompile(`^[a-z0-9._%+-]+(@[a-z0-9-]+(\.[a-z0-9-]+)+)?$`)

// CanonicalUsername returns name as it is stored and compared: ASCII letters in lower
// case. It is an Invalid error when name cannot be a username.
func CanonicalUsername(name string) (string, error) {
	canonical := strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, name)
	if len(canonical) > MaxUsername || !username.MatchString(canonical) {
		return "", Errorf(Invalid, "a username is an e-mail address or a name of letters, digits and ._%%+- (at most %d bytes)", MaxUsername)
	}
	return canonical, nil
}

// CheckNewPassword tells whether password may be set where names are what strangers
// know of its owner: only length counts, as NIST SP 800-63B and OWASP ASVS v5 6.2
// advise, and that it is not made of a name with little beside it.
func CheckNewPassword(password string, names ...string) error {
	characters := utf8.RuneCountInString(password)
	switch {
	case characters < MinPassword:
		return Errorf(Invalid, "that password has %d characters: use %d or more", characters, MinPassword)
	case len(password) > MaxPassword:
		return Errorf(Invalid, "that password is longer than %d bytes", MaxPassword)
	}
	for _, name := range names {
		if LittleBeside(password, name) {
			return Errorf(Invalid, "the password must not be the username nor a name of the organization: put %d characters beside it, or use other words", MinPassword)
		}
	}
	return nil
}

// LittleBeside reports whether password holds a word, whatever its case, with fewer
// characters beside it than a password must have by itself.
func LittleBeside(password, word string) bool {
	before, behind, found := strings.Cut(strings.ToLower(password), strings.ToLower(word))
	return found && utf8.RuneCountInString(word) >= 3 && utf8.RuneCountInString(before+behind) < MinPassword
}

var roleName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$`)

// ValidRole reports whether r can be a role's name.
func ValidRole(r Role) bool { return roleName.MatchString(string(r)) }
