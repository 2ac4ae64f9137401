package gatehouse

import (
	"slices"
	"strings"
)

// AuthType says which kinds of access token open a resource.
type AuthType string

// The kinds, named as OpenAPI files (x-auth-type) and management clients write them.
const (
	AuthAny         AuthType = "Application & Application User"
	AuthNone        AuthType = "None"
	AuthApplication AuthType = "Application"
	AuthUser        AuthType = "Application User"
)

// ParseAuthType reads an x-auth-type; nothing and "Any" mean AuthAny.
func ParseAuthType(s string) (AuthType, error) {
	switch t := AuthType(s); t {
	case "", "Any", "Application & Application User":
		return AuthAny, nil
	case AuthNone, AuthApplication, AuthUser:
		return t, nil
	}
	return "", Errorf(Invalid, "%q is no x-auth-type: use %q, %q, %q or %q", s, AuthAny, AuthApplication, AuthUser, AuthNone)
}

// Resource is one method on one path template of an API.
type Resource struct {
	Method   string   // upper case
	Template string   // "/pets/{id}", "/files/*", relative to the API's base path
	Scopes   []string // any one of them opens the resource; none means any token
	Auth     AuthType
	Tier     string // advanced tier; empty means Unlimited
	Summary  string
	Policies []Policy `json:",omitempty"` // behind those of the API, in the order in which they run
}

// Methods are the methods a resource may have and the gateway lets through.
var Methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// OpenTo reports whether a token that holds granted opens r.
func (r *Resource) OpenTo(granted []string) bool {
	return len(r.Scopes) == 0 || slices.ContainsFunc(r.Scopes, func(s string) bool {
		return slices.Contains(granted, s)
	})
}

// Validate checks the rules a resource keeps.
func (r *Resource) Validate() error {
	if !slices.Contains(Methods, r.Method) {
		return Errorf(Invalid, "%q is no method of a resource: use one of %s", r.Method, strings.Join(Methods, ", "))
	}
	if !strings.HasPrefix(r.Template, "/") || len(r.Template) > 1000 {
		return Errorf(Invalid, "the path %q must begin with / and have at most 1000 bytes", r.Template)
	}
	segments := strings.Split(r.Template[1:], "/")
	for i, s := range segments {
		last := i == len(segments)-1
		switch {
		case s == "*" && last, s == "" && last:
		case s == "" || s == "." || s == "..":
			return Errorf(Invalid, "the path %q has an empty or dotted segment", r.Template)
		case s[0] == '{' && s[len(s)-1] == '}' && len(s) > 2 && !strings.ContainsAny(s[1:len(s)-1], "{}*"):
		case strings.ContainsAny(s, "{}*"):
			return Errorf(Invalid, "the path %q must have {parameters} as whole segments, and * only as the last", r.Template)
		case strings.ContainsFunc(s, func(c rune) bool { return !plainPathRune(c) }):
			return Errorf(Invalid, "the path %q holds a character that no path template may have", r.Template)
		}
	}
	if err := checkDescription(r.Summary); err != nil {
		return err
	}
	if r.Tier != "" {
		if err := CheckTierName(r.Tier); err != nil {
			return err
		}
	}
	if err := validPolicies(r.Policies); err != nil {
		return err
	}
	for _, s := range r.Scopes {
		if !validScope(s) {
			return Errorf(Invalid, "%s %s names %q, which cannot be a scope", r.Method, r.Template, s)
		}
	}
	return nil
}

// plainPathRune reports whether c stands for itself in a path segment: the pchar of
// RFC 3986, section 3.3, without escapes and without the ambiguous semicolon.
func plainPathRune(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("-._~!$&'()*+,=:@", c)
}

// validResources checks each resource, and that no two are the same one.
func validResources(resources []Resource) error {
	seen := map[string]string{}
	for i := range resources {
		r := &resources[i]
		if err := r.Validate(); err != nil {
			return err
		}
		key := r.Method + " " + r.shape()
		if first, ok := seen[key]; ok {
			return Errorf(Invalid, "%s %s and %s name the same resource", r.Method, first, r.Template)
		}
		seen[key] = r.Template
	}
	return nil
}

// shape is the template without its parameters' names and without a last slash, which
// the gateway does not tell apart.
func (r *Resource) shape() string {
	segments := strings.Split(strings.TrimSuffix(r.Template, "/"), "/")
	for i, s := range segments {
		if strings.HasPrefix(s, "{") {
			segments[i] = "{}"
		}
	}
	return strings.Join(segments, "/")
}
