package tokenapi_test

import (
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
)

const (
	accessType = "urn:ietf:params:oauth:token-type:access_token"
	jwtType    = "urn:ietf:params:oauth:token-type:jwt"
)

// exchange trades a subject token; pairs are parameters beside it.
func (h *house) exchange(t testing.TB, subject string, pairs ...string) *reply {
	t.Helper()
	return h.post(t, "/token", form(append([]string{
		"grant_type", gatehouse.GrantTokenExchange, "subject_token", subject, "subject_token_type", accessType,
	}, pairs...)...))
}

// says returns the claims of a JWT.
func says(t testing.TB, token string) map[string]any {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	must(t, err)
	var claims map[string]any
	must(t, json.Unmarshal(text, &claims))
	return claims
}

func TestAnExchangeGivesATokenThatSaysLess(t *testing.T) {
	h := newHouse(t)
	_, audience, _ := h.client(t, "backend", apistore.NewKeys{})
	subject, _ := h.login(t, "news_read news_write read").pair(t)
	h.now = h.now.Add(20 * time.Minute)
	h.allowed(t, "service", gatehouse.GrantTokenExchange, gatehouse.GrantRefreshToken)
	got := h.exchange(t, subject, "scope", "news_read", "audience", audience)
	access, refresh := got.pair(t)
	if got.text("scope") != "news_read" || refresh != "" || got.text("issued_token_type") != accessType || got.body["expires_in"] != 2400.0 {
		t.Errorf("answered %s", got.raw)
	}
	claims := says(t, access)
	if claims["sub"] != h.john.ID || claims["client_id"] != h.key || fmt.Sprint(claims["aud"]) != fmt.Sprint([]any{issuer, audience}) || claims["act"] != nil {
		t.Errorf("it says %v", claims)
	}
	if got := h.exchange(t, subject, "requested_token_type", accessType, "audience", issuer); got.text("scope") != "news_read news_write read" {
		t.Errorf("everything there is: %s", got.raw)
	}
}

// check 21: what is no good subject, target or scope.
func TestExchangesThatAreRefused(t *testing.T) {
	h := newHouse(t)
	subject, refresh := h.login(t, "news_read").pair(t)
	revoked, _ := h.login(t, "").pair(t)
	h.post(t, "/revoke", form("token", revoked))
	own, _ := h.post(t, "/token", "grant_type=client_credentials").pair(t)
	h.allowed(t, "service", gatehouse.GrantTokenExchange)
	stranger := h.strangersToken(t)
	for name, row := range map[string]struct {
		subject string
		more    []string
		code    string
	}{
		"another organization's":   {stranger, nil, "invalid_request"},
		"revoked":                  {revoked, nil, "invalid_request"},
		"a refresh token":          {refresh, nil, "invalid_request"},
		"nothing":                  {"", nil, "invalid_request"},
		"another application's":    {own, nil, "invalid_request"},
		"edited":                   {subject[:len(subject)-8] + "AAAAAAAA", nil, "invalid_request"},
		"a wrong type":             {subject, []string{"subject_token_type", "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"},
		"a JWT nobody issued":      {subject, []string{"subject_token_type", jwtType}, "invalid_request"},
		"another type wanted":      {subject, []string{"requested_token_type", jwtType}, "invalid_request"},
		"an unknown audience":      {subject, []string{"audience", "https://backend.example"}, "invalid_target"},
		"a scope that it has not":  {subject, []string{"scope", "news_read read"}, "invalid_scope"},
		"an actor without a type":  {subject, []string{"actor_token", subject}, "invalid_request"},
		"a type without an actor":  {subject, []string{"actor_token_type", accessType}, "invalid_request"},
		"an actor that is none":    {subject, []string{"actor_token", "nobody", "actor_token_type", accessType}, "invalid_request"},
		"another's actor":          {subject, []string{"actor_token", stranger, "actor_token_type", accessType}, "invalid_request"},
		"an actor of another type": {subject, []string{"actor_token", subject, "actor_token_type", jwtType}, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			h.exchange(t, row.subject, row.more...).wants(t, 400, row.code)
		})
	}
	h.now = h.now.Add(time.Hour)
	h.exchange(t, subject).wants(t, 400, "invalid_request")
}

// strangersToken is an access token of another organization's user.
func (h *house) strangersToken(t testing.TB) string {
	t.Helper()
	jane := h.user(t, "judy@janes.org", "janesorg", gatehouse.Subscriber)
	app, err := h.store.CreateApplication(t.Context(), jane, apistore.NewApplication{Name: "janes"})
	must(t, err)
	k, secret, err := h.store.GenerateKeys(t.Context(), jane, app.ID, apistore.NewKeys{})
	must(t, err)
	access, _ := h.post(t, "/token", form("grant_type", "password", "username", "judy@janes.org@janesorg", "password", password), as(k.ConsumerKey, secret)).pair(t)
	return access
}

