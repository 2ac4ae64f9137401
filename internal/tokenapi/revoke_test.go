package tokenapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
	"github.com/gatehouse/gatehouse/internal/db"
	"github.com/gatehouse/gatehouse/internal/organization"
	"github.com/gatehouse/gatehouse/internal/tokenapi"
)

// check 80 and acceptance 7: either token of a pair ends both, at once; whatever else is
// given to the endpoint is answered alike and ends nothing.
func TestRevoke(t *testing.T) {
	h := newHouse(t)
	_, otherKey, otherSecret := h.client(t, "other", apistore.NewKeys{})
	for name, row := range map[string]struct {
		text   func(access, refresh string) string
		change func(*http.Request)
		lives  bool
	}{
		"the access token":              {func(a, _ string) string { return a }, as(h.key, h.secret), false},
		"the refresh token":             {func(_, r string) string { return r }, as(h.key, h.secret), false},
		"garbage":                       {func(a, _ string) string { return "garbage" }, as(h.key, h.secret), true},
		"an edited access token":        {func(a, _ string) string { return a[:len(a)-1] + "=" }, as(h.key, h.secret), true},
		"a refresh token that is not":   {func(_, r string) string { return r + "x" }, as(h.key, h.secret), true},
		"another client's access token": {func(a, _ string) string { return a }, as(otherKey, otherSecret), true},
		"another's refresh token":       {func(_, r string) string { return r }, as(otherKey, otherSecret), true},
	} {
		t.Run(name, func(t *testing.T) {
			access, refresh := h.login(t, "read").pair(t)
			if !h.active(t, access) {
				t.Fatal("it does not live")
			}
			for range 2 { // revoking twice is no error
				got := h.post(t, "/revoke", form("token", row.text(access, refresh), "token_type_hint", "wrong", "callback", "alert"), row.change)
				if got.status != 200 || strings.TrimSpace(got.raw) != "{}" {
					t.Errorf("answered %d %q", got.status, got.raw)
				}
			}
			if h.active(t, access) != row.lives {
				t.Errorf("the access token lives: %v", !row.lives)
			}
			if row.lives {
				h.refresh(t, refresh, "").pair(t)
			} else {
				h.refresh(t, refresh, "").wants(t, 400, "invalid_grant")
			}
		})
	}
	h.post(t, "/revoke", "").wants(t, 400, "invalid_request")
	h.post(t, "/revoke", "token=").wants(t, 400, "invalid_request")
	h.post(t, "/revoke", "token=x", as("", "")).wants(t, 401, "invalid_client")
	h.post(t, "/revoke", "token=x&token=y").wants(t, 400, "invalid_request")
	h.post(t, "/revoke?token=x", "token=x").wants(t, 400, "invalid_request")
}

func TestRevokeAnApplicationsToken(t *testing.T) {
	h := newHouse(t)
	access, _ := h.post(t, "/token", "grant_type=client_credentials").pair(t)
	bystander, _ := h.post(t, "/token", "grant_type=client_credentials").pair(t)
	h.post(t, "/revoke", form("token", access)).wants(t, 200, "")
	if h.active(t, access) || !h.active(t, bystander) {
		t.Error("one of two was revoked: they live", h.active(t, access), h.active(t, bystander))
	}
}

// A token that was issued for a year is revoked for a year, though the keys give out
// shorter ones since.
func TestARevocationOutlastsItsToken(t *testing.T) {
	h := newHouse(t)
	const year = 365 * 24 * time.Hour
	app, key, secret := h.client(t, "long", apistore.NewKeys{Access: year})
	access, _ := h.login(t, "read", as(key, secret)).pair(t)
	_, err := h.store.UpdateKeys(t.Context(), h.john, app.ID, apistore.NewKeys{Type: gatehouse.Production, Access: time.Hour})
	must(t, err)
	h.post(t, "/revoke", form("token", access), as(key, secret)).wants(t, 200, "")
	h.now = h.now.Add(year - time.Minute)
	must(t, h.db.Purge(t.Context()))
	left, err := h.db.Revocations(t.Context())
	must(t, err)
	if !slices.ContainsFunc(left, func(r gatehouse.Revocation) bool { return r.Kind == gatehouse.RevokedFamily }) {
		t.Error("the revocation is forgotten before the token has ended")
	}
}

