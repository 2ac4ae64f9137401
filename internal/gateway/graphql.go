package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
)

// graphQLRequest is one query of a request, as GraphQL over HTTP sends it.
type graphQLRequest struct{ query, operation string }

// maxGraphQLTokens bounds how long a query is read.
const maxGraphQLTokens = 4000

// maxGraphQLBatch bounds how many queries come in one body.
const maxGraphQLBatch = 10

// errGraphQL says that a query, or what it came in, cannot be read in one way alone.
var errGraphQL = errors.New("the query cannot be read")

// readGraphQL reads a body: one object, or a list of them. A name that stands twice in an
// object is an error, because the backend might take the other one.
func readGraphQL(body []byte) ([]graphQLRequest, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	first, err := d.Token()
	if err != nil {
		return nil, errGraphQL
	}
	var requests []graphQLRequest
	switch first {
	case json.Delim('{'):
		r, err := readGraphQLObject(d)
		if err != nil {
			return nil, err
		}
		requests = append(requests, r)
	case json.Delim('['):
		for d.More() {
			if open, err := d.Token(); err != nil || open != json.Delim('{') || len(requests) == maxGraphQLBatch {
				return nil, errGraphQL
			}
			r, err := readGraphQLObject(d)
			if err != nil {
				return nil, err
			}
			requests = append(requests, r)
		}
		if _, err := d.Token(); err != nil {
			return nil, errGraphQL
		}
	default:
		return nil, errGraphQL
	}
	if d.More() || len(requests) == 0 {
		return nil, errGraphQL
	}
	return requests, nil
}

// readGraphQLObject reads on behind the opening brace, up to the closing one.
func readGraphQLObject(d *json.Decoder) (r graphQLRequest, err error) {
	var names []string
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return r, errGraphQL
		}
		key, _ := name.(string)
		if slices.ContainsFunc(names, func(other string) bool { return strings.EqualFold(other, key) }) {
			return r, errGraphQL
		}
		names = append(names, key)
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return r, errGraphQL
		}
		into := map[string]*string{"query": &r.query, "operationName": &r.operation}[key]
		switch {
		case into != nil && string(value) != "null":
			if json.Unmarshal(value, into) != nil {
				return r, errGraphQL
			}
		case into == nil && (strings.EqualFold(key, "query") || strings.EqualFold(key, "operationName")):
			return r, errGraphQL
		}
	}
	_, err = d.Token()
	return r, err
}

// graphQLOperation is what a query asks for.
type graphQLOperation struct {
	root  string   // "Query", "Mutation" or "Subscription"
	names []string // of the fields that it begins with
	depth int
	cost  int64
}

// graphQLMeter measures queries.
type graphQLMeter struct {
	schema *ast.Schema      // nil when there is none: then queries are not held against it
	costs  map[string]int64 // by "Type.field" or "field"; others cost 1
}

// newGraphQLMeter reads a schema, if there is one.
func newGraphQLMeter(schema string, costs map[string]int64) (*graphQLMeter, error) {
	m := &graphQLMeter{costs: costs}
	if schema == "" {
		return m, nil
	}
	var err error
	m.schema, err = gqlparser.LoadSchema(&ast.Source{Name: "schema", Input: schema})
	return m, err
}

// measure returns what the operation of a request asks for. What is deeper or dearer than
// a limit is not held against the schema, which takes long for long queries.
func (m *graphQLMeter) measure(r graphQLRequest, depth int, cost int64) (*graphQLOperation, error) {
	document, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: r.query}, maxGraphQLTokens)
	if err != nil || !namedOnce(document) {
		return nil, errGraphQL
	}
	operation := document.Operations.ForName(r.operation)
	if operation == nil || r.operation == "" && len(document.Operations) > 1 {
		return nil, errGraphQL
	}
	count := &graphQLCount{meter: m, document: document, fragments: map[string]*selection{}}
	s, err := count.of(operation.SelectionSet) // first, because cycles and sizes are found here
	if err != nil {
		return nil, err
	}
	if m.schema != nil && s.depth <= depth && s.cost <= cost {
		if len(validator.ValidateWithRules(m.schema, document, nil)) > 0 {
			return nil, errGraphQL
		}
		count.fragments = map[string]*selection{} // by now the types are known
		if s, err = count.of(operation.SelectionSet); err != nil {
			return nil, err
		}
	}
	kind := string(operation.Operation)
	return &graphQLOperation{root: strings.ToUpper(kind[:1]) + kind[1:], names: s.names, depth: s.depth, cost: s.cost}, nil
}

// namedOnce reports whether no two operations and no two fragments have one name: of such
// the backend might take another than the gateway.
func namedOnce(document *ast.QueryDocument) bool {
	seen := map[string]bool{}
	for _, o := range document.Operations {
		if seen["operation "+o.Name] {
			return false
		}
		seen["operation "+o.Name] = true
	}
	for _, f := range document.Fragments {
		if seen["fragment "+f.Name] {
			return false
		}
		seen["fragment "+f.Name] = true
	}
	return true
}

// graphQLCount measures one document. A fragment is measured once, however often it is
// spread: else a short query could take for ever.
type graphQLCount struct {
	meter     *graphQLMeter
	document  *ast.QueryDocument
	fragments map[string]*selection // nil while one is being measured
}

// selection is what a selection set comes to.
type selection struct {
	names []string // of its own fields, those of fragments included
	depth int
	cost  int64
}

func (c *graphQLCount) of(set ast.SelectionSet) (*selection, error) {
	sum := &selection{}
	for _, one := range set {
		var inner *selection
		var err error
		switch one := one.(type) {
		case *ast.Field:
			inner, err = c.field(one)
		case *ast.InlineFragment:
			inner, err = c.of(one.SelectionSet)
		case *ast.FragmentSpread:
			inner, err = c.fragment(one.Name)
		}
		if err != nil {
			return nil, err
		}
		for _, name := range inner.names {
			if !slices.Contains(sum.names, name) {
				sum.names = append(sum.names, name)
			}
		}
		sum.depth = max(sum.depth, inner.depth)
		sum.cost = capped(sum.cost, inner.cost)
	}
	return sum, nil
}

func (c *graphQLCount) field(f *ast.Field) (*selection, error) {
	below, err := c.of(f.SelectionSet)
	if err != nil {
		return nil, err
	}
	cost, ok := int64(0), false
	if f.ObjectDefinition != nil {
		cost, ok = c.meter.costs[f.ObjectDefinition.Name+"."+f.Name]
	}
	if !ok {
		if cost, ok = c.meter.costs[f.Name]; !ok {
			cost = 1
		}
	}
	return &selection{names: []string{f.Name}, depth: below.depth + 1, cost: capped(cost, below.cost)}, nil
}

func (c *graphQLCount) fragment(name string) (*selection, error) {
	if measured, begun := c.fragments[name]; begun {
		if measured == nil {
			return nil, errGraphQL // it holds itself
		}
		return measured, nil
	}
	definition := c.document.Fragments.ForName(name)
	if definition == nil {
		return nil, errGraphQL
	}
	c.fragments[name] = nil
	s, err := c.of(definition.SelectionSet)
	c.fragments[name] = s
	return s, err
}

// capped adds without running over.
func capped(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
