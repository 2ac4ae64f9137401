package gateway

import (
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// node is a step into the path templates of one API: the resources whose templates
// begin with the same segments.
type node struct {
	literals []literal // sorted by segment
	param    *node     // under {any name}
	here     offer     // resources whose template ends here
	below    offer     // resources whose template goes on with /*
}

type literal struct {
	segment string
	next    *node
}

// offer is what there is on one template: a resource for each method.
type offer []*resource

// insert adds a resource under n.
func (n *node) insert(r *resource) {
	for path := strings.TrimSuffix(r.Template, "/"); path != ""; {
		var segment string
		if segment, path = cut(path); segment == "*" && path == "" {
			n.below = append(n.below, r)
			return
		}
		n = n.step(segment)
	}
	n.here = append(n.here, r)
}

// step returns the node one segment of a template further, made if there was none.
func (n *node) step(segment string) *node {
	if segment[0] == '{' {
		if n.param == nil {
			n.param = &node{}
		}
		return n.param
	}
	i, found := n.search(segment)
	if !found {
		n.literals = slices.Insert(n.literals, i, literal{segment, &node{}})
	}
	return n.literals[i].next
}

func (n *node) search(segment string) (int, bool) {
	return slices.BinarySearchFunc(n.literals, segment, func(l literal, s string) int { return strings.Compare(l.segment, s) })
}

// match returns the resource that a call of method on a canonical path means, or nil.
// Of all templates that fit and offer the method, the most specific wins: the one
// which, at the first segment that differs, has a literal before a {parameter} before
// a *. The order of definition does not matter. The path has no slash at its end.
func (n *node) match(path, method string) *resource {
	if path == "" {
		if r := n.here.find(method); r != nil {
			return r
		}
		return n.below.find(method)
	}
	segment, rest := cut(path)
	if i, found := n.search(segment); found {
		if r := n.literals[i].next.match(rest, method); r != nil {
			return r
		}
	}
	if n.param != nil {
		if r := n.param.match(rest, method); r != nil {
			return r
		}
	}
	return n.below.find(method)
}

// find returns the resource for method. HEAD is what GET answers, without the body
// (RFC 9110, section 9.3.2), unless it was defined apart.
func (o offer) find(method string) *resource {
	var get *resource
	for _, r := range o {
		if r.Method == method {
			return r
		}
		if r.Method == "GET" {
			get = r
		}
	}
	if method == "HEAD" {
		return get
	}
	return nil
}

// allowed lists the methods that match would find a resource for on path, in the
// order of gatehouse.Methods and ready for an Allow header; empty when the path is no
// resource's.
func (n *node) allowed(path string) string {
	var methods []string
	for _, m := range gatehouse.Methods {
		if n.match(path, m) != nil {
			methods = append(methods, m)
		}
	}
	return strings.Join(methods, ", ")
}