// unstored is a store that cannot keep a revocation.
type unstored struct {
	*db.DB
	err error
}

func (u unstored) Revoke(context.Context, gatehouse.Revocation) error { return u.err }

// check 81: what was not stored is never acknowledged.
func TestAFailureToRevokeIsTold(t *testing.T) {
	h := newHouse(t)
	access, refresh := h.login(t, "read").pair(t)
	for _, text := range []string{access, refresh} {
		h.Refresh = unstored{h.db, gatehouse.Errorf(gatehouse.Unavailable, "the database does not answer: try again later")}
		h.post(t, "/revoke", form("token", text)).wants(t, 503, "temporarily_unavailable")
		h.Refresh = unstored{h.db, errors.New("disk full")}
		h.post(t, "/revoke", form("token", text)).wants(t, 500, "server_error")
	}
	if !h.active(t, access) {
		t.Error("it ended all the same")
	}
}

// checks 76, 77, 78, 79: who may know what of a token.
func TestIntrospect(t *testing.T) {
	h := newHouse(t)
	access, refresh := h.login(t, "read news_read").pair(t)
	got := h.post(t, "/introspect", form("token", access))
	want := map[string]any{
		"active": true, "scope": "read news_read", "client_id": h.key, "username": "john@johns.org@johnsorg", "token_type": "Bearer",
		"exp": float64(h.now.Unix() + 3600), "iat": float64(h.now.Unix()), "nbf": float64(h.now.Unix()), "sub": h.john.ID, "aud": issuer, "iss": issuer,
		"jti": got.body["jti"], "aut": "APPLICATION_USER", "org": "johnsorg",
	}
	if diff := cmp.Diff(want, got.body); diff != "" {
		t.Error(diff)
	}
	_, key, secret := h.client(t, "colleague", apistore.NewKeys{})
	if got := h.post(t, "/introspect", form("token", access), as(key, secret)); got.body["active"] != true {
		t.Errorf("a client of the same organization learns %s", got.raw)
	}
	jane, err := h.people.CreateUser(t.Context(), organization.NewUser{
		Username: "admin@janes.org", Password: password, OrgKey: "janesorg", Roles: []gatehouse.Role{gatehouse.Admin},
	})
	must(t, err)
	k, foreign, err := h.store.Register(t.Context(), jane, apistore.NewApplication{Name: "foreign"}, apistore.NewKeys{})
	must(t, err)
	h.post(t, "/introspect", form("token", access), as("", "")).wants(t, 401, "invalid_client")
	h.post(t, "/introspect", form("token", access), as(h.key, "ghs_wrong")).wants(t, 401, "invalid_client")
	h.post(t, "/introspect", "").wants(t, 400, "invalid_request")
	h.post(t, "/introspect", form("token", strings.Repeat("x", 100<<10))).wants(t, 413, "invalid_request")
	for name, row := range map[string]struct {
		text   string
		change func(*http.Request)
	}{
		"by another organization's client": {access, as(k.ConsumerKey, foreign)},
		"a refresh token":                  {refresh, as(h.key, h.secret)},
		"an empty one":                     {"", as(h.key, h.secret)},
		"random":                           {gatehouse.RandomText(600), as(h.key, h.secret)},
		"60 KiB":                           {strings.Repeat("x", 60<<10), as(h.key, h.secret)},
		"cut":                              {access[:80], as(h.key, h.secret)},
		"padded":                           {access + "==", as(h.key, h.secret)},
		"a dot more":                       {access + ".", as(h.key, h.secret)},
		"a line break behind":              {access + "\n", as(h.key, h.secret)},
		"an edited payload":                {strings.Replace(access, ".", ".e", 1), as(h.key, h.secret)},
		"without its signature":            {access[:strings.LastIndexByte(access, '.')+1], as(h.key, h.secret)},
	} {
		t.Run(name, func(t *testing.T) {
			got := h.post(t, "/introspect", form("token", row.text), row.change)
			if got.status != 200 || strings.TrimSpace(got.raw) != `{"active":false}` {
				t.Errorf("answered %d %s", got.status, got.raw)
			}
		})
	}
}

