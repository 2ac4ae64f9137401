package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
	"github.com/gatehouse/gatehouse/internal/db"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/organization"
	"github.com/gatehouse/gatehouse/internal/publisher"
	"github.com/gatehouse/gatehouse/internal/rest"
)

const (
	publisherAPI = "/api/am/publisher/v4"
	storeAPI     = "/api/am/devportal/v3"
	adminAPI     = "/api/am/admin/v4"
	password     = "correct horse battery"
)

// site is the Management API over real services and a real store. Its tokens are texts
// that say what they mean: "organization/user: scopes".
type site struct {
	t       *testing.T
	handler http.Handler
	people  *organization.Service
	apps    *apistore.Service
}

func newSite(t *testing.T) *site {
	t.Helper()
	data, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "gatehouse.db"))
	must(t, err)
	t.Cleanup(func() { must(t, data.Close()) })
	passwords, err := organization.NewPasswords(2, 10)
	must(t, err)
	s := &site{t: t, people: &organization.Service{Store: data, Passwords: passwords, Now: time.Now}}
	s.apps = &apistore.Service{Store: data, Tokens: s, Now: time.Now}
	for _, org := range []string{"default", "johnsorg", "other"} {
		_, err := s.people.CreateOrganization(t.Context(), org, org)
		must(t, err)
	}
	for user, role := range map[string]gatehouse.Role{"ann": gatehouse.Admin, "pat": gatehouse.Publisher, "cleo": gatehouse.Creator, "sue": gatehouse.Subscriber} {
		s.user("johnsorg", user, role)
	}
	s.user("johnsorg", "sam", gatehouse.Subscriber)
	s.user("other", "olga", gatehouse.Admin)
	s.user("default", "admin", gatehouse.Admin)
	mux := http.NewServeMux()
	(&rest.Handler{
		Publisher: &publisher.Service{Store: data, Check: gateway.Check, Tokens: s, Secrets: seal{}, Now: time.Now}, Store: s.apps, Rules: s.people, Tokens: s, Members: s, People: s.people,
		GatewayURL: "https://gateway.example.org", TokenURL: "https://gateway.example.org/token", Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Now: time.Now,
	}).Register(mux)
	s.handler = mux
	return s
}

func (s *site) user(org, name string, role gatehouse.Role) {
	s.t.Helper()
	_, err := s.people.CreateUser(s.t.Context(), organization.NewUser{Username: name, Password: password, OrgKey: org, Roles: []gatehouse.Role{role}})
	must(s.t, err)
}

// Verify reads a token of these tests.
func (s *site) Verify(_ context.Context, token string) (*gatehouse.Authorization, error) {
	who, scopes, ok := strings.Cut(token, ":")
	if !ok {
		return nil, gatehouse.Errorf(gatehouse.Unauthenticated, "the token is not valid")
	}
	org, user, _ := strings.Cut(who, "/")
	return &gatehouse.Authorization{OrgKey: org, Username: user, Scopes: strings.Split(strings.ReplaceAll(scopes, "apim.", "apim:"), ",")}, nil
}

func (s *site) Acting(ctx context.Context, a *gatehouse.Authorization) (*gatehouse.Member, error) {
	org, err := s.people.Organization(ctx, a.OrgKey)
	if err != nil {
		return nil, err
	}
	return s.people.Store.MemberByUsername(ctx, org.ID, a.Username)
}

func (s *site) Issue(_ context.Context, _ *gatehouse.Client, a *gatehouse.Authorization) (string, error) {
	return "token of " + a.ConsumerKey, nil
}

func (s *site) IssueInternal(a *gatehouse.Authorization) (string, error) {
	return "internal key of " + strings.Join(a.Audience, ","), nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// every is a token of a user of johnsorg with every scope there is.
func every(user string) string { return everyIn("johnsorg", user) }

func everyIn(org, user string) string {
	var scopes []string
	for name := range gatehouse.PortalScopes {
		scopes = append(scopes, strings.ReplaceAll(name, "apim:", "apim."))
	}
	return org + "/" + user + ":" + strings.Join(scopes, ",")
}

// answer is an answer with its JSON read.
type answer struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

func (s *site) send(r *http.Request) answer {
	s.t.Helper()
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Header(), text: w.Body.String()}
	if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(w.Body.Bytes(), &a.body); err != nil {
			s.t.Fatalf("%s %s: %v in %q", r.Method, r.URL, err, a.text)
		}
	}
	return a
}

// call sends a request with a JSON body, if it is not nil.
func (s *site) call(token, method, path string, body any) answer {
	s.t.Helper()
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		must(s.t, err)
		reader = bytes.NewReader(text)
	}
	r := httptest.NewRequest(method, path, reader)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return s.send(r)
}

// want is call for an answer that must have a status.
func (s *site) want(status int, token, method, path string, body any) answer {
	s.t.Helper()
	a := s.call(token, method, path, body)
	if a.status != status {
		s.t.Fatalf("%s %s: %d %s, want %d", method, path, a.status, a.text, status)
	}
	if status >= 400 {
		if _, ok := a.body["code"].(float64); !ok || a.body["description"] == "" || a.body["message"] == "" {
			s.t.Fatalf("%s %s: %s is not the error object", method, path, a.text)
		}
		if list, ok := a.body["error"].([]any); !ok || len(list) != 0 {
			s.t.Fatalf("%s %s: error must be an empty list in %s", method, path, a.text)
		}
	}
	return a
}

// upload sends parts as multipart/form-data.
func (s *site) upload(token, method, path string, parts map[string]string) answer {
	s.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, text := range parts {
		must(s.t, w.WriteField(name, text))
	}
	must(s.t, w.Close())
	r := httptest.NewRequest(method, path, &body)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", w.FormDataContentType())
	return s.send(r)
}

const petstore = `openapi: 3.0.3
info: {title: Petstore, version: 1.0.0}
servers: [{url: https://backend.internal/pets}]
paths:
  /pets:
    get: {security: [{default: [read]}], responses: {'200': {description: Pets}}}
    post: {servers: [{url: https://other.internal}], security: [{default: [update]}], responses: {'201': {description: Added}}}
components:
  securitySchemes:
    default:
      type: oauth2
      flows:
        implicit: {authorizationUrl: 'https://localhost/authorize', scopes: {read: Look, update: Change}, x-scopes-bindings: {update: admin}}
`

// imported is the id of a published petstore.
func (s *site) imported() string {
	s.t.Helper()
	a := s.upload(every("pat"), "POST", publisherAPI+"/apis/import-openapi", map[string]string{"file": petstore})
	if a.status != http.StatusCreated {
		s.t.Fatalf("import: %d %s", a.status, a.text)
	}
	id := a.body["id"].(string)
	s.want(200, every("pat"), "POST", publisherAPI+"/apis/change-lifecycle?action=Publish&apiId="+id, nil)
	return id
}

func (a answer) list(s *site) []map[string]any {
	s.t.Helper()
	var items []map[string]any
	for _, item := range a.body["list"].([]any) {
		items = append(items, item.(map[string]any))
	}
	if int(a.body["count"].(float64)) != len(items) {
		s.t.Fatalf("count is not the size of the page in %s", a.text)
	}
	return items
}

func (a answer) get(key string) string {
	s, _ := a.body[key].(string)
	return s
}

// seal makes texts unreadable, for want of a key.
type seal struct{}

func (seal) Seal(orgID, plain string) (string, error) { return orgID + " sealed", nil }
