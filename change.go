package gatehouse

// Change is something one node tells the others so that they drop what they hold of
// it. It names what changed, never what it changed to.
type Change struct {
	Sequence int64
	Noun     Noun
	ID       string
}

// Noun is what a Change is about.
type Noun string

// The nouns that nodes hold copies of.
const (
	APIChanged    Noun = "api"        // an API, by id
	ClientChanged Noun = "client"     // keys, their application, owner or subscriptions, by consumer key
	ScopesChanged Noun = "scopes"     // an organization's scopes, by its id
	RolesChanged  Noun = "roles"      // a member's roles, by the user's id
	TokensRevoked Noun = "revocation" // a Revocation, by "kind:id"
	RulesChanged  Noun = "rules"      // an organization's tiers and deny policies, by its key
	KeysRotated   Noun = "signing"    // signing keys, by key id

	APIKeyChanged      Noun = "apikey"      // an API key, by the hash of the key
	ApplicationChanged Noun = "application" // an application, its owner or subscriptions, by id
	MemberChanged      Noun = "member"      // a user's password or roles, by the user's id
)
