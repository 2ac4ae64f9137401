package tokenapi_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
	"github.com/gatehouse/gatehouse/internal/gatehousetest"
)

// Acceptance 1: the request of the first page.
func TestAPasswordGivesAPairOfTokens(t *testing.T) {
	h := newHouse(t)
	for _, path := range []string{"/token", "/oauth2/token"} {
		got := h.post(t, path, "grant_type=password&username=john@johns.org@johnsorg&password=correct+horse")
		access, refresh := got.pair(t)
		if got.text("scope") != "default" || got.text("token_type") != "Bearer" || got.body["expires_in"] != 3600.0 || len(got.body) != 5 {
			t.Errorf("answered %s", got.raw)
		}
		if !strings.HasPrefix(refresh, gatehouse.RefreshPrefix) || !h.active(t, access) {
			t.Errorf("the refresh token is %q, the access token lives: %v", refresh, h.active(t, access))
		}
	}
}

// checks 1 to 5, 14, 24, 25: what is no token request is refused before anything else.
func TestTokenRequestsAreReadStrictly(t *testing.T) {
	h := newHouse(t)
	good := form("grant_type", "password", "username", "john@johns.org@johnsorg", "password", password)
	many := func(n int) string { return strings.Repeat("a=&", n) + good }
	scopes := make([]string, 10_000)
	for i := range scopes {
		scopes[i] = fmt.Sprint("s", i)
	}
	for name, row := range map[string]struct {
		path, form string
		change     func(*http.Request)
		status     int
		code       string
	}{
		"check 2: JSON":                     {form: `{"grant_type":"password"}`, change: setHeader("Content-Type", "application/json"), status: 400, code: "invalid_request"},
		"check 2: multipart":                {form: good, change: setHeader("Content-Type", "multipart/form-data; boundary=x"), status: 400, code: "invalid_request"},
		"check 2: no content type":          {form: good, change: setHeader("Content-Type", ""), status: 400, code: "invalid_request"},
		"check 3: parameters in the URL":    {path: "/token?" + good, form: good, status: 400, code: "invalid_request"},
		"check 3: an empty query":           {path: "/token?", form: good, status: 400, code: "invalid_request"},
		"check 4: scope twice":              {form: good + "&scope=a&scope=b", status: 400, code: "invalid_request"},
		"check 4: grant_type twice":         {form: good + "&grant_type=password", status: 400, code: "invalid_request"},
		"check 4: client_id twice":          {form: good + "&client_id=a&client_id=a", status: 400, code: "invalid_request"},
		"check 4: twice by an escape":       {form: good + "&pass%77ord=other", status: 400, code: "invalid_request"},
		"check 5: no grant_type":            {form: "username=john&password=x", status: 400, code: "invalid_request"},
		"check 5: an empty grant_type":      {form: "grant_type=", status: 400, code: "invalid_request"},
		"check 5: an unknown grant_type":    {form: "grant_type=urn:unknown", status: 400, code: "unsupported_grant_type"},
		"check 5: another case":             {form: strings.Replace(good, "password", "Password", 1), status: 400, code: "unsupported_grant_type"},
		"an empty body":                     {form: "", status: 400, code: "invalid_request"},
		"a damaged escape":                  {form: good + "&x=%zz", status: 400, code: "invalid_request"},
		"check 14: more than 64 KiB":        {form: good + "&x=" + strings.Repeat("x", 64<<10), status: 413, code: "invalid_request"},
		"check 14: 10,000 parameters":       {form: many(10_000), status: 400, code: "invalid_request"},
		"check 14: a username of 1 MiB":     {form: good + strings.Repeat("x", 1<<20), status: 413, code: "invalid_request"},
		"check 24: 10,000 scopes":           {form: good + "&scope=" + strings.Join(scopes, "+"), status: 400, code: "invalid_scope"},
		"check 24: a control character":     {form: good + "&scope=read%00", status: 400, code: "invalid_scope"},
		"check 24: scopes no token holds":   {form: good + "&scope=" + longScopes(60), status: 400, code: "invalid_scope"},
		"check 25: a compressed body":       {form: good, change: setHeader("Content-Encoding", "gzip"), status: 415, code: "invalid_request"},
		"an end point that there is not":    {path: "/oauth2/tokens", form: good, status: 404, code: "invalid_request"},
		"metadata that there is not":        {path: "/.well-known/jwks.json", form: good, status: 404, code: "invalid_request"},
		"a charset is no other type":        {form: good, change: setHeader("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8"), status: 200},
		"parameters that we do not know of": {form: good + "&tenant=x&colour=y", status: 200},
		"an & at the end":                   {form: good + "&", status: 200},
	} {
		t.Run(name, func(t *testing.T) {
			path := row.path
			if path == "" {
				path = "/token"
			}
			change := row.change
			if change == nil {
				change = func(*http.Request) {}
			}
			h.post(t, path, row.form, change).wants(t, row.status, row.code)
		})
	}
}

