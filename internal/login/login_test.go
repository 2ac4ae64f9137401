package login_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db"
	"github.com/gatehouse/gatehouse/internal/login"
	"github.com/gatehouse/gatehouse/internal/organization"
)

const password = "correct horse & 100% +staple"

// site is the real pages on a real database, with a clock that tests move.
type site struct {
	*httptest.Server
	t      testing.TB
	people *organization.Service
	login  *login.Handler
	now    time.Time
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
	s := &site{t: t, now: time.Now()}
	clock := func() time.Time { return s.now }
	s.people = &organization.Service{Store: store, Passwords: passwords, Now: clock}
	if _, err := s.people.Bootstrap(ctx, func() (string, error) { return "unlike the name", nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := s.people.CreateOrganization(ctx, "johnsorg", "John's Organization"); err != nil {
		t.Fatal(err)
	}
	for _, u := range []organization.NewUser{
		{Username: "john@johns.org", Name: "John", Password: password, OrgKey: "johnsorg", Roles: []gatehouse.Role{gatehouse.Publisher}},
		{Username: "jane", Password: password, OrgKey: "default", Roles: []gatehouse.Role{gatehouse.Subscriber}},
	} {
		if _, err := s.people.CreateUser(ctx, u); err != nil {
			t.Fatal(err)
		}
	}
	s.login = &login.Handler{Organizations: s.people, Sessions: store, CSRFKey: []byte("0123456789abcdef0123456789abcdef"), Now: clock, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	mux := http.NewServeMux()
	s.login.Register(mux)
	mux.HandleFunc("GET /whoami", func(w http.ResponseWriter, r *http.Request) {
		m, err := s.login.Member(r)
		if err != nil {
			t.Error(err)
		}
		if m != nil {
			io.WriteString(w, m.Qualified())
		}
	})
	s.Server = httptest.NewTLSServer(s.login.Protect(mux))
	t.Cleanup(s.Close)
	return s
}

// browser keeps cookies and does not follow redirects.
func (s *site) browser() *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	c := *s.Client()
	c.Jar = jar
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// answer is a response with its body read.
type answer struct {
	*http.Response
	Body string
}

func (s *site) do(c *http.Client, r *http.Request) answer {
	s.t.Helper()
	res, err := c.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(res.Body); err != nil {
		s.t.Fatal(err)
	}
	return answer{res, body.String()}
}

func (s *site) get(c *http.Client, path string) answer {
	s.t.Helper()
	r, err := http.NewRequest("GET", s.URL+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.do(c, r)
}

func (s *site) post(c *http.Client, path string, form url.Values, headers ...string) answer {
	s.t.Helper()
	r, err := http.NewRequest("POST", s.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return s.do(c, r)
}

var csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

func (a answer) csrf(t testing.TB) string {
	t.Helper()
	found := csrfField.FindStringSubmatch(a.Body)
	if found == nil {
		t.Fatalf("%d: no csrf token in %.300s", a.StatusCode, a.Body)
	}
	return found[1]
}

func (s *site) signIn(c *http.Client, username, password string, more ...string) answer {
	s.t.Helper()
	form := url.Values{"csrf": {s.get(c, "/login").csrf(s.t)}, "username": {username}, "password": {password}}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return s.post(c, "/login", form)
}

func (s *site) cookie(c *http.Client) string {
	u, err := url.Parse(s.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, cookie := range c.Jar.Cookies(u) {
		if cookie.Name == "__Host-session" {
			return cookie.Value
		}
	}
	return ""
}

func TestSignIn(t *testing.T) {
	s := newSite(t)
	tests := []struct {
		name, username, o, next string
		whoami, to              string
	}{
		{"a member of default", "jane", "", "", "jane@default", "/"},
		{"in capitals", "JANE", "", "", "jane@default", "/"},
		{"qualified", "john@johns.org@johnsorg", "", "/apis/1?tier=Gold", "john@johns.org@johnsorg", "/apis/1?tier=Gold"},
		{"from the organization's Store", "john@johns.org", "johnsorg", "/subscriptions", "john@johns.org@johnsorg", "/subscriptions"},
		{"by name alone, where it belongs to one other organization", "john@johns.org", "", "", "john@johns.org@johnsorg", "/"},
		{"qualified, from another organization's Store", "john@johns.org@johnsorg", "default", "", "john@johns.org@johnsorg", "/"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := s.browser()
			a := s.signIn(c, test.username, password, "o", test.o, "next", test.next)
			if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != test.to { // check 44
				t.Fatalf("%d to %q, want 303 to %q", a.StatusCode, a.Header.Get("Location"), test.to)
			}
			if got := s.get(c, "/whoami").Body; got != test.whoami {
				t.Errorf("signed in as %q, want %q", got, test.whoami)
			}
		})
	}
}

func TestRefusalsOfSignInAreOne(t *testing.T) {
	s := newSite(t)
	var first string
	for _, test := range []struct{ name, username, password, o string }{
		{"wrong password", "jane", "wrong", ""},
		{"unknown user", "nobody", password, ""},
		{"empty", "", "", ""},
		{"member of another organization", "jane@johnsorg", password, ""},
		{"wrong organization's Store", "jane", password, "johnsorg"},
		{"password too long", "jane", strings.Repeat("x", 2000), ""},
		{"no username at all", "<script>alert(1)</script>", password, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := s.browser()
			a := s.signIn(c, test.username, test.password, "o", test.o)
			if a.StatusCode != http.StatusUnauthorized || !strings.Contains(a.Body, "Unknown user or wrong password.") {
				t.Fatalf("%d %.200s", a.StatusCode, a.Body)
			}
			if test.password != "" && strings.Contains(a.Body, `value="`+test.password) || strings.Contains(a.Body, "<script>alert") {
				t.Error("the page repeats the password, or runs the username")
			}
			if test.username == "jane" && !strings.Contains(a.Body, `value="jane"`) {
				t.Error("the username must be kept")
			}
			alert := regexp.MustCompile(`(?s)role="alert".*?</div>`).FindString(a.Body)
			if first == "" {
				first = alert
			}
			if alert != first {
				t.Errorf("%q differs from %q", alert, first)
			}
			if got := s.get(c, "/whoami").Body; got != "" {
				t.Errorf("signed in as %s", got)
			}
		})
	}
}

func TestCheck38FormsNeedTheTokenOfTheirBrowser(t *testing.T) {
	s := newSite(t)
	victim, attacker := s.browser(), s.browser()
	own := s.get(victim, "/login").csrf(t)
	foreign := s.get(attacker, "/login").csrf(t)
	form := func(csrf string) url.Values {
		return url.Values{"csrf": {csrf}, "username": {"jane"}, "password": {password}}
	}
	for name, csrf := range map[string]string{"none": "", "another browser's": foreign, "made up": own[1:] + "A"} {
		if a := s.post(victim, "/login", form(csrf)); a.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d, want 403", name, a.StatusCode)
		}
	}
	if a := s.post(victim, "/login?csrf="+own, form("")); a.StatusCode != http.StatusForbidden {
		t.Errorf("in the URL: %d, want 403", a.StatusCode)
	}
	if a := s.post(victim, "/login", form(own)); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("the real one: %d, want 303", a.StatusCode)
	}
	for _, path := range []string{"/login", "/logout", "/signup", "/preferences/theme"} {
		if a := s.post(victim, path, form(own)); a.StatusCode != http.StatusForbidden {
			t.Errorf("%s, replayed after sign-in: %d, want 403", path, a.StatusCode)
		}
	}
	if s.post(s.browser(), "/login", form(own)).StatusCode != http.StatusForbidden {
		t.Error("a browser without a cookie was let in")
	}
}

func TestCheck41OtherSitesCannotPost(t *testing.T) {
	s := newSite(t)
	c := s.browser()
	form := url.Values{"csrf": {s.get(c, "/login").csrf(t)}, "username": {"jane"}, "password": {password}}
	for _, headers := range [][]string{
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"},
		{"Origin", "https://evil.example"},
		{"Origin", "null"},
	} {
		if a := s.post(c, "/login", form, headers...); a.StatusCode != http.StatusForbidden || !strings.Contains(a.Body, "another site") {
			t.Errorf("%v: %d, want 403", headers, a.StatusCode)
		}
	}
	if a := s.post(c, "/login", form, "Sec-Fetch-Site", "same-origin", "Origin", s.URL); a.StatusCode != http.StatusSeeOther {
		t.Errorf("our own page: %d, want 303", a.StatusCode)
	}
}

func TestCheck42NextStaysHere(t *testing.T) {
	s := newSite(t)
	for _, evil := range []string{
		"//evil.example", `/\evil.example`, `\\evil.example`, "https://evil.example", "https:evil.example", "%2f%2fevil.example", "/%2fevil.example", "/%5cevil.example",
		"/a\r\nLocation: https://evil.example", "/\t/evil.example", "/ /evil.example", "javascript:alert(1)", "evil.example", "/a//evil.example", "/" + strings.Repeat("a", 3000), "",
	} {
		if a := s.signIn(s.browser(), "jane", password, "next", evil); a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/" {
			t.Errorf("next=%q leads to %q (%d)", evil, a.Header.Get("Location"), a.StatusCode)
		}
		c := s.browser()
		csrf := s.get(c, "/login").csrf(t)
		if a := s.post(c, "/preferences/theme", url.Values{"csrf": {csrf}, "theme": {"dark"}, "next": {evil}}); a.Header.Get("Location") != "/" {
			t.Errorf("theme: next=%q leads to %q", evil, a.Header.Get("Location"))
		}
	}
}

func TestTheme(t *testing.T) {
	s := newSite(t)
	c := s.browser()
	csrf := s.get(c, "/login").csrf(t)
	s.post(c, "/preferences/theme", url.Values{"csrf": {csrf}, "theme": {"dark"}})
	if a := s.get(c, "/login"); !strings.Contains(a.Body, `data-theme="dark"`) {
		t.Error("the choice was not kept")
	}
}

func TestFormsAreBounded(t *testing.T) {
	s := newSite(t)
	if a := s.post(s.browser(), "/login", url.Values{"username": {strings.Repeat("x", 70<<10)}}); a.StatusCode != http.StatusBadRequest {
		t.Errorf("%d, want 400", a.StatusCode)
	}
}
