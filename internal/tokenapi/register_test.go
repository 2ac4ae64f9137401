package tokenapi_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// tells sends JSON with a Bearer token.
func (h *house) tells(t testing.TB, method, path, token, body string) *reply {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return h.send(t, r)
}

// initial is an initial access token of john's.
func (h *house) initial(t testing.TB) string {
	t.Helper()
	access, _ := h.login(t, "apim:app_manage").pair(t)
	return access
}

// Check 69: registration is closed to strangers.
func TestRegistrationIsClosed(t *testing.T) {
	h := newHouse(t)
	for _, token := range []string{"", "x", h.secret} {
		h.tells(t, "POST", "/register", token, "{}").wants(t, 401, "invalid_token")
	}
	plain, _ := h.login(t, "read").pair(t)
	h.tells(t, "POST", "/register", plain, "{}").wants(t, 403, "insufficient_scope")
	bound, _ := h.login(t, "apim:app_manage", setHeader("DPoP", dpop(t, h, newKey(t), "/token"))).pair(t)
	h.tells(t, "POST", "/register", bound, "{}").wants(t, 401, "invalid_token") // check 88
	r := httptest.NewRequest("POST", "/register", strings.NewReader(`{"grant_types":["client_credentials"]}`))
	r.Header.Set("Authorization", "Bearer "+h.initial(t))
	if got := h.send(t, r); got.status != 415 {
		t.Errorf("without a content type: %s", got.raw)
	}
	h.tells(t, "POST", "/register", h.initial(t), `{"a":"`+strings.Repeat("a", 200<<10)+`"}`).wants(t, 413, "invalid_request")
}

