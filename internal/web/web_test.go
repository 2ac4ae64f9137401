package web_test

import (
	"bytes"
	"context"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
	"github.com/gatehouse/gatehouse/internal/db"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/login"
	"github.com/gatehouse/gatehouse/internal/organization"
	"github.com/gatehouse/gatehouse/internal/page"
	"github.com/gatehouse/gatehouse/internal/publisher"
	"github.com/gatehouse/gatehouse/internal/token"
	"github.com/gatehouse/gatehouse/internal/web"
)

const password = "correct horse & 100% +staple"

// site is the real pages behind the real door on a real database.
type site struct {
	*httptest.Server
	t      testing.TB
	people *organization.Service
	pub    *publisher.Service
	log    *bytes.Buffer
	api    *gatehouse.API // published in johnsorg
	calls  remembering
	john   *gatehouse.Member
}

func newSite(t testing.TB) *site {
	t.Helper()
	ctx := context.Background()
	store, err := db.Open(ctx, filepath.Join(t.TempDir(), "gatehouse.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	passwords, err := organization.NewPasswords(2, 100)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, log: &bytes.Buffer{}}
	log := slog.New(slog.NewTextHandler(s.log, nil))
	s.people = &organization.Service{Store: store, Passwords: passwords, Now: time.Now}
	s.pub = &publisher.Service{Store: store, Check: gateway.Check, Now: time.Now}
	keys := &token.Keys{Store: store, Now: time.Now}
	if err := keys.Load(ctx); err != nil {
		t.Fatal(err)
	}
	tokens := &token.Tokens{Issuer: "https://gateway.example", Keys: keys, Revoked: &token.Revoked{Store: store, Now: time.Now}, Store: store, Cache: token.NewCache(100), Now: time.Now}
	s.calls = remembering{&gateway.Gateway{APIs: store, Tokens: tokens, Clients: store, URL: tokens.Issuer, Log: log, Now: time.Now}, store}
	s.pub.Gateway = s.calls
	door := &login.Handler{Organizations: s.people, Sessions: store, CSRFKey: []byte("0123456789abcdef0123456789abcdef"), Now: time.Now, Log: log}
	pages := &web.Handler{
		Login: door, Organizations: s.people, Publisher: s.pub, GatewayURL: "https://gateway.example", Now: time.Now, Log: log,
		Store: &apistore.Service{Store: store, Tokens: tokens, Gateway: s.calls, Now: time.Now},
	}
	mux := http.NewServeMux()
	door.Register(mux)
	pages.Register(mux)
	mux.Handle("GET /static/", page.Static())
	mux.Handle("/api/am/", http.NotFoundHandler()) // the server has others beside: no pattern may conflict
	s.Server = httptest.NewTLSServer(door.Protect(mux))
	t.Cleanup(s.Close)
	s.fill()
	return s
}

// remembering is a gateway whose calls are stored when somebody looks.
type remembering struct {
	*gateway.Gateway
	store *db.DB
}

func (r remembering) Remember(ctx context.Context) error {
	return r.store.CreateCalls(ctx, r.RecentCalls(100))
}

func (r remembering) Count(ctx context.Context) error { return r.store.AddUsage(ctx, r.TakeUsage()) }

func (s *site) fill() {
	ctx := context.Background()
	if _, err := s.people.Bootstrap(ctx, func() (string, error) { return "unlike the name", nil }); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.people.CreateOrganization(ctx, "johnsorg", "John's Organization"); err != nil {
		s.t.Fatal(err)
	}
	for _, u := range []organization.NewUser{
		{Username: "john@johns.org", Name: "John Doe", OrgKey: "johnsorg", Roles: []gatehouse.Role{gatehouse.Admin}},
		{Username: "paula", OrgKey: "johnsorg", Roles: []gatehouse.Role{gatehouse.Publisher}},
		{Username: "cora", OrgKey: "johnsorg", Roles: []gatehouse.Role{gatehouse.Creator}},
		{Username: "dev", OrgKey: "johnsorg", Roles: []gatehouse.Role{gatehouse.Subscriber}},
		{Username: "stranger", OrgKey: "default", Roles: []gatehouse.Role{gatehouse.Publisher}},
	} {
		u.Password = password
		m, err := s.people.CreateUser(ctx, u)
		if err != nil {
			s.t.Fatal(err)
		}
		if u.Username == "john@johns.org" {
			s.john = m
		}
	}
	s.api = s.publish(s.john, orders(s.t))
}

func orders(t testing.TB) string {
	t.Helper()
	document, err := os.ReadFile("testdata/orders.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(document)
}

func (s *site) publish(by *gatehouse.Member, document string) *gatehouse.API {
	s.t.Helper()
	a, _, err := s.pub.Import(context.Background(), by, []byte(document), publisher.Changes{})
	if err != nil {
		s.t.Fatal(err)
	}
	if a, err = s.pub.Do(context.Background(), by, a.ID, gatehouse.Publish); err != nil {
		s.t.Fatal(err)
	}
	return a
}

// browser is one reader with cookies.
type browser struct {
	*http.Client
	s *site
}

func (s *site) visitor() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	c := *s.Client()
	c.Jar = jar
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{&c, s}
}

func (s *site) as(username string) *browser {
	s.t.Helper()
	b := s.visitor()
	form := url.Values{"username": {username}, "password": {password}}
	if a := b.post("/login", "/login", form); a.StatusCode != http.StatusSeeOther {
		s.t.Fatalf("%s cannot sign in: %d", username, a.StatusCode)
	}
	return b
}

// answer is a response with its body read.
type answer struct {
	*http.Response
	Body string
}

func (b *browser) do(r *http.Request) answer {
	b.s.t.Helper()
	res, err := b.Do(r)
	if err != nil {
		b.s.t.Fatal(err)
	}
	defer res.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(res.Body); err != nil {
		b.s.t.Fatal(err)
	}
	a := answer{res, body.String()}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") && body.Len() > 100 {
		checkPage(b.s.t, r, a)
	}
	return a
}

// checkPage is what every page of every test must keep: no-store, and nothing inline
// that the policy forbids.
func checkPage(t testing.TB, r *http.Request, a answer) {
	t.Helper()
	if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Content-Security-Policy") == "" || a.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("%s %s: headers %v", r.Method, r.URL.Path, a.Header)
	}
	doc, err := html.Parse(strings.NewReader(a.Body))
	if err != nil {
		t.Error(err)
		return
	}
	ids := map[string]bool{}
	for node := range doc.Descendants() {
		if node.Data == "script" && node.FirstChild != nil || node.Data == "style" {
			t.Errorf("%s %s: inline <%s>", r.Method, r.URL.Path, node.Data)
		}
		for _, attr := range node.Attr {
			if attr.Key == "style" || strings.HasPrefix(attr.Key, "on") {
				t.Errorf("%s %s: <%s %s=%q>", r.Method, r.URL.Path, node.Data, attr.Key, attr.Val)
			}
			if attr.Key == "id" {
				if ids[attr.Val] {
					t.Errorf("%s %s: two elements have the id %s", r.Method, r.URL.Path, attr.Val)
				}
				ids[attr.Val] = true
			}
		}
	}
}

