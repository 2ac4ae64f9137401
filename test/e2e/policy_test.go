package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// policies is what a publisher sets for all calls of an API.
func policies(list ...any) map[string]any {
	return map[string]any{"apiPolicies": map[string]any{"request": list}}
}

func policy(name string, settings map[string]any) map[string]any {
	return map[string]any{"policyName": name, "policyVersion": "v1", "parameters": settings}
}

// What a publisher sets by the Management API is in force when it is answered.
func TestPoliciesWorkAtOnce(t *testing.T) {
	h := furnish(t)
	token := h.token(t, john, "read").Access
	set := func(body map[string]any) {
		t.Helper()
		h.manage(t, john, http.MethodPut, publisherAPI+"/apis/"+h.api, body, http.StatusOK, nil)
		h.backend.saw()
	}
	call := func() (reply, sight) {
		t.Helper()
		r := h.call(t, http.MethodGet, orgnews+"/articles/a%20b?q=1", token)
		if seen := h.backend.saw(); len(seen) == 1 {
			return r, seen[0]
		}
		return r, sight{}
	}

	set(policies(policy("query", map[string]any{"set": map[string]any{"from": "gateway"}}), policy("addHeader", map[string]any{"headerName": "X-From", "headerValue": "gateway"})))
	if r, saw := call(); r.status != http.StatusOK || saw.Target != "/v1/articles/a%20b?q=1&from=gateway" || saw.Header.Get("X-From") != "gateway" {
		t.Errorf("the backend gets %s with %v", saw.Target, saw.Header)
	}

	set(policies(policy("ip-allow", map[string]any{"allow": []string{"192.0.2.0/24"}})))
	r, saw := call()
	r.is(t, "from another address", http.StatusForbidden, "900805")
	if saw.Target != "" {
		t.Error("the backend was called from an address that may not")
	}

	set(policies(policy("mock", map[string]any{"status": 418, "body": map[string]any{"id": 1}})))
	if r, saw := call(); r.status != http.StatusTeapot || r.body != `{"id":1}` || saw.Target != "" {
		t.Errorf("mocked: %d %s, the backend gets %q", r.status, r.body, saw.Target)
	}
	h.call(t, http.MethodGet, orgnews+"/articles/1", "").is(t, "mocked, without a token", http.StatusUnauthorized, "900902")

	set(policies(policy("redirect", map[string]any{"to": "https://new.example.org/all", "status": 308, "query": true})))
	h.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if r, _ := call(); r.status != http.StatusPermanentRedirect || r.header.Get("Location") != "https://new.example.org/all?q=1" {
		t.Errorf("redirected: %d to %q", r.status, r.header.Get("Location"))
	}

	set(map[string]any{"apiPolicies": map[string]any{}})
	if r, saw := call(); r.status != http.StatusOK || saw.Target != "/v1/articles/a%20b?q=1" {
		t.Errorf("without policies: %d, the backend gets %q", r.status, saw.Target)
	}
	h.scenario22(t, token, set)
}

// scenario 22: a browser asks by CORS, and the API's settings answer.
func (h *house) scenario22(t *testing.T, token string, set func(map[string]any)) {
	ask := func(origin string) reply {
		r := request(t, http.MethodOptions, h.Gateway+orgnews+"/articles/1", "")
		r.Header.Set("Origin", origin)
		r.Header.Set("Access-Control-Request-Method", "PUT")
		return h.send(t, r)
	}
	allowed := func(what string, r reply, origin, methods string) {
		t.Helper()
		if got := r.header; r.status != http.StatusOK || got.Get("Access-Control-Allow-Origin") != origin || got.Get("Access-Control-Allow-Methods") != methods {
			t.Errorf("scenario 22: %s: %d %v", what, r.status, got)
		}
	}
	allowed("every page by default", ask("https://app.example.org"), "*", "GET, HEAD, PUT")
	set(map[string]any{"corsConfiguration": map[string]any{
		"corsConfigurationEnabled": true, "accessControlAllowOrigins": []string{"https://app.example.org"}, "accessControlAllowCredentials": true,
		"accessControlAllowMethods": []string{"GET", "PUT"},
	}})
	allowed("a listed page", ask("https://app.example.org"), "https://app.example.org", "GET, PUT")
	allowed("another page", ask("https://evil.example.org"), "", "")
	r := request(t, http.MethodGet, h.Gateway+orgnews+"/articles/1", "")
	r.Header.Set("Origin", "https://app.example.org")
	r.Header.Set("Authorization", "Bearer "+token)
	allowed("a call", h.send(t, r), "https://app.example.org", "")
}

// scenario 21 and check 119: the backend is told who calls, by a JWT that it verifies with the
// keys at /jwks, and that opens nothing here.
func TestBackendJWT(t *testing.T) {
	h := furnish(t)
	h.manage(t, john, http.MethodPut, publisherAPI+"/apis/"+h.api, policies(policy("backend-jwt", nil)), http.StatusOK, nil)
	token := h.token(t, tom, "read").Access
	told := func() string {
		t.Helper()
		h.backend.saw()
		r := request(t, http.MethodGet, h.Gateway+orgnews+"/articles/1", "")
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("X-JWT-Assertion", "forged")
		h.send(t, r).is(t, "a call", http.StatusOK, "")
		return strings.Join(h.backend.saw()[0].Header["X-Jwt-Assertion"], "|")
	}
	told() // makes the key, and what was signed while keys change is not kept
	backendJWT := told()
	if len(backendJWT) > 8<<10 || told() != backendJWT {
		t.Errorf("check 119: the JWT is long or not kept: %s", backendJWT)
	}
	parsed, err := jwt.ParseSigned(backendJWT, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(h.send(t, request(t, http.MethodGet, h.Gateway+"/jwks", "")).body), &keys); err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := parsed.Claims(keys.Key(parsed.Headers[0].KeyID)[0].Key, &claims); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"subscriber": john.name, "applicationname": "Newsreader", "apiname": "Orgnews", "apicontext": orgnews, "version": "1.0.0",
		"tier": "Gold", "keytype": "PRODUCTION", "usertype": "APPLICATION_USER", "enduser": tom.qualified(),
	} {
		if got := claims["http://wso2.org/claims/"+name]; got != want {
			t.Errorf("scenario 21: %s is %v, want %v", name, got, want)
		}
	}
	if left := int64(claims["exp"].(float64)) - time.Now().Unix(); claims["iss"] != h.Gateway || left < 200 || left > 300 {
		t.Errorf("scenario 21: it is by %v and lives for %d seconds", claims["iss"], left)
	}
	h.manage(t, john, http.MethodPut, storeAPI+"/applications/"+h.app.id, map[string]any{"name": "Renamed", "throttlingPolicy": "Unlimited"}, http.StatusOK, nil)
	if parsed, err := jwt.ParseSigned(told(), []jose.SignatureAlgorithm{jose.RS256}); err != nil || parsed.UnsafeClaimsWithoutVerification(&claims) != nil || claims["http://wso2.org/claims/applicationname"] != "Renamed" {
		t.Errorf("what is told of an application that has another name: %v %v", claims, err)
	}
	h.call(t, http.MethodGet, orgnews+"/articles/1", backendJWT).is(t, "a backend JWT as a token", http.StatusUnauthorized, "900901")
}
