package gatehouse

import (
	"regexp"
	"time"
)

// DefaultOrganization is the key of the organization that the first start makes.
// Its APIs answer without /t/{organization key} before their context.
const DefaultOrganization = "default"

// Organization is a tenant: people, APIs and applications belong to one.
type Organization struct {
	ID        string
	Key       string // short, unique, never changes; ends every Token API username
	Name      string
	CreatedAt time.Time

	// PasswordGrant allows the password grant to the organization's applications.
	PasswordGrant bool
	// PasswordDeprecated is since when the organization asks its clients to leave the
	// password grant, which goes on working; zero where it does not.
	PasswordDeprecated time.Time
	// NeverExpiring allows applications to ask for access tokens without an end.
	NeverExpiring bool
	// SignUp lets visitors of the organization's API Store make themselves a user.
	SignUp bool
}

var organizationKey = regexp.MustCompile(`^[a-z][a-z0-9-]{1,30}$`)

// ValidOrganizationKey reports whether key may name an organization: a lower-case
// letter, then 1 to 30 lower-case letters, digits or hyphens. It holds no dot and
// no @, so that the last @ of a username always tells a key from an e-mail host.
func ValidOrganizationKey(key string) bool { return organizationKey.MatchString(key) }

// Validate checks the rules an organization keeps.
func (o *Organization) Validate() error {
	if !ValidOrganizationKey(o.Key) {
		return Errorf(Invalid, "%q cannot be an organization key: use a lower-case letter, then 1 to 30 lower-case letters, digits or hyphens", o.Key)
	}
	if o.Name == "" {
		return Errorf(Invalid, "an organization needs a name")
	}
	return CheckName("an organization", o.Name)
}

// BasePath returns what stands before the context of the organization's APIs.
func (o *Organization) BasePath() string {
	if o.Key == DefaultOrganization {
		return ""
	}
	return "/t/" + o.Key
}