// A token that is bound to a key opens the registration with a proof.
func TestRegistrationWithProof(t *testing.T) {
	h := newHouse(t)
	key, other := newKey(t), newKey(t)
	bound, _ := h.login(t, "apim:app_manage", setHeader("DPoP", dpop(t, h, key, "/token"))).pair(t)
	ask := func(scheme, proof string) *reply {
		r := httptest.NewRequest("POST", "/register", strings.NewReader(`{"grant_types":["client_credentials"]}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", scheme+" "+bound)
		r.Header.Set("DPoP", proof)
		w := httptest.NewRecorder()
		h.mux.ServeHTTP(w, r)
		return &reply{status: w.Code, raw: w.Body.String()}
	}
	ath := hashOf(bound)
	for name, got := range map[string]*reply{
		"as Bearer":         ask("Bearer", dpop(t, h, key, "/register", "ath", ath)),
		"by another key":    ask("DPoP", dpop(t, h, other, "/register", "ath", ath)),
		"for another token": ask("DPoP", dpop(t, h, key, "/register", "ath", hashOf("x"))),
		"without the token": ask("DPoP", dpop(t, h, key, "/register")),
		"for another path":  ask("DPoP", dpop(t, h, key, "/token", "ath", ath)),
	} {
		if got.status != 401 {
			t.Errorf("%s: %d %s", name, got.status, got.raw)
		}
	}
	if got := ask("DPoP", dpop(t, h, key, "/register", "ath", ath)); got.status != 201 {
		t.Errorf("with a proof: %d %s", got.status, got.raw)
	}
}

// Check 69: what a registration must not say.
func TestRegistrationIsRefused(t *testing.T) {
	h := newHouse(t)
	token := h.initial(t)
	for body, code := range map[string]string{
		`{"redirect_uris":["https://app.example/back#f"]}`:                       "invalid_redirect_uri",
		`{"redirect_uris":["http://app.example/back"]}`:                          "invalid_redirect_uri",
		`{"redirect_uris":["https://*.example/back"]}`:                           "invalid_redirect_uri",
		`{"redirect_uris":["javascript:alert(1)"]}`:                              "invalid_redirect_uri", // check 29
		`{"redirect_uris":["data:text/html,x"]}`:                                 "invalid_redirect_uri",
		`{"redirect_uris":"https://app.example/back"}`:                           "invalid_client_metadata",
		`{"jwks":{"keys":[{"kty":"EC"}]},"jwks_uri":"https://app.example/jwks"}`: "invalid_client_metadata",
		`{"jwks":{"keys":[{"kty":"oct","k":"x"}]}}`:                              "invalid_client_metadata",
		`{"jwks_uri":"http://127.0.0.1/jwks"}`:                                   "invalid_client_metadata",
		`{"logo_uri":"https://169.254.169.254/logo"}`:                            "invalid_client_metadata",
		`{"token_endpoint_auth_method":"client_secret_jwt"}`:                     "invalid_client_metadata",
		`{"token_endpoint_auth_method":"private_key_jwt"}`:                       "invalid_client_metadata",
		`{"grant_types":["implicit"]}`:                                           "invalid_client_metadata",
		`{"response_types":["token"]}`:                                           "invalid_client_metadata",
		`{"scope":"apim:admin"}`:                                                 "invalid_client_metadata",
		`{"scope":"read apim:api_publish"}`:                                      "invalid_client_metadata",
		`{"scope":"apim:made_up"}`:                                               "invalid_client_metadata",
		`{"client_name":"<script>"}`:                                             "invalid_client_metadata",
		`[]`:                                                                     "invalid_client_metadata",
		`null`:                                                                   "invalid_client_metadata",
		`{`:                                                                      "invalid_client_metadata",
	} {
		t.Run(body, func(t *testing.T) { h.tells(t, "POST", "/register", token, body).wants(t, 400, code) })
	}
}

func TestRegistration(t *testing.T) {
	h := newHouse(t)
	token := h.initial(t)
	got := h.tells(t, "POST", "/register", token, `{"client_name":"My App","redirect_uris":["https://app.example/back"],"grant_types":["client_credentials"],
		"scope":"read apim:subscribe","contacts":["me@app.example"],"software_id":"x",
		"public_password_grant":true,"registration_access_token_hash":"`+gatehouse.HashToken("mine")+`","client_id":"chosen","client_secret":"chosen"}`)
	if got.status != 201 || got.text("client_name") != "My App" || got.text("token_endpoint_auth_method") != "client_secret_basic" ||
		got.body["client_secret_expires_at"] != 0.0 || got.body["client_id_issued_at"] != float64(h.now.Unix()) {
		t.Fatalf("%d %s", got.status, got.raw)
	}
	id, secret, own := got.text("client_id"), got.text("client_secret"), got.text("registration_access_token")
	if strings.Contains(got.raw, "hash") || strings.Contains(got.raw, "public_password") || id == "chosen" || secret == "chosen" {
		t.Errorf("%s", got.raw)
	}
	access := h.post(t, "/token", "grant_type=client_credentials&scope=read+openid", as(id, secret))
	if access.pair(t); access.text("scope") != "read" {
		t.Errorf("a scope beyond the registered ones: %s", access.raw)
	}
	path := strings.TrimPrefix(got.text("registration_client_uri"), issuer)
	h.tells(t, "GET", path, "mine", "").wants(t, 401, "invalid_token")
	read := h.tells(t, "GET", path, own, "")
	if read.status != 200 || read.text("client_secret") != "" || read.text("scope") != "read apim:subscribe" || read.text("registration_access_token") != own {
		t.Errorf("read: %s", read.raw)
	}
	again := h.tells(t, "POST", "/register", token, `{"client_name":"My App","token_endpoint_auth_method":"none","grant_types":["password"]}`)
	if again.status != 201 || again.text("client_secret") != "" || again.text("client_id") == id || again.body["client_secret_expires_at"] != nil {
		t.Fatalf("the same name again: %s", again.raw)
	}

	// The password grant stays shut to public clients, whatever they say of themselves.
	sly := h.tells(t, "POST", "/register", token, `{"token_endpoint_auth_method":"none","grant_types":["password"],"public_password_grant":true}`)
	h.post(t, "/token", form("grant_type", "password", "username", "john@johns.org@johnsorg", "password", password, "client_id", sly.text("client_id")), as("", "")).wants(t, 400, "unauthorized_client")

	// A's token does not open B.
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		h.tells(t, method, path, again.text("registration_access_token"), `{"client_id":"`+id+`"}`).wants(t, 401, "invalid_token")
		h.tells(t, method, path, token, `{"client_id":"`+id+`"}`).wants(t, 401, "invalid_token")
		h.tells(t, method, "/register/"+h.key, own, `{"client_id":"`+h.key+`"}`).wants(t, 401, "invalid_token")
		h.tells(t, method, "/register/nobody", own, `{"client_id":"nobody"}`).wants(t, 401, "invalid_token")
	}
	h.tells(t, "PUT", path, own, `{"client_id":"another"}`).wants(t, 400, "invalid_request")
	h.tells(t, "PUT", path, own, `{"client_id":"`+id+`","client_secret":"wrong"}`).wants(t, 400, "invalid_client_metadata")
	h.tells(t, "PUT", path, own, `{"client_id":"`+id+`","scope":"apim:admin"}`).wants(t, 400, "invalid_client_metadata")
	h.tells(t, "PUT", path, own, `{"client_id":"`+id+`","redirect_uris":["http://app.example"]}`).wants(t, 400, "invalid_redirect_uri")
	h.tells(t, "PATCH", path, own, `{}`).wants(t, 405, "invalid_request")

	changed := h.tells(t, "PUT", path, own, `{"client_id":"`+id+`","client_secret":"`+secret+`","grant_types":["password"],"token_endpoint_auth_method":"client_secret_post"}`)
	if changed.status != 200 || changed.text("token_endpoint_auth_method") != "client_secret_post" || changed.text("scope") != "" {
		t.Errorf("change: %s", changed.raw)
	}
	h.post(t, "/token", "grant_type=client_credentials", as(id, secret)).wants(t, 401, "invalid_client")
	h.post(t, "/token", form("grant_type", "client_credentials", "client_id", id, "client_secret", secret), as("", "")).wants(t, 400, "unauthorized_client")
	if h.active(t, access.text("access_token")) != true {
		t.Error("a change ended a token")
	}

	if gone := h.tells(t, "DELETE", path, own, ""); gone.status != 204 {
		t.Errorf("delete: %s", gone.raw)
	}
	h.tells(t, "GET", path, own, "").wants(t, 401, "invalid_token")
	if h.active(t, access.text("access_token")) {
		t.Error("a token outlives its client")
	}
	h.post(t, "/token", form("grant_type", "client_credentials", "client_id", id, "client_secret", secret), as("", "")).wants(t, 401, "invalid_client")
}

// A public client that becomes a confidential one gets a secret.
func TestRegistrationGivesASecretLater(t *testing.T) {
	h := newHouse(t)
	got := h.tells(t, "POST", "/register", h.initial(t), `{"token_endpoint_auth_method":"none","redirect_uris":["https://app.example/back"]}`)
	id, own := got.text("client_id"), got.text("registration_access_token")
	changed := h.tells(t, "PUT", "/register/"+id, own, `{"client_id":"`+id+`","grant_types":["client_credentials"]}`)
	if changed.text("client_secret") == "" || changed.text("client_name") == "" {
		t.Fatalf("%s", changed.raw)
	}
	h.post(t, "/token", "grant_type=client_credentials", as(id, changed.text("client_secret"))).pair(t)
	keys, err := h.db.Client(t.Context(), id)
	must(t, err)
	if text, _ := json.Marshal(keys); strings.Contains(string(text), own) {
		t.Error("the registration access token is kept")
	}
}
