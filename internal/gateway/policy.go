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
	{"backend-jwt", []gatehouse.Side{gatehouse.RequestSide}, compiles(newBackendJWT)},
	{"body-size", []gatehouse.Side{gatehouse.RequestSide, gatehouse.ResponseSide}, compiles(newBodySize)},
	{"cache", nil, compiles(newCache)},
	{"cors", nil, compiles(newCORS)},
	{"graphql", []gatehouse.Side{gatehouse.RequestSide}, compiles(newGraphQL)},
	{"headers", []gatehouse.Side{gatehouse.RequestSide, gatehouse.ResponseSide}, compiles(newHeaders)},
	{"ip-allow", []gatehouse.Side{gatehouse.RequestSide}, compiles(newIPAllow)},
	{"json-threat", []gatehouse.Side{gatehouse.RequestSide}, compiles(newJSONThreat)},
	{"mock", []gatehouse.Side{gatehouse.RequestSide}, compiles(newMock)},
	{"query", []gatehouse.Side{gatehouse.RequestSide}, compiles(newQuery)},
	{"redirect", []gatehouse.Side{gatehouse.RequestSide}, compiles(newRedirect)},
	{"request-log", nil, compiles(newRequestLog)},
	{"rewrite", []gatehouse.Side{gatehouse.RequestSide}, compiles(newRewrite)},
	{"timeouts", nil, compiles(newTimeouts)},
	{"validate", []gatehouse.Side{gatehouse.RequestSide, gatehouse.ResponseSide}, compiles(newValidate)},
	{"websocket", nil, compiles(newWebSocket)},
	{"xml-threat", []gatehouse.Side{gatehouse.RequestSide}, compiles(newXMLThreat)},
}

// kind is one sort of policy.
type kind struct {
	name    string
	sides   []gatehouse.Side // on which it may be put, the first by default; none for one that has a part on both
	compile func(settings json.RawMessage, p place) (any, error)
}

// place is where a policy is put.
type place struct {
	side     gatehouse.Side
	api      *gatehouse.API
	resource *gatehouse.Resource // nil for a policy of all calls of the API
	document *reading            // of the API
	cached   bool                // the API, or a resource of it, has a cache
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
	// finisher is told of a call when it is over, also of one that was refused after its resource
	// was found.
	finisher interface {
		finish(c *call)
	}
	// standIn is an answerer that answers every call, so that there need be no backend.
	standIn interface {
		standsIn()
	}
	// fitter is asked for each resource whether the policy makes sense there.
	fitter interface {
		fits(r *gatehouse.Resource) error
	}
)

// chain is all policies of a resource, those of its API first, by what they do.
type chain struct {
	admitters  []named[admitter]
	answerers  []answerer
	rewriters  []rewriter
	responders []responder
	finishers  []finisher
	cache      *cache        // the last one, which holds alone; nil for none
	alone      bool          // a policy stands in for the backend
	template   *pathTemplate // of the path that the backend gets; nil for the call's own
	watches    bool          // a policy bounds the messages of WebSockets
}

// named is a policy's part with the name of its kind, for those who ask why.
type named[T any] struct {
	kind string
	does T
}

// compilePolicies compiles the policies of one place. Those of an API are compiled once,
// however many resources it has.
func compilePolicies(policies []gatehouse.Policy, p place) ([]named[any], error) {
	var compiled []named[any]
	for i := range policies {
		does, err := compilePolicy(&policies[i], p)
		if err != nil {
			return nil, err
		}
		compiled = append(compiled, named[any]{policies[i].Name, does})
	}
	return compiled, nil
}

// newChain puts the policies of a resource behind those that it shares with all of its API.
func newChain(shared []named[any], at place, r *gatehouse.Resource) (*chain, error) {
	forget := at.cached && changing(r.Method)
	if len(shared)+len(r.Policies) == 0 && !forget {
		return bare, nil
	}
	at.resource = r
	own, err := compilePolicies(r.Policies, at)
	if err != nil {
		return nil, err
	}
	c := &chain{}
	for _, p := range slices.Concat(shared, own) {
		if f, ok := p.does.(fitter); ok {
			if err := f.fits(r); err != nil {
				return nil, policyError(p.kind, err)
			}
		}
		c.add(p)
	}
	c.keep(forget)
	if !c.watches {
		c.responders = append(c.responders, standardMessages)
	}
	return c, nil
}

// policyError says which policy is wrong.
func policyError(name string, err error) error {
	return gatehouse.Errorf(gatehouse.Invalid, "the policy %s: %s", name, gatehouse.MessageOf(err))
}

// bare is the chain of the many resources that have no policies.
var bare = &chain{responders: []responder{standardMessages}}

func compilePolicy(p *gatehouse.Policy, at place) (any, error) {
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == p.Name })
	if i < 0 {
		var names []string
		for _, k := range kinds {
			names = append(names, k.name)
		}
		return nil, gatehouse.Errorf(gatehouse.Invalid, "there is no policy %q: use one of %s", p.Name, strings.Join(names, ", "))
	}
	k := &kinds[i]
	at.side = p.Side
	switch {
	case len(k.sides) == 0:
		at.side = ""
	case at.side == "":
		at.side = k.sides[0]
	case !slices.Contains(k.sides, at.side):
		return nil, gatehouse.Errorf(gatehouse.Invalid, "the policy %s has no part on the %s side: put it on the %s side", p.Name, at.side, k.sides[0])
	}
	compiled, err := k.compile(p.Settings, at)
	if err != nil {
		return nil, policyError(p.Name, err)
	}
	return compiled, nil
}

func (c *chain) add(p named[any]) {
	compiled := p.does
	if k, ok := compiled.(*cache); ok {
		c.cache = k
		return
	}
	if a, ok := compiled.(admitter); ok {
		c.admitters = append(c.admitters, named[admitter]{p.kind, a})
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
	if f, ok := compiled.(finisher); ok {
		c.finishers = append(c.finishers, f)
	}
	if _, ok := compiled.(standIn); ok {
		c.alone = true
	}
	if r, ok := compiled.(*rewritten); ok && r.template != nil {
		c.template = r.template
	}
	if _, ok := compiled.(messageLimits); ok {
		c.watches = true
	}
}

// keep has the cache look at calls behind all policies that may refuse them, and at answers
// before all that change them. Without one of its own, a resource may be to forget what the
// caches of others keep.
func (c *chain) keep(forget bool) {
	switch {
	case c.cache != nil:
		c.answerers = append(c.answerers, c.cache)
		c.rewriters = append(c.rewriters, c.cache)
		c.responders = slices.Insert(c.responders, 0, responder(c.cache))
	case forget:
		c.responders = append(c.responders, forgets{})
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

// Check reports what keeps an API from being served: an Invalid error that names the policy
// and the setting, or the resource whose calls nobody would answer. It is asked before an API
// is stored.
func Check(api *gatehouse.API) error {
	r, err := compile(api)
	if err != nil || !api.Served() || r.forwards == nil || r.production != nil || r.sandbox != nil {
		return err
	}
	return gatehouse.Errorf(gatehouse.Invalid, "API %s %s has no backend: set its production endpoint before publishing, or give %s %s a policy that answers, like mock",
		api.Name, api.Version, r.forwards.Method, r.forwards.Template)
}
