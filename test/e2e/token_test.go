package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTokens(t *testing.T) {
	onEachStore(t, func(t *testing.T, h *house) {
		t.Run("a password gives a pair for an hour", h.passwordGivesPair)
		t.Run("scopes beyond a user's roles are left out", h.rolesNarrowScopes)
		t.Run("a wrong secret is 401 with a challenge", h.wrongSecret)
		t.Run("a revoked pair is dead at once", h.revokedPairIsDead)
		t.Run("a refresh rotates the pair", h.refreshRotates)
		t.Run("a token works in its own organization only", h.tokenStaysInOrganization)
	})
}

// Scenario 1.
func (h *house) passwordGivesPair(t *testing.T) {
	r := h.post(t, "/token", h.app, passwordForm(john, ""))
	got := r.tokens(t)
	if r.status != http.StatusOK || got.Access == "" || got.Refresh == "" || got.Type != "Bearer" || got.ExpiresIn != 3600 || got.Scope != "default" {
		t.Errorf("%d %s", r.status, r.body)
	}
	for name, want := range map[string]string{"Cache-Control": "no-store", "Pragma": "no-cache"} {
		if got := r.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	h.call(t, "GET", orgnews+"/articles", got.Access).is(t, "a resource without a scope", http.StatusOK, "")
}

// Scenario 4, check 71.
func (h *house) rolesNarrowScopes(t *testing.T) {
	for _, row := range []struct {
		who         person
		asked, want string
	}{
		{tom, "news_read news_write", "news_read"},
		{tom, "news_write", "default"},
		{john, "news_read news_write", "news_read news_write"},
		{john, "news_write news_read", "news_write news_read"}, // in the order of the request
		{john, "unheard_of", "default"},
		{tom, "device_ipad", "device_ipad"},
		// check 72
		{john, "READ", "default"}, {john, "read,update", "default"}, {john, "rea", "default"}, {john, "readonly", "default"},
	} {
		if got := h.token(t, row.who, row.asked); got.Scope != row.want {
			t.Errorf("%s asks for %q: got %q, want %q", row.who.name, row.asked, got.Scope, row.want)
		}
	}
}

// Scenario 6, check 60.
func (h *house) wrongSecret(t *testing.T) {
	wrong := h.post(t, "/token", application{key: h.app.key, secret: "wrong"}, passwordForm(john, ""))
	wrong.fails(t, "a wrong secret", http.StatusUnauthorized, "invalid_client")
	if d := wrong.tokens(t).Description; d != "Client credentials are invalid." {
		t.Errorf("the description is %q", d)
	}
	if c := wrong.header.Get("WWW-Authenticate"); !strings.HasPrefix(c, "Basic realm=") {
		t.Errorf("the challenge is %q", c)
	}
	unknown := h.post(t, "/token", application{key: "unknown", secret: "wrong"}, passwordForm(john, ""))
	alike(t, "an unknown consumer key", wrong, unknown)
}

// Scenario 7.
func (h *house) revokedPairIsDead(t *testing.T) {
	for _, by := range []string{"access", "refresh"} {
		pair := h.token(t, john, "read")
		h.call(t, "GET", orgnews+"/articles/1", pair.Access).is(t, "before", http.StatusOK, "")
		token := pair.Access
		if by == "refresh" {
			token = pair.Refresh
		}
		if r := h.post(t, "/revoke", h.app, revokeForm(token)); r.status != http.StatusOK || strings.TrimSpace(r.body) != "{}" {
			t.Errorf("revoke: %d %q", r.status, r.body)
		}
		h.call(t, "GET", orgnews+"/articles/1", pair.Access).is(t, "the access token, revoked by the "+by+" token", http.StatusUnauthorized, "900901")
		h.post(t, "/token", h.app, refreshForm(pair.Refresh)).fails(t, "the refresh token, revoked by the "+by+" token", http.StatusBadRequest, "invalid_grant")
	}
	if r := h.post(t, "/revoke", h.app, revokeForm("garbage")); r.status != http.StatusOK {
		t.Errorf("revoking garbage: %d %s, want 200", r.status, r.body)
	}
	// check 80
	other, pair := h.application(t, john, "Other at "+t.Name()), h.token(t, john, "read")
	h.post(t, "/revoke", other, revokeForm(pair.Access))
	h.call(t, "GET", orgnews+"/articles/1", pair.Access).is(t, "revoked by another client", http.StatusOK, "")
}

// Scenario 8, checks 50 and 54.
func (h *house) refreshRotates(t *testing.T) {
	first := h.token(t, john, "read update")
	h.post(t, "/token", h.app, refreshForm(first.Refresh)+"&scope=read+news_read").fails(t, "a scope more", http.StatusBadRequest, "invalid_scope")
	r := h.post(t, "/token", h.app, refreshForm(first.Refresh)+"&scope=read")
	narrow := r.tokens(t)
	if r.status != http.StatusOK || narrow.Scope != "read" {
		t.Fatalf("narrower: %d %s", r.status, r.body)
	}
	r = h.post(t, "/token", h.app, refreshForm(narrow.Refresh))
	second := r.tokens(t)
	if r.status != http.StatusOK || second.Scope != "read update" || second.Access == first.Access || second.Refresh == narrow.Refresh {
		t.Fatalf("second refresh: %d %s", r.status, r.body)
	}
	h.call(t, "GET", orgnews+"/update", second.Access).is(t, "the new access token", http.StatusOK, "")
	h.post(t, "/token", h.app, refreshForm(first.Refresh)).fails(t, "a used refresh token", http.StatusBadRequest, "invalid_grant")
	h.post(t, "/token", h.app, refreshForm(second.Refresh)).fails(t, "its family, after that", http.StatusBadRequest, "invalid_grant")
	h.call(t, "GET", orgnews+"/update", second.Access).is(t, "the family's access token, after that", http.StatusUnauthorized, "900901")
	// check 49
	other, pair := h.application(t, john, "Thief at "+t.Name()), h.token(t, john, "read")
	h.post(t, "/token", other, refreshForm(pair.Refresh)).fails(t, "another client's refresh token", http.StatusBadRequest, "invalid_grant")
	// check 57
	h.call(t, "GET", orgnews+"/articles", pair.Refresh).is(t, "a refresh token at the API", http.StatusUnauthorized, "900901")
	h.post(t, "/token", h.app, refreshForm(pair.Access)).fails(t, "an access token as a refresh token", http.StatusBadRequest, "invalid_grant")
}

// Scenario 20, check 91.
func (h *house) tokenStaysInOrganization(t *testing.T) {
	h.organization(t, "other")
	there := person{john.name, "other", john.password}
	h.person(t, there, "admin", "publisher", "subscriber")
	api := h.publish(t, there, "Othernews", definition, "/orgnews", h.backend.URL)
	app := h.application(t, there, "Elsewhere")
	h.subscribe(t, there, app, api)

	at := h.post(t, "/token", app, passwordForm(there, "")).tokens(t)
	here := h.token(t, john, "")
	const elsewhere = "/t/other/orgnews/1.0.0/articles"
	h.call(t, "GET", elsewhere, at.Access).is(t, "other's token at other", http.StatusOK, "")
	h.call(t, "GET", orgnews+"/articles", here.Access).is(t, "johnsorg's token at johnsorg", http.StatusOK, "")
	h.call(t, "GET", elsewhere, here.Access).is(t, "johnsorg's token at other", http.StatusForbidden, "900908")
	h.call(t, "GET", orgnews+"/articles", at.Access).is(t, "other's token at johnsorg", http.StatusForbidden, "900908")
	h.post(t, "/token", app, passwordForm(tom, "")).fails(t, "a user of another organization", http.StatusBadRequest, "invalid_grant")
	h.post(t, "/token", app, passwordForm(john, "")).fails(t, "the same user by another organization", http.StatusBadRequest, "invalid_grant")
}

// Scenario 5, check 9. The times are reported; a machine that is shared proves nothing
// by them.
func TestWrongPasswordAndUnknownUserAreOneAnswer(t *testing.T) {
	h := furnish(t)
	forms := map[string]string{
		"wrong password": passwordForm(person{john.name, john.org, "wrong"}, ""),
		"unknown user":   passwordForm(person{"jane@johns.org", john.org, "wrong"}, ""),
		"foreign user":   passwordForm(person{"admin", "default", "correct horse battery"}, ""),
		"no such org":    passwordForm(person{john.name, "nowhere", john.password}, ""),
	}
	took := map[string][]time.Duration{}
	var first reply
	for round := range 7 {
		for name, form := range forms {
			began := time.Now()
			r := h.post(t, "/token", h.app, form)
			took[name] = append(took[name], time.Since(began))
			r.fails(t, name, http.StatusBadRequest, "invalid_grant")
			if first.status == 0 {
				first = r
			}
			if round == 0 {
				alike(t, name, first, r)
			}
		}
	}
	for name, times := range took {
		slices.Sort(times)
		t.Logf("%-14s median %v", name, times[len(times)/2].Round(100*time.Microsecond))
	}
}

// alike checks that nobody can tell two refusals apart.
func alike(t *testing.T, what string, a, b reply) {
	t.Helper()
	for _, header := range []http.Header{a.header, b.header} {
		header.Del("Date")
		header.Del("X-Request-Id")
	}
	if a.status != b.status || a.body != b.body || fmt.Sprint(a.header) != fmt.Sprint(b.header) {
		t.Errorf("%s shows:\n%d %s %v\n%d %s %v", what, a.status, a.body, a.header, b.status, b.body, b.header)
	}
}

// Check 10: nothing that only looks like a username is one.
func TestUsernamesAreTakenExactly(t *testing.T) {
	h := furnish(t)
	for _, name := range []string{
		"john", "john@", "@johnsorg", "john@johns.org@", "john@johns.org@@johnsorg", "john@johns.org@johnsorg@johnsorg", "john@johns.org@JOHNSORG",
		"john@johns.org@johnsorg ", " john@johns.org@johnsorg", "john@johns.org@johnsorg\x00", "john@johns.org\x00@johnsorg",
		"jоhn@johns.org@johnsorg" /* Cyrillic о */, "ｊohn@johns.org@johnsorg", "john@johns.org@default", "tom@johns.org@johnsorg", "", "*", "john%",
	} {
		form := url.Values{"grant_type": {"password"}, "username": {name}, "password": {john.password}}
		r := h.post(t, "/token", h.app, form.Encode())
		if got := r.tokens(t); r.status != http.StatusBadRequest || got.Error != "invalid_grant" && got.Error != "invalid_request" {
			t.Errorf("username %q: %d %s", name, r.status, r.body)
		}
	}
	// Letters' case is not a difference in a mail address, and without an organization the
	// application's is meant.
	for _, name := range []string{"JOHN@johns.org@johnsorg", "john@johns.org"} {
		form := url.Values{"grant_type": {"password"}, "username": {name}, "password": {john.password}}
		if r := h.post(t, "/token", h.app, form.Encode()); r.status != http.StatusOK {
			t.Errorf("username %q: %d %s, want 200", name, r.status, r.body)
		}
	}
}

// Checks 1 to 8, 11, 12, 14, 24, 25, 61 and 62. Every answer keeps to checks 7 and 8.
func TestTokenEndpointRefuses(t *testing.T) {
	h := furnish(t)
	const ok = "application/x-www-form-urlencoded"
	machine := h.application(t, john, "Machine", "client_credentials")
	password := passwordForm(john, "")
	long := func(bytes int) string { return strings.Repeat("x", bytes) }
	for _, row := range []struct {
		name                      string
		method, query, mime, body string
		app                       application
		header                    map[string]string
		status                    int
		code                      string
	}{
		{"check 1: GET", "GET", "?" + password, "", "", h.app, nil, 405, "invalid_request"},
		{"check 2: JSON", "POST", "", "application/json", `{"grant_type":"password"}`, h.app, nil, 400, "invalid_request"},
		{"check 2: multipart", "POST", "", "multipart/form-data; boundary=x", "--x--", h.app, nil, 400, "invalid_request"},
		{"check 2: no content type", "POST", "", "", password, h.app, nil, 400, "invalid_request"},
		{"check 3: parameters in the URL", "POST", "?" + password, ok, "", h.app, nil, 400, "invalid_request"},
		{"check 4: scope twice", "POST", "", ok, password + "&scope=a&scope=b", h.app, nil, 400, "invalid_request"},
		{"check 4: grant_type twice", "POST", "", ok, password + "&grant_type=password", h.app, nil, 400, "invalid_request"},
		{"check 4: a name twice in two spellings", "POST", "", ok, password + "&%73cope=a&scope=b", h.app, nil, 400, "invalid_request"},
		{"check 5: no grant_type", "POST", "", ok, "username=a&password=b", h.app, nil, 400, "invalid_request"},
		{"check 5: unknown grant", "POST", "", ok, "grant_type=magic", h.app, nil, 400, "unsupported_grant_type"},
		{"check 5: a grant in capitals", "POST", "", ok, strings.Replace(password, "grant_type=password", "grant_type=Password", 1), h.app, nil, 400, "unsupported_grant_type"},
		{"check 6: a grant that the keys do not list", "POST", "", ok, password, machine, nil, 400, "unauthorized_client"},
		{"check 8: the description repeats nothing", "POST", "", ok, "grant_type=%3Cscript%3E%22%5C%0A", h.app, nil, 400, "unsupported_grant_type"},
		{"check 11: a password cut off", "POST", "", ok, passwordForm(person{john.name, john.org, john.password[:len(john.password)-1]}, ""), h.app, nil, 400, "invalid_grant"},
		{"check 11: a password and a space", "POST", "", ok, passwordForm(person{john.name, john.org, john.password + " "}, ""), h.app, nil, 400, "invalid_grant"},
		{"check 11: 1025 bytes of password", "POST", "", ok, passwordForm(person{john.name, john.org, long(1025)}, ""), h.app, nil, 400, "invalid_grant"},
		{"check 12: spaces for a password", "POST", "", ok, passwordForm(person{john.name, john.org, "   "}, ""), h.app, nil, 400, "invalid_grant"},
		{"check 14: 65 KiB of form", "POST", "", ok, "grant_type=password&x=" + long(65<<10), h.app, nil, 413, "invalid_request"},
		{"check 14: 1 MiB of username", "POST", "", ok, passwordForm(person{long(1 << 20), john.org, "x"}, ""), h.app, nil, 413, "invalid_request"},
		{"check 14: 10,000 parameters", "POST", "", ok, password + strings.Repeat("&a=b", 10_000), h.app, nil, 400, "invalid_request"},
		{"check 24: 10,000 scopes", "POST", "", ok, passwordForm(john, distinct(10_000)), h.app, nil, 400, "invalid_scope"},
		{"check 24: a control character in a scope", "POST", "", ok, passwordForm(john, "a\x01b"), h.app, nil, 400, "invalid_scope"},
		{"check 25: a compressed body", "POST", "", ok, password, h.app, map[string]string{"Content-Encoding": "gzip"}, 415, "invalid_request"},
		{"check 61: Basic and a secret in the body", "POST", "", ok, password + "&client_id=" + h.app.key + "&client_secret=" + h.app.secret, h.app, nil, 400, "invalid_request"},
		{"check 62: another client_id in the body", "POST", "", ok, password + "&client_id=" + machine.key, h.app, nil, 400, "invalid_request"},
		{"no credentials at all", "POST", "", ok, password, application{}, map[string]string{"Authorization": ""}, 401, "invalid_client"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := request(t, row.method, h.Gateway+"/token"+row.query, row.body)
			r.SetBasicAuth(row.app.key, row.app.secret)
			if row.mime != "" {
				r.Header.Set("Content-Type", row.mime)
			}
			for name, value := range row.header {
				if r.Header.Set(name, value); value == "" {
					r.Header.Del(name)
				}
			}
			got := h.send(t, r)
			got.fails(t, row.name, row.status, row.code)
			proper(t, got)
		})
	}
}

