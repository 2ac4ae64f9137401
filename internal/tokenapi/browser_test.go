package tokenapi_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
)

// back is john's web application's redirect URI.
const back = "https://app.example/back?kept=1"

// web is john's application that signs people in, beside what a house has.
type web struct {
	*house
	key, secret string
}

func newWeb(t testing.TB) *web {
	t.Helper()
	h := newHouse(t)
	_, key, secret := h.client(t, "web", apistore.NewKeys{
		Grants:    []string{gatehouse.GrantAuthorizationCode, gatehouse.GrantRefreshToken, gatehouse.GrantClientCredentials},
		Callbacks: []string{back, "http://127.0.0.1/back", "http://[::1]:9/back", "http://localhost:8000/back", "com.example.app:/back"},
	})
	return &web{h, key, secret}
}

// says sets what the client tells of itself.
func (w *web) says(t testing.TB, change func(*gatehouse.ClientMetadata)) {
	t.Helper()
	must(t, w.db.UpdateKeys(context.Background(), w.key, func(k *gatehouse.Keys) error {
		change(&k.Metadata)
		return k.Validate(&gatehouse.Organization{})
	}))
}

// asked are the parameters of a request that is in order, with change over them; an empty
// value takes one away.
func (w *web) asked(change ...string) url.Values {
	q := url.Values{
		"response_type": {"code"}, "client_id": {w.key}, "redirect_uri": {back}, "scope": {"openid profile read"}, "state": {"s&1"}, "nonce": {"n-1"},
		"code_challenge": {challenge(verifier)}, "code_challenge_method": {"S256"},
	}
	for i := 0; i < len(change); i += 2 {
		if q.Del(change[i]); change[i+1] != "" {
			q.Set(change[i], change[i+1])
		}
	}
	return q
}

const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// open sends a browser to an endpoint with parameters.
func (w *web) open(path string, q url.Values) *http.Response {
	return w.openRaw(path + "?" + q.Encode())
}

func (w *web) openRaw(target string) *http.Response {
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, target, nil))
	return rec.Result()
}

// handle returns the handle with which a browser is sent to the portal.
func (w *web) handle(t testing.TB, res *http.Response) string {
	t.Helper()
	query, ok := strings.CutPrefix(res.Header.Get("Location"), portal+"/consent?request=")
	if res.StatusCode != http.StatusSeeOther || !ok {
		t.Fatalf("answered %d to %q, want the portal", res.StatusCode, res.Header.Get("Location"))
	}
	return query
}

// told returns what the client is told by a redirect, after what every answer has.
func (w *web) told(t testing.TB, res *http.Response) url.Values {
	t.Helper()
	to, err := res.Location()
	if err != nil || res.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to.String(), back+"&") {
		t.Fatalf("answered %d to %v, want the client told", res.StatusCode, to)
	}
	q := to.Query()
	if q.Get("iss") != issuer || q.Get("state") != "s&1" || to.Fragment != "" { // checks 30, 45
		t.Errorf("the client is told %v", q)
	}
	if res.Header.Get("Referrer-Policy") != "no-referrer" || res.Header.Get("Cache-Control") != "no-store" { // check 43
		t.Errorf("headers %v", res.Header)
	}
	return q
}

// toldPerson fails unless only the person is told: a page, and no redirect.
func (w *web) toldPerson(t testing.TB, res *http.Response, without ...string) {
	t.Helper()
	rec := new(strings.Builder)
	if err := res.Write(rec); err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusBadRequest || res.Header.Get("Location") != "" || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
		t.Errorf("answered %d to %q, want an error page", res.StatusCode, res.Header.Get("Location"))
	}
	if csp := res.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("the page's policy is %q", csp)
	}
	for _, text := range without {
		if strings.Contains(rec.String(), text) {
			t.Errorf("the page repeats %q", text)
		}
	}
}

// allow decides for a member at the portal, and returns the code.
func (w *web) allow(t testing.TB, handle string, m *gatehouse.Member) string {
	t.Helper()
	req, client, err := w.Asked(t.Context(), handle)
	must(t, err)
	scopes, _, err := w.Offer(t.Context(), client, req, m)
	must(t, err)
	var shown []string
	for _, s := range scopes {
		shown = append(shown, s.Name)
	}
	rec := httptest.NewRecorder()
	in := gatehouse.SignIn{At: w.now, Methods: []string{gatehouse.ByPassword}, Session: "session-1"}
	must(t, w.Allow(rec, httptest.NewRequest(http.MethodPost, "/consent", nil), handle, m, in, shown))
	code := w.told(t, rec.Result()).Get("code")
	if code == "" {
		t.Fatal("no code")
	}
	return code
}

// code goes the whole way to a code for john.
func (w *web) code(t testing.TB, change ...string) string {
	t.Helper()
	return w.allow(t, w.handle(t, w.open("/authorize", w.asked(change...))), w.john)
}

// trade asks for tokens for a code as the web application does.
func (w *web) trade(t testing.TB, code string, change ...string) *reply {
	t.Helper()
	q := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {back}, "code_verifier": {verifier}}
	for i := 0; i < len(change); i += 2 {
		if q.Del(change[i]); change[i+1] != "" {
			q.Set(change[i], change[i+1])
		}
	}
	return w.post(t, "/token", q.Encode(), w.itself)
}

func (w *web) itself(r *http.Request) { r.SetBasicAuth(w.key, w.secret) }
