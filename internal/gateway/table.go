package gateway

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// Table is the compiled form of all APIs that the gateway knows, and of what organizations
// say about calls (rules.go). It never changes: a change makes a
// new table that shares with the old one everything but the API that changed and the
// map of its organization. For an organization with 10,000 APIs that map is copied in
// about a millisecond; the resources of other APIs are not touched.
//
// A look-up costs one map access for the organization and one for each number of
// segments that base paths in the organization have, nearly always one, however many
// APIs there are.
type Table struct {
	organizations map[string]*directory // by key
	rules         map[string]*rules     // by the key of an organization that has some of its own
	salt          uint64                // of the buckets of addresses
}

// directory holds the APIs of one organization: at their own paths, "/petstore/v1", and
// the default versions at their contexts, "/petstore".
type directory struct{ versions, defaults paths }

// paths finds APIs by the path that a call's begins with.
type paths struct {
	routes map[string]*route
	depths [maxDepth + 1]int // how many routes have a path of that many segments
}

func newDirectory() *directory {
	return &directory{paths{routes: map[string]*route{}}, paths{routes: map[string]*route{}}}
}

// maxDepth is the most segments a base path has: a context has up to five, and there
// is the version.
const maxDepth = 6

// route is one API as the gateway serves it.
type route struct {
	api                 gatehouse.API // without its description and document
	base                string        // context and version
	resources           node
	security            *security
	cors                *cors
	production, sandbox *Backend            // nil when there is none
	forwards            *gatehouse.Resource // the first that only a backend answers; nil when policies answer all

	productionCapacity, sandboxCapacity *Allowance // of the backends; nil when there is none
}

// resource is a resource with all that is done to its calls.
type resource struct {
	*gatehouse.Resource
	policies *chain
	subject  string // whose calls its tier limits
}

// NewTable compiles the APIs that are known; the others are left out. The error tells
// of each API that could not be compiled: the table serves the rest. The caller does
// not change the APIs afterwards.
func NewTable(apis []*gatehouse.API) (*Table, error) {
	t := &Table{organizations: map[string]*directory{}}
	var failed []error
	for _, api := range apis {
		if !api.Known() {
			continue
		}
		r, err := compile(api)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		d := t.organizations[api.OrgKey]
		if d == nil {
			d = newDirectory()
			t.organizations[api.OrgKey] = d
		}
		d.put(r)
	}
	return t, errors.Join(failed...)
}

// With returns a table in which api is as it is now, or gone if it is no longer
// known. When api cannot be compiled, t stays valid as it is.
func (t *Table) With(api *gatehouse.API) (*Table, error) {
	if !api.Known() {
		return t.Without(api.ID), nil
	}
	r, err := compile(api)
	if err != nil {
		return nil, err
	}
	d := newDirectory()
	if old := t.organizations[api.OrgKey]; old != nil {
		d = old.clone()
	}
	d.remove(api.ID)
	d.put(r)
	return t.replace(api.OrgKey, d), nil
}

// Without returns a table that does not have the API with an id: t itself, if t does
// not have it either.
func (t *Table) Without(id string) *Table {
	for key, d := range t.organizations {
		if d.versions.of(id) != "" {
			d = d.clone()
			d.remove(id)
			return t.replace(key, d)
		}
	}
	return t
}

// replace returns t with another directory for one organization.
func (t *Table) replace(key string, d *directory) *Table {
	organizations := map[string]*directory{}
	maps.Copy(organizations, t.organizations)
	if len(d.versions.routes) == 0 {
		delete(organizations, key)
	} else {
		organizations[key] = d
	}
	return &Table{organizations, t.rules, t.salt}
}

func (d *directory) clone() *directory {
	return &directory{d.versions.clone(), d.defaults.clone()}
}

// put adds an API. Of two default versions at one context, which there are for the moment
// in which one takes over from the other, the one that was put last is the default.
func (d *directory) put(r *route) {
	d.versions.put(r.base, r)
	if r.api.Settings.Default && r.api.Served() {
		d.defaults.put(r.api.DefaultPath(), r)
	}
}

// remove takes the API with an id away.
func (d *directory) remove(id string) {
	d.versions.remove(d.versions.of(id))
	d.defaults.remove(d.defaults.of(id))
}

