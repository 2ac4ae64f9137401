package gatehouse

import (
	"cmp"
	"encoding/json"
	"slices"
)

// Policy has the gateway do something to calls on their way: change headers, answer in
// the backend's stead, refuse what is too large. What there is, and the settings of each,
// the gateway knows.
type Policy struct {
	Name     string          `json:"name"`
	Side     Side            `json:"side,omitempty"`
	Settings json.RawMessage `json:"settings,omitempty"` // an object; empty means the defaults
}

// ValidatePolicy is the name of the policy that holds calls against the API's OpenAPI document.
// It is known here, because the gateway is given the document for it alone.
const ValidatePolicy = "validate"

// Has reports whether a policy of a name is on a, or on one of its resources.
func (a *API) Has(policy string) bool {
	return hasPolicy(a.Settings.Policies, policy) || slices.ContainsFunc(a.Resources, func(r Resource) bool { return hasPolicy(r.Policies, policy) })
}

// Validates reports whether all calls of an API are held against its document.
func (s *Settings) Validates() bool { return hasPolicy(s.Policies, ValidatePolicy) }

func hasPolicy(policies []Policy, name string) bool {
	return slices.ContainsFunc(policies, func(p Policy) bool { return p.Name == name })
}

// SetValidation has all calls of an API held against its document on both sides, or no
// longer. What a resource has of its own stays.
func (s *Settings) SetValidation(on bool) {
	has := func(side Side) bool {
		return slices.ContainsFunc(s.Policies, func(p Policy) bool { return p.Name == ValidatePolicy && cmp.Or(p.Side, RequestSide) == side })
	}
	if !on {
		s.Policies = slices.DeleteFunc(slices.Clone(s.Policies), func(p Policy) bool { return p.Name == ValidatePolicy })
		return
	}
	for _, side := range []Side{RequestSide, ResponseSide} {
		if !has(side) {
			s.Policies = append(slices.Clip(s.Policies), Policy{Name: ValidatePolicy, Side: side})
		}
	}
}

// Side is where on its way a policy meets a call.
type Side string

// The sides. A policy that has a part on both, like a cache, is given none.
const (
	RequestSide  Side = "request"
	ResponseSide Side = "response"
)

// CORSPolicy says which pages may call. It is the one policy that management clients also know
// by a field of its own.
const CORSPolicy = "cors"

// Limits of policies.
const (
	MaxPolicies       = 50       // of an API, and of a resource
	MaxPolicySettings = 64 << 10 // bytes of one
)

// validPolicies checks the form of policies. Whether their settings make sense is the
// gateway's question, asked before they are stored.
func validPolicies(policies []Policy) error {
	if len(policies) > MaxPolicies {
		return Errorf(Invalid, "an API or a resource has at most %d policies, these are %d", MaxPolicies, len(policies))
	}
	for _, p := range policies {
		switch {
		case p.Side != "" && p.Side != RequestSide && p.Side != ResponseSide:
			return Errorf(Invalid, "%q is no side of the policy %s: use %s or %s", p.Side, p.Name, RequestSide, ResponseSide)
		case len(p.Settings) > MaxPolicySettings:
			return Errorf(Invalid, "the settings of the policy %s have %d bytes, more than %d", p.Name, len(p.Settings), MaxPolicySettings)
		case len(p.Settings) > 0 && !json.Valid(p.Settings):
			return Errorf(Invalid, "the settings of the policy %s are no JSON", p.Name)
		}
	}
	return nil
}
