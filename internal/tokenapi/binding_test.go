package tokenapi_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
)

// dpop is a proof by key for a POST to path, changed by pairs.
func dpop(t testing.TB, h *house, key *ecdsa.PrivateKey, path string, change ...any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	must(t, err)
	says := map[string]any{"jti": gatehouse.NewID(h.now), "htm": "POST", "htu": issuer + path, "iat": h.now.Unix()}
	for i := 0; i < len(change); i += 2 {
		says[change[i].(string)] = change[i+1]
	}
	text, err := jwt.Signed(signer).Claims(says).Serialize()
	must(t, err)
	return text
}

func thumbprint(t testing.TB, key *ecdsa.PrivateKey) string {
	t.Helper()
	sum, err := (&jose.JSONWebKey{Key: key.Public()}).Thumbprint(crypto.SHA256)
	must(t, err)
	return base64.RawURLEncoding.EncodeToString(sum)
}

// hashOf is the ath of a proof that goes with a token.
func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// A proof binds the tokens of every grant and both formats to its key.
func TestProofBindsTokens(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	prove := func() func(*http.Request) { return setHeader("DPoP", dpop(t, h, key, "/token")) }
	opaque, err := h.store.CreateApplication(t.Context(), h.john, apistore.NewApplication{Name: "opaque", TokenFormat: gatehouse.FormatOpaque})
	must(t, err)
	k, secret, err := h.store.GenerateKeys(t.Context(), h.john, opaque.ID, apistore.NewKeys{})
	must(t, err)
	_, refresh := h.login(t, "").pair(t)
	for name, got := range map[string]*reply{
		"password":           h.login(t, "", prove()),
		"client_credentials": h.post(t, "/token", "grant_type=client_credentials", prove()),
		"refresh_token":      h.refresh(t, refresh, "", prove()),
		"opaque":             h.login(t, "", as(k.ConsumerKey, secret), prove()),
		"the other path":     h.post(t, "/oauth2/token", "grant_type=client_credentials", setHeader("DPoP", dpop(t, h, key, "/oauth2/token"))),
	} {
		access, _ := got.pair(t)
		says := h.post(t, "/introspect", form("token", access))
		cnf, _ := says.body["cnf"].(map[string]any)
		if got.text("token_type") != "DPoP" || says.text("token_type") != "DPoP" || cnf["jkt"] != thumbprint(t, key) {
			t.Errorf("%s: %s %s", name, got.raw, says.raw)
		}
		if strings.Count(access, ".") == 2 {
			var claims struct {
				Confirm map[string]string `json:"cnf"`
			}
			text, err := base64.RawURLEncoding.DecodeString(strings.Split(access, ".")[1])
			must(t, err)
			must(t, json.Unmarshal(text, &claims))
			if claims.Confirm["jkt"] != thumbprint(t, key) {
				t.Errorf("%s: cnf is %v", name, claims.Confirm)
			}
		}
	}
	if got := h.login(t, ""); got.text("token_type") != "Bearer" {
		t.Errorf("without a proof: %s", got.raw)
	}
}

// Checks 86 and 87 at the token endpoint.
func TestProofsAreRefused(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	used := dpop(t, h, key, "/token")
	h.login(t, "", setHeader("DPoP", used)).pair(t)
	for name, change := range map[string]func(*http.Request){
		"used before":        setHeader("DPoP", used),
		"for another path":   setHeader("DPoP", dpop(t, h, key, "/introspect")),
		"for another method": setHeader("DPoP", dpop(t, h, key, "/token", "htm", "GET")),
		"for another server": setHeader("DPoP", dpop(t, h, key, "/token", "htu", "https://evil.example/token")),
		"too old":            setHeader("DPoP", dpop(t, h, key, "/token", "iat", h.now.Unix()-100)),
		"empty":              setHeader("DPoP", ""),
		"twice": func(r *http.Request) {
			r.Header["Dpop"] = []string{dpop(t, h, key, "/token"), dpop(t, h, key, "/token")}
		},
		"an attacker's Host": func(r *http.Request) {
			r.Host = "evil.example"
			r.Header.Set("Dpop", dpop(t, h, key, "/token", "htu", "https://evil.example/token"))
		},
	} {
		t.Run(name, func(t *testing.T) { h.login(t, "", change).wants(t, 400, "invalid_dpop_proof") })
	}
	bound, secret := h.told(t, "bound", gatehouse.ClientMetadata{DPoPBound: true})
	h.login(t, "", as(bound, secret)).wants(t, 400, "invalid_dpop_proof")
	h.login(t, "", as(bound, secret), setHeader("DPoP", dpop(t, h, key, "/token"))).pair(t)
}

