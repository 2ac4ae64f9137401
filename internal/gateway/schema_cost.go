package gateway

import (
	"errors"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Limits of what it may cost to hold a value against a schema, in schemas that are looked
// at. A million takes about a fifth of a second.
const (
	maxSchemaDepth = 64        // objects and arrays within each other
	maxCost        = 2_000_000 // of one value with all that is in it
	maxOwnCost     = 20_000    // of one value by itself
)

// costs finds out, before any call, how often a schema has each value within a value looked
// at, by its depth at most. Alternatives that lead back to the schema multiply: with two of
// them a value that is nested n times deep is looked at 2^n times (check 132). So neither
// the size of a message nor the depth alone bounds the time.
type costs struct {
	known [maxSchemaDepth + 1]map[*jsonschema.Schema]int
}

// errEndless is for a schema that stands within itself for the same value.
var errEndless = errors.New("it refers to itself for the same value")

func newCosts() *costs {
	c := &costs{}
	for depth := range c.known {
		c.known[depth] = map[*jsonschema.Schema]int{}
	}
	return c
}

// of returns, for each depth, the most that one value of a depth up to that costs.
func (c *costs) of(s *jsonschema.Schema) (*[maxSchemaDepth + 1]int, error) {
	var most [maxSchemaDepth + 1]int
	for depth := range most {
		cost, ok := c.at(s, depth)
		if !ok {
			return nil, errEndless
		}
		most[depth] = cost
		if depth > 0 {
			most[depth] = max(cost, most[depth-1])
		}
	}
	if most[0] > maxOwnCost {
		return nil, errors.New("it has too many alternatives within each other")
	}
	return &most, nil
}

// pending marks what is being found out.
const pending = -1

// at returns what a value costs that is so many levels below the one held against s; false
// for a schema that is endless.
func (c *costs) at(s *jsonschema.Schema, depth int) (int, bool) {
	if s == nil || s.Bool != nil {
		return 1, true
	}
	if cost, ok := c.known[depth][s]; ok {
		return cost, cost != pending
	}
	c.known[depth][s] = pending
	cost := 0
	if depth == 0 {
		cost = 1 + weigh(s)
	} else {
		below, ok := c.below(s, depth-1)
		if !ok {
			return 0, false
		}
		cost = below
	}
	for _, inner := range sameValue(s) {
		more, ok := c.at(inner, depth)
		if !ok {
			return 0, false
		}
		cost = min(cost+more, maxCost)
	}
	c.known[depth][s] = cost
	return cost, true
}

// weigh is what a schema costs by itself beyond one.
func weigh(s *jsonschema.Schema) int {
	weight := len(s.Required)/8 + len(s.DependentRequired)
	if s.Enum != nil {
		weight += values(s.Enum.Values) / 4
	}
	if s.Const != nil {
		weight += values(*s.Const) / 4
	}
	return min(weight, maxCost)
}

// values counts what v is made of.
func values(v any) int {
	n := 1
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			n += values(e)
		}
	case map[string]any:
		for _, e := range v {
			n += values(e)
		}
	}
	return n
}

// sameValue lists the schemas against which s has its own value held.
func sameValue(s *jsonschema.Schema) []*jsonschema.Schema {
	inner := slices.Concat([]*jsonschema.Schema{s.Ref, s.Not, s.If, s.Then, s.Else}, s.AllOf, s.AnyOf, s.OneOf)
	for _, d := range s.DependentSchemas {
		inner = append(inner, d)
	}
	for _, d := range s.Dependencies {
		if d, ok := d.(*jsonschema.Schema); ok {
			inner = append(inner, d)
		}
	}
	return slices.DeleteFunc(inner, func(s *jsonschema.Schema) bool { return s == nil })
}

// below returns what a value costs that is depth levels below a property or an item of the
// one held against s: the dearest of those that there may be, with all that holds for any.
func (c *costs) below(s *jsonschema.Schema, depth int) (int, bool) {
	dearest, all := 0, len(s.PatternProperties)
	for _, one := range exclusive(s) {
		cost, ok := c.at(one, depth)
		if !ok {
			return 0, false
		}
		dearest = max(dearest, cost)
	}
	for _, one := range common(s) {
		cost, ok := c.at(one, depth)
		if !ok {
			return 0, false
		}
		all = min(all+cost, maxCost)
	}
	return min(dearest+all, maxCost), true
}

// exclusive lists the schemas of which one at most holds for a property or item.
func exclusive(s *jsonschema.Schema) []*jsonschema.Schema {
	list := slices.Concat(s.PrefixItems, []*jsonschema.Schema{s.Items2020})
	for _, p := range s.Properties {
		list = append(list, p)
	}
	for _, any := range []any{s.AdditionalProperties, s.AdditionalItems, s.Items} {
		switch items := any.(type) {
		case *jsonschema.Schema:
			list = append(list, items)
		case []*jsonschema.Schema:
			list = append(list, items...)
		}
	}
	return slices.DeleteFunc(list, func(s *jsonschema.Schema) bool { return s == nil })
}

// common lists the schemas that hold beside those and beside each other.
func common(s *jsonschema.Schema) []*jsonschema.Schema {
	list := []*jsonschema.Schema{s.PropertyNames, s.Contains, s.UnevaluatedProperties, s.UnevaluatedItems}
	for _, p := range s.PatternProperties {
		list = append(list, p)
	}
	return slices.DeleteFunc(list, func(s *jsonschema.Schema) bool { return s == nil })
}
