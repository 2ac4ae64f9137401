package tokenapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
)

// userinfo asks /userinfo with the access token in the header, unless change does it
// another way.
func (h *house) userinfo(t testing.TB, access string, change ...func(*http.Request)) *reply {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/userinfo", nil)
	r.Header.Set("Authorization", "Bearer "+access)
	for _, f := range change {
		f(r)
	}
	rec := httptest.NewRecorder()
	h.mux.ServeHTTP(rec, r)
	got := &reply{status: rec.Code, header: rec.Header(), raw: rec.Body.String()}
	must(t, json.Unmarshal(rec.Body.Bytes(), &got.body))
	if got.header.Get("Cache-Control") != "no-store" || got.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("headers %v", got.header)
	}
	if (got.status == http.StatusUnauthorized || got.status == http.StatusForbidden) != strings.HasPrefix(got.header.Get("WWW-Authenticate"), `Bearer realm="Gatehouse"`) {
		t.Errorf("%d with %q", got.status, got.header.Get("WWW-Authenticate"))
	}
	return got
}

func TestUserinfoTellsWhatTheScopesStandFor(t *testing.T) {
	w := newWeb(t)
	for _, test := range []struct {
		name, scope, claims string
		want                map[string]any
	}{
		{"openid alone", "openid", "", map[string]any{}},
		{"profile", "openid profile", "", map[string]any{"preferred_username": "john@johns.org"}},
		{"email, which nobody has verified", "openid email", "", map[string]any{"email": "john@johns.org", "email_verified": false}},
		{"address and phone, of which nothing is known", "openid address phone", "", map[string]any{}},
		{"a claim by name", "openid", `{"userinfo":{"email":{"essential":true},"shoe_size":null},"id_token":{"preferred_username":null}}`, map[string]any{"email": "john@johns.org"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := w.trade(t, w.code(t, "scope", test.scope, "claims", test.claims))
			access, _ := got.pair(t)
			hint, err := w.Tokens.ReadIDToken(got.text("id_token"))
			must(t, err)
			test.want["sub"] = hint.Subject // check 83
			if diff := cmp.Diff(test.want, w.userinfo(t, access).body); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCheck75WithoutOpenIDThereIsNoIdentity(t *testing.T) {
	w := newWeb(t)
	got := w.trade(t, w.code(t, "scope", "read profile"))
	if got.text("id_token") != "" || got.text("scope") != "read" {
		t.Errorf("answered %s", got.raw)
	}
	access, _ := got.pair(t)
	w.userinfo(t, access).wants(t, http.StatusForbidden, "insufficient_scope")

	application, _ := w.post(t, "/token", form("grant_type", "client_credentials", "scope", "openid"), w.itself).pair(t)
	w.userinfo(t, application).wants(t, http.StatusForbidden, "insufficient_scope") // check 15: it is no user
}

func TestCheck83UserinfoTakesTokensFromTheHeader(t *testing.T) {
	w := newWeb(t)
	got := w.trade(t, w.code(t))
	access, _ := got.pair(t)
	bare := func(r *http.Request) { r.Header.Del("Authorization") }
	w.userinfo(t, access, func(r *http.Request) { bare(r); r.URL.RawQuery = "access_token=" + access }).wants(t, http.StatusBadRequest, "invalid_request")
	w.userinfo(t, access, bare).wants(t, http.StatusUnauthorized, "invalid_token")
	w.userinfo(t, "made-up").wants(t, http.StatusUnauthorized, "invalid_token")
	w.userinfo(t, got.text("id_token")).wants(t, http.StatusUnauthorized, "invalid_token") // check 57
	w.userinfo(t, got.text("refresh_token")).wants(t, http.StatusUnauthorized, "invalid_token")
	w.userinfo(t, access, func(r *http.Request) { r.Header.Add("Authorization", "Bearer "+access) }).wants(t, http.StatusUnauthorized, "invalid_token")

	posted := httptest.NewRequest(http.MethodPost, "/userinfo", strings.NewReader("access_token="+access))
	posted.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, posted)
	if rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), `"sub"`) {
		t.Errorf("posted: %d %s", rec.Code, rec.Body)
	}
	if got := w.userinfo(t, access, func(r *http.Request) { r.Method = http.MethodPost }); got.status != http.StatusOK {
		t.Errorf("POST with the header: %d", got.status)
	}
	if w.userinfo(t, access).status != http.StatusOK {
		t.Fatal("the token is not good")
	}
	must(t, w.people.SetPassword(t.Context(), w.john.Username, "another password of john's"))
	w.userinfo(t, access).wants(t, http.StatusUnauthorized, "invalid_token")
}

func TestThePasswordGrantGivesIDTokensToo(t *testing.T) {
	h := newHouse(t)
	got := h.login(t, "openid profile read")
	access, refresh := got.pair(t)
	hint, err := h.Tokens.ReadIDToken(got.text("id_token"))
	must(t, err)
	if hint.ConsumerKey != h.key || hint.Subject != h.john.ID || h.userinfo(t, access).body["sub"] != hint.Subject {
		t.Errorf("the ID token says %+v", hint)
	}
	if h.login(t, "read").text("id_token") != "" {
		t.Error("an ID token that nobody asked for")
	}
	if h.refresh(t, refresh, "read").text("id_token") != "" {
		t.Error("a refresh without openid gave an ID token")
	}
	if h.login(t, "profile email address phone offline_access").text("scope") != gatehouse.DefaultScope {
		t.Error("OpenID Connect's scopes were granted without openid")
	}
}
