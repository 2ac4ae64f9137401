package gateway

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

const petSchema = `
type Query { pets(first: Int): [Pet!]! owner(id: ID!): Owner secret: String }
type Mutation { addPet(name: String!): Pet }
type Pet { name: String owner: Owner }
type Owner { name: String pets: [Pet!]! }
`

func TestGraphQLIsMeasured(t *testing.T) {
	plain, err := newGraphQLMeter("", map[string]int64{"pets": 10})
	if err != nil {
		t.Fatal(err)
	}
	typed, err := newGraphQLMeter(petSchema, map[string]int64{"Owner.pets": 10, "name": 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		meter            *graphQLMeter
		query, operation string
		want             string // root, fields, depth, cost; empty for a refusal
	}{
		{plain, `{pets{name}}`, "", "Query [pets] 2 11"},
		{plain, `query{a:pets{name} b:pets{name}}`, "", "Query [pets] 2 22"},
		{plain, `mutation{addPet(name:"x"){name}}`, "", "Mutation [addPet] 2 2"},
		{plain, `query A{pets} query B{secret}`, "B", "Query [secret] 1 1"},
		{plain, `{...F} fragment F on Query{secret pets{name}}`, "", "Query [secret pets] 2 12"},
		{plain, `{... on Query{secret}}`, "", "Query [secret] 1 1"},
		{plain, `{whatever{there{is}}}`, "", "Query [whatever] 3 3"},
		{typed, `{owner(id:1){pets{name}}}`, "", "Query [owner] 3 13"},
		{typed, `{pets{name owner{name}}}`, "", "Query [pets] 3 6"},

		{plain, `query A{pets} query B{secret}`, "", ""},
		{plain, `query A{pets} query A{secret}`, "A", ""},
		{plain, `{...F} fragment F on Query{pets} fragment F on Query{secret}`, "", ""},
		{plain, `{pets}`, "B", ""},
		{plain, `{...F}`, "", ""},
		{plain, `{...F} fragment F on Query{...F}`, "", ""},
		{plain, `{...F} fragment F on Query{a{...G}} fragment G on Query{b{...F}}`, "", ""},
		{plain, `{pets`, "", ""},
		{plain, "", "", ""},
		{plain, "{" + strings.Repeat("a ", maxGraphQLTokens) + "}", "", ""},
		{typed, `{pets{nothing}}`, "", ""},
		{typed, `{owner{name}}`, "", ""},
	} {
		got := ""
		if o, err := tt.meter.measure(graphQLRequest{tt.query, tt.operation}, 10, 1000); err == nil {
			got = fmt.Sprint(o.root, " ", o.names, " ", o.depth, " ", o.cost)
		}
		if got != tt.want {
			t.Errorf("%.60s: %s, want %s", tt.query, got, tt.want)
		}
	}
}

// Check 132: a short query of fragments in fragments takes no longer for what it stands for.
func TestGraphQLFragmentsDoNotExplode(t *testing.T) {
	var query strings.Builder
	query.WriteString("{...F0}")
	for i := range 100 {
		fmt.Fprintf(&query, " fragment F%d on Query{...F%d ...F%d}", i, i+1, i+1)
	}
	query.WriteString(" fragment F100 on Query{secret}")
	m, err := newGraphQLMeter(petSchema, nil)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	o, err := m.measure(graphQLRequest{query: query.String()}, 10, 1000)
	if err != nil || o.cost != math.MaxInt64 {
		t.Errorf("%+v, %v", o, err)
	}
	if took := time.Since(began); took > 10*time.Second { // it would be longer than the universe is old
		t.Errorf("it took %v", took)
	}
}

func TestGraphQLBodiesAreReadInOneWay(t *testing.T) {
	for body, want := range map[string]string{
		`{"query":"{a}"}`:                                             "[{{a} }]",
		`{"query":"{a}","operationName":null}`:                        "[{{a} }]",
		`{"query":"{a}","operationName":"A","variables":{"query":1}}`: "[{{a} A}]",
		`[{"query":"{a}"},{"query":"{b}"}]`:                           "[{{a} } {{b} }]",
		`{"query":"{a}","query":"{b}"}`:                               "",
		`{"query":"{a}","Query":"{b}"}`:                               "",
		`{"QUERY":"{b}"}`:                                             "",
		`{"query":1}`:                                                 "",
		`{"query":"{a}"} {"query":"{b}"}`:                             "",
		`[]`:                                                          "",
		`["{a}"]`:                                                     "",
		`"{a}"`:                                                       "",
		`{"query":"{a}"`:                                              "",
		``:                                                            "",
		`[` + strings.Repeat(`{"query":"{a}"},`, maxGraphQLBatch) + `{"query":"{a}"}]`: "",
	} {
		got := ""
		if requests, err := readGraphQL([]byte(body)); err == nil {
			got = fmt.Sprint(requests)
		}
		if got != want {
			t.Errorf("%.80s: %s, want %s", body, got, want)
		}
	}
}

func FuzzReadGraphQL(f *testing.F) {
	f.Add([]byte(`[{"query":"{a}","operationName":"A"}]`))
	f.Add([]byte(`{"query":"{...F} fragment F on Query{a}"}`))
	m, err := newGraphQLMeter(petSchema, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		requests, err := readGraphQL(body)
		if err == nil && (len(requests) == 0 || len(requests) > maxGraphQLBatch) {
			t.Errorf("%d requests", len(requests))
		}
		for _, r := range requests {
			m.measure(r, 10, 1000)
		}
	})
}
