package publisher

import (
	"slices"

	"github.com/gatehouse/gatehouse"
)

// Changes is what a publisher says of an API beside its OpenAPI document. Empty fields
// leave what the document says, or what the API has.
type Changes struct {
	Name        string
	Version     string
	Context     string
	Description *string
	Production  *string
	Sandbox     *string
	Tiers       []string
	Tags        []string
	Approval    *bool                // whether subscriptions wait for a publisher
	Policies    []gatehouse.Policy   // of all calls
	Validation  *bool                // whether calls are held against the document, on both sides
	CORS        []gatehouse.Policy   // the policy cors by itself: empty takes it away
	Resources   []gatehouse.Resource // those that the API has, with the policies that they shall have
	Security    Security
	Default     *bool               // whether the API is the default version of its context
	Backends    *gatehouse.Backends // how they are called; secrets that are blank stay
	APITier     *string             // of the API as a whole; empty for none
	Capacity    *gatehouse.Capacity // of the backends
	// LimitAddresses says whether each address that calls without a token has a limit.
	LimitAddresses *bool
}

// Apply overlays c on a. The name, version and context of an API that exists never
// change, so only a new one takes them.
func (c Changes) Apply(a *gatehouse.API) {
	a.Settings.Backends = c.backends(a)
	for field, value := range map[*string]string{&a.Name: c.Name, &a.Version: c.Version, &a.Context: c.Context} {
		if value != "" && a.CreatedAt.IsZero() {
			*field = value
		}
	}
	for field, value := range map[*string]*string{&a.Description: c.Description, &a.Production: c.Production, &a.Sandbox: c.Sandbox} {
		if value != nil {
			*field = *value
		}
	}
	if c.Tiers != nil && !(len(c.Tiers) == 0 && a.Subscriptionless()) {
		a.Tiers = c.Tiers
	}
	if c.Tags != nil {
		a.Tags = c.Tags
	}
	if c.Approval != nil {
		a.Approval = *c.Approval
	}
	if c.Default != nil {
		a.Settings.Default = *c.Default
	}
	c.Security.apply(&a.Settings.Security)
	a.Settings = c.Settings(a.Settings)
	keepPolicies(a.Resources, c.Resources)
}

// Settings overlays what c says on settings.
func (c *Changes) Settings(s gatehouse.Settings) gatehouse.Settings {
	s.Policies = c.policies(s.Policies)
	if c.Validation != nil {
		s.SetValidation(*c.Validation)
	}
	if c.APITier != nil {
		s.Tier = *c.APITier
	}
	if c.Capacity != nil {
		s.Capacity = *c.Capacity
	}
	if c.LimitAddresses != nil {
		s.LimitAddresses = *c.LimitAddresses
	}
	return s
}

// policies returns what becomes of an API's policies. CORS has a field of its own, so a list
// of policies without it leaves it as it is.
func (c Changes) policies(before []gatehouse.Policy) []gatehouse.Policy {
	isCORS := func(p gatehouse.Policy) bool { return p.Name == gatehouse.CORSPolicy }
	all := before
	if c.Policies != nil {
		all = c.Policies
	}
	if c.CORS != nil {
		return append(slices.DeleteFunc(slices.Clone(all), isCORS), c.CORS...)
	}
	if i := slices.IndexFunc(before, isCORS); i >= 0 && !slices.ContainsFunc(all, isCORS) {
		return append(slices.Clip(all), before[i])
	}
	return all
}

// keepPolicies gives resources the policies that the same ones of others have.
func keepPolicies(resources, others []gatehouse.Resource) {
	for i := range resources {
		r := &resources[i]
		for j := range others {
			if o := &others[j]; o.Method == r.Method && o.Template == r.Template {
				r.Policies = o.Policies
			}
		}
	}
}

// withPolicies returns resources, those that list no policies with the ones that they had.
func withPolicies(resources, before []gatehouse.Resource) []gatehouse.Resource {
	resources = slices.Clone(resources)
	for i := range resources {
		if resources[i].Policies == nil {
			keepPolicies(resources[i:i+1], before)
		}
	}
	return resources
}
