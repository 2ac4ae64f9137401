package gateway

import (
	"math"
	"net/http"
	"net/url"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// graphQLSettings guards a GraphQL endpoint: which scopes open which operations, and how
// deep and how dear a query may be. Put it on the resources that take queries: POST with a
// JSON body, one query or a list of up to 10, or the query itself as application/graphql;
// or GET with the query in the parameter query.
//
// A query that cannot be read, or that does not fit the schema, is answered 422 with the
// code 900422, one too deep 400 with 900820, one too dear 400 with 900821, and one without
// a scope that it needs 403 with 900910. Queries that are named by a hash alone are
// refused, because nobody can tell here what they ask for.
type graphQLSettings struct {
	// Schema is the schema in its definition language. With it queries are held against it
	// before the backend sees them. It is optional.
	Schema string `json:"schema,omitempty"`
	// MaxDepth is how many fields may stand in each other: {pets{owner{name}}} has the depth
	// 3. 0 means 20.
	MaxDepth int `json:"maxDepth,omitempty"`
	// MaxComplexity is how much all fields of a query may cost together. 0 means no limit.
	MaxComplexity int64 `json:"maxComplexity,omitempty"`
	// Costs says what fields cost, by "field", or by "Type.field" where there is a schema.
	// Others cost 1; a field that is asked for twice costs twice as much.
	Costs map[string]int64 `json:"costs,omitempty"`
	// Scopes names the scopes that open operations: {"Query.pets": ["read"],
	// "Mutation.addPet": ["update", "admin"]}. Any one of them will do; a query needs one for
	// each operation that it names here. Operations that are not named need none but the
	// resource's.
	Scopes map[string][]string `json:"scopes,omitempty"`
	// NoIntrospection refuses queries for the schema: __schema and __type, with 403 and 900910.
	NoIntrospection bool `json:"noIntrospection,omitempty"`
}

// Limits of a GraphQL request.
const (
	standardDepth  = 20
	maxGraphQLBody = 1 << 20 // bytes
)

// graphQL is the compiled policy.
type graphQL struct {
	meter *graphQLMeter
	graphQLSettings
}

func newGraphQL(s graphQLSettings, _ place) (any, error) {
	if s.MaxDepth < 0 || s.MaxComplexity < 0 {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "maxDepth and maxComplexity are 0 or more")
	}
	for field, cost := range s.Costs {
		if cost < 0 || cost > math.MaxInt32 {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "%s costs %d: use 0 to %d", field, cost, math.MaxInt32)
		}
	}
	for operation := range s.Scopes {
		root, name, ok := strings.Cut(operation, ".")
		if !ok || name == "" || root != "Query" && root != "Mutation" && root != "Subscription" {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "%q is no operation: write Query.field, Mutation.field or Subscription.field", operation)
		}
	}
	if s.MaxDepth == 0 {
		s.MaxDepth = standardDepth
	}
	if s.MaxComplexity == 0 {
		s.MaxComplexity = math.MaxInt64
	}
	meter, err := newGraphQLMeter(s.Schema, s.Costs)
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "the schema cannot be read: %v", err)
	}
	return &graphQL{meter, s}, nil
}

func (g *graphQL) answer(c *call) bool {
	requests, refusal := g.requests(c)
	if refusal == nil {
		refusal = g.check(requests, c.decision.Authorization)
	}
	if refusal == nil {
		return false
	}
	c.refuse(refusal)
	return true
}

// requests reads the queries of a call. A query in the URL beside one in the body is
// refused: some backends take the one, some the other.
func (g *graphQL) requests(c *call) ([]graphQLRequest, *Refusal) {
	parameters, err := url.ParseQuery(c.head.Query)
	if err != nil || len(parameters["query"]) > 1 || len(parameters["operationName"]) > 1 {
		return nil, badGraphQL
	}
	inURL := parameters.Has("query") || parameters.Has("operationName")
	switch {
	case c.r.Method == http.MethodGet || c.r.Method == http.MethodHead:
		return []graphQLRequest{{parameters.Get("query"), parameters.Get("operationName")}}, nil
	case inURL:
		return nil, badGraphQL
	}
	body, refusal := c.readBody(maxGraphQLBody)
	if refusal != nil {
		return nil, refusal
	}
	switch m := mediaOf(c.r.Header); {
	case !m.clear || !m.plain:
		return nil, badGraphQL
	case m.name == "application/graphql":
		return []graphQLRequest{{query: string(body)}}, nil
	case !isJSON(m.name):
		return nil, badGraphQL
	}
	requests, err := readGraphQL(body)
	if err != nil {
		return nil, badGraphQL
	}
	return requests, nil
}

// check measures each query of a call; the limits are those of all of them together.
func (g *graphQL) check(requests []graphQLRequest, by *gatehouse.Authorization) *Refusal {
	var cost int64
	for _, r := range requests {
		o, err := g.meter.measure(r, g.MaxDepth, g.MaxComplexity)
		if err != nil {
			return badGraphQL
		}
		cost = capped(cost, o.cost)
		switch {
		case o.depth > g.MaxDepth:
			return deepGraphQL
		case cost > g.MaxComplexity:
			return dearGraphQL
		}
		for _, name := range o.names {
			if refusal := g.opens(o.root+"."+name, by); refusal != nil {
				return refusal
			}
		}
	}
	return nil
}

// opens checks that a token may use an operation.
func (g *graphQL) opens(operation string, by *gatehouse.Authorization) *Refusal {
	if g.NoIntrospection && (operation == "Query.__schema" || operation == "Query.__type") {
		return noIntrospection
	}
	scopes := g.Scopes[operation]
	switch {
	case len(scopes) == 0:
		return nil
	case by == nil:
		return missingCredentials
	case !(&gatehouse.Resource{Scopes: scopes}).OpenTo(by.Scopes):
		return missingGraphQLScope
	}
	return nil
}

// The refusals.
var (
	badGraphQL = plain(&Refusal{Status: http.StatusUnprocessableEntity, Code: "900422", Message: "Invalid GraphQL query",
		Description: "The query cannot be read, or does not fit the schema: send one query in the body as JSON, with the name of its operation when it has several"})
	deepGraphQL = plain(&Refusal{Status: http.StatusBadRequest, Code: "900820", Message: "QUERY TOO DEEP",
		Description: "The fields of the query stand deeper in each other than the API allows: ask for less at a time"})
	dearGraphQL = plain(&Refusal{Status: http.StatusBadRequest, Code: "900821", Message: "QUERY TOO COMPLEX",
		Description: "The fields of the query cost more together than the API allows: ask for less at a time"})
	missingGraphQLScope = plain(&Refusal{Status: http.StatusForbidden, Code: "900910", Message: "The access token does not allow you to access the requested resource",
		Description: "The token holds none of the scopes that open this operation. Ask for one when you get the token"})
	noIntrospection = plain(&Refusal{Status: http.StatusForbidden, Code: "900910", Message: "The access token does not allow you to access the requested resource",
		Description: "The API does not tell its schema by a query: read its documentation"})
)
