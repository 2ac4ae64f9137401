package tokenapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
	"github.com/gatehouse/gatehouse/internal/cluster"
	"github.com/gatehouse/gatehouse/internal/db"
	"github.com/gatehouse/gatehouse/internal/organization"
	"github.com/gatehouse/gatehouse/internal/proof"
	"github.com/gatehouse/gatehouse/internal/token"
	"github.com/gatehouse/gatehouse/internal/tokenapi"
)

const (
	issuer   = "https://gateway.example"
	portal   = "https://portal.example"
	password = "correct horse"
)

// house is a Token API on real services and a real store, with two organizations. In
// johnsorg, john is employee and manager and tom is employee; john's application has
// keys and the organization has the scopes read, news_read and news_write.
type house struct {
	*tokenapi.Handler
	db          *db.DB
	people      *organization.Service
	store       *apistore.Service
	mux         *http.ServeMux
	log         bytes.Buffer
	now         time.Time
	john        *gatehouse.Member
	app         *gatehouse.Application
	key, secret string
}

func newHouse(t testing.TB) *house { return openHouse(t, filepath.Join(t.TempDir(), "gatehouse.db")) }

func openHouse(t testing.TB, dsn string) *house {
	t.Helper()
	h := &house{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), mux: http.NewServeMux()}
	h.open(t, dsn)
	h.furnish(t)
	h.Register(h.mux, true)
	return h
}

// open wires the services as a server does.
func (h *house) open(t testing.TB, dsn string) {
	ctx := context.Background()
	data, err := db.Open(ctx, dsn)
	must(t, err)
	t.Cleanup(func() { must(t, data.Close()) })
	clock := func() time.Time { return h.now }
	log := slog.New(slog.NewTextHandler(&h.log, nil))
	data.Now = clock
	passwords, err := organization.NewPasswords(2, 8)
	must(t, err)
	tokens := &token.Tokens{
		Issuer:  issuer,
		Keys:    &token.Keys{Store: data, MasterKey: [32]byte{1}, Now: clock},
		Revoked: &token.Revoked{Store: data, Now: clock},
		Store:   data, Cache: token.NewCache(1000), Now: clock,
	}
	clients := cluster.NewCache(1000, data.Client)
	changes := &cluster.Changes{Feed: data, Log: log}
	changes.Subscribe(gatehouse.TokensRevoked, tokens.Revoked.Apply)
	changes.Subscribe(gatehouse.ClientChanged, func(_ context.Context, id string) error {
		clients.Drop(id)
		return nil
	})
	must(t, changes.Start(ctx))
	must(t, tokens.Revoked.Load(ctx))
	must(t, tokens.Keys.Load(ctx))
	data.OnChange = func(ctx context.Context) { must(t, changes.Sync(ctx)) }
	h.db = data
	h.people = &organization.Service{Store: data, Passwords: passwords, Now: clock}
	h.store = &apistore.Service{Store: data, Tokens: tokens, Now: clock}
	tokens.Rights = rights{h}
	for _, noun := range []gatehouse.Noun{gatehouse.ScopesChanged, gatehouse.RolesChanged} {
		changes.Subscribe(noun, func(context.Context, string) error {
			tokens.RightsChanged()
			return nil
		})
	}
	h.Handler = &tokenapi.Handler{
		Issuer: issuer, Clients: held{clients}, Users: h.people, Scopes: data, Tokens: tokens, Refresh: data, Keys: tokens.Keys, Log: log, Now: clock,
		PortalURL: portal, Codes: data, Sessions: data, Devices: data, Issuers: data, Outbound: http.DefaultClient,
		Registrar: h.store, Once: data, Proofs: &proof.DPoP{Origins: proof.ParseOrigins(issuer), Once: data, Now: clock}, Resources: resources{"/t/johnsorg/orgnews/1.0.0": "johnsorg", "/t/janesorg/secret/1": "janesorg"},
		Acting: func(ctx context.Context, a *gatehouse.Authorization) (*gatehouse.Member, error) {
			return h.people.Member(ctx, h.john.Organization.ID, a.Subject)
		},
	}
}

