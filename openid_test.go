package gatehouse_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
)

func TestUserClaims(t *testing.T) {
	john := gatehouse.User{Username: "john@johns.org", Name: "John"}
	tom := gatehouse.User{Username: "tom"}
	for _, test := range []struct {
		name          string
		user          gatehouse.User
		scopes, names []string
		want          map[string]any
	}{
		{"nothing asked for", john, []string{"openid"}, nil, map[string]any{}},
		{"profile", john, []string{"profile"}, nil, map[string]any{"name": "John", "preferred_username": "john@johns.org"}},
		{"email", john, []string{"email"}, nil, map[string]any{"email": "john@johns.org", "email_verified": false}},
		{"by name", john, nil, []string{"name"}, map[string]any{"name": "John"}},
		{"what is not known", tom, []string{"profile", "email", "address", "phone"}, []string{"name", "birthdate"}, map[string]any{"preferred_username": "tom"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, test.user.Claims(test.scopes, test.names)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOpenIDScopesGoWithOpenID(t *testing.T) {
	known := func(name string) *gatehouse.Scope {
		if name == "email" {
			return &gatehouse.Scope{Name: "email", Roles: []gatehouse.Role{"postmaster"}}
		}
		return nil
	}
	for _, test := range []struct {
		name        string
		asked, want []string
	}{
		{"with openid", []string{"openid", "profile", "phone", "offline_access"}, []string{"openid", "profile", "phone", "offline_access"}},
		{"without openid", []string{"profile", "phone"}, []string{gatehouse.DefaultScope}},
		{"where the organization gives the name a meaning", []string{"openid", "email"}, []string{"openid"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, gatehouse.Narrow(test.asked, known, nil)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestKeysValidateOpenID(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*gatehouse.Keys)
		good   bool
	}{
		{"nothing said", func(*gatehouse.Keys) {}, true},
		{"codes with a redirect URI", func(k *gatehouse.Keys) {
			k.Grants, k.Callbacks = []string{gatehouse.GrantAuthorizationCode}, []string{"https://a.example/"}
		}, true},
		{"codes without one", func(k *gatehouse.Keys) { k.Grants = []string{gatehouse.GrantAuthorizationCode} }, false},
		{"ES256", func(k *gatehouse.Keys) { k.Metadata.IDTokenAlgorithm = "ES256" }, true},
		{"no signature", func(k *gatehouse.Keys) { k.Metadata.IDTokenAlgorithm = "none" }, false},
		{"the client's secret as key", func(k *gatehouse.Keys) { k.Metadata.IDTokenAlgorithm = "HS256" }, false},
		{"a script after sign-out", func(k *gatehouse.Keys) { k.Metadata.PostLogoutRedirectURIs = []string{"javascript:alert(1)"} }, false},
		{"back-channel", func(k *gatehouse.Keys) { k.Metadata.BackchannelLogoutURI = "https://a.example/bye" }, true},
		{"back-channel to a file", func(k *gatehouse.Keys) { k.Metadata.BackchannelLogoutURI = "file:///etc/passwd" }, false},
		{"back-channel with a fragment", func(k *gatehouse.Keys) { k.Metadata.BackchannelLogoutURI = "https://a.example/#x" }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			k := gatehouse.Keys{Type: gatehouse.Production, Format: gatehouse.FormatJWT, Algorithm: "ES256", Access: gatehouse.DefaultAccessLifetime, Refresh: gatehouse.DefaultRefreshLifetime}
			test.change(&k)
			if err := k.Validate(&gatehouse.Organization{}); (err == nil) != test.good {
				t.Errorf("%v", err)
			}
		})
	}
}
