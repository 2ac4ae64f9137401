package tokenapi_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/tokenapi"
)

// What the metadata names is served, and what the OpenID Connect suite and clients look
// for is named.
func TestOpenIDMetadata(t *testing.T) {
	h := newHouse(t)
	r := httptest.NewRequest(http.MethodGet, "/.well-known/openid-configuration", nil)
	r.Host = "evil.example" // check 47
	r.Header.Set("X-Forwarded-Host", "evil.example")
	got := h.send(t, r)
	if strings.Contains(got.raw, "evil") {
		t.Errorf("the metadata repeats the host: %s", got.raw)
	}
	for name, want := range map[string]string{
		"authorization_endpoint": issuer + "/authorize", "userinfo_endpoint": issuer + "/userinfo", "pushed_authorization_request_endpoint": issuer + "/par",
		"end_session_endpoint": issuer + "/oauth2/logout",
	} {
		if got.text(name) != want || !tokenapi.Owns(strings.TrimPrefix(want, issuer)) {
			t.Errorf("%s is %q", name, got.text(name))
		}
	}
	for name, want := range map[string]string{
		"response_types_supported": "code", "response_modes_supported": "form_post", "code_challenge_methods_supported": "S256", "subject_types_supported": "public",
		"id_token_signing_alg_values_supported": "RS256", "scopes_supported": "openid", "claims_supported": "sub", "prompt_values_supported": "none",
		"grant_types_supported": gatehouse.GrantAuthorizationCode,
	} {
		if list, _ := got.body[name].([]any); !slices.Contains(list, any(want)) {
			t.Errorf("%s is %v, and lacks %s", name, got.body[name], want)
		}
	}
	for _, name := range []string{"authorization_response_iss_parameter_supported", "claims_parameter_supported", "backchannel_logout_supported", "backchannel_logout_session_supported"} {
		if got.body[name] != true {
			t.Errorf("%s is %v", name, got.body[name])
		}
	}
}

// Where nobody can sign in, nothing says so.
func TestWithoutAPortalThereIsNoAuthorization(t *testing.T) {
	h := newHouse(t)
	h.PortalURL, h.mux = "", http.NewServeMux()
	h.Register(h.mux, true)
	got := h.send(t, httptest.NewRequest(http.MethodGet, "/.well-known/openid-configuration", nil))
	for _, name := range []string{"authorization_endpoint", "end_session_endpoint", "pushed_authorization_request_endpoint", "code_challenge_methods_supported"} {
		if got.body[name] != nil {
			t.Errorf("%s is %v", name, got.body[name])
		}
	}
}