// check 21: who acts for whom is written down, the newest outside, and has an end.
func TestActorsFormAChain(t *testing.T) {
	h := newHouse(t)
	token, _ := h.login(t, "read").pair(t)
	var keys []string
	for i := range 4 {
		h.allowed(t, fmt.Sprint("service", i), gatehouse.GrantTokenExchange, gatehouse.GrantClientCredentials)
		actor, _ := h.post(t, "/token", "grant_type=client_credentials").pair(t)
		token, _ = h.exchange(t, token, "actor_token", actor, "actor_token_type", accessType).pair(t)
		keys = append(keys, h.key)
	}
	act := says(t, token)["act"]
	for i := 3; i >= 0; i-- {
		link, ok := act.(map[string]any)
		if !ok || link["sub"] != keys[i] || link["client_id"] != keys[i] {
			t.Fatalf("link %d is %v", i, act)
		}
		act = link["act"]
	}
	if act != nil {
		t.Errorf("and then %v", act)
	}
	kept, _ := h.exchange(t, token, "actor_token", "", "actor_token_type", "").pair(t) // as clients send that fill in nothing
	if says(t, kept)["act"] == nil {
		t.Error("an exchange without an actor forgets who acts")
	}
	actor, _ := h.post(t, "/token", "grant_type=client_credentials").pair(t)
	h.exchange(t, token, "actor_token", actor, "actor_token_type", accessType).wants(t, 400, "invalid_request")
}

func TestAnExchangedTokenEndsWithItsSignIn(t *testing.T) {
	h := newHouse(t)
	h.allowed(t, "reader and more", gatehouse.GrantPassword, gatehouse.GrantRefreshToken, gatehouse.GrantTokenExchange)
	subject, refresh := h.login(t, "read").pair(t)
	access, _ := h.exchange(t, subject).pair(t)
	h.post(t, "/revoke", form("token", refresh))
	if h.active(t, access) {
		t.Error("it lives")
	}
}

// A client that may bring an issuer's JWTs may exchange them too.
func TestAnExchangeOfATrustedIssuersJWT(t *testing.T) {
	h := newHouse(t)
	p := newProvider(t, "https://login.example")
	h.trust(t, p)
	text := func() string { return signJWT(t, jose.ES256, p.key, nil, h.claims(p)) }
	h.allowed(t, "service", gatehouse.GrantTokenExchange)
	h.exchange(t, text(), "subject_token_type", jwtType).wants(t, 400, "invalid_request")
	h.allowed(t, "partner", gatehouse.GrantTokenExchange, gatehouse.GrantJWTBearer)
	subject := text()
	got := h.exchange(t, subject, "subject_token_type", jwtType, "scope", "news_write")
	if got.pair(t); got.text("scope") != "news_write" || got.body["expires_in"] != 300.0 {
		t.Errorf("answered %s", got.raw)
	}
	h.exchange(t, subject, "subject_token_type", jwtType).wants(t, 400, "invalid_request")
}

// check 21: a token that has an audience stays within it, but for whoever is that audience.
func TestAnExchangeStaysWithinItsAudience(t *testing.T) {
	h := newHouse(t)
	const api = issuer + "/t/johnsorg/orgnews/1.0.0"
	h.allowed(t, "backend", gatehouse.GrantTokenExchange)
	backend := [2]string{h.key, h.secret}
	h.allowed(t, "reader and more", gatehouse.GrantPassword, gatehouse.GrantTokenExchange)
	everywhere, _ := h.login(t, "read").pair(t)
	narrow, _ := h.exchange(t, everywhere, "resource", api).pair(t)
	if aud := fmt.Sprint(says(t, narrow)["aud"]); aud != fmt.Sprint([]any{issuer, api}) {
		t.Errorf("it is for %s", aud)
	}
	again, _ := h.exchange(t, narrow).pair(t)
	if aud := fmt.Sprint(says(t, again)["aud"]); aud != fmt.Sprint([]any{issuer, api}) {
		t.Errorf("an exchange for nobody in particular is for %s", aud)
	}
	h.exchange(t, narrow, "audience", backend[0]).wants(t, 400, "invalid_target")
	h.exchange(t, everywhere, "resource", issuer+"/t/janesorg/secret/1").wants(t, 400, "invalid_target")
	theirs, _ := h.exchange(t, everywhere, "audience", backend[0]).pair(t)
	h.exchange(t, theirs, "resource", api).wants(t, 400, "invalid_target")
	h.key, h.secret = backend[0], backend[1]
	if got := h.exchange(t, theirs, "resource", api); got.status != 200 {
		t.Errorf("the audience itself: %s", got.raw)
	}
}

// A stolen token that is bound to a key is worth nothing at the token endpoint either.
func TestABoundTokenIsExchangedByWhoHasItsKey(t *testing.T) {
	h := newHouse(t)
	h.allowed(t, "reader and more", gatehouse.GrantPassword, gatehouse.GrantTokenExchange)
	key, other := newProvider(t, "").key, newProvider(t, "").key
	proof := func(key *ecdsa.PrivateKey) func(*http.Request) {
		header := map[jose.HeaderKey]any{"typ": "dpop+jwt", "jwk": jose.JSONWebKey{Key: &key.PublicKey}}
		claims := map[string]any{"jti": gatehouse.NewID(time.Now()), "htm": "POST", "htu": issuer + "/token", "iat": h.now.Unix()}
		return setHeader("DPoP", signJWT(t, jose.ES256, key, header, claims))
	}
	bound, _ := h.login(t, "read", proof(key)).pair(t)
	body := form("grant_type", gatehouse.GrantTokenExchange, "subject_token", bound, "subject_token_type", accessType)
	h.post(t, "/token", body).wants(t, 400, "invalid_request")
	h.post(t, "/token", body, proof(other)).wants(t, 400, "invalid_request")
	if got := h.post(t, "/token", body, proof(key)); got.status != 200 || got.text("token_type") != "DPoP" {
		t.Errorf("who has the key: %s", got.raw)
	}
}
