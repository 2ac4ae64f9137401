package gatehouse

// Settings are how the gateway treats the calls of an API, beside its resources. The zero
// Settings are those of an API that nobody has set anything for.
type Settings struct {
	Policies []Policy `json:"policies,omitempty"` // of all calls, in the order in which they run
	Security Security `json:"security,omitzero"`  // which credentials open the API
	Backends Backends `json:"backends,omitzero"`  // how what stands behind it is called
	// Default makes the API answer at its context without a version too, once it is served.
	Default bool `json:"default,omitempty"`

	// Tier is the advanced tier of the API as a whole, over the calls of everybody. It
	// stands in for the tiers of the resources. Empty means that those count.
	Tier string `json:"tier,omitempty"`
	// Capacity is what the backends take, from everybody together.
	Capacity Capacity `json:"capacity,omitzero"`
	// LimitAddresses gives each address that calls without a token the tier Unauthenticated.
	LimitAddresses bool `json:"limitAddresses,omitempty"`
}

// Capacity is how many calls the backends of an API get at most.
type Capacity struct {
	Production Limit `json:"production,omitzero"`
	Sandbox    Limit `json:"sandbox,omitzero"`
}

// validate checks the rules that the settings of an API that offers tiers keep.
func (s *Settings) validate(tiers []string) error {
	if err := s.Security.validate(tiers); err != nil {
		return err
	}
	if err := s.Backends.validate(); err != nil {
		return err
	}
	if s.Tier != "" {
		if err := CheckTierName(s.Tier); err != nil {
			return err
		}
	}
	for _, l := range []Limit{s.Capacity.Production, s.Capacity.Sandbox} {
		if l.None() {
			continue
		}
		if err := l.Validate(); err != nil {
			return err
		}
	}
	return validPolicies(s.Policies)
}
