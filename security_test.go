package gatehouse_test

import (
	"testing"

	"github.com/gatehouse/gatehouse"
)

func TestSecurityPermits(t *testing.T) {
	all := []gatehouse.Scheme{gatehouse.SchemeOAuth2, gatehouse.SchemeAPIKey, gatehouse.SchemeBasic}
	for _, tt := range []struct {
		name     string
		security gatehouse.Security
		want     string
	}{
		{"nothing set", gatehouse.Security{}, "oauth2 "},
		{"optional certificates", gatehouse.Security{MutualTLS: gatehouse.Optional}, "oauth2 "},
		{"certificates alone", gatehouse.Security{MutualTLS: gatehouse.Mandatory}, ""},
		{"one", gatehouse.Security{Schemes: all[1:2]}, "api_key "},
		{"two", gatehouse.Security{Schemes: all[1:], MutualTLS: gatehouse.Mandatory}, "api_key basic_auth "},
	} {
		got := ""
		for _, scheme := range all {
			if tt.security.Permits(scheme) {
				got += string(scheme) + " "
			}
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestPathsOfAnAPI(t *testing.T) {
	for context, want := range map[string][2]string{
		"/pets":            {"/t/johnsorg/pets/1.0", "/pets"},
		"/{version}/pets":  {"/t/johnsorg/1.0/pets", "/pets"},
		"/a/{version}/b/c": {"/t/johnsorg/a/1.0/b/c", "/a/b/c"},
	} {
		a := gatehouse.API{OrgKey: "johnsorg", Context: context, Version: "1.0"}
		if got := [2]string{a.BasePath(), a.DefaultPath()}; got != want {
			t.Errorf("%s: %v, want %v", context, got, want)
		}
	}
	for _, a := range []gatehouse.API{{Context: "/{version}/pets", Version: "t"}, {Context: "/t/{version}/pets", Version: "1"}, {Context: "/{version}/t", Version: "1"}} {
		a.Name = "Pets"
		if err := a.Validate(); err == nil {
			t.Errorf("%s with version %s stands in the way of organizations", a.Context, a.Version)
		}
	}
}