// distinct returns n scopes.
func distinct(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprint(&b, " ", i)
	}
	return b.String()[1:]
}

// proper checks what holds for every answer of the Token API (checks 7 and 8).
func proper(t *testing.T, r reply) {
	t.Helper()
	if r.header.Get("Cache-Control") != "no-store" || r.header.Get("Pragma") != "no-cache" ||
		!strings.HasPrefix(r.header.Get("Content-Type"), "application/json") || r.header.Get("Set-Cookie") != "" {
		t.Errorf("headers: %v", r.header)
	}
	description := r.tokens(t).Description
	strange := func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }
	if strings.IndexFunc(description, strange) >= 0 || strings.Contains(description, "script") || strings.Contains(description, "john") {
		t.Errorf("description: %q", description)
	}
}

// Check 12: an empty password is nobody's.
func TestEmptyPassword(t *testing.T) {
	h := furnish(t)
	r := h.post(t, "/token", h.app, passwordForm(person{john.name, john.org, ""}, ""))
	if got := r.tokens(t); r.status != http.StatusBadRequest || got.Error != "invalid_grant" && got.Error != "invalid_request" {
		t.Errorf("%d %s", r.status, r.body)
	}
}

// Check 15.
func TestClientCredentialsGiveNoRefreshToken(t *testing.T) {
	h := furnish(t)
	r := h.post(t, "/token", h.app, "grant_type=client_credentials")
	if got := r.tokens(t); r.status != http.StatusOK || got.Access == "" || strings.Contains(r.body, "refresh_token") || strings.Contains(r.body, "id_token") {
		t.Errorf("%d %s", r.status, r.body)
	} else {
		h.call(t, "GET", orgnews+"/articles", got.Access).is(t, "its access token", http.StatusOK, "")
	}
}
