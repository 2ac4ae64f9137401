package gatehouse_test

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

func TestCodeUse(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	verifier := strings.Repeat("v", 43)
	sum := sha256.Sum256([]byte(verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	mine := gatehouse.Keys{ConsumerKey: "mine"}
	code := func(change func(*gatehouse.Code)) *gatehouse.Code {
		c := &gatehouse.Code{ConsumerKey: "mine", ExpiresAt: now.Add(time.Minute), Binds: gatehouse.Binds{RedirectURI: "https://a.example/", Challenge: challenge}}
		change(c)
		return c
	}
	nothing := func(*gatehouse.Code) {}
	for _, test := range []struct {
		name               string
		change             func(*gatehouse.Code)
		redirect, verifier string
		want               gatehouse.CodeUse
	}{
		{"the first use", nothing, "https://a.example/", verifier, gatehouse.CodeGives},
		{"bound to the key that is proven", func(c *gatehouse.Code) { c.JKT = "key-1" }, "https://a.example/", verifier, gatehouse.CodeGives},
		{"bound to another key", func(c *gatehouse.Code) { c.JKT = "key-2" }, "https://a.example/", verifier, gatehouse.CodeRefused},
		{"a second use", func(c *gatehouse.Code) { c.UsedAt = now }, "https://a.example/", verifier, gatehouse.CodeReused},
		{"a second use after its end", func(c *gatehouse.Code) { c.UsedAt, c.ExpiresAt = now, now }, "", "", gatehouse.CodeReused},
		{"another client's", func(c *gatehouse.Code) { c.ConsumerKey = "theirs" }, "https://a.example/", verifier, gatehouse.CodeRefused},
		{"another client's second use", func(c *gatehouse.Code) { c.ConsumerKey, c.UsedAt = "theirs", now }, "https://a.example/", verifier, gatehouse.CodeRefused},
		{"at its end", func(c *gatehouse.Code) { c.ExpiresAt = now }, "https://a.example/", verifier, gatehouse.CodeRefused},
		{"revoked", func(c *gatehouse.Code) { c.Revoked = true }, "https://a.example/", verifier, gatehouse.CodeRefused},
		{"another redirect URI", nothing, "https://a.example", verifier, gatehouse.CodeRefused},
		{"no redirect URI", nothing, "", verifier, gatehouse.CodeRefused},
		{"another verifier", nothing, "https://a.example/", strings.Repeat("w", 43), gatehouse.CodeRefused},
		{"no verifier", nothing, "https://a.example/", "", gatehouse.CodeRefused},
		{"the challenge as verifier", nothing, "https://a.example/", challenge, gatehouse.CodeRefused},
		{"a verifier without a challenge", func(c *gatehouse.Code) { c.Challenge = "" }, "https://a.example/", verifier, gatehouse.CodeRefused},
		{"neither", func(c *gatehouse.Code) { c.Challenge = "" }, "https://a.example/", "", gatehouse.CodeGives},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := code(test.change).Use(&mine, test.redirect, test.verifier, "key-1", now); got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

func TestAuthorizationRequestAccepts(t *testing.T) {
	asked := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ten := int64(10)
	zero := int64(0)
	for _, test := range []struct {
		name     string
		req      gatehouse.AuthorizationRequest
		signedIn time.Duration // before the request
		want     bool
	}{
		{"an old sign-in", gatehouse.AuthorizationRequest{}, time.Hour, true},
		{"an old sign-in, login", gatehouse.AuthorizationRequest{Prompt: []string{"login"}}, time.Second, false},
		{"an old sign-in, another account", gatehouse.AuthorizationRequest{Prompt: []string{"select_account", "consent"}}, time.Second, false},
		{"an old sign-in, consent", gatehouse.AuthorizationRequest{Prompt: []string{"consent"}}, time.Hour, true},
		{"within max_age", gatehouse.AuthorizationRequest{MaxAge: &ten}, 9 * time.Second, true},
		{"beyond max_age", gatehouse.AuthorizationRequest{MaxAge: &ten}, 11 * time.Second, false},
		{"max_age 0", gatehouse.AuthorizationRequest{MaxAge: &zero}, time.Second, false},
		{"a sign-in for the request", gatehouse.AuthorizationRequest{Prompt: []string{"login"}, MaxAge: &zero}, -time.Second, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.req.At = asked
			if got := test.req.Accepts(asked.Add(-test.signedIn), asked.Add(time.Millisecond)); got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

func TestConsentCovers(t *testing.T) {
	var none *gatehouse.Consent
	given := &gatehouse.Consent{Scopes: []string{"read", "openid"}}
	if none.Covers([]string{"read"}) || given.Covers([]string{"read", "write"}) || !given.Covers([]string{"openid"}) {
		t.Error("consent covers what was given, and nothing else")
	}
}

func TestKeysRedirectsTo(t *testing.T) {
	k := gatehouse.Keys{Callbacks: []string{"http://127.0.0.1:1/a", "http://[::1]/b?c=d", "http://127.0.0.1"}}
	for uri, want := range map[string]bool{
		"http://127.0.0.1:1/a": true, "http://127.0.0.1:65000/a": true, "http://127.0.0.1/a": true, "http://[::1]:9/b?c=d": true, "http://127.0.0.1:2": true,
		"http://127.0.0.1:1/a/": false, "http://127.0.0.1:1/a?x": false, "http://[::1]:9/b": false, "http://localhost:1/a": false, "https://127.0.0.1:1/a": false,
		"http://127.0.0.1:1@evil.example/a": false, "http://127.0.0.10/a": false, "http://127.0.0.1:1a/a": false, "http://127.0.0.1#/a": false,
	} {
		if got := k.RedirectsTo(uri); got != want {
			t.Errorf("%s: %v", uri, got)
		}
	}
}

// FuzzRedirects: what is accepted as a redirect URI is registered letter by letter, or
// differs from a registered one in the port alone.
func FuzzRedirects(f *testing.F) {
	k := gatehouse.Keys{Callbacks: []string{"https://a.example/b", "http://127.0.0.1/c"}}
	for _, seed := range []string{"https://a.example/b", "http://127.0.0.1:1/c", "http://127.0.0.1:/c", "http://127.0.0.1:1@x/c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		if !k.RedirectsTo(uri) || uri == "https://a.example/b" {
			return
		}
		rest := strings.TrimPrefix(uri, "http://127.0.0.1")
		if port := strings.TrimSuffix(rest, "/c"); rest == uri || port == rest || strings.Trim(port, ":0123456789") != "" {
			t.Errorf("%q was accepted", uri)
		}
	})
}

func TestPolicySource(t *testing.T) {
	for uri, want := range map[string]string{
		"https://a.example/b?c": "https://a.example", "http://127.0.0.1:7/x": "http://127.0.0.1:7", "com.example.app:/x": "com.example.app:", "http://[::1]:7/x": "http:", "": "'none'",
	} {
		if got := gatehouse.PolicySource(uri); got != want {
			t.Errorf("%s: %s, want %s", uri, got, want)
		}
	}
}
