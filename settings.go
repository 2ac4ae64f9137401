package gatehouse

// Settings are how the gateway treats the calls of an API, beside its resources. The zero
// Settings are those of an API that nobody has set anything for.
type Settings struct {
	Policies []Policy `json:"policies,omitempty"` // of all calls, in the order in which they run
}

// validate checks the rules that settings keep.
func (s *Settings) validate() error {
	return validPolicies(s.Policies)
}
