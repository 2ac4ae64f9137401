package gatehouse_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
)

func manyScopes(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprint("s", i)
	}
	return strings.Join(names, " ")
}

// checks 24, 72: a scope parameter is split at spaces and at nothing else.
func TestParseScopes(t *testing.T) {
	long := strings.Repeat("x", 200)
	for name, row := range map[string]struct {
		parameter string
		want      []string
		refused   bool
	}{
		"nothing":                     {parameter: ""},
		"spaces alone":                {parameter: "   "},
		"one":                         {parameter: "read", want: []string{"read"}},
		"in the order asked for":      {parameter: "update read", want: []string{"update", "read"}},
		"each once":                   {parameter: "read update read", want: []string{"read", "update"}},
		"runs of spaces":              {parameter: "  read   update ", want: []string{"read", "update"}},
		"case tells scopes apart":     {parameter: "read READ", want: []string{"read", "READ"}},
		"a comma is part of a name":   {parameter: "read,update", want: []string{"read,update"}},
		"an escape is part of a name": {parameter: "read%20update", want: []string{"read%20update"}},
		"the ends of the grammar":     {parameter: "!#[]~", want: []string{"!#[]~"}},
		"200 bytes":                   {parameter: long, want: []string{long}},
		"201 bytes":                   {parameter: long + "x", refused: true},
		"a tab":                       {parameter: "read\tupdate", refused: true},
		"a new line":                  {parameter: "read\nupdate", refused: true},
		"a no-break space":            {parameter: "read\u00a0update", refused: true},
		"NUL":                         {parameter: "read\x00", refused: true},
		"DEL":                         {parameter: "read\x7f", refused: true},
		"a quote":                     {parameter: `re"ad`, refused: true},
		"a backslash":                 {parameter: `re\ad`, refused: true},
		"a look-alike":                {parameter: "rеad", refused: true}, // the second letter is Cyrillic
		"bytes that are not UTF-8":    {parameter: "read\xff", refused: true},
		"as many as may be":           {parameter: manyScopes(gatehouse.MaxScopes), want: strings.Fields(manyScopes(gatehouse.MaxScopes))},
		"one more":                    {parameter: manyScopes(gatehouse.MaxScopes + 1), refused: true},
		"ten thousand":                {parameter: manyScopes(10_000), refused: true},
		"one ten thousand times":      {parameter: strings.Repeat("read ", 10_000), want: []string{"read"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := gatehouse.ParseScopes(row.parameter)
			wantKind(t, err, !row.refused, gatehouse.Invalid)
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzParseScopes(f *testing.F) {
	for _, seed := range []string{"", "read update", " read  read", "read\tupdate", "ä", "\xff", manyScopes(201)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, parameter string) {
		scopes, err := gatehouse.ParseScopes(parameter)
		if err != nil {
			if scopes != nil {
				t.Errorf("refused and %q", scopes)
			}
			return
		}
		var model []string
		for _, s := range strings.Split(parameter, " ") {
			if s != "" && !slices.Contains(model, s) {
				model = append(model, s)
			}
		}
		if !slices.Equal(model, scopes) {
			t.Errorf("%q gives %q, want %q", parameter, scopes, model)
		}
		again, err := gatehouse.ParseScopes(strings.Join(scopes, " "))
		if err != nil || !slices.Equal(again, scopes) {
			t.Errorf("what was read is not read again: %q %v", again, err)
		}
	})
}

// checks 70, 71, 72 and acceptance 4: a token holds of what was asked for what exists
// and what the roles allow, and nothing else.
func TestNarrow(t *testing.T) {
	known := gatehouse.Known([]gatehouse.Scope{
		{Name: "read"},
		{Name: "news_read", Roles: []gatehouse.Role{"employee", "manager"}},
		{Name: "news_write", Roles: []gatehouse.Role{"manager"}},
	})
	employee, manager := []gatehouse.Role{"employee"}, []gatehouse.Role{"employee", "manager"}
	for name, row := range map[string]struct {
		asked string
		roles []gatehouse.Role
		want  string
	}{
		"nothing asked for":                      {"", manager, "default"},
		"a scope without roles is everyone's":    {"read", nil, "read"},
		"one role is enough":                     {"news_read", employee, "news_read"},
		"what the roles lack is left out":        {"news_read news_write", employee, "news_read"},
		"nothing left":                           {"news_write", employee, "default"},
		"all of it, in the order asked for":      {"news_write news_read", manager, "news_write news_read"},
		"an unknown scope is never granted":      {"PRODUCTION", manager, "default"},
		"role names compare without case":        {"news_write", []gatehouse.Role{"MANAGER"}, "news_write"},
		"scope names do not":                     {"READ", manager, "default"},
		"a prefix is another scope":              {"rea readonly read", nil, "read"},
		"a role's prefix is another role":        {"news_write", []gatehouse.Role{"manage", "managers"}, "default"},
		"openid and devices need no role":        {"openid device_ipad", nil, "openid device_ipad"},
		"a device's name stands at the start":    {"my_device_ipad Device_x OPENID", nil, "default"},
		"default is no scope to be asked for":    {"default read", nil, "read"},
		"default alone":                          {"default", nil, "default"},
		"the Management API's, to the right one": {"apim:api_create apim:admin", []gatehouse.Role{gatehouse.Creator}, "apim:api_create"},
		"an admin may what a creator may":        {"apim:api_create apim:admin", []gatehouse.Role{gatehouse.Admin}, "apim:api_create apim:admin"},
		"a subscriber may not publish":           {"apim:subscribe apim:api_publish", []gatehouse.Role{gatehouse.Subscriber}, "apim:subscribe"},
		"an unknown one of the Management API":   {"apim:everything", []gatehouse.Role{gatehouse.Admin}, "default"},
	} {
		t.Run(name, func(t *testing.T) {
			got := gatehouse.Narrow(strings.Fields(row.asked), known, row.roles)
			if diff := cmp.Diff(strings.Fields(row.want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestScopeValidate(t *testing.T) {
	for name, row := range map[string]struct {
		scope gatehouse.Scope
		ok    bool
	}{
		"plain":                     {gatehouse.Scope{Name: "news:read", Roles: []gatehouse.Role{"Internal/editor"}}, true},
		"without a name":            {gatehouse.Scope{}, false},
		"with a space":              {gatehouse.Scope{Name: "read update"}, false},
		"the name of no scope":      {gatehouse.Scope{Name: "default"}, false},
		"openid":                    {gatehouse.Scope{Name: "openid"}, false},
		"a device's":                {gatehouse.Scope{Name: "device_1"}, false},
		"the Management API's":      {gatehouse.Scope{Name: "apim:admin"}, false},
		"a role that cannot be one": {gatehouse.Scope{Name: "read", Roles: []gatehouse.Role{"two words"}}, false},
	} {
		t.Run(name, func(t *testing.T) { wantKind(t, row.scope.Validate(), row.ok, gatehouse.Invalid) })
	}
}
