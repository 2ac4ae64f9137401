package gatehouse

// Settings are how the gateway treats the calls of an API, beside its resources. The zero
// Settings are those of an API that nobody has set anything for.
type Settings struct {
	Policies []Policy `json:"policies,omitempty"` // of all calls, in the order in which they run
	Security Security `json:"security,omitzero"`  // which credentials open the API
	Backends Backends `json:"backends,omitzero"`  // how what stands behind it is called
	// Default makes the API answer at its context without a version too, once it is served.
	Default bool `json:"default,omitempty"`
}

// validate checks the rules that the settings of an API that offers tiers keep.
func (s *Settings) validate(tiers []string) error {
	if err := s.Security.validate(tiers); err != nil {
		return err
	}
	if err := s.Backends.validate(); err != nil {
		return err
	}
	return validPolicies(s.Policies)
}
