package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// Checks 76 to 79.
func TestIntrospection(t *testing.T) {
	h := furnish(t)
	h.organization(t, "other")
	jane := person{"jane@other.org", "other", "Janes-canary-password"}
	h.person(t, jane, "subscriber")
	foreign := h.application(t, jane, "Foreign")
	pair := h.token(t, john, "read update")
	parts := strings.Split(pair.Access, ".")
	edited := parts[0] + "." + parts[1][:len(parts[1])-4] + "AAAA." + parts[2]
	for _, row := range []struct {
		name   string
		app    application
		token  string
		status int
		active bool
	}{
		{"a valid token by its own client", h.app, pair.Access, 200, true},
		{"check 76: without client authentication", application{}, pair.Access, 401, false},
		{"check 76: with a wrong secret", application{key: h.app.key, secret: "x"}, pair.Access, 401, false},
		{"check 76: by a client of another organization", foreign, pair.Access, 200, false},
		{"check 77: an edited payload", h.app, edited, 200, false},
		{"check 77: no signature", h.app, parts[0] + "." + parts[1] + ".", 200, false},
		{"check 78: a random token", h.app, "random", 200, false},
		{"check 78: an empty token", h.app, "", 200, false},
		{"check 78: 100 KiB of token", h.app, strings.Repeat("x", 100<<10), 413, false},
		{"check 79: a refresh token is no access token", h.app, pair.Refresh, 200, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := h.post(t, "/introspect", row.app, revokeForm(row.token))
			var got struct {
				Active bool
				Type   string `json:"token_type"`
			}
			if err := json.Unmarshal([]byte(r.body), &got); err != nil {
				t.Fatalf("%s: %v", r.body, err)
			}
			asAccess := got.Active && got.Type != "refresh_token"
			if r.status != row.status || asAccess != row.active {
				t.Errorf("%d %s, want %d and active %v", r.status, r.body, row.status, row.active)
			}
			if row.status == http.StatusOK && !got.Active && strings.TrimSpace(r.body) != `{"active":false}` {
				t.Errorf("an inactive token tells more: %s", r.body)
			}
		})
	}
}

// Checks 47, 82, 84 and 157.
func TestWhatTheEndpointsGiveAway(t *testing.T) {
	h := furnish(t)
	get := func(url string) reply { return h.send(t, request(t, http.MethodGet, url, "")) }
	t.Run("check 82: a token is not revoked by GET", func(t *testing.T) {
		pair := h.token(t, john, "read")
		if r := get(h.Gateway + "/revoke?callback=x&token=" + pair.Access); r.status != http.StatusMethodNotAllowed || strings.Contains(r.body, "x(") {
			t.Errorf("%d %s", r.status, r.body)
		}
		h.call(t, "GET", orgnews+"/articles/1", pair.Access).is(t, "afterwards", http.StatusOK, "")
	})
	t.Run("check 84: keys are public halves, for any origin", func(t *testing.T) {
		var set struct{ Keys []map[string]any }
		r := get(h.Gateway + "/jwks")
		r.decode(t, http.StatusOK, &set)
		if len(set.Keys) == 0 || r.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%v %s", r.header, r.body)
		}
		for _, key := range set.Keys {
			for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
				if key[private] != nil || key["kty"] == "oct" {
					t.Errorf("a private part %q: %v", private, key)
				}
			}
		}
	})
	t.Run("check 47: a Host header changes no address", func(t *testing.T) {
		r := request(t, http.MethodGet, h.Gateway+"/.well-known/openid-configuration", "")
		r.Host = "evil.example"
		r.Header.Set("X-Forwarded-Host", "evil.example")
		got := h.send(t, r)
		var metadata struct{ Issuer string }
		got.decode(t, http.StatusOK, &metadata)
		if metadata.Issuer != h.Gateway || strings.Contains(got.body, "evil") {
			t.Errorf("%s", got.body)
		}
	})
	t.Run("check 157: operators' pages are on their own listener", func(t *testing.T) {
		for _, listener := range []string{h.Gateway, h.GatewayHTTP, h.Portal} {
			for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/heap", "/healthz", "/readyz"} {
				if r := get(listener + path); r.status != http.StatusNotFound {
					t.Errorf("%s%s: %d", listener, path, r.status)
				}
			}
		}
	})
}
