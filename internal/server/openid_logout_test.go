package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/organization"
)

// signedIn goes the whole way to an ID token.
func (r *relying) signedIn() string {
	r.t.Helper()
	verifier := oauth2.GenerateVerifier()
	p := r.signIn(r.visit(r.app.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("prompt", "login consent"))))
	tokens, err := r.app.Exchange(r.ctx, r.arrived(r.send(p, "decision", "allow"), "s").Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		r.t.Fatal(err)
	}
	text, _ := tokens.Extra("id_token").(string)
	return text
}

// isIn reports whether the browser is signed in.
func (r *relying) isIn() bool {
	r.t.Helper()
	return !strings.Contains(r.visit(r.PortalURL+"/org").body, `action="/login"`)
}

func TestSigningOutForAnApplication(t *testing.T) {
	told := make(chan string, 10)
	application := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		told <- r.PostFormValue("logout_token")
	}))
	t.Cleanup(application.Close)
	r := newRelyingWith(t, gatehouse.ClientMetadata{PostLogoutRedirectURIs: []string{"http://127.0.0.1:7777/after"}, BackchannelLogoutURI: application.URL})
	var names struct {
		EndSession string `json:"end_session_endpoint"`
	}
	if err := r.provider.Claims(&names); err != nil {
		t.Fatal(err)
	}
	leave := func(parameters url.Values) page { return r.visit(names.EndSession + "?" + parameters.Encode()) }

	t.Run("at once, when it proves that it knows the session", func(t *testing.T) {
		hint := r.signedIn()
		p := leave(url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {"http://127.0.0.1:7777/after"}, "state": {"x&y"}})
		if p.Request.URL.String() != "http://127.0.0.1:7777/after?state=x%26y" || r.isIn() {
			t.Errorf("the browser is at %s, signed in: %v", p.Request.URL, r.isIn())
		}
		if token := <-told; strings.Count(token, ".") != 2 {
			t.Errorf("the application was told %q", token)
		}
	})
	t.Run("after a question, when it does not", func(t *testing.T) {
		r.signedIn()
		p := leave(url.Values{"client_id": {r.app.ClientID}, "post_logout_redirect_uri": {"http://127.0.0.1:7777/after"}})
		if !strings.Contains(p.body, "Sign out?") || !r.isIn() {
			t.Fatalf("no question: %s", p.body)
		}
		if p = r.send(p); p.Request.URL.String() != "http://127.0.0.1:7777/after" || r.isIn() {
			t.Errorf("the browser is at %s", p.Request.URL)
		}
		<-told
	})
	t.Run("after a question, when another session is meant", func(t *testing.T) {
		hint := r.signedIn()
		r.send(r.visit(r.PortalURL + "/logout"))
		<-told
		r.signedIn()
		if p := leave(url.Values{"id_token_hint": {hint}}); !strings.Contains(p.body, "Sign out?") || !r.isIn() {
			t.Errorf("signed out by an old hint: %s", p.body)
		}
	})
	t.Run("and without one", func(t *testing.T) {
		if p := leave(nil); !strings.Contains(p.body, "Sign out?") {
			t.Errorf("no question: %s", p.body)
		}
		r.send(leave(nil))
		if p := leave(nil); !strings.Contains(p.body, "You are signed out") {
			t.Errorf("not told: %s", p.body)
		}
	})
}

func TestCheck40ConsentIsTheUsersOwn(t *testing.T) {
	r := newRelyingWith(t, gatehouse.ClientMetadata{PolicyURI: "https://app.example/policy", TermsURI: "https://app.example/terms"})
	verifier := oauth2.GenerateVerifier()
	ask := func(r *relying) page {
		return r.visit(r.app.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("prompt", "consent")))
	}
	p := r.signIn(ask(r))
	field := func(p page, name string) string {
		t.Helper()
		for _, f := range hiddenField.FindAllStringSubmatch(p.body[strings.Index(p.body, `action="/consent"`):], -1) {
			if f[1] == name {
				return f[2]
			}
		}
		t.Fatalf("no field %s", name)
		return ""
	}
	request := field(p, "request")
	if !strings.Contains(p.body, `href="https://app.example/policy"`) || !strings.Contains(p.body, `href="https://app.example/terms"`) || strings.Contains(p.body, "About the application") {
		t.Error("the page does not lead to the client's own pages")
	}
	if got := r.visit(r.PortalURL + "/consent?decision=allow&request=" + request); !strings.Contains(got.body, "asks for access") {
		t.Errorf("consent was given by GET: %s", got.Request.URL)
	}
	mallory := *r
	mallory.browser = newBrowser(t, r.Server)
	theirs := mallory.signIn(ask(&mallory))
	for name, csrf := range map[string]string{"no token": "", "another browser's token": field(theirs, "csrf")} {
		if got := r.send(p, "decision", "allow", "csrf", csrf); got.StatusCode != http.StatusForbidden { // check 38
			t.Errorf("%s: %d", name, got.StatusCode)
		}
	}
	if got := r.send(p, "decision", "perhaps"); got.StatusCode != http.StatusBadRequest {
		t.Errorf("an undecided form: %d", got.StatusCode)
	}
	r.arrived(r.send(p, "decision", "allow"), "s")
	if got := r.send(p, "decision", "allow"); got.StatusCode != http.StatusBadRequest || !strings.Contains(got.body, "start again") {
		t.Errorf("the form sent once more: %d to %s", got.StatusCode, got.Request.URL)
	}
}

func TestStrangersToTheOrganizationMustSignInAsSomebodyElse(t *testing.T) {
	r := newRelying(t)
	_, err := r.Organization.CreateUser(t.Context(), organization.NewUser{Username: "jane", Password: johnsPassword, OrgKey: "default", Roles: []gatehouse.Role{gatehouse.Subscriber}})
	if err != nil {
		t.Fatal(err)
	}
	r.send(r.visit(r.PortalURL+"/login"), "username", "jane", "password", johnsPassword)
	p := r.visit(r.app.AuthCodeURL("s", oauth2.SetAuthURLParam("login_hint", "john@johns.org")))
	if !strings.Contains(p.body, "does not belong to John&#39;s Organization") || !strings.Contains(p.body, `value="john@johns.org"`) {
		t.Errorf("no sign-in page: %s", p.body)
	}
	if got := r.arrived(r.visit(r.app.AuthCodeURL("s", oauth2.SetAuthURLParam("prompt", "none"))), "s"); got.Get("error") != "login_required" {
		t.Errorf("got %v", got)
	}
	if got := r.send(p, "username", "jane", "password", johnsPassword); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("jane signed in to an organization that is not hers: %d", got.StatusCode)
	}
	if p = r.signIn(p); !strings.Contains(p.body, "Reader asks for access") {
		t.Errorf("no consent page: %s", p.body)
	}
}
