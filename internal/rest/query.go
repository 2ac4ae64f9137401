package rest

import (
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// maxQuery bounds a query, in bytes.
const maxQuery = 1000

// term is one condition of a query: key:value, key:"value" or a value alone.
type term struct {
	key   string // empty for a value alone
	value string
	exact bool // quoted: must be equal, not only contained
}

// queryKeys are what a query may ask for.
var queryKeys = []string{"name", "version", "context", "provider", "status", "type", "description", "tag", "tags"}

// parseQuery reads the query language of lists: terms with spaces between them, all of
// which must hold.
func parseQuery(query string) ([]term, error) {
	if len(query) > maxQuery {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "the query is longer than %d bytes", maxQuery)
	}
	var terms []term
	for rest := strings.TrimSpace(query); rest != ""; rest = strings.TrimLeft(rest, " ") {
		var t term
		if colon := strings.IndexAny(rest, `: "`); colon > 0 && rest[colon] == ':' {
			t.key, rest = strings.ToLower(rest[:colon]), rest[colon+1:]
			if !slices.Contains(queryKeys, t.key) {
				return nil, gatehouse.Errorf(gatehouse.Invalid, "%q cannot be asked for: use %s", t.key, strings.Join(queryKeys, ", "))
			}
		}
		if t.exact = strings.HasPrefix(rest, `"`); t.exact {
			end := strings.IndexByte(rest[1:], '"')
			if end < 0 {
				return nil, gatehouse.Errorf(gatehouse.Invalid, "a quote in the query is not closed")
			}
			t.value, rest = rest[1:end+1], rest[end+2:]
		} else {
			t.value, rest, _ = strings.Cut(rest, " ")
		}
		terms = append(terms, t)
	}
	return terms, nil
}

// meets reports whether one of the values that a term is about meets it. Letters'
// case makes no difference.
func (t term) meets(values ...string) bool {
	return slices.ContainsFunc(values, func(v string) bool {
		if t.exact {
			return strings.EqualFold(v, t.value)
		}
		return strings.Contains(strings.ToLower(v), strings.ToLower(t.value))
	})
}

// asked returns the APIs that the request's query asks for.
func (r *request) asked(all []*gatehouse.API) ([]*gatehouse.API, error) {
	terms, err := parseQuery(r.URL.Query().Get("query"))
	if err != nil {
		return nil, err
	}
	var found []*gatehouse.API
	for _, a := range all {
		if !slices.ContainsFunc(terms, func(t term) bool { return !t.meetsAPI(a) }) {
			found = append(found, a)
		}
	}
	return found, nil
}

func (t term) meetsAPI(a *gatehouse.API) bool {
	switch t.key {
	case "name":
		return t.meets(a.Name)
	case "version":
		return t.meets(a.Version)
	case "context":
		return t.meets(a.Context, a.Context+"/"+a.Version)
	case "provider":
		return t.meets(a.Provider)
	case "status":
		return t.meets(string(a.State))
	case "type": // every API is of this type; an API product is none
		return strings.EqualFold(t.value, apiType) || strings.EqualFold(t.value, "API")
	case "description":
		return t.meets(a.Description)
	case "tag", "tags":
		return t.meets(a.Tags...)
	}
	return t.meets(append([]string{a.Name, a.Version, a.Context, a.Description, a.Provider}, a.Tags...)...)
}
