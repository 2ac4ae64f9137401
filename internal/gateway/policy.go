package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// kinds are the policies that there are. Each stands in a file of its own, policy_<name>.go,
// with its settings, whose comments are its manual.
var kinds = []kind{
	{"headers", []gatehouse.Side{gatehouse.RequestSide, gatehouse.ResponseSide}, compiles(newHeaders)},
	{"websocket", nil, compiles(newWebSocket)},
}

// kind is one sort of policy.
type kind struct {
	name    string
	sides   []gatehouse.Side // on which it may be put, the first by default; none for one that has a part on both
	compile func(settings json.RawMessage, p place) (any, error)
}

// place is where a policy is put.
type place struct {
	side gatehouse.Side
	api  *gatehouse.API
}

// compiles makes a kind's compile out of a function that takes its settings, S, as they
// are when read over their defaults. A setting that S does not know is refused.
func compiles[S any](compile func(S, place) (any, error)) func(json.RawMessage, place) (any, error) {
	return func(text json.RawMessage, p place) (any, error) {
		var settings S
		if len(text) > 0 {
			d := json.NewDecoder(bytes.NewReader(text))
			d.DisallowUnknownFields()
			if err := d.Decode(&settings); err != nil {
				return nil, gatehouse.Errorf(gatehouse.Invalid, "%s", strings.TrimPrefix(err.Error(), "json: "))
			}
			if _, err := d.Token(); !errors.Is(err, io.EOF) {
				return nil, gatehouse.Errorf(gatehouse.Invalid, "the settings must be one JSON object")
			}
		}
		return compile(settings, p)
	}
}

// What a compiled policy may do, at the moments of a call in their order. Each does one or
// more of these.
type (
	// admitter refuses calls by their head and by who calls, which is nil for a call without a
	// token. It is a part of the decision, so it has no input, no output and no clock; it
	// returns nil for a call that may go on.
	admitter interface {
		admit(f Facts, h *Head, by *gatehouse.Authorization) *Refusal
	}
	// answerer looks at a call that was let through, before the backend does. It may read and
	// replace the body of c.r, and answer or refuse in the backend's stead: then it returns
	// true, and the call is over.
	answerer interface {
		answer(c *call) bool
	}
	// rewriter changes the request that the backend gets.
	rewriter interface {
		rewrite(c *call, out *http.Request)
	}
	// responder changes the backend's answer before it goes to the caller. An error is
	// answered in its place.
	responder interface {
		respond(c *call, res *http.Response) error
	}
	// standIn is an answerer that answers every call, so that there need be no backend.
	standIn interface {
		standsIn()
	}
)

// chain is all policies of a resource, those of its API first, by what they do.
type chain struct {
	admitters  []named[admitter]
	answerers  []answerer
	rewriters  []rewriter
	responders []responder
	alone      bool // a policy stands in for the backend
	watches    bool // a policy bounds the messages of WebSockets
}

// named is a policy's part with the name of its kind, for those who ask why.
type named[T any] struct {
	kind string
	does T
}

// newChain compiles the policies of an API and of one of its resources.
func newChain(api *gatehouse.API, r *gatehouse.Resource) (*chain, error) {
	if len(api.Settings.Policies)+len(r.Policies) == 0 {
		return bare, nil
	}
	c := &chain{}
	for _, p := range slices.Concat(api.Settings.Policies, r.Policies) {
		compiled, err := compilePolicy(&p, api)
		if err != nil {
			return nil, err
		}
		c.add(p.Name, compiled)
	}
	if !c.watches {
		c.responders = append(c.responders, standardMessages)
	}
	return c, nil
}

// bare is the chain of the many resources that have no policies.
var bare = &chain{responders: []responder{standardMessages}}

func compilePolicy(p *gatehouse.Policy, api *gatehouse.API) (any, error) {
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == p.Name })
	if i < 0 {
		var names []string
		for _, k := range kinds {
			names = append(names, k.name)
		}
		return nil, gatehouse.Errorf(gatehouse.Invalid, "there is no policy %q: use one of %s", p.Name, strings.Join(names, ", "))
	}
	k := &kinds[i]
	side := p.Side
	switch {
	case len(k.sides) == 0:
		side = ""
	case side == "":
		side = k.sides[0]
	case !slices.Contains(k.sides, side):
		return nil, gatehouse.Errorf(gatehouse.Invalid, "the policy %s has no part on the %s side: put it on the %s side", p.Name, side, k.sides[0])
	}
	compiled, err := k.compile(p.Settings, place{side, api})
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "the policy %s: %s", p.Name, gatehouse.MessageOf(err))
	}
	return compiled, nil
}

func (c *chain) add(kind string, compiled any) {
	if a, ok := compiled.(admitter); ok {
		c.admitters = append(c.admitters, named[admitter]{kind, a})
	}
	if a, ok := compiled.(answerer); ok {
		c.answerers = append(c.answerers, a)
	}
	if r, ok := compiled.(rewriter); ok {
		c.rewriters = append(c.rewriters, r)
	}
	if r, ok := compiled.(responder); ok {
		c.responders = append(c.responders, r)
	}
	if _, ok := compiled.(standIn); ok {
		c.alone = true
	}
	if _, ok := compiled.(messageLimits); ok {
		c.watches = true
	}
}

// admitted asks the policies that decide by a call's head.
func (d *Decision) admitted(f Facts, h *Head) bool {
	d.Stage = StagePolicies
	for _, a := range d.policies.admitters {
		if refusal := a.does.admit(f, h, d.Authorization); refusal != nil {
			d.Policy = a.kind
			return d.refuse(refusal)
		}
	}
	return true
}

// Check reports what keeps an API from being compiled: an Invalid error that names the
// policy and the setting. It is asked before an API is stored.
func Check(api *gatehouse.API) error {
	_, err := compile(api)
	return err
}
