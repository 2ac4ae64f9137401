package gatehouse

import "encoding/json"

// Policy has the gateway do something to calls on their way: change headers, answer in
// the backend's stead, refuse what is too large. What there is, and the settings of each,
// the gateway knows.
type Policy struct {
	Name     string          `json:"name"`
	Side     Side            `json:"side,omitempty"`
	Settings json.RawMessage `json:"settings,omitempty"` // an object; empty means the defaults
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