func (p *paths) clone() paths { return paths{maps.Clone(p.routes), p.depths} }

// of returns where the API with an id is, or nothing.
func (p *paths) of(id string) string {
	for path, r := range p.routes {
		if r.api.ID == id {
			return path
		}
	}
	return ""
}

// routeOf returns the API with an id, nil when it is not there.
func (t *Table) routeOf(id string) *route {
	for _, d := range t.organizations {
		if path := d.versions.of(id); path != "" {
			return d.versions.routes[path]
		}
	}
	return nil
}

func (p *paths) put(path string, r *route) {
	p.remove(path)
	p.routes[path] = r
	p.depths[strings.Count(path, "/")]++
}

func (p *paths) remove(path string) {
	if _, ok := p.routes[path]; ok {
		delete(p.routes, path)
		p.depths[strings.Count(path, "/")]--
	}
}

// find returns the API that a canonical path belongs to and what follows its base
// path: nothing, or a path of its own. The base path ends where a segment ends, and
// the longest one wins; what leads to no version may lead to a default version.
func (t *Table) find(path string) (r *route, rest string) {
	key := gatehouse.DefaultOrganization
	if tenant, ok := strings.CutPrefix(path, "/t/"); ok {
		i := strings.IndexByte(tenant, '/')
		if i < 0 {
			return nil, ""
		}
		key, path = tenant[:i], tenant[i:]
	}
	d := t.organizations[key]
	if d == nil {
		return nil, ""
	}
	return d.find(path)
}

// find looks for a version first: its own path never leads to another one.
func (d *directory) find(path string) (*route, string) {
	var ends [maxDepth + 1]int // of the first segments
	depth := 0
	for depth < maxDepth && ends[depth] < len(path) {
		_, rest := cut(path[ends[depth]:])
		depth++
		ends[depth] = len(path) - len(rest)
	}
	if r, rest := d.versions.find(path, ends[:depth+1]); r != nil {
		return r, rest
	}
	return d.defaults.find(path, ends[:depth+1])
}

func (p *paths) find(path string, ends []int) (*route, string) {
	for depth := len(ends) - 1; depth > 0; depth-- {
		if p.depths[depth] == 0 {
			continue
		}
		if r := p.routes[path[:ends[depth]]]; r != nil {
			return r, path[ends[depth]:]
		}
	}
	return nil, ""
}

// compile turns a definition into what is looked up for each call.
func compile(api *gatehouse.API) (*route, error) {
	r := &route{
		api: *api, base: api.Path(),
		productionCapacity: newAllowance(api.Settings.Capacity.Production, false), sandboxCapacity: newAllowance(api.Settings.Capacity.Sandbox, false),
	}
	r.api.Description, r.api.Document = "", ""
	var err error
	if r.production, err = compileBackend(&r.api, api.Production, &api.Settings.Backends.Production); err != nil {
		return nil, fmt.Errorf("compile API %s: %w", api.ID, err)
	}
	if r.sandbox, err = compileBackend(&r.api, api.Sandbox, &api.Settings.Backends.Sandbox); err != nil {
		return nil, fmt.Errorf("compile API %s: %w", api.ID, err)
	}
	if r.security, err = newSecurity(&r.api); err != nil {
		return nil, fmt.Errorf("compile API %s: %w", api.ID, err)
	}
	at := place{api: &r.api, document: &reading{text: api.Document}, cached: api.Has("cache")}
	defer at.document.close()
	shared, err := compilePolicies(r.api.Settings.Policies, at)
	if err != nil {
		return nil, fmt.Errorf("compile API %s: %w", api.ID, err)
	}
	if r.cors, err = corsOf(shared); err != nil {
		return nil, fmt.Errorf("compile API %s: %w", api.ID, err)
	}
	for i := range r.api.Resources {
		one := &r.api.Resources[i]
		policies, err := newChain(shared, at, one)
		if err != nil {
			return nil, fmt.Errorf("compile API %s: %s %s: %w", api.ID, one.Method, one.Template, err)
		}
		if !policies.alone && r.forwards == nil {
			r.forwards = one
		}
		r.resources.insert(&resource{one, policies, api.ID + " " + one.Method + " " + one.Template})
	}
	return r, nil
}
