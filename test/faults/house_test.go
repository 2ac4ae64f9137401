//go:build faults

package faults

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/gatehousetest"
)

// house is a node and an application subscribed to an API.
type house struct {
	*gatehousetest.Process
	client      *http.Client
	key, secret string
	manager     string // access token for the Management API
	api         string // id
}

const (
	username = "john@johns.org@johnsorg"
	password = "unlike any other"
	call     = "/t/johnsorg/orgnews/1.0.0/articles"
)

const definition = `
openapi: 3.0.3
info: {title: Orgnews, version: 1.0.0}
paths:
  /articles:
    get: {responses: {'200': {description: OK}}}
`

// furnish starts a node with all that a call needs.
func furnish(t *testing.T, settings ...string) *house {
	t.Helper()
	p := gatehousetest.Run(t, "serve", settings...)
	h := &house{Process: p, client: p.Client(t)}
	h.Command(t, "", "org", "create", "johnsorg")
	h.Command(t, password, "user", "create", "john@johns.org", "--org", "johnsorg", "--role", "admin", "--password-file", "-")
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	t.Cleanup(backend.Close)

	h.key, h.secret = h.register(t, "manager")
	var token tokens
	h.json(t, h.form(t, h.Portal+"/oauth2/token", passwordForm("apim:api_create apim:api_publish apim:subscribe apim:app_manage apim:admin")), &token)
	h.manager = token.Access
	h.api = h.publish(t, backend.URL)
	var app struct{ ApplicationID string }
	h.json(t, h.manage(t, "/api/am/devportal/v3/applications", map[string]any{"name": "app", "throttlingPolicy": "Unlimited", "tokenType": "JWT"}), &app)
	var keys struct{ ConsumerKey, ConsumerSecret string }
	h.json(t, h.manage(t, "/api/am/devportal/v3/applications/"+app.ApplicationID+"/generate-keys",
		map[string]any{"keyType": "PRODUCTION", "grantTypesToBeSupported": []string{"password", "refresh_token", "client_credentials"}}), &keys)
	h.json(t, h.manage(t, "/api/am/devportal/v3/subscriptions", map[string]any{"applicationId": app.ApplicationID, "apiId": h.api, "throttlingPolicy": "Unlimited"}), nil)
	h.key, h.secret = keys.ConsumerKey, keys.ConsumerSecret
	return h
}

// another starts a second node on h's store.
func (h *house) another(t *testing.T, dsn string, settings ...string) *house {
	t.Helper()
	p := gatehousetest.Run(t, "serve", append(settings, "GATEHOUSE_DATABASE="+dsn, "GATEHOUSE_DATA="+h.Data, "GATEHOUSE_GATEWAY_URL="+h.Gateway)...)
	b := *h
	b.Process, b.client = p, p.Client(t)
	return &b
}

// register registers a client with a person's password, as tools do.
func (h *house) register(t testing.TB, name string) (key, secret string) {
	t.Helper()
	var got struct{ ClientID, ClientSecret string }
	h.json(t, h.registration(t, name), &got)
	return got.ClientID, got.ClientSecret
}

func (h *house) registration(t testing.TB, name string) *http.Request {
	t.Helper()
	r := request(t, h.Portal+"/client-registration/v0.17/register", `{"clientName":"`+name+`","grantType":"password refresh_token","saasApp":true}`)
	r.Header.Set("Content-Type", "application/json")
	r.SetBasicAuth(username, password)
	return r
}

func (h *house) publish(t testing.TB, backend string) (id string) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	file, err := form.CreateFormFile("file", "definition.yaml")
	must(t, err)
	_, err = io.WriteString(file, definition)
	must(t, err)
	must(t, form.WriteField("additionalProperties", `{"name":"Orgnews","version":"1.0.0","context":"/orgnews","policies":["Unlimited"],`+
		`"endpointConfig":{"endpoint_type":"http","production_endpoints":{"url":"`+backend+`"}}}`))
	must(t, form.Close())
	r := request(t, h.Portal+"/api/am/publisher/v4/apis/import-openapi", body.String())
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Authorization", "Bearer "+h.manager)
	var api struct{ ID string }
	h.json(t, r, &api)
	h.json(t, h.manage(t, "/api/am/publisher/v4/apis/change-lifecycle?action=Publish&apiId="+api.ID, nil), nil)
	return api.ID
}

func (h *house) manage(t testing.TB, path string, body any) *http.Request {
	t.Helper()
	text, err := json.Marshal(body)
	must(t, err)
	r := request(t, h.Portal+path, string(text))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+h.manager)
	return r
}

func request(t testing.TB, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	must(t, err)
	return r
}

// form is a form that the application sends, with its keys.
func (h *house) form(t testing.TB, url, body string) *http.Request {
	t.Helper()
	r := request(t, url, body)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(h.key, h.secret)
	return r
}

// json sends a request that must succeed and reads the answer.
func (h *house) json(t testing.TB, r *http.Request, into any) {
	t.Helper()
	status, body, err := h.send(r)
	must(t, err)
	if status >= 300 {
		t.Fatalf("%s: %d %s", r.URL.Path, status, body)
	}
	if into != nil {
		must(t, json.Unmarshal(body, into))
	}
}

// send sends a request; the error is the connection's.
func (h *house) send(r *http.Request) (status int, body []byte, err error) {
	res, err := h.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body, err = io.ReadAll(res.Body)
	return res.StatusCode, body, err
}

// calls calls the API with a token and returns the status, 0 when the connection broke.
func (h *house) calls(token string) int {
	r, err := http.NewRequest(http.MethodGet, h.Gateway+call, nil)
	if err != nil {
		return 0
	}
	r.Header.Set("Authorization", "Bearer "+token)
	status, _, _ := h.send(r)
	return status
}

// tokens is an answer of the token endpoint.
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Error   string `json:"error"`
}

// ask asks the Token API. The status is 0 when the connection broke.
func (h *house) ask(t testing.TB, path, form string) (status int, got tokens) {
	t.Helper()
	status, body, err := h.send(h.form(t, h.Gateway+path, form))
	if err != nil {
		return 0, tokens{}
	}
	if err := json.Unmarshal(body, &got); err != nil {
		t.Errorf("%s: %d %s", path, status, body)
	}
	return status, got
}

func passwordForm(scope string) string {
	return url.Values{"grant_type": {"password"}, "username": {username}, "password": {password}, "scope": {scope}}.Encode()
}

func refreshForm(token string) string {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}.Encode()
}

func revokeForm(token string) string { return url.Values{"token": {token}}.Encode() }

// signIn gets a pair of tokens; it must succeed.
func (h *house) signIn(t testing.TB) tokens {
	t.Helper()
	status, got := h.ask(t, "/token", passwordForm("default"))
	if status != http.StatusOK {
		t.Fatalf("sign in: %d %s", status, got.Error)
	}
	return got
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