// longScopes is n scopes that need no role, each nearly as long as may be.
func longScopes(n int) string {
	scopes := make([]string, n)
	for i := range scopes {
		scopes[i] = fmt.Sprintf("device_%03d%s", i, strings.Repeat("z", 180))
	}
	return strings.Join(scopes, "%20")
}

// check 1: a token request is a POST.
func TestOtherMethodsAreRefused(t *testing.T) {
	h := newHouse(t)
	for _, path := range []string{"/token", "/revoke", "/introspect", "/oauth2/token"} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, "post"} {
			r := httptest.NewRequest(method, path+"?grant_type=password&username=john@johns.org@johnsorg&password=correct+horse", nil)
			r.SetBasicAuth(h.key, h.secret)
			got := h.send(t, r)
			got.wants(t, http.StatusMethodNotAllowed, "invalid_request")
			if allow := got.header.Get("Allow"); allow != "POST, OPTIONS" {
				t.Errorf("%s %s: Allow is %q", method, path, allow)
			}
		}
	}
	h.send(t, httptest.NewRequest(http.MethodPost, "/jwks", nil)).wants(t, http.StatusMethodNotAllowed, "invalid_request")
}

// check 6, and decision 7: the application lists the grant, the organization allows it.
func TestAGrantIsForThoseWhoMayUseIt(t *testing.T) {
	h := newHouse(t)
	_, key, secret := h.client(t, "machine", apistore.NewKeys{Grants: []string{gatehouse.GrantClientCredentials}})
	h.login(t, "", as(key, secret)).wants(t, 400, "unauthorized_client")
	h.refresh(t, "ghr_x", "", as(key, secret)).wants(t, 400, "unauthorized_client")
	h.post(t, "/token", "grant_type=client_credentials", as(key, secret)).pair(t)

	_, key, secret = h.client(t, "forgetful", apistore.NewKeys{Grants: []string{gatehouse.GrantPassword}})
	if _, refresh := h.login(t, "", as(key, secret)).pair(t); refresh != "" {
		t.Errorf("a refresh token for keys that may not use it: %q", refresh)
	}

	must(t, h.people.UpdateOrganization(t.Context(), "johnsorg", func(o *gatehouse.Organization) { o.PasswordGrant = false }))
	_, key, secret = h.client(t, "newer", apistore.NewKeys{})
	h.login(t, "", as(key, secret)).wants(t, 400, "unauthorized_client")
	h.post(t, "/token", "grant_type=client_credentials", as(key, secret)).pair(t)
}

