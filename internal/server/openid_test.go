package server_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
	"github.com/gatehouse/gatehouse/internal/gatehousetest"
	"github.com/gatehouse/gatehouse/internal/organization"
)

const johnsPassword = "correct horse & 100% +staple"

// relying is a started server with john's application, which signs people in.
type relying struct {
	*gatehousetest.Server
	t        testing.TB
	ctx      context.Context // carries the client that trusts the server's certificate
	browser  *http.Client
	app      *oauth2.Config
	provider *oidc.Provider
}

func newRelying(t testing.TB) *relying { return newRelyingWith(t, gatehouse.ClientMetadata{}) }

func newRelyingWith(t testing.TB, m gatehouse.ClientMetadata) *relying {
	t.Helper()
	s := gatehousetest.Start(t)
	people := s.Organization
	if _, err := people.CreateOrganization(t.Context(), "johnsorg", "John's Organization"); err != nil {
		t.Fatal(err)
	}
	john, err := people.CreateUser(t.Context(), organization.NewUser{Username: "john@johns.org", Name: "John", Password: johnsPassword, OrgKey: "johnsorg", Roles: []gatehouse.Role{gatehouse.Publisher}})
	if err != nil {
		t.Fatal(err)
	}
	app, err := s.APIStore.CreateApplication(t.Context(), john, apistore.NewApplication{Name: "Reader"})
	if err != nil {
		t.Fatal(err)
	}
	keys, secret, err := s.APIStore.GenerateKeys(t.Context(), john, app.ID, apistore.NewKeys{
		Grants: []string{gatehouse.GrantAuthorizationCode, gatehouse.GrantRefreshToken}, Callbacks: []string{"http://127.0.0.1/back"}, Metadata: m,
	})
	if err != nil {
		t.Fatal(err)
	}
	r := &relying{Server: s, t: t, ctx: oidc.ClientContext(t.Context(), s.Client), browser: newBrowser(t, s)}
	r.provider, err = oidc.NewProvider(r.ctx, s.GatewayURL)
	if err != nil {
		t.Fatal(err)
	}
	r.app = &oauth2.Config{
		ClientID: keys.ConsumerKey, ClientSecret: secret, Endpoint: r.provider.Endpoint(),
		RedirectURL: "http://127.0.0.1:7777/back", Scopes: []string{oidc.ScopeOpenID, "profile", "email", "offline_access"},
	}
	return r
}

// newBrowser returns a client that keeps cookies of its own and follows no redirect.
func newBrowser(t testing.TB, s *gatehousetest.Server) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := *s.Client
	b.Jar = jar
	return &b
}

// page is where a browser has come to.
type page struct {
	*http.Response
	body string
}

// visit goes to an address and on along redirects, until a page is shown or the browser
// leaves the server.
func (r *relying) visit(to string) page {
	r.t.Helper()
	for range 10 {
		if !strings.HasPrefix(to, r.GatewayURL) && !strings.HasPrefix(to, r.PortalURL) {
			left, err := http.NewRequest(http.MethodGet, to, nil)
			if err != nil {
				r.t.Fatal(err)
			}
			return page{&http.Response{Request: left}, ""}
		}
		res, err := r.browser.Get(to)
		if err != nil {
			r.t.Fatal(err)
		}
		p := read(r.t, res)
		location, err := res.Location()
		if err != nil {
			return p
		}
		to = location.String()
	}
	r.t.Fatal("the redirects do not end")
	return page{}
}

func read(t testing.TB, res *http.Response) page {
	t.Helper()
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return page{res, string(body)}
}

var (
	formAction  = regexp.MustCompile(`<form class="card" method="post" action="([^"]+)"`)
	hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)
)

// send fills in the form of a page and posts it, as a browser does.
func (r *relying) send(p page, fields ...string) page {
	r.t.Helper()
	at := formAction.FindStringSubmatchIndex(p.body)
	if at == nil {
		r.t.Fatalf("no form on %s: %d %.500s", p.Request.URL, p.StatusCode, p.body)
	}
	form := url.Values{}
	for _, field := range hiddenField.FindAllStringSubmatch(p.body[at[0]:], -1) {
		form.Set(field[1], strings.ReplaceAll(field[2], "&amp;", "&"))
	}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	action, err := p.Request.URL.Parse(p.body[at[2]:at[3]])
	if err != nil {
		r.t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, action.String(), strings.NewReader(form.Encode()))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", r.PortalURL)
	res, err := r.browser.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	got := read(r.t, res)
	if location, err := res.Location(); err == nil {
		if res.StatusCode != http.StatusSeeOther {
			r.t.Errorf("a form was answered with %d, want 303", res.StatusCode) // check 44
		}
		return r.visit(location.String())
	}
	return got
}

// signIn sends the form of the sign-in page.
func (r *relying) signIn(p page) page {
	r.t.Helper()
	return r.send(p, "username", "john@johns.org", "password", johnsPassword)
}

// arrived returns what the browser brings back to the application, whose issuer and state
// were checked.
func (r *relying) arrived(p page, state string) url.Values {
	r.t.Helper()
	if p.Request.URL.Host != "127.0.0.1:7777" {
		r.t.Fatalf("the browser is at %s: %.600s", p.Request.URL, p.body)
	}
	query := p.Request.URL.Query()
	if query.Get("iss") != r.GatewayURL || query.Get("state") != state || p.Request.URL.Fragment != "" { // checks 30, 45
		r.t.Errorf("the browser brought %v", query)
	}
	return query
}

