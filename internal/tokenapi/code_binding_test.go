package tokenapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
)

func TestCodesAreBoundToKeys(t *testing.T) {
	w := newWeb(t)
	mine, theirs := newKey(t), newKey(t)
	pushed := func(t testing.TB, change ...string) string {
		t.Helper()
		got := w.post(t, "/par", w.asked(change...).Encode(), w.itself, setHeader("DPoP", dpop(t, w.house, mine, "/par")))
		q := w.asked()
		q.Set("request_uri", got.text("request_uri"))
		return w.allow(t, w.handle(t, w.open("/authorize", q)), w.john)
	}
	trade := func(t testing.TB, code string, change ...func(*http.Request)) *reply {
		t.Helper()
		return w.post(t, "/token", form("grant_type", "authorization_code", "code", code, "redirect_uri", back, "code_verifier", verifier), append(change, w.itself)...)
	}
	for name, begin := range map[string]func(testing.TB) string{
		"by the parameter dpop_jkt":  func(t testing.TB) string { return w.code(t, "dpop_jkt", thumbprint(t, mine)) },
		"by a proof that was pushed": func(t testing.TB) string { return pushed(t) },
		"by both":                    func(t testing.TB) string { return pushed(t, "dpop_jkt", thumbprint(t, mine)) },
	} {
		t.Run(name, func(t *testing.T) {
			code := begin(t)
			trade(t, code).wants(t, http.StatusBadRequest, "invalid_grant")
			trade(t, code, setHeader("DPoP", dpop(t, w.house, theirs, "/token"))).wants(t, http.StatusBadRequest, "invalid_grant")
			got := trade(t, code, setHeader("DPoP", dpop(t, w.house, mine, "/token")))
			access, _ := got.pair(t)
			if got.text("token_type") != "DPoP" {
				t.Errorf("the token is of type %s", got.text("token_type"))
			}
			w.userinfo(t, access).wants(t, http.StatusUnauthorized, "invalid_token") // check 88
			withProof := func(r *http.Request) { r.Header.Set("Authorization", "DPoP "+access) }
			if got := w.userinfo(t, access, withProof, setHeader("DPoP", dpop(t, w.house, mine, "/userinfo", "htm", "GET", "ath", hashOf(access)))); got.text("sub") != w.john.ID {
				t.Errorf("userinfo with a proof: %s", got.raw)
			}
		})
	}
	t.Run("by one key alone", func(t *testing.T) {
		w.post(t, "/par", w.asked("dpop_jkt", thumbprint(t, theirs)).Encode(), w.itself, setHeader("DPoP", dpop(t, w.house, mine, "/par"))).wants(t, http.StatusBadRequest, "invalid_dpop_proof")
		if q := w.told(t, w.open("/authorize", w.asked("dpop_jkt", "short"))); q.Get("error") != "invalid_request" {
			t.Errorf("the client is told %v", q)
		}
	})
}

func TestCheck23CodesCarryTheirResources(t *testing.T) {
	w := newWeb(t)
	news := issuer + "/t/johnsorg/orgnews/1.0.0"
	for name, resource := range map[string]string{"unknown": "https://evil.example/", "relative": "/t/johnsorg/orgnews/1.0.0", "with a fragment": news + "#x", "another organization's": issuer + "/t/janesorg/secret/1"} {
		if q := w.told(t, w.open("/authorize", w.asked("resource", resource))); q.Get("error") != "invalid_target" {
			t.Errorf("%s: the client is told %v", name, q)
		}
	}
	code := w.code(t, "resource", news)
	w.trade(t, code, "resource", issuer).wants(t, http.StatusBadRequest, "invalid_target")
	code = w.code(t, "resource", news)
	access, _ := w.trade(t, code).pair(t)
	a, err := w.Tokens.Verify(t.Context(), access)
	must(t, err)
	if strings.Join(a.Audience, " ") != news {
		t.Errorf("the token is for %v", a.Audience)
	}
}

func TestPublicClientsTradeCodes(t *testing.T) {
	w := newWeb(t)
	_, key, _ := w.client(t, "app", apistore.NewKeys{
		Grants: []string{gatehouse.GrantAuthorizationCode, gatehouse.GrantRefreshToken}, Callbacks: []string{back}, Metadata: gatehouse.ClientMetadata{AuthMethod: gatehouse.ClientPublic},
	})
	w.key = key
	nobody := func(r *http.Request) { r.Header.Del("Authorization") }
	code := w.code(t)
	f := []string{"grant_type", "authorization_code", "client_id", key, "code", code, "redirect_uri", back, "code_verifier"}
	w.post(t, "/token", form(append(f, strings.Repeat("x", 43))...), nobody).wants(t, http.StatusBadRequest, "invalid_grant")
	got := w.post(t, "/token", form(append(f, verifier)...), nobody)
	if _, refresh := got.pair(t); refresh == "" || got.text("id_token") == "" {
		t.Errorf("answered %s", got.raw)
	}
}