// rights narrows as a server does.
type rights struct{ h *house }

func (r rights) Narrow(ctx context.Context, a *gatehouse.Authorization) ([]string, error) {
	org := r.h.john.Organization.ID
	m, err := r.h.people.Member(ctx, org, a.Subject)
	if err != nil {
		return nil, err
	}
	known, err := r.h.db.Scopes(ctx, org)
	return gatehouse.Narrow(a.Scopes, gatehouse.Known(known), m.Roles), err
}

// resources tells whose API has a base path.
type resources map[string]string

func (r resources) Owner(path string) (string, bool) {
	org, ok := r[path]
	return org, ok
}

// held finds clients in memory, as a server does.
type held struct {
	*cluster.Cache[*gatehouse.Client]
}

func (c held) Client(ctx context.Context, key string) (*gatehouse.Client, error) {
	return c.Get(ctx, key)
}

func (h *house) furnish(t testing.TB) {
	ctx := context.Background()
	org, err := h.people.CreateOrganization(ctx, "johnsorg", "John's")
	must(t, err)
	_, err = h.people.CreateOrganization(ctx, "janesorg", "Jane's")
	must(t, err)
	h.john = h.user(t, "john@johns.org", "johnsorg", "employee", "manager", gatehouse.Subscriber)
	h.user(t, "tom@johns.org", "johnsorg", "employee")
	h.user(t, "jane@janes.org", "janesorg", "employee", "manager")
	scopes := []gatehouse.Scope{
		{Name: "read"}, {Name: "news_read", Roles: []gatehouse.Role{"employee"}}, {Name: "news_write", Roles: []gatehouse.Role{"manager"}},
	}
	api := &gatehouse.API{ID: gatehouse.NewID(h.now), OrgID: org.ID, OrgKey: org.Key, Name: "Orgnews", Version: "1.0.0", Context: "/orgnews", State: gatehouse.Published}
	must(t, h.db.CreateAPI(ctx, api, gatehouse.Definition{Scopes: scopes}, func([]*gatehouse.API, []gatehouse.Scope) error { return nil }))
	h.app, h.key, h.secret = h.client(t, "reader", apistore.NewKeys{})
}

func (h *house) user(t testing.TB, name, org string, roles ...gatehouse.Role) *gatehouse.Member {
	t.Helper()
	m, err := h.people.CreateUser(context.Background(), organization.NewUser{Username: name, Password: password, OrgKey: org, Roles: roles})
	must(t, err)
	return m
}

