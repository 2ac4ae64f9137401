package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/gatehousetest"
)

// house is a running gatehouse with what the acceptance scenarios are set in:
// organization johnsorg, where john publishes and manages and tom reads; a published API
// whose backend remembers what reached it; an application subscribed to it, with keys.
type house struct {
	*gatehousetest.Process
	client  *http.Client
	backend *backend
	api     string // id of orgnews 1.0.0
	app     application
	sub     string // id of the application's subscription to it

	managers map[person]string // access tokens for the Management API
}

// person is a user in one organization.
type person struct{ name, org, password string }

// qualified is the username as the Token API takes it.
func (p person) qualified() string { return p.name + "@" + p.org }

// The people of the house. John's password holds all that a form, a URL or a shell
// could take for something else (check 11).
var (
	john = person{"john@johns.org", "johnsorg", `+John&canary=p%25 w"ö\rd'$`}
	tom  = person{"tom@johns.org", "johnsorg", "Toms-canary-password"}
)

// application is an application and one pair of its keys.
type application struct{ id, key, secret string }

// orgnews is where the API of the house answers.
const orgnews = "/t/johnsorg/orgnews/1.0.0"

const definition = `
openapi: 3.0.3
info: {title: Orgnews, version: 1.0.0}
paths:
  /articles:
    get: {security: [{default: []}], responses: {'200': {description: OK}}}
  /articles/{id}:
    get: {security: [{default: [read]}], responses: {'200': {description: OK}}}
    put: {security: [{default: [update]}], responses: {'200': {description: OK}}}
  /update:
    get: {security: [{default: [update]}], responses: {'200': {description: OK}}}
  /news:
    get: {security: [{default: [news_read]}], responses: {'200': {description: OK}}}
    post: {security: [{default: [news_write]}], responses: {'200': {description: OK}}}
  /status:
    get: {x-auth-type: None, security: [], responses: {'200': {description: OK}}}
components:
  securitySchemes:
    default:
      type: oauth2
      flows:
        password:
          tokenUrl: https://127.0.0.1/token
          scopes: {read: Read, update: Change, news_read: Read news, news_write: Write news}
          x-scopes-bindings: {read: reader, update: editor, news_read: 'employee,manager', news_write: manager}
`

// onEachStore runs test in a house on SQLite and in one on PostgreSQL.
func onEachStore(t *testing.T, test func(t *testing.T, h *house)) {
	t.Run("sqlite", func(t *testing.T) { test(t, furnish(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, furnish(t, "GATEHOUSE_DATABASE="+gatehousetest.Postgres(t))) })
}

// furnish starts a gatehouse and makes it a house. Everything is made while it runs.
func furnish(t *testing.T, settings ...string) *house {
	t.Helper()
	p := gatehousetest.Run(t, "serve", settings...)
	h := &house{Process: p, client: p.Client(t), backend: newBackend(t)}
	h.organization(t, "johnsorg")
	h.person(t, john, "admin", "publisher", "subscriber", "reader", "editor", "employee", "manager")
	h.person(t, tom, "subscriber", "reader", "employee")
	h.api = h.publish(t, john, "Orgnews", definition, "/orgnews", h.backend.URL+"/v1")
	h.app = h.application(t, john, "Newsreader")
	h.sub = h.subscribe(t, john, h.app, h.api)
	return h
}

func (h *house) organization(t testing.TB, key string) {
	t.Helper()
	h.Command(t, "", "org", "create", key, "--name", "Organization "+key)
}

func (h *house) person(t testing.TB, p person, roles ...string) {
	t.Helper()
	args := []string{"user", "create", p.name, "--org", p.org, "--password-file", "-"}
	for _, role := range roles {
		args = append(args, "--role", role)
	}
	h.Command(t, p.password+"\n", args...)
}

// reply is an answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   string
}

// send sends a request and reads the answer.
func (h *house) send(t testing.TB, r *http.Request) reply {
	t.Helper()
	got, err := h.try(r)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// try is send where the connection may break.
func (h *house) try(r *http.Request) (reply, error) {
	res, err := h.client.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, string(body)}, err
}

func request(t testing.TB, method, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// post sends a form to the Token API, with an application's keys in the Basic header.
func (h *house) post(t testing.TB, path string, app application, body string) reply {
	t.Helper()
	return h.send(t, h.form(t, path, app, body))
}

func (h *house) form(t testing.TB, path string, app application, body string) *http.Request {
	t.Helper()
	r := request(t, http.MethodPost, h.Gateway+path, body)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(app.key, app.secret)
	return r
}

// passwordForm is the form of the password grant.
func passwordForm(p person, scope string) string {
	form := url.Values{"grant_type": {"password"}, "username": {p.qualified()}, "password": {p.password}}
	if scope != "" {
		form.Set("scope", scope)
	}
	return form.Encode()
}

func refreshForm(token string) string {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}.Encode()
}

func revokeForm(token string) string { return url.Values{"token": {token}}.Encode() }

// tokens is an answer of the token endpoint.
type tokens struct {
	Access      string `json:"access_token"`
	Refresh     string `json:"refresh_token"`
	Scope       string `json:"scope"`
	Type        string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"`
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

func (r reply) tokens(t testing.TB) tokens {
	t.Helper()
	var got tokens
	if err := json.Unmarshal([]byte(r.body), &got); err != nil {
		t.Fatalf("%d %s: %v", r.status, r.body, err)
	}
	return got
}

// token gets tokens by password; it must succeed.
func (h *house) token(t testing.TB, p person, scope string) tokens {
	t.Helper()
	r := h.post(t, "/token", h.app, passwordForm(p, scope))
	if r.status != http.StatusOK {
		t.Fatalf("token for %s: %d %s", p.qualified(), r.status, r.body)
	}
	return r.tokens(t)
}

// call calls the gateway, with a token unless it is empty.
func (h *house) call(t testing.TB, method, path, token string) reply {
	t.Helper()
	r := request(t, method, h.Gateway+path, "")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return h.send(t, r)
}

// code is the code in the body of a refusal.
func (r reply) code() string {
	var body struct{ Code string }
	_ = json.Unmarshal([]byte(r.body), &body)
	return body.Code
}

// is checks status and code of an answer of the gateway.
func (r reply) is(t testing.TB, what string, status int, code string) {
	t.Helper()
	if r.status != status || r.code() != code {
		t.Errorf("%s: %d %s, want %d and code %q", what, r.status, r.body, status, code)
	}
}

// fails checks status and error of an answer of the Token API.
func (r reply) fails(t testing.TB, what string, status int, code string) {
	t.Helper()
	if got := r.tokens(t); r.status != status || got.Error != code {
		t.Errorf("%s: %d %s, want %d %s", what, r.status, r.body, status, code)
	}
}
