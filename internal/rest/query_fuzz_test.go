package rest

import (
	"slices"
	"testing"

	"github.com/gatehouse/gatehouse"
)

func FuzzParseQuery(f *testing.F) {
	for _, query := range []string{`name:"Menu API" version:2.1.0`, "free text", `a"b"c`, `name:`, `"`, `:x`, `type:"MCP" name:"X"`} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		terms, err := parseQuery(query)
		if err != nil {
			if gatehouse.KindOf(err) != gatehouse.Invalid {
				t.Fatalf("%q: %v", query, err)
			}
			return
		}
		for _, term := range terms {
			if term.key != "" && !slices.Contains(queryKeys, term.key) {
				t.Fatalf("%q gives the key %q", query, term.key)
			}
			term.meetsAPI(&gatehouse.API{Name: "a"})
		}
	})
}
