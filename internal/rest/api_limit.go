package rest

import (
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/publisher"
)

// apiLimits are an API's own limits.
type apiLimits struct {
	// The tier of the API as a whole. Unlimited means that its operations' tiers count.
	APIThrottlingPolicy *string `json:"apiThrottlingPolicy,omitempty"`
	MaxTPS              *maxTPS `json:"maxTps,omitempty"`
	// The tier of each address that calls without a token: Unauthenticated or Unlimited.
	Unauthenticated string `json:"unauthenticatedThrottlingPolicy,omitempty"`
}

// maxTPS is how many calls the backends take.
type maxTPS struct {
	Production         int64  `json:"production,omitempty"`
	ProductionTimeUnit string `json:"productionTimeUnit,omitempty"` // SECOND, MINUTE or HOUR
	Sandbox            int64  `json:"sandbox,omitempty"`
	SandboxTimeUnit    string `json:"sandboxTimeUnit,omitempty"`
}

// read adds what l says to the changes of an API.
func (l *apiLimits) read(c *publisher.Changes) error {
	if tier := l.APIThrottlingPolicy; tier != nil {
		c.APITier = tier
		if *tier == gatehouse.Unlimited {
			c.APITier = new(string)
		}
	}
	if m := l.MaxTPS; m != nil {
		c.Capacity = &gatehouse.Capacity{Production: capacity(m.Production, m.ProductionTimeUnit), Sandbox: capacity(m.Sandbox, m.SandboxTimeUnit)}
	}
	limited := l.Unauthenticated == gatehouse.UnauthenticatedTier.Name
	if !limited && l.Unauthenticated != "" && l.Unauthenticated != gatehouse.Unlimited {
		return gatehouse.Errorf(gatehouse.Invalid, "unauthenticatedThrottlingPolicy is %s or %s, not %q", gatehouse.UnauthenticatedTier.Name, gatehouse.Unlimited, l.Unauthenticated)
	}
	if l.Unauthenticated != "" {
		c.LimitAddresses = &limited
	}
	return nil
}

func capacity(calls int64, unit string) gatehouse.Limit {
	if calls == 0 {
		return gatehouse.Limit{}
	}
	if unit == "" {
		unit = "second"
	}
	return gatehouse.Limit{Calls: calls, Every: 1, Unit: readUnit(strings.ToLower(unit))}
}

func newAPILimits(s *gatehouse.Settings) apiLimits {
	tier := s.Tier
	if tier == "" {
		tier = gatehouse.Unlimited
	}
	l := apiLimits{APIThrottlingPolicy: &tier}
	if p, sandbox := s.Capacity.Production, s.Capacity.Sandbox; !p.None() || !sandbox.None() {
		l.MaxTPS = &maxTPS{p.Calls, strings.ToUpper(string(p.Unit)), sandbox.Calls, strings.ToUpper(string(sandbox.Unit))}
	}
	if s.LimitAddresses {
		l.Unauthenticated = gatehouse.UnauthenticatedTier.Name
	}
	return l
}
