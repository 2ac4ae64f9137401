package e2e

import (
	"net/http"
	"strings"
	"testing"
)

func TestCalls(t *testing.T) {
	onEachStore(t, func(t *testing.T, h *house) {
		t.Run("the backend answers and never sees the token", h.backendNeverSeesToken)
		t.Run("a scope opens a resource", h.scopeOpensResource)
		t.Run("no token and a wrong one are told apart", h.missingAndWrongToken)
		t.Run("a call needs a subscription that is not blocked", h.callNeedsSubscription)
	})
}

// Scenario 2, check 113.
func (h *house) backendNeverSeesToken(t *testing.T) {
	token := h.token(t, john, "").Access
	h.backend.saw()
	r := h.call(t, "GET", orgnews+"/articles?page=2", token)
	if r.status != http.StatusOK || !strings.Contains(r.body, `"Target":"/v1/articles?page=2"`) {
		t.Errorf("%d %s", r.status, r.body)
	}
	seen := h.backend.saw()
	if len(seen) != 1 {
		t.Fatalf("the backend saw %d requests", len(seen))
	}
	got := seen[0].Header
	if got.Get("Authorization") != "" {
		t.Error("the backend saw the Authorization header")
	}
	for name, want := range map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": strings.TrimPrefix(h.Gateway, "https://")} {
		if got.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.Get(name), want)
		}
	}
	if got.Get("Traceparent") == "" {
		t.Error("the backend saw no traceparent")
	}
}

// Scenario 3, check 73.
func (h *house) scopeOpensResource(t *testing.T) {
	both, read := h.token(t, john, "read update"), h.token(t, john, "read")
	h.call(t, "PUT", orgnews+"/articles/1", both.Access).is(t, "read update", http.StatusOK, "")
	h.backend.saw()
	r := h.call(t, "PUT", orgnews+"/articles/1", read.Access)
	r.is(t, "read", http.StatusForbidden, "900910")
	if c := r.header.Get("WWW-Authenticate"); !strings.Contains(c, `error="insufficient_scope"`) {
		t.Errorf("the challenge is %q", c)
	}
	if seen := h.backend.saw(); len(seen) != 0 {
		t.Errorf("the backend saw %v", seen)
	}
}

// Scenario 11.
func (h *house) missingAndWrongToken(t *testing.T) {
	r := h.call(t, "GET", orgnews+"/articles", "")
	r.is(t, "no token", http.StatusUnauthorized, "900902")
	if c := r.header.Get("WWW-Authenticate"); !strings.HasPrefix(c, "Bearer ") || strings.Contains(c, "error") {
		t.Errorf("the challenge is %q", c)
	}
	valid := h.token(t, john, "read").Access
	parts := strings.Split(valid, ".")
	flipped := "A"
	if strings.HasPrefix(parts[2], "A") {
		flipped = "B"
	}
	for name, token := range map[string]string{
		"garbage": "garbage-that-must-not-come-back", "cut": valid[:len(valid)-1], "another signature": parts[0] + "." + parts[1] + "." + flipped + parts[2][1:],
		"no signature": parts[0] + "." + parts[1] + ".", "alg none": "eyJhbGciOiJub25lIn0." + parts[1] + ".", "dots more": valid + ".x", // check 90
	} {
		r := h.call(t, "GET", orgnews+"/articles", token)
		r.is(t, name, http.StatusUnauthorized, "900901")
		if strings.Contains(r.body, token) || strings.Contains(r.body, "articles") || !strings.Contains(r.header.Get("WWW-Authenticate"), `error="invalid_token"`) {
			t.Errorf("%s: %v %s", name, r.header, r.body)
		}
	}
}

// Scenario 12.
func (h *house) callNeedsSubscription(t *testing.T) {
	stranger := h.application(t, tom, "Stranger")
	token := h.post(t, "/token", stranger, passwordForm(tom, "")).tokens(t).Access
	call := func() reply { return h.call(t, "GET", orgnews+"/articles", token) }
	call().is(t, "not subscribed", http.StatusForbidden, "900908")
	approval := func(asked bool) {
		body := map[string]any{"name": "Orgnews", "version": "1.0.0", "context": "/orgnews", "subscriptionApproval": asked}
		h.manage(t, john, "PUT", "/api/am/publisher/v4/apis/"+h.api, body, http.StatusOK, nil)
	}
	approval(true)
	defer approval(false)
	sub := h.subscribe(t, tom, stranger, h.api)
	call().is(t, "waiting for approval", http.StatusUnauthorized, "900909")
	h.block(t, john, sub, false)
	call().is(t, "approved", http.StatusOK, "")
	h.block(t, john, sub, true)
	call().is(t, "blocked", http.StatusUnauthorized, "900907")
	h.block(t, john, sub, false)
	call().is(t, "unblocked", http.StatusOK, "")
}

// Checks 102 and 104.
func TestMethods(t *testing.T) {
	h := furnish(t)
	token := h.token(t, john, "read update").Access
	r := h.call(t, "DELETE", orgnews+"/articles/1", token)
	r.is(t, "a method that the resource lacks", http.StatusMethodNotAllowed, "405")
	if allow := r.header.Get("Allow"); !strings.Contains(allow, "GET") || !strings.Contains(allow, "PUT") || strings.Contains(allow, "DELETE") {
		t.Errorf("Allow: %q", allow)
	}
	for _, method := range []string{"TRACE", "get", "FROB"} {
		r := h.call(t, method, orgnews+"/articles", token)
		if r.status != http.StatusMethodNotAllowed && r.status != http.StatusNotImplemented && r.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", method, r.status, r.body)
		}
	}
	preflight := request(t, "OPTIONS", h.Gateway+orgnews+"/articles/1", "")
	preflight.Header.Set("Origin", "https://example.org")
	preflight.Header.Set("Access-Control-Request-Method", "PUT")
	if r := h.send(t, preflight); r.status != http.StatusOK || !strings.Contains(r.header.Get("Access-Control-Allow-Methods"), "PUT") {
		t.Errorf("preflight: %d %v", r.status, r.header)
	}
	if seen := h.backend.saw(); len(seen) != 0 {
		t.Errorf("the backend saw %v", seen)
	}
}
