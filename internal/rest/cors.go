package rest

import (
	"encoding/json"

	"github.com/gatehouse/gatehouse"
)

// corsConfiguration is the policy cors as management clients know it. One that is not enabled
// is what an API without the policy does: open to every page, without credentials.
type corsConfiguration struct {
	Enabled     bool     `json:"corsConfigurationEnabled"`
	Origins     []string `json:"accessControlAllowOrigins"`
	Credentials bool     `json:"accessControlAllowCredentials"`
	Headers     []string `json:"accessControlAllowHeaders"`
	Methods     []string `json:"accessControlAllowMethods"`
	Exposed     []string `json:"accessControlExposeHeaders,omitempty"`
	MaxAge      *int     `json:"accessControlMaxAge,omitempty"`
}

// corsSettings are the settings of the policy, without the one that switches CORS off: that
// has no equal in a corsConfiguration.
type corsSettings struct {
	Origins     []string `json:"origins,omitempty"`
	Credentials bool     `json:"credentials,omitempty"`
	Methods     []string `json:"methods,omitempty"`
	Headers     []string `json:"headers,omitempty"`
	Exposed     []string `json:"exposed,omitempty"`
	MaxAge      *int     `json:"maxAge,omitempty"`
}

// read returns the policy that c asks for: nil when it says nothing, an empty list for none.
// Where the policies of the API name one it counts, unless both do.
func (c *corsConfiguration) read(named []gatehouse.Policy) ([]gatehouse.Policy, error) {
	twice := false
	for _, p := range named {
		twice = twice || p.Name == gatehouse.CORSPolicy
	}
	switch {
	case c == nil, !c.Enabled && twice:
		return nil, nil
	case !c.Enabled:
		return []gatehouse.Policy{}, nil
	case twice:
		return nil, gatehouse.Errorf(gatehouse.Invalid, "CORS is set by corsConfiguration and by a policy: use one of them")
	}
	settings, err := json.Marshal(corsSettings{c.Origins, c.Credentials, c.Methods, c.Headers, c.Exposed, c.MaxAge})
	return []gatehouse.Policy{{Name: gatehouse.CORSPolicy, Settings: settings}}, err
}

// newCORS parts an API's policies into its CORS configuration and the others. A policy that a
// configuration cannot say stays among them.
func newCORS(policies []gatehouse.Policy) (c *corsConfiguration, others []gatehouse.Policy) {
	c = &corsConfiguration{Origins: []string{"*"}, Headers: []string{}, Methods: []string{}}
	for _, p := range policies {
		var s struct {
			Enabled *bool `json:"enabled"`
			corsSettings
		}
		said := p.Name == gatehouse.CORSPolicy && (len(p.Settings) == 0 || json.Unmarshal(p.Settings, &s) == nil)
		if !said || s.Enabled != nil && !*s.Enabled {
			others = append(others, p)
			continue
		}
		c.Enabled, c.Credentials, c.Exposed, c.MaxAge = true, s.Credentials, s.Exposed, s.MaxAge
		for to, from := range map[*[]string][]string{&c.Origins: s.Origins, &c.Headers: s.Headers, &c.Methods: s.Methods} {
			if from != nil {
				*to = from
			}
		}
	}
	return c, others
}