// A token says nothing any more when the client that it was issued to is gone.
func TestIntrospectWithoutItsClient(t *testing.T) {
	h := newHouse(t)
	app, key, secret := h.client(t, "gone", apistore.NewKeys{})
	access, _ := h.post(t, "/token", "grant_type=client_credentials", as(key, secret)).pair(t)
	if !h.active(t, access) {
		t.Fatal("it does not live")
	}
	must(t, h.store.DeleteApplication(t.Context(), h.john, app.ID))
	if h.active(t, access) {
		t.Error("it lives")
	}
}

// check 84: the metadata names what there is, and the keys are public.
func TestMetadata(t *testing.T) {
	h := newHouse(t)
	want := map[string]any{
		"issuer": issuer, "token_endpoint": issuer + "/token", "revocation_endpoint": issuer + "/revoke", "introspection_endpoint": issuer + "/introspect",
		"jwks_uri":                      issuer + "/jwks",
		"device_authorization_endpoint": issuer + "/device_authorization",
		"registration_endpoint":         issuer + "/register", "dpop_signing_alg_values_supported": []any{"ES256", "PS256", "EdDSA", "RS256"},
	}
	methods := []any{"client_secret_basic", "client_secret_post", "private_key_jwt", "none"}
	for _, endpoint := range []string{"token", "revocation", "introspection"} {
		want[endpoint+"_endpoint_auth_methods_supported"] = methods
		want[endpoint+"_endpoint_auth_signing_alg_values_supported"] = want["dpop_signing_alg_values_supported"]
	}
	want["introspection_endpoint_auth_methods_supported"] = methods[:3] // not those who prove nothing
	for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/oauth2/.well-known/oauth-authorization-server"} {
		got := h.send(t, httptest.NewRequest(http.MethodGet, path, nil))
		named := maps.Clone(got.body) // what other tests look at is left out
		maps.DeleteFunc(named, func(name string, _ any) bool { return want[name] == nil })
		if diff := cmp.Diff(want, named); diff != "" || got.status != 200 || got.header.Get("Cache-Control") != "public, max-age=300" {
			t.Errorf("%s: %d %v %s", path, got.status, got.header, diff)
		}
		for name, value := range got.body {
			if endpoint, ok := value.(string); ok && name != "issuer" && !tokenapi.Owns(strings.TrimPrefix(endpoint, issuer)) {
				t.Errorf("%s is not served", endpoint)
			}
		}
	}
	for _, path := range []string{"/jwks", "/oauth2/jwks"} {
		got := h.send(t, httptest.NewRequest(http.MethodGet, path, nil))
		if got.status != 200 || got.header.Get("Cache-Control") != "public, max-age=300" || got.header.Get("Pragma") != "" {
			t.Errorf("%s: %d %v", path, got.status, got.header)
		}
		var set struct{ Keys []map[string]any }
		must(t, json.Unmarshal([]byte(got.raw), &set))
		if len(set.Keys) == 0 {
			t.Error("no key is published")
		}
		for _, k := range set.Keys {
			if k["d"] != nil || k["k"] != nil || k["kty"] == "oct" {
				t.Errorf("a private part is published: %v", k)
			}
		}
	}
}

func TestOwns(t *testing.T) {
	for path, want := range map[string]bool{
		"/token": true, "/revoke": true, "/introspect": true, "/jwks": true, "/oauth2/token": true, "/oauth2/": true, "/.well-known/anything": true,
		"/": false, "/tokens": false, "/token/1.0": false, "/oauth2": false, "/petstore/token": false, "/TOKEN": false,
	} {
		if tokenapi.Owns(path) != want {
			t.Errorf("%s: %v, want %v", path, !want, want)
		}
	}
}

// Below the prefix alone, as on the portal's listener, the root belongs to others.
func TestRegisterBelowThePrefix(t *testing.T) {
	h := newHouse(t)
	mux := http.NewServeMux()
	h.Register(mux, false)
	for path, want := range map[string]int{"/oauth2/jwks": 200, "/jwks": 404, "/oauth2/nothing": 404, "/.well-known/openid-configuration": 404} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}
