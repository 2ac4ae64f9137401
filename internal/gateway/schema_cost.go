package gateway

import (
	"errors"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Limits of what it may cost to hold a value against a schema: some seconds at the very worst,
// when every value is wrong, and milliseconds as a rule.
const (
	maxSchemaDepth = 64          // objects and arrays within each other
	maxLooks       = 1_000_000   // schemas that are looked at, for one value with all that is in it
	maxMatches     = 200_000_000 // instructions of patterns times bytes of the text
	maxOwnLooks    = 20_000      // for one value by itself
)

// cost is what one value costs.
type cost struct {
	looks   int // how many schemas are looked at
	matches int // how many instructions the patterns have that it, or its name, is matched with
}

// saturated is more than is ever allowed.
const saturated = 1 << 30

func (c cost) plus(d cost) cost {
	return cost{min(c.looks+d.looks, saturated), min(c.matches+d.matches, saturated)}
}

func (c cost) orMore(d cost) cost { return cost{max(c.looks, d.looks), max(c.matches, d.matches)} }

// allows reports whether a text of so many bytes and values may be checked at this cost.
func (c cost) allows(bytes, values int) bool {
	return int64(c.looks)*int64(values) <= maxLooks && int64(c.matches)*int64(bytes) <= maxMatches
}

// costs finds out, before any call, how often a schema has each value within a value looked
// at, by its depth at most. Alternatives that lead back to the schema multiply: with two of
// them a value that is nested n times deep is looked at 2^n times (check 132). So neither
// the size of a message nor the depth alone bounds the time.
type costs struct {
	known [maxSchemaDepth + 1]map[*jsonschema.Schema]cost
}

// errEndless is for a schema that stands within itself for the same value.
var errEndless = errors.New("it refers to itself for the same value")

func newCosts() *costs {
	c := &costs{}
	for depth := range c.known {
		c.known[depth] = map[*jsonschema.Schema]cost{}
	}
	return c
}

// of returns, for each depth, the most that one value of a depth up to that costs.
func (c *costs) of(s *jsonschema.Schema) (*[maxSchemaDepth + 1]cost, error) {
	var most [maxSchemaDepth + 1]cost
	for depth := range most {
		one, ok := c.at(s, depth)
		if !ok {
			return nil, errEndless
		}
		most[depth] = one
		if depth > 0 {
			most[depth] = one.orMore(most[depth-1])
		}
	}
	if most[0].looks > maxOwnLooks {
		return nil, errors.New("it has too many alternatives within each other")
	}
	return &most, nil
}

// pending marks what is being found out.
var pending = cost{-1, -1}

// at returns what a value costs that is so many levels below the one held against s; false
// for a schema that is endless.
func (c *costs) at(s *jsonschema.Schema, depth int) (cost, bool) {
	if s == nil || s.Bool != nil {
		return cost{looks: 1}, true
	}
	if known, ok := c.known[depth][s]; ok {
		return known, known != pending
	}
	c.known[depth][s] = pending
	sum := own(s)
	if depth > 0 {
		var ok bool
		if sum, ok = c.below(s, depth-1); !ok {
			return cost{}, false
		}
	}
	for _, inner := range sameValue(s) {
		more, ok := c.at(inner, depth)
		if !ok {
			return cost{}, false
		}
		sum = sum.plus(more)
	}
	c.known[depth][s] = sum
	return sum, true
}

// own is what a schema costs by itself.
func own(s *jsonschema.Schema) cost {
	c := cost{looks: 1 + len(s.Required)/8 + len(s.DependentRequired)}
	if s.Enum != nil {
		c.looks += values(s.Enum.Values) / 4
	}
	if s.Const != nil {
		c.looks += values(*s.Const) / 4
	}
	if p, ok := s.Pattern.(pattern); ok {
		c.matches = p.size
	}
	return c
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
func (c *costs) below(s *jsonschema.Schema, depth int) (cost, bool) {
	var dearest, all cost
	for p := range s.PatternProperties {
		if p, ok := p.(pattern); ok {
			all = all.plus(cost{matches: p.size})
		}
	}
	for _, one := range exclusive(s) {
		more, ok := c.at(one, depth)
		if !ok {
			return cost{}, false
		}
		dearest = dearest.orMore(more)
	}
	for _, one := range common(s) {
		more, ok := c.at(one, depth)
		if !ok {
			return cost{}, false
		}
		all = all.plus(more)
	}
	return dearest.plus(all), true
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