// verify checks an ID token as a client does.
func (r *relying) verify(text string) *oidc.IDToken {
	r.t.Helper()
	id, err := r.provider.VerifierContext(r.ctx, &oidc.Config{ClientID: r.app.ClientID}).Verify(r.ctx, text)
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

// signInClaims are what an ID token tells of a sign-in.
type signInClaims struct {
	AuthTime int64  `json:"auth_time"`
	SID      string `json:"sid"`
}

func claimsOf(t testing.TB, id *oidc.IDToken) signInClaims {
	t.Helper()
	var c signInClaims
	if err := id.Claims(&c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCodeFlowOfRealClients(t *testing.T) {
	r := newRelying(t)
	verifier := oauth2.GenerateVerifier()
	begin := func(options ...oauth2.AuthCodeOption) page {
		return r.visit(r.app.AuthCodeURL("state&1", append([]oauth2.AuthCodeOption{oauth2.S256ChallengeOption(verifier), oidc.Nonce("nonce-1")}, options...)...))
	}

	p := begin()
	if !strings.Contains(p.body, "to continue to Reader") || strings.Count(p.body[strings.Index(p.body, `action="/login"`):], "<button") < 1 {
		t.Fatalf("no sign-in page: %s", p.body)
	}
	if csp := p.Header.Get("Content-Security-Policy"); !strings.HasSuffix(csp, "form-action 'self' http://127.0.0.1:7777") || !strings.Contains(csp, "frame-ancestors 'none'") { // checks 37, 40
		t.Errorf("the policy is %q", csp)
	}
	p = r.signIn(p)
	for _, want := range []string{"Reader asks for access", "John&#39;s Organization", "Read your e-mail address", "offline_access", ">Allow<", ">Deny<"} {
		if !strings.Contains(p.body, want) {
			t.Errorf("the consent page lacks %q", want)
		}
	}
	query := r.arrived(r.send(p, "decision", "allow"), "state&1")

	tokens, err := r.app.Exchange(r.ctx, query.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	if tokens.RefreshToken == "" || tokens.Extra("scope") != "openid profile email offline_access" {
		t.Errorf("got %v", tokens.Extra("scope"))
	}
	text, _ := tokens.Extra("id_token").(string)
	id := r.verify(text)
	if err := id.VerifyAccessToken(tokens.AccessToken); err != nil || id.Nonce != "nonce-1" {
		t.Errorf("nonce %q, at_hash: %v", id.Nonce, err)
	}
	info, err := r.provider.UserInfo(r.ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		t.Fatal(err)
	}
	if info.Subject != id.Subject || info.Email != "john@johns.org" || info.EmailVerified { // check 83
		t.Errorf("userinfo says %+v", info)
	}
	refreshed, err := r.app.TokenSource(r.ctx, &oauth2.Token{RefreshToken: tokens.RefreshToken}).Token()
	if err != nil {
		t.Fatal(err)
	}
	text, _ = refreshed.Extra("id_token").(string)
	if again := r.verify(text); again.Subject != id.Subject || again.Nonce != "" || claimsOf(t, again) != claimsOf(t, id) {
		t.Errorf("the refreshed ID token is %+v", again)
	}

	t.Run("consent is remembered", func(t *testing.T) {
		if r.arrived(begin(), "state&1").Get("code") == "" {
			t.Error("no code")
		}
	})
	t.Run("a code is good once", func(t *testing.T) { // check 17
		if _, err := r.app.Exchange(r.ctx, query.Get("code"), oauth2.VerifierOption(verifier)); err == nil || !strings.Contains(err.Error(), "invalid_grant") {
			t.Errorf("the second exchange: %v", err)
		}
		if _, err := r.provider.UserInfo(r.ctx, oauth2.StaticTokenSource(tokens)); err == nil {
			t.Error("the first tokens live")
		}
	})
	t.Run("prompt=none answers without a page", func(t *testing.T) { // check 37
		if r.arrived(begin(oauth2.SetAuthURLParam("prompt", "none")), "state&1").Get("code") == "" {
			t.Error("no code")
		}
		if got := r.arrived(begin(oauth2.SetAuthURLParam("prompt", "none"), oauth2.SetAuthURLParam("id_token_hint", text)), "state&1"); got.Get("code") == "" {
			t.Errorf("with a hint: %v", got)
		}
	})
	t.Run("prompt=login asks for the password once more", func(t *testing.T) {
		p := r.signIn(begin(oauth2.SetAuthURLParam("prompt", "login")))
		tokens, err := r.app.Exchange(r.ctx, r.arrived(p, "state&1").Get("code"), oauth2.VerifierOption(verifier))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := tokens.Extra("id_token").(string)
		if before, after := claimsOf(t, id), claimsOf(t, r.verify(text)); after.SID == "" || after.SID != before.SID {
			t.Errorf("to clients it must be the same session: %+v, then %+v", before, after)
		}
	})
	t.Run("prompt=consent asks again, and no is an answer", func(t *testing.T) {
		p := begin(oauth2.SetAuthURLParam("prompt", "consent"))
		if got := r.arrived(r.send(p, "decision", "deny"), "state&1"); got.Get("error") != "access_denied" || got.Get("code") != "" {
			t.Errorf("got %v", got)
		}
	})
	t.Run("prompt=none without a session is login_required", func(t *testing.T) { // check 37
		stranger := *r
		stranger.browser = newBrowser(t, r.Server)
		if got := stranger.arrived(stranger.visit(r.app.AuthCodeURL("s", oauth2.SetAuthURLParam("prompt", "none"))), "s"); got.Get("error") != "login_required" {
			t.Errorf("got %v", got)
		}
	})
}
