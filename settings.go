package gatehouse

// Settings are how the gateway treats the calls of an API, beside its resources. The zero
// Settings are those of an API that nobody has set anything for.
type Settings struct {
	Policies []Policy `json:"policies,omitempty"` // of all calls, in the order in which they run
	Backends Backends `json:"backends,omitzero"`  // how what stands behind it is called
}

// validate checks the rules that settings keep.
func (s *Settings) validate() error {
	if err := s.Backends.validate(); err != nil {
		return err
	}
	return validPolicies(s.Policies)
}
