package apistore_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
	"github.com/gatehouse/gatehouse/internal/db"
	"github.com/gatehouse/gatehouse/internal/token"
)

// house is the API Store on a real store. john, tom and the administrator ada are of
// johnsorg; guest is too, without a role; jane is of janesorg.
type house struct {
	*apistore.Service
	db                          *db.DB
	tokens                      *token.Tokens
	now                         time.Time
	org, other                  gatehouse.Organization
	john, tom, ada, guest, jane *gatehouse.Member
	news                        *gatehouse.API // published, with the scopes read, news_read and news_write
}

func newHouse(t *testing.T) *house {
	t.Helper()
	ctx := context.Background()
	data, err := db.Open(ctx, filepath.Join(t.TempDir(), "gatehouse.db"))
	must(t, err)
	t.Cleanup(func() { must(t, data.Close()) })
	h := &house{db: data, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return h.now }
	data.Now = clock
	h.tokens = &token.Tokens{
		Issuer: "https://gateway.example", Keys: &token.Keys{Store: data, Now: clock}, Revoked: &token.Revoked{Store: data, Now: clock},
		Store: data, Cache: token.NewCache(100), Now: clock,
	}
	must(t, h.tokens.Keys.Load(ctx))
	must(t, h.tokens.Revoked.Load(ctx))
	h.Service = &apistore.Service{Store: data, Tokens: h.tokens, Now: clock}
	h.org = h.organization(t, "johnsorg")
	h.other = h.organization(t, "janesorg")
	h.john = h.member(t, h.org, "john", gatehouse.Subscriber, "employee")
	h.tom = h.member(t, h.org, "tom", gatehouse.Subscriber)
	h.ada = h.member(t, h.org, "ada", gatehouse.Admin)
	h.guest = h.member(t, h.org, "guest")
	h.jane = h.member(t, h.other, "jane", gatehouse.Admin)
	h.news = h.api(t, h.org, "Orgnews", gatehouse.Published, "read", "news_read", "news_write")
	return h
}

func (h *house) organization(t *testing.T, key string) gatehouse.Organization {
	t.Helper()
	o := gatehouse.Organization{ID: gatehouse.NewID(h.now), Key: key, Name: key, CreatedAt: h.now, PasswordGrant: true}
	must(t, h.db.CreateOrganization(t.Context(), &o, nil, ""))
	return o
}

func (h *house) member(t *testing.T, org gatehouse.Organization, name string, roles ...gatehouse.Role) *gatehouse.Member {
	t.Helper()
	m := &gatehouse.Member{User: gatehouse.User{ID: gatehouse.NewID(h.now), Username: name}, Organization: org, Roles: roles, JoinedAt: h.now}
	must(t, h.db.CreateUser(t.Context(), m, "hash"))
	return m
}

// api stores an API with one resource that the scopes open.
func (h *house) api(t *testing.T, org gatehouse.Organization, name string, state gatehouse.State, scopes ...string) *gatehouse.API {
	t.Helper()
	a := &gatehouse.API{
		ID: gatehouse.NewID(h.now), OrgID: org.ID, OrgKey: org.Key, Name: name, Version: "1.0.0", Context: "/" + name, State: state,
		Production: "http://127.0.0.1:1", Tiers: []string{"Gold", "Bronze"}, Tags: []string{"Daily"}, Description: "What is new",
		Resources: []gatehouse.Resource{{Method: "GET", Template: "/", Scopes: scopes}},
	}
	definition := gatehouse.Definition{Document: "openapi: 3.0.3 # " + name}
	for _, s := range scopes {
		scope := gatehouse.Scope{Name: s}
		if s == "news_read" {
			scope.Roles = []gatehouse.Role{"employee"}
		} else if s == "news_write" {
			scope.Roles = []gatehouse.Role{"manager"}
		}
		definition.Scopes = append(definition.Scopes, scope)
	}
	must(t, h.db.CreateAPI(t.Context(), a, definition, func([]*gatehouse.API, []gatehouse.Scope) error { return nil }))
	return a
}

// app makes an application, a second after what was before.
func (h *house) app(t *testing.T, by *gatehouse.Member, name string) *gatehouse.Application {
	t.Helper()
	h.now = h.now.Add(time.Second)
	app, err := h.CreateApplication(t.Context(), by, apistore.NewApplication{Name: name})
	must(t, err)
	return app
}

// keys makes an application's keys of one type.
func (h *house) keys(t *testing.T, by *gatehouse.Member, app *gatehouse.Application, kind gatehouse.KeyType) (*gatehouse.Keys, string) {
	t.Helper()
	k, secret, err := h.GenerateKeys(t.Context(), by, app.ID, apistore.NewKeys{Type: kind})
	must(t, err)
	return k, secret
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantKind(t testing.TB, err error, kind gatehouse.Kind) {
	t.Helper()
	if err == nil || gatehouse.KindOf(err) != kind {
		t.Errorf("error %v has kind %d, want %d", err, gatehouse.KindOf(err), kind)
	}
}