// Check 86, at once.
func TestProofIsGoodOnce(t *testing.T) {
	h := newHouse(t)
	proof := dpop(t, h, newKey(t), "/token")
	replies := make([]*reply, 10)
	var wg sync.WaitGroup
	for i := range replies {
		wg.Go(func() { replies[i] = h.post(t, "/token", "grant_type=client_credentials", setHeader("DPoP", proof)) })
	}
	wg.Wait()
	won := 0
	for _, r := range replies {
		if r.status == 200 {
			won++
		}
	}
	if won != 1 {
		t.Errorf("the proof was taken %d times", won)
	}
}

// Check 49: a refresh token in other hands.
func TestRefreshTokensAreBound(t *testing.T) {
	h := newHouse(t)
	mine, other := newKey(t), newKey(t)
	public, _ := h.told(t, "public", gatehouse.ClientMetadata{AuthMethod: gatehouse.ClientPublic, PublicPassword: true})
	ask := func(key *ecdsa.PrivateKey, pairs ...string) *reply {
		change := []func(*http.Request){as("", "")}
		if key != nil {
			change = append(change, setHeader("DPoP", dpop(t, h, key, "/token")))
		}
		return h.post(t, "/token", form(append(pairs, "client_id", public)...), change...)
	}
	_, refresh := ask(mine, "grant_type", "password", "username", "john@johns.org@johnsorg", "password", password).pair(t)
	ask(other, "grant_type", "refresh_token", "refresh_token", refresh).wants(t, 400, "invalid_grant")
	ask(nil, "grant_type", "refresh_token", "refresh_token", refresh).wants(t, 400, "invalid_grant")
	h.refresh(t, refresh, "").wants(t, 400, "invalid_grant") // another client
	_, next := ask(mine, "grant_type", "refresh_token", "refresh_token", refresh).pair(t)
	ask(other, "grant_type", "refresh_token", "refresh_token", next).wants(t, 400, "invalid_grant")
	ask(mine, "grant_type", "refresh_token", "refresh_token", next).pair(t)

	_, refresh = h.login(t, "", setHeader("DPoP", dpop(t, h, mine, "/token"))).pair(t)
	h.refresh(t, refresh, "").wants(t, 400, "invalid_grant") // no way down to Bearer
	got := h.refresh(t, refresh, "", setHeader("DPoP", dpop(t, h, other, "/token")))
	if access, _ := got.pair(t); !strings.Contains(h.post(t, "/introspect", form("token", access)).raw, thumbprint(t, other)) {
		t.Error("a confidential client cannot change its key")
	}
}

// Check 23.
func TestResources(t *testing.T) {
	h := newHouse(t)
	const api = issuer + "/t/johnsorg/orgnews/1.0.0"
	ask := func(resources ...string) *reply {
		body := "grant_type=client_credentials"
		for _, r := range resources {
			body += "&" + form("resource", r)
		}
		return h.post(t, "/token", body)
	}
	for _, resource := range []string{
		"x", "/t/johnsorg/orgnews/1.0.0", api + "#f", api + "?q", "https://other.example/t/johnsorg/orgnews/1.0.0", issuer + "/t/johnsorg/nothing/1", "https://gateway.example.evil.example/t",
		"https://me@gateway.example/t/johnsorg/orgnews/1.0.0", api + "/articles", issuer + "/t/janesorg/secret/1",
	} {
		ask(resource).wants(t, 400, "invalid_target")
	}
	audience := func(got *reply) any {
		access, _ := got.pair(t)
		return h.post(t, "/introspect", form("token", access)).body["aud"]
	}
	listed := func(aud any, want ...string) {
		t.Helper()
		text, err := json.Marshal(aud)
		must(t, err)
		if wanted, _ := json.Marshal(want); string(text) != string(wanted) {
			t.Errorf("aud is %s, want %s", text, wanted)
		}
	}
	listed(audience(ask(api)), issuer, api)
	listed(audience(ask(api+"/", api)), issuer, api)
	for _, aud := range []any{audience(ask()), audience(ask(issuer + "/")), audience(ask(issuer, api))} {
		if aud != issuer {
			t.Errorf("aud is %v", aud)
		}
	}
	_, refresh := h.post(t, "/token", form("grant_type", "password", "username", "john@johns.org@johnsorg", "password", password, "resource", api)).pair(t)
	h.post(t, "/token", form("grant_type", "refresh_token", "refresh_token", refresh, "resource", issuer)).wants(t, 400, "invalid_target")
	listed(audience(h.refresh(t, refresh, "")), issuer, api)
}
