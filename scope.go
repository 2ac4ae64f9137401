package gatehouse

import (
	"slices"
	"strings"
)

// DefaultScope is what a token holds when nothing was asked for, or nothing that was
// asked for could be granted. It opens only resources that name no scope.
const DefaultScope = "default"

// MaxScopes bounds how many scopes one request may ask for.
const MaxScopes = 200

// Scope is a named right on a token. Its name is unique in the organization.
type Scope struct {
	Name        string
	DisplayName string
	Description string
	Roles       []Role // any one of them may hold it; none means everyone
}

// OpenTo reports whether one of roles may hold s. Role names compare without regard
// to case, as the platform's clients expect.
func (s *Scope) OpenTo(roles []Role) bool {
	return len(s.Roles) == 0 || slices.ContainsFunc(s.Roles, func(r Role) bool {
		return slices.ContainsFunc(roles, func(have Role) bool { return strings.EqualFold(string(have), string(r)) })
	})
}

// ParseScopes splits a scope parameter (RFC 6749, section 3.3) into its scopes, in
// order and each once. A character outside that grammar or too many scopes is an
// Invalid error. Runs of spaces are tolerated, other white space is not.
func ParseScopes(parameter string) ([]string, error) {
	var scopes []string
	for s := range strings.SplitSeq(parameter, " ") {
		if s == "" || slices.Contains(scopes, s) {
			continue
		}
		if !validScope(s) {
			return nil, Errorf(Invalid, "the scope parameter holds a character that no scope may have")
		}
		if len(scopes) == MaxScopes {
			return nil, Errorf(Invalid, "the scope parameter asks for more than %d scopes", MaxScopes)
		}
		scopes = append(scopes, s)
	}
	return scopes, nil
}

func validScope(s string) bool {
	return s != "" && len(s) <= 200 && strings.IndexFunc(s, func(r rune) bool {
		return r < '!' || r > '~' || r == '"' || r == '\\'
	}) < 0
}

// Validate checks the rules a scope keeps.
func (s *Scope) Validate() error {
	if !validScope(s.Name) {
		return Errorf(Invalid, "%q cannot be a scope: use 1 to 200 printable characters without spaces, quotes and backslashes", s.Name)
	}
	if s.Name == DefaultScope || freeScope(s.Name) || strings.HasPrefix(s.Name, "apim:") {
		return Errorf(Invalid, "the scope %q has a meaning of its own: choose another name", s.Name)
	}
	if err := CheckName("a scope", s.DisplayName); err != nil {
		return err
	}
	if err := checkDescription(s.Description); err != nil {
		return err
	}
	for _, r := range s.Roles {
		if !ValidRole(r) {
			return Errorf(Invalid, "the scope %q is bound to %q, which cannot be a role", s.Name, r)
		}
	}
	return nil
}

// freeScope reports whether a scope needs no role and no definition: openid, and
// device_… which tells one user's tokens apart by device.
func freeScope(name string) bool { return name == "openid" || strings.HasPrefix(name, "device_") }

// Narrow returns what may be granted of asked: scopes that exist in known and are open
// to roles, in the order asked for. What may not be granted is left out without a
// word; nothing left gives DefaultScope.
func Narrow(asked []string, known func(name string) *Scope, roles []Role) []string {
	var granted []string
	openID := slices.Contains(asked, "openid")
	for _, name := range asked {
		s := known(name)
		switch {
		case freeScope(name), s != nil && s.OpenTo(roles), s == nil && openID && slices.Contains(OpenIDScopes, name):
			granted = append(granted, name)
		}
	}
	if len(granted) == 0 {
		return []string{DefaultScope}
	}
	return granted
}

// Known returns the look-up that Narrow asks: an organization's scopes beside the
// Management API's.
func Known(scopes []Scope) func(name string) *Scope {
	return func(name string) *Scope {
		for i := range scopes {
			if scopes[i].Name == name {
				return &scopes[i]
			}
		}
		return PortalScopes[name]
	}
}

// PortalScopes are the scopes of the Management API, each bound to built-in roles.
var PortalScopes = portalScopes(map[Role]string{
	Subscriber: "apim:subscribe apim:app_manage apim:sub_manage apim:app_import_export apim:sub_alert_manage apim:store_settings",
	Creator:    "apim:api_view apim:api_create apim:api_delete apim:api_manage apim:api_import_export apim:api_list_view apim:api_definition_view apim:document_manage apim:document_create apim:publisher_settings apim:api_product_import_export",
	Publisher:  "apim:api_publish apim:subscription_view apim:subscription_block apim:subscription_manage apim:tier_view",
	Admin:      "apim:admin apim:tier_manage apim:bl_view apim:bl_manage apim:app_owner_change apim:policies_import_export apim:admin_settings",
})

// portalScopes binds each scope to the built-in roles that carry the right of the role
// it is listed under: what a creator may do, a publisher and an admin may too.
func portalScopes(listed map[Role]string) map[string]*Scope {
	above := map[Role][]Role{
		Subscriber: holders[UseStore], Creator: holders[CreateAPIs], Publisher: holders[PublishAPIs], Admin: holders[Administer],
	}
	scopes := map[string]*Scope{}
	for role, names := range listed {
		for name := range strings.FieldsSeq(names) {
			scopes[name] = &Scope{Name: name, Roles: above[role]}
		}
	}
	return scopes
}
