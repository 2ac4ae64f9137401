package gatehouse_test

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// check 73 and acceptance 3: any one of a resource's scopes opens it, an exact match.
func TestResourceOpenTo(t *testing.T) {
	for name, row := range map[string]struct {
		scopes, token string
		opens         bool
	}{
		"no scope, any token":           {"", "default", true},
		"the seed's token":              {"update", "read update", true},
		"the seed's token without it":   {"update", "read", false},
		"any one of two":                {"read update", "update", true},
		"none of two":                   {"read update", "delete", false},
		"default opens no named scope":  {"read", "default", false},
		"another case":                  {"read", "READ", false},
		"a longer name":                 {"read", "readonly", false},
		"a shorter name":                {"readonly", "read", false},
		"a token without scopes at all": {"read", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := gatehouse.Resource{Scopes: strings.Fields(row.scopes)}
			if got := r.OpenTo(strings.Fields(row.token)); got != row.opens {
				t.Errorf("opens: %v, want %v", got, row.opens)
			}
		})
	}
}

func TestResourceValidate(t *testing.T) {
	for name, row := range map[string]struct {
		method, template string
		scopes           []string
		ok               bool
	}{
		"the root":                       {"GET", "/", nil, true},
		"everything":                     {"GET", "/*", nil, true},
		"plain":                          {"PATCH", "/pets/new", nil, true},
		"a parameter":                    {"GET", "/pets/{petId}/toys/{toy-id}", nil, true},
		"a last slash":                   {"GET", "/pets/", nil, true},
		"a star at the end":              {"DELETE", "/files/*", nil, true},
		"every character of a segment":   {"GET", "/A-z.0_9~!$&'()+,=:@", nil, true},
		"1000 bytes":                     {"GET", "/" + strings.Repeat("x", 999), nil, true},
		"1001 bytes":                     {"GET", "/" + strings.Repeat("x", 1000), nil, false},
		"a scope":                        {"GET", "/", []string{"read"}, true},
		"a scope that cannot be one":     {"GET", "/", []string{"read update"}, false},
		"check 104: lower case":          {"get", "/", nil, false},
		"check 104: TRACE":               {"TRACE", "/", nil, false},
		"check 104: CONNECT":             {"CONNECT", "/", nil, false},
		"no method":                      {"", "/", nil, false},
		"no path":                        {"GET", "", nil, false},
		"relative":                       {"GET", "pets", nil, false},
		"check 92: an empty segment":     {"GET", "/pets//new", nil, false},
		"check 92: a dot":                {"GET", "/./pets", nil, false},
		"check 92: two dots":             {"GET", "/pets/..", nil, false},
		"check 93: an escape":            {"GET", "/pets%2fnew", nil, false},
		"check 95: a path parameter":     {"GET", "/pets;v=1", nil, false},
		"check 96: NUL":                  {"GET", "/pets\x00", nil, false},
		"check 100: a query":             {"GET", "/pets?all", nil, false},
		"check 100: a fragment":          {"GET", "/pets#all", nil, false},
		"a backslash":                    {"GET", `/pets\new`, nil, false},
		"not ASCII":                      {"GET", "/pêts", nil, false},
		"a star within":                  {"GET", "/*/pets", nil, false},
		"a star in a segment":            {"GET", "/pets*", nil, false},
		"a parameter in a segment":       {"GET", "/pets-{id}", nil, false},
		"two parameters in a segment":    {"GET", "/{a}{b}", nil, false},
		"a parameter without a name":     {"GET", "/{}", nil, false},
		"a parameter that does not end":  {"GET", "/{id", nil, false},
		"a parameter that does not open": {"GET", "/id}", nil, false},
		"a brace alone":                  {"GET", "/{", nil, false},
		"a star in a parameter":          {"GET", "/{id*}", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := gatehouse.Resource{Method: row.method, Template: row.template, Scopes: row.scopes}
			wantKind(t, r.Validate(), row.ok, gatehouse.Invalid)
		})
	}
}

func TestParseAuthType(t *testing.T) {
	for text, want := range map[string]gatehouse.AuthType{
		"": gatehouse.AuthAny, "Any": gatehouse.AuthAny, "Application & Application User": gatehouse.AuthAny,
		"None": gatehouse.AuthNone, "Application": gatehouse.AuthApplication, "Application User": gatehouse.AuthUser,
		"none": "", "Everybody": "",
	} {
		t.Run(text, func(t *testing.T) {
			got, err := gatehouse.ParseAuthType(text)
			wantKind(t, err, want != "", gatehouse.Invalid)
			if got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}