// checks 60, 61, 62 and acceptance 6: who asks is proven in one way, and every failure
// is the same answer.
func TestClientAuthentication(t *testing.T) {
	h := newHouse(t)
	const good = "grant_type=client_credentials"
	basic := func(text string) func(*http.Request) {
		return setHeader("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(text)))
	}
	body := func(key, secret string) string {
		return form("grant_type", "client_credentials", "client_id", key, "client_secret", secret)
	}
	for name, row := range map[string]struct {
		form   string
		change func(*http.Request)
		status int
		code   string
	}{
		"Basic":                             {good, as(h.key, h.secret), 200, ""},
		"in the body":                       {body(h.key, h.secret), as("", ""), 200, ""},
		"Basic with the client_id":          {good + "&client_id=" + h.key, as(h.key, h.secret), 200, ""},
		"in another case of Basic":          {good, setHeader("Authorization", "bAsIc "+base64.StdEncoding.EncodeToString([]byte(h.key+":"+h.secret))), 200, ""},
		"form-encoded first":                {good, basic(strings.ReplaceAll(h.key, string(h.key[0]), fmt.Sprintf("%%%02x", h.key[0])) + ":" + strings.ReplaceAll(h.secret, "_", "%5F")), 200, ""},
		"a wrong secret":                    {good, as(h.key, "ghs_wrong"), 401, "invalid_client"},
		"no secret":                         {good, as(h.key, ""), 401, "invalid_client"},
		"an unknown client":                 {good, as("unknown-client", h.secret), 401, "invalid_client"},
		"an unknown client without secret":  {good, as("unknown-client", ""), 401, "invalid_client"},
		"no client":                         {good, as("", ""), 401, "invalid_client"},
		"a key alone in the body":           {good + "&client_id=" + h.key, as("", ""), 401, "invalid_client"},
		"a wrong secret in the body":        {body(h.key, "ghs_wrong"), as("", ""), 401, "invalid_client"},
		"the key in another case":           {good, as(strings.ToUpper(h.key), h.secret), 401, "invalid_client"},
		"NUL behind the key":                {good, as(h.key+"\x00", h.secret), 401, "invalid_client"},
		"the hash of the secret":            {good, as(h.key, gatehouse.HashToken(h.secret)), 401, "invalid_client"},
		"Bearer":                            {good, setHeader("Authorization", "Bearer "+h.secret), 401, "invalid_client"},
		"Basic without a colon":             {good, basic("nothing"), 401, "invalid_client"},
		"Basic that is no base64":           {good, setHeader("Authorization", "Basic !!!"), 401, "invalid_client"},
		"an empty header":                   {good, setHeader("Authorization", ""), 401, "invalid_client"},
		"check 61: both ways":               {body(h.key, h.secret), as(h.key, h.secret), 400, "invalid_request"},
		"check 61: both, an empty secret":   {body(h.key, ""), as(h.key, h.secret), 400, "invalid_request"},
		"check 62: another client_id":       {good + "&client_id=another", as(h.key, h.secret), 400, "invalid_request"},
		"check 111: the header twice":       {good, func(r *http.Request) { r.Header.Add("Authorization", "Basic eDp5") }, 400, "invalid_request"},
		"check 4: client_secret twice":      {body(h.key, h.secret) + "&client_secret=x", as("", ""), 400, "invalid_request"},
		"a secret that is not form-encoded": {good, as(h.key, "100%"), 401, "invalid_client"},
	} {
		t.Run(name, func(t *testing.T) {
			h.post(t, "/token", row.form, row.change).wants(t, row.status, row.code)
		})
	}
	wrong, unknown := h.post(t, "/token", good, as(h.key, "ghs_wrong")), h.post(t, "/token", good, as("unknown-client", "ghs_wrong"))
	if wrong.raw != unknown.raw || fmt.Sprint(wrong.header) != fmt.Sprint(unknown.header) || wrong.text("error_description") != "Client credentials are invalid." {
		t.Errorf("a wrong secret and an unknown client are told apart:\n%v %s\n%v %s", wrong.header, wrong.raw, unknown.header, unknown.raw)
	}
}

// counting counts look-ups.
type counting struct {
	count int
	keys  int // bytes of what was looked up
}

func (c *counting) Client(_ context.Context, key string) (*gatehouse.Client, error) {
	c.count++
	c.keys += len(key)
	return nil, gatehouse.Errorf(gatehouse.NotFound, "there is no such consumer key")
}

// A node holds in memory that a consumer key is unknown. What can be no consumer key
// (RFC 6749, appendix A.1) must not get there: a flood of long ones would fill it.
func TestWhatCanBeNoConsumerKeyIsNotLookedUp(t *testing.T) {
	h := newHouse(t)
	clients := &counting{}
	h.Clients = clients
	for name, key := range map[string]string{
		"60 KiB": strings.Repeat("k", 60<<10), "NUL": "key\x00", "a control character": "key\n", "not UTF-8": "key\xff", "not ASCII": "kéy", "nothing": "",
	} {
		h.post(t, "/token", form("grant_type", "client_credentials", "client_id", key, "client_secret", "ghs_secret"), as("", "")).wants(t, 401, "invalid_client")
		h.post(t, "/token", "grant_type=client_credentials", as(key, "ghs_secret")).wants(t, 401, "invalid_client")
		if clients.count != 0 {
			t.Errorf("%s: %d look-ups of %d bytes", name, clients.count, clients.keys)
		}
	}
	h.post(t, "/token", "grant_type=client_credentials", as(gatehouse.NewConsumerKey(), "ghs_secret")).wants(t, 401, "invalid_client")
	if clients.count != 1 {
		t.Errorf("%d look-ups, want 1", clients.count)
	}
}

// check 66, and decision 8: several secrets live at once; a revoked one and an expired
// one are refused at once.
func TestSecretsLiveAndEnd(t *testing.T) {
	h := newHouse(t)
	const good = "grant_type=client_credentials"
	second, kept, err := h.store.AddSecret(t.Context(), h.john, h.app.ID, gatehouse.Production, "second", h.now.Add(time.Hour))
	must(t, err)
	access, _ := h.post(t, "/token", good, as(h.key, second)).pair(t)
	h.post(t, "/token", good).pair(t)

	h.now = h.now.Add(time.Hour)
	h.post(t, "/token", good, as(h.key, second)).wants(t, 401, "invalid_client")
	h.now = h.now.Add(-time.Minute)
	must(t, h.store.RevokeSecret(t.Context(), h.john, h.app.ID, gatehouse.Production, kept.ID))
	h.post(t, "/token", good, as(h.key, second)).wants(t, 401, "invalid_client")
	if h.active(t, access) {
		t.Error("a token lives that a revoked secret asked for")
	}
	h.now = h.now.Add(time.Microsecond)
	again, _ := h.post(t, "/token", good).pair(t)
	if !h.active(t, again) {
		t.Error("the other secret's new token does not live")
	}
	must(t, h.store.DeleteKeys(t.Context(), h.john, h.app.ID, gatehouse.Production))
	h.post(t, "/token", good).wants(t, 401, "invalid_client")
}

func TestTheUseOfASecretIsTold(t *testing.T) {
	h := newHouse(t)
	var used []string
	h.SecretUsed = func(id string) { used = append(used, id) }
	issued, refused := "", ""
	h.Issued = func(grant string) { issued += grant }
	h.Refused = func(code string) { refused += code }
	h.post(t, "/token", "grant_type=client_credentials").pair(t)
	h.post(t, "/token", "grant_type=client_credentials", as(h.key, "ghs_wrong"))
	k, err := h.store.KeysByType(t.Context(), h.john, h.app.ID, gatehouse.Production)
	must(t, err)
	if len(used) != 1 || used[0] != k.Secrets[0].ID || issued != "client_credentials" || refused != "invalid_client" {
		t.Errorf("used %v, issued %q, refused %q", used, issued, refused)
	}
}

// failingClients is a store that does not answer.
type failingClients struct{ err error }

func (f failingClients) Client(context.Context, string) (*gatehouse.Client, error) { return nil, f.err }

// check 8: a failure of ours says nothing of itself, and goes to the log.
func TestFailuresOfOursSayNothing(t *testing.T) {
	h := newHouse(t)
	h.Clients = failingClients{fmt.Errorf("pq: relation %q of 10.0.0.7 does not exist", "keys")}
	h.post(t, "/token", "grant_type=client_credentials").wants(t, 500, "server_error")
	if !strings.Contains(h.log.String(), "10.0.0.7") {
		t.Error("the log does not tell the cause")
	}
	h.Clients = failingClients{gatehouse.Errorf(gatehouse.Unavailable, "the database does not answer: try again later")}
	got := h.post(t, "/token", "grant_type=client_credentials")
	got.wants(t, 503, "temporarily_unavailable")
	if got.header.Get("Retry-After") == "" {
		t.Error("a client is not told when to come again")
	}
	for _, secret := range []string{h.secret, password} {
		if strings.Contains(h.log.String(), secret) {
			t.Error("the log holds a secret")
		}
	}
}

// Decision 9: any origin may ask, without credentials of the browser's.
func TestCORS(t *testing.T) {
	h := newHouse(t)
	for path, method := range map[string]string{"/token": "POST", "/revoke": "POST", "/introspect": "POST", "/jwks": "GET", "/.well-known/openid-configuration": "GET"} {
		r := httptest.NewRequest(http.MethodOptions, path, nil)
		r.Header.Set("Origin", "https://spa.example")
		r.Header.Set("Access-Control-Request-Method", method)
		got := h.send(t, r)
		if got.status != http.StatusNoContent || got.header.Get("Access-Control-Allow-Origin") != "*" || got.header.Get("Access-Control-Allow-Credentials") != "" ||
			!strings.Contains(got.header.Get("Access-Control-Allow-Methods"), method) || !strings.Contains(got.header.Get("Access-Control-Allow-Headers"), "Authorization") {
			t.Errorf("%s: %d %v", path, got.status, got.header)
		}
	}
}

// The same on the other database: what a client sends reaches it as a parameter.
func TestOnEveryDatabase(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		h := openHouse(t, dsn)
		_, refresh := h.login(t, "read").pair(t)
		access, refresh := h.refresh(t, refresh, "").pair(t)
		for _, odd := range []string{"\x00", "\xff", "'; DROP TABLE users; --", "%"} {
			h.post(t, "/token", "grant_type=client_credentials", as("key"+odd, "secret")).wants(t, 401, "invalid_client")
			h.refresh(t, "ghr_"+odd, "").wants(t, 400, "invalid_grant")
			h.post(t, "/token", form("grant_type", "password", "username", "john"+odd, "password", password)).wants(t, 400, "invalid_grant")
			if h.active(t, "gha_"+odd) {
				t.Error("a token that was never issued is active")
			}
		}
		h.post(t, "/revoke", form("token", refresh)).wants(t, 200, "")
		if h.active(t, access) {
			t.Error("a revoked token is active")
		}
	})
}