func (b *browser) get(path string) answer {
	b.s.t.Helper()
	r, err := http.NewRequest("GET", b.s.URL+path, nil)
	if err != nil {
		b.s.t.Fatal(err)
	}
	return b.do(r)
}

var csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

func (b *browser) csrf(page string) string {
	b.s.t.Helper()
	found := csrfField.FindStringSubmatch(b.get(page).Body)
	if found == nil {
		b.s.t.Fatalf("%s has no csrf token", page)
	}
	return found[1]
}

// post sends a form of a page to path.
func (b *browser) post(page, path string, form url.Values) answer {
	b.s.t.Helper()
	if form == nil {
		form = url.Values{}
	}
	if !form.Has("csrf") {
		form.Set("csrf", b.csrf(page))
	}
	r, err := http.NewRequest("POST", b.s.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(r)
}

// upload sends the import form.
func (b *browser) upload(fields map[string]string, file string) answer {
	b.s.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, value := range fields {
		form.WriteField(name, value)
	}
	if file != "" {
		part, err := form.CreateFormFile("file", "openapi.yaml")
		if err != nil {
			b.s.t.Fatal(err)
		}
		part.Write([]byte(file))
	}
	form.Close()
	r, err := http.NewRequest("POST", b.s.URL+"/publisher/import", &body)
	if err != nil {
		b.s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", form.FormDataContentType())
	return b.do(r)
}

func (a answer) want(t testing.TB, status int, texts ...string) {
	t.Helper()
	if a.StatusCode != status {
		t.Fatalf("%s %s: %d, want %d: %.2000s", a.Request.Method, a.Request.URL.Path, a.StatusCode, status, mainOf(a.Body))
	}
	for _, text := range texts {
		if !strings.Contains(a.Body, text) {
			t.Errorf("%s %s lacks %q: %.3000s", a.Request.Method, a.Request.URL.Path, text, mainOf(a.Body))
		}
	}
}

func mainOf(body string) string {
	_, body, _ = strings.Cut(body, "<main")
	return body
}

// value is the text of the one element with an id.
func (a answer) value(t testing.TB, id string) string {
	t.Helper()
	found := regexp.MustCompile(`<textarea id="` + id + `"[^>]*>([^<]*)</textarea>`).FindStringSubmatch(a.Body)
	if found == nil {
		t.Fatalf("there is no value %s: %.3000s", id, mainOf(a.Body))
	}
	return html.UnescapeString(found[1])
}
