package publisher

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// scheme is a security scheme as far as resources need it.
type scheme struct {
	oauth2 bool
	scopes map[string]bool
}

// readScopes reads the scopes that the OAuth2 schemes define, whatever they are called.
func (r *reader) readScopes() {
	r.schemes = map[string]*scheme{}
	path, defined := pointer{"components", "securitySchemes"}, r.root.get("components").get("securitySchemes")
	if r.swagger {
		path, defined = pointer{"securityDefinitions"}, r.root.get("securityDefinitions")
	}
	if defined == nil || defined.shape != mapping {
		return
	}
	for _, e := range defined.entries {
		s := &scheme{scopes: map[string]bool{}}
		r.schemes[e.key.text] = s
		value := r.resolved(e.value)
		kind := value.get("type")
		if s.oauth2 = kind != nil && kind.text == "oauth2"; !s.oauth2 {
			continue
		}
		at := path.to(e.key.text)
		if r.swagger {
			r.readFlow(s, value, value, at)
			continue
		}
		flows := value.get("flows")
		if flows == nil || flows.shape != mapping {
			continue // the specification's check says so
		}
		for _, flow := range flows.entries {
			r.readFlow(s, flow.value, value, at.to("flows", flow.key.text))
		}
	}
}

// readFlow reads the scopes of a flow; their roles stand beside them or in the scheme.
func (r *reader) readFlow(s *scheme, flow, around *node, path pointer) {
	scopes := flow.get("scopes")
	if scopes == nil || scopes.shape != mapping {
		return
	}
	for _, e := range scopes.entries {
		name := e.key.text
		s.scopes[name] = true
		if name == gatehouse.DefaultScope || name == "openid" || strings.HasPrefix(name, "device_") {
			continue // these have a meaning of their own and need no definition
		}
		scope := gatehouse.Scope{Name: name, DisplayName: name}
		if e.value.shape == scalar && e.value.tag != "!!null" {
			scope.Description = e.value.text
		}
		for _, holder := range []*node{flow, around} {
			if bound := holder.get("x-scopes-bindings").get(name); bound != nil {
				scope.Roles = roles(bound)
				break
			}
		}
		if err := scope.Validate(); err != nil {
			r.problem(e.key, path.to("scopes", name), "%s", gatehouse.MessageOf(err))
			continue
		}
		r.keepScope(scope)
	}
}

// keepScope adds scope, or what it says more than the one of its name from another flow.
func (r *reader) keepScope(scope gatehouse.Scope) {
	for i := range r.draft.Scopes {
		known := &r.draft.Scopes[i]
		if known.Name != scope.Name {
			continue
		}
		if known.Description == "" {
			known.Description = scope.Description
		}
		for _, role := range scope.Roles {
			if !slices.Contains(known.Roles, role) {
				known.Roles = append(known.Roles, role)
			}
		}
		return
	}
	r.draft.Scopes = append(r.draft.Scopes, scope)
}

// roles reads roles written as one text with commas, or as a list.
func roles(n *node) []gatehouse.Role {
	var texts []string
	for _, e := range n.entries {
		texts = append(texts, e.value.text)
	}
	if n.shape == scalar && n.tag != "!!null" {
		texts = strings.Split(n.text, ",")
	}
	var roles []gatehouse.Role
	for _, text := range texts {
		role := gatehouse.Role(strings.TrimSpace(text))
		if role != "" && !slices.Contains(roles, role) {
			roles = append(roles, role)
		}
	}
	return roles
}

// readSecurity returns the scopes that a list of security requirements asks for. Each
// of them opens the resource, as everywhere on this platform; where the definition asks
// for several at once, or offers the way without any, a warning says so.
func (r *reader) readSecurity(security *node, path pointer) []string {
	if security == nil || security.shape != list {
		return nil
	}
	var scopes []string
	open := false
	for i, e := range security.entries {
		at := path.to(strconv.Itoa(i))
		if e.value.shape != mapping {
			r.problem(e.value, at, "a security requirement must be a mapping of a scheme's name to its scopes, here it is %s", e.value.shape)
			continue
		}
		open = open || len(e.value.entries) == 0
		asked := 0
		for _, requirement := range e.value.entries {
			found := r.readRequirement(requirement, at.to(requirement.key.text))
			asked += len(found)
			for _, scope := range found {
				if !slices.Contains(scopes, scope) {
					scopes = append(scopes, scope)
				}
			}
		}
		if asked > 1 {
			r.warn(e.value, at, "this asks for %d scopes at once, and any one of them will open the resource", asked)
		}
	}
	if open && len(scopes) > 0 {
		r.warn(security, path, "one of these requirements is empty, which would open the resource to everybody: it will ask for one of the scopes of the others")
	}
	return scopes
}

// readRequirement returns the scopes of one scheme in a requirement.
func (r *reader) readRequirement(requirement entry, path pointer) []string {
	name, listed := requirement.key.text, requirement.value
	s, ok := r.schemes[name]
	if !ok {
		place := "components.securitySchemes"
		if r.swagger {
			place = "securityDefinitions"
		}
		names := make([]string, 0, len(r.schemes))
		for n := range r.schemes {
			names = append(names, n)
		}
		slices.Sort(names)
		if meant, ok := likely(name, names); ok {
			r.problem(requirement.key, path, "the security scheme %q is not defined: did you mean %q?", name, meant)
		} else {
			r.problem(requirement.key, path, "the security scheme %q is not defined: add it under %s", name, place)
		}
		return nil
	}
	if listed.shape != list {
		r.problem(listed, path, "the scopes of %q must be a list, here is %s: write [] for none", name, listed.shape)
		return nil
	}
	if !s.oauth2 {
		return nil
	}
	var scopes []string
	for i, e := range listed.entries {
		scope := e.value.text
		if s.scopes[scope] {
			scopes = append(scopes, scope)
			continue
		}
		var names []string
		for n := range s.scopes {
			names = append(names, n)
		}
		slices.Sort(names)
		if meant, ok := likely(scope, names); ok {
			r.problem(e.value, path.to(strconv.Itoa(i)), "the scope %q is not defined by %q: did you mean %q?", scope, name, meant)
		} else {
			r.problem(e.value, path.to(strconv.Itoa(i)), "the scope %q is not defined: add it to the scopes of the security scheme %q", scope, name)
		}
	}
	return scopes
}

// resolved follows a node's reference within the definition; a broken one gives the
// node itself, and has been told.
func (r *reader) resolved(n *node) *node {
	for range maxSteps {
		ref := n.get("$ref")
		if ref == nil || !strings.HasPrefix(ref.text, "#/") {
			return n
		}
		target, _, _ := r.lookUp(ref.text)
		if target == nil {
			return n
		}
		n = target
	}
	return n
}