// client makes an application of john's and its keys.
func (h *house) client(t testing.TB, name string, n apistore.NewKeys) (*gatehouse.Application, string, string) {
	t.Helper()
	app, err := h.store.CreateApplication(context.Background(), h.john, apistore.NewApplication{Name: name})
	must(t, err)
	k, secret, err := h.store.GenerateKeys(context.Background(), h.john, app.ID, n)
	must(t, err)
	return app, k.ConsumerKey, secret
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// reply is an answer of the Token API.
type reply struct {
	status int
	header http.Header
	raw    string
	body   map[string]any
}

func (r *reply) text(member string) string {
	s, _ := r.body[member].(string)
	return s
}

// wants fails the test unless r is an error with a status and a code.
func (r *reply) wants(t testing.TB, status int, code string) {
	t.Helper()
	if r.status != status || r.text("error") != code {
		t.Errorf("answered %d %s, want %d %s", r.status, r.raw, status, code)
	}
}

// pair fails the test unless r is a token answer, and returns the two tokens.
func (r *reply) pair(t testing.TB) (access, refresh string) {
	t.Helper()
	if r.status != http.StatusOK || r.text("access_token") == "" {
		t.Fatalf("answered %d %s, want a token", r.status, r.raw)
	}
	return r.text("access_token"), r.text("refresh_token")
}

// post sends a form as h's client does, unless change does it another way.
func (h *house) post(t testing.TB, path, form string, change ...func(*http.Request)) *reply {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(h.key, h.secret)
	for _, f := range change {
		f(r)
	}
	got := h.send(t, r)
	if got.status >= 400 {
		values, _ := url.ParseQuery(form)
		reflectsNothing(t, got, values)
	}
	return got
}

// send serves a request and checks what every answer must be (check 7).
func (h *house) send(t testing.TB, r *http.Request) *reply {
	t.Helper()
	w := httptest.NewRecorder()
	h.mux.ServeHTTP(w, r)
	got := &reply{status: w.Code, header: w.Result().Header, raw: w.Body.String()}
	if w.Code == http.StatusNoContent {
		return got
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got.body); err != nil {
		t.Fatalf("the answer %d %q is no JSON: %v", got.status, got.raw, err)
	}
	if got.header.Get("Content-Type") != "application/json;charset=utf-8" || got.header.Get("Set-Cookie") != "" || got.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("headers %v", got.header)
	}
	if r.Method == http.MethodPost && (got.header.Get("Cache-Control") != "no-store" || got.header.Get("Pragma") != "no-cache") {
		t.Errorf("the answer may be stored: %v", got.header)
	}
	scheme := "Basic realm="
	if strings.Contains(r.URL.Path, "/register") {
		scheme = "Bearer realm="
	}
	if got.status == http.StatusUnauthorized && !strings.HasPrefix(got.header.Get("WWW-Authenticate"), scheme) {
		t.Errorf("answered %d with WWW-Authenticate %q", got.status, got.header.Get("WWW-Authenticate"))
	}
	return got
}

// reflectsNothing checks an error's text: it repeats no input and stays within the
// characters of RFC 6749, section 5.2 (check 8).
func reflectsNothing(t testing.TB, got *reply, form url.Values) {
	t.Helper()
	for name, values := range form {
		for _, v := range values {
			if name != "grant_type" && len(v) >= 6 && strings.Contains(got.raw, v) {
				t.Errorf("the answer repeats %s: %s", name, got.raw)
			}
		}
	}
	description := got.text("error_description")
	if description == "" || strings.ContainsFunc(description, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		t.Errorf("the description is %q", description)
	}
	for _, inside := range []string{"sql", ".go:", "goroutine", "/tmp/", "johns.org"} {
		if strings.Contains(strings.ToLower(description), inside) {
			t.Errorf("the description tells of the inside: %q", description)
		}
	}
}

// login asks for a token by password as the client does.
func (h *house) login(t testing.TB, scope string, change ...func(*http.Request)) *reply {
	t.Helper()
	return h.post(t, "/token", form("grant_type", "password", "username", "john@johns.org@johnsorg", "password", password, "scope", scope), change...)
}

func (h *house) refresh(t testing.TB, refreshToken, scope string, change ...func(*http.Request)) *reply {
	t.Helper()
	return h.post(t, "/token", form("grant_type", "refresh_token", "refresh_token", refreshToken, "scope", scope), change...)
}

// active asks whether a token lives.
func (h *house) active(t testing.TB, text string) bool {
	t.Helper()
	got := h.post(t, "/introspect", form("token", text))
	if got.status != http.StatusOK {
		t.Fatalf("introspection answered %d %s", got.status, got.raw)
	}
	live, ok := got.body["active"].(bool)
	if !ok || !live && len(got.body) != 1 {
		t.Errorf("introspection answered %s", got.raw)
	}
	return live
}

// form encodes names and values in pairs.
func form(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

// as authenticates as another client; empty means not at all.
func as(key, secret string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Del("Authorization")
		if key != "" {
			r.SetBasicAuth(key, secret)
		}
	}
}

func setHeader(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}
