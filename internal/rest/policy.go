package rest

import (
	"encoding/json"

	"github.com/gatehouse/gatehouse"
)

// flows are the policies of an API or of an operation, by the side on which they meet a
// call. A policy that has a part on both stands under request.
type flows struct {
	Request  []policyBody `json:"request"`
	Response []policyBody `json:"response"`
	Fault    []policyBody `json:"fault"`
}

// policyBody is one policy. Its version is not asked for: a policy has one.
type policyBody struct {
	Name       string          `json:"policyName"`
	Version    string          `json:"policyVersion,omitempty"`
	Parameters json.RawMessage `json:"parameters,omitempty"`
}

// read returns the policies that f lists; an empty list for a nil f.
func (f *flows) read() ([]gatehouse.Policy, error) {
	policies := []gatehouse.Policy{}
	if f == nil {
		return policies, nil
	}
	if len(f.Fault) > 0 {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "there are no policies on the fault side: put %q on the response side, or leave it out", f.Fault[0].Name)
	}
	for _, flow := range []struct {
		side gatehouse.Side
		list []policyBody
	}{{gatehouse.RequestSide, f.Request}, {gatehouse.ResponseSide, f.Response}} {
		for _, p := range flow.list {
			ours, err := p.translate(flow.side)
			if err != nil {
				return nil, err
			}
			policies = append(policies, ours...)
		}
	}
	return policies, nil
}

// newFlows writes policies; nil for none.
func newFlows(policies []gatehouse.Policy) *flows {
	if len(policies) == 0 {
		return nil
	}
	f := &flows{Request: []policyBody{}, Response: []policyBody{}, Fault: []policyBody{}}
	for _, p := range policies {
		body := policyBody{Name: p.Name, Version: "v1", Parameters: p.Settings}
		if p.Side == gatehouse.ResponseSide {
			f.Response = append(f.Response, body)
		} else {
			f.Request = append(f.Request, body)
		}
	}
	return f
}
