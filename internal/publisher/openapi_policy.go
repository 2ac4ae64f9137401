package publisher

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// policiesField lists policies, at the root for all calls and in operations.
const policiesField = "x-gatehouse-policies"

// policyFields are those of one policy.
var policyFields = []string{"name", "side", "settings"}

// policyPlace is where a policy of a draft stands in the text.
type policyPlace struct {
	at       *node
	path     pointer
	resource int // index of the resource that it is of; -1 for one of all calls
	policy   gatehouse.Policy
}

// readPolicies returns the policies that holder lists: nil when it has no list, which is not
// the same as an empty one. What their settings mean is not looked at here.
func (r *reader) readPolicies(holder *node, path pointer, resource int) []gatehouse.Policy {
	said := holder.get(policiesField)
	if said == nil {
		return nil
	}
	path = path.to(policiesField)
	policies := []gatehouse.Policy{}
	if said.shape != list {
		r.problem(said, path, "%s must be a list of policies, each with a name and settings, this is %s", policiesField, said.shape)
		return policies
	}
	for i, e := range said.entries {
		at := path.to(strconv.Itoa(i))
		if p, ok := r.readPolicy(e.value, at); ok {
			policies = append(policies, p)
			r.draft.policies = append(r.draft.policies, policyPlace{e.value, at, resource, p})
		}
	}
	return policies
}

func (r *reader) readPolicy(n *node, path pointer) (p gatehouse.Policy, ok bool) {
	name := n.get("name")
	if name == nil || name.shape != scalar || name.text == "" {
		r.problem(n, path, "a policy must be a mapping with a name, like {name: headers, settings: {...}}")
		return p, false
	}
	for _, e := range n.entries {
		if !slices.Contains(policyFields, e.key.text) {
			r.problem(e.key, path.to(e.key.text), "%q is not a field of a policy: use %s", e.key.text, strings.Join(policyFields, ", "))
			return p, false
		}
	}
	p.Name = name.text
	if side := n.get("side"); side != nil {
		p.Side = gatehouse.Side(side.text)
	}
	settings := n.get("settings")
	if settings == nil || settings.tag == "!!null" {
		return p, true
	}
	if settings.shape != mapping {
		r.problem(settings, path.to("settings"), "the settings of a policy are a mapping, this is %s", settings.shape)
		return p, false
	}
	p.Settings = settings.json()
	return p, true
}

// json writes a value as JSON.
func (n *node) json() json.RawMessage {
	w := &writer{whole: true, exact: true, lines: []*node{n, n}}
	w.value(n, place{})
	var compact bytes.Buffer
	if err := json.Compact(&compact, w.text.Bytes()); err != nil {
		panic(err) // the writer writes JSON
	}
	return compact.Bytes()
}

// checkPolicies asks check about the policies of d, and tells of each that is refused where it
// stands. It asks about each by itself only when they are refused together.
func (d *Draft) checkPolicies(check func(*gatehouse.API) error) error {
	if len(d.policies) == 0 || check(&d.API) == nil {
		return nil
	}
	bare := slices.Clone(d.API.Resources)
	for i := range bare {
		bare[i].Policies = nil
	}
	var f findings
	for _, p := range d.policies {
		one := []gatehouse.Policy{p.policy}
		probe := d.API
		probe.Settings, probe.Resources = gatehouse.Settings{Policies: one}, bare
		if p.resource >= 0 {
			resource := bare[p.resource]
			resource.Policies = one
			probe.Settings, probe.Resources = gatehouse.Settings{}, []gatehouse.Resource{resource}
		}
		if err := check(&probe); err != nil {
			f.problem(p.at, p.path, "%s", gatehouse.MessageOf(err))
		}
	}
	return f.err()
}
