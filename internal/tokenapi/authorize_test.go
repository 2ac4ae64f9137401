package tokenapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
)

func TestCheck27RedirectURIsAreComparedLetterByLetter(t *testing.T) {
	w := newWeb(t)
	for _, uri := range []string{
		"https://app.example/back", "https://app.example/back?kept=1&more=1", "https://app.example/back/?kept=1", "https://app.example/Back?kept=1",
		"https://app.example/back?kept=1#", "https://app.example/back?kept=1#x", "https://app.example/x/%2e%2e/back?kept=1", "https://app.example/./back?kept=1",
		`https://app.example\back?kept=1`, "https://app.example@evil.example/back?kept=1", "https://evil@app.example/back?kept=1", "https://app.example:443/back?kept=1",
		"HTTPS://app.example/back?kept=1", "https://app.example./back?kept=1", "https://аpp.example/back?kept=1", "http://app.example/back?kept=1",
		"javascript:alert(1)", "data:text/html,x", "//app.example/back?kept=1", "", " " + back, back + " ", back + "\r\nx: y", // check 29
		"com.example.app:/other", "http://localhost:8001/back", "http://127.0.0.1:80/other", "http://127.0.0.1:80/back?x", "http://127.0.0.1:8x/back",
		"http://127.0.0.1.evil.example/back", "http://127.0.0.1:1@evil.example/back", "https://127.0.0.1:9/back", "http://127.0.0.2/back", // check 28
	} {
		w.toldPerson(t, w.open("/authorize", w.asked("redirect_uri", uri)))
	}
	w.toldPerson(t, w.openRaw("/authorize?"+w.asked().Encode()+"&redirect_uri="+url.QueryEscape(back)))
	w.toldPerson(t, w.openRaw("/oauth2/authorize?"+w.asked().Encode()+"&redirect_uri=https://evil.example"))
	for _, uri := range []string{"http://127.0.0.1:50123/back", "http://127.0.0.1/back", "http://[::1]:1/back", "http://localhost:8000/back", "com.example.app:/back"} { // check 28
		w.handle(t, w.open("/authorize", w.asked("redirect_uri", uri)))
	}
}

func TestCheck46UnknownClientsAreNotRepeated(t *testing.T) {
	w := newWeb(t)
	for _, key := range []string{"unknownclient", "<script>alert(1)</script>", strings.Repeat("x", 5000), "\x00", ""} {
		repeated := key
		if len(repeated) < 5 {
			repeated = "<script>"
		}
		w.toldPerson(t, w.open("/authorize", w.asked("client_id", key)), repeated)
	}
}

func TestAuthorizationRequestsAreRefusedToTheClient(t *testing.T) {
	w := newWeb(t)
	for _, test := range []struct {
		name  string
		asked []string
		code  string
	}{
		{"no response_type", []string{"response_type", ""}, "invalid_request"},
		{"check 31: an implicit token", []string{"response_type", "token"}, "unsupported_response_type"},
		{"check 31: an ID token", []string{"response_type", "id_token"}, "unsupported_response_type"},
		{"a hybrid", []string{"response_type", "code id_token"}, "unsupported_response_type"},
		{"an answer in the fragment", []string{"response_mode", "fragment"}, "invalid_request"},
		{"check 33: plain", []string{"code_challenge_method", "plain"}, "invalid_request"},
		{"check 33: plain by default", []string{"code_challenge_method", ""}, "invalid_request"},
		{"a method without a challenge", []string{"code_challenge", ""}, "invalid_request"},
		{"a short challenge", []string{"code_challenge", "abc"}, "invalid_request"},
		{"check 34: an outside request_uri", []string{"request_uri", "https://evil.example/r"}, "request_uri_not_supported"},
		{"check 35: a request object", []string{"request", "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"},
		{"none beside another prompt", []string{"prompt", "none login"}, "invalid_request"},
		{"an unknown prompt", []string{"prompt", "create"}, "invalid_request"},
		{"a max_age that is no number", []string{"max_age", "soon"}, "invalid_request"},
		{"a negative max_age", []string{"max_age", "-1"}, "invalid_request"},
		{"a made-up hint", []string{"id_token_hint", "a.b.c"}, "invalid_request"},
		{"claims that are no JSON", []string{"claims", "{"}, "invalid_request"},
		{"a scope with a control character", []string{"scope", "a\tb"}, "invalid_scope"},
	} {
		t.Run(test.name, func(t *testing.T) {
			q := w.told(t, w.open("/authorize", w.asked(test.asked...)))
			if q.Get("error") != test.code || q.Get("code") != "" {
				t.Errorf("the client is told %v, want %s", q, test.code)
			}
		})
	}
}

func TestCheck33PublicClientsMustProveTheirCodes(t *testing.T) {
	w := newWeb(t)
	w.says(t, func(m *gatehouse.ClientMetadata) { m.AuthMethod = gatehouse.ClientPublic })
	q := w.told(t, w.open("/authorize", w.asked("code_challenge", "", "code_challenge_method", "")))
	if q.Get("error") != "invalid_request" {
		t.Errorf("the client is told %v", q)
	}
	w.handle(t, w.open("/authorize", w.asked()))
}

func TestApplicationsWithoutTheGrantAreUnauthorized(t *testing.T) {
	w := newWeb(t)
	_, w.key, _ = w.client(t, "no code", apistore.NewKeys{Callbacks: []string{back}})
	if q := w.told(t, w.open("/authorize", w.asked())); q.Get("error") != "unauthorized_client" {
		t.Errorf("the client is told %v", q)
	}
}

func TestCheck32FormPostsAreEscaped(t *testing.T) {
	w := newWeb(t)
	res := w.open("/authorize", w.asked("response_mode", "form_post", "prompt", "none login", "state", `"><script>alert(1)</script>`))
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || res.Header.Get("Location") != "" || strings.Contains(string(body), "<script>alert") || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("answered %d %v %s", res.StatusCode, res.Header, body)
	}
	if !strings.Contains(string(body), `action="https://app.example/back?kept=1"`) || !strings.Contains(string(body), `name="error" value="invalid_request"`) || !strings.Contains(string(body), `name="iss" value="`+issuer+`"`) {
		t.Errorf("the form is %s", body)
	}
	if csp := res.Header.Get("Content-Security-Policy"); !strings.HasSuffix(csp, "form-action https://app.example") {
		t.Errorf("the policy is %q", csp)
	}
}

func TestParametersWithoutAValueAreNotThere(t *testing.T) {
	w := newWeb(t)
	q := w.asked()
	for _, name := range []string{"response_mode", "prompt", "max_age", "id_token_hint", "claims", "request", "request_uri", "resource", "dpop_jkt"} {
		q.Set(name, "")
	}
	w.handle(t, w.open("/authorize", q))
}

func TestAuthorizationRequestsMayBePosted(t *testing.T) {
	w := newWeb(t)
	r := httptest.NewRequest(http.MethodPost, "/authorize", strings.NewReader(w.asked().Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, r)
	w.handle(t, rec.Result())

	rec = httptest.NewRecorder()
	w.mux.ServeHTTP(rec, httptest.NewRequest(http.MethodPut, "/authorize", nil))
	if rec.Code != http.StatusMethodNotAllowed || rec.Header().Get("Allow") != "GET, POST" {
		t.Errorf("PUT is answered %d", rec.Code)
	}
}

func TestRequestsThatWait(t *testing.T) {
	w := newWeb(t)
	t.Run("are answered once", func(t *testing.T) {
		handle := w.handle(t, w.open("/authorize", w.asked()))
		w.allow(t, handle, w.john)
		rec := httptest.NewRecorder()
		err := w.Refuse(rec, httptest.NewRequest(http.MethodPost, "/consent", nil), handle, "access_denied", "no")
		if gatehouse.KindOf(err) != gatehouse.NotFound {
			t.Errorf("a second answer: %v", err)
		}
	})
	t.Run("do not wait for ever", func(t *testing.T) {
		handle := w.handle(t, w.open("/authorize", w.asked()))
		w.now = w.now.Add(gatehouse.PendingLifetime + time.Second)
		if _, _, err := w.Asked(t.Context(), handle); gatehouse.KindOf(err) != gatehouse.NotFound {
			t.Errorf("asked after its time: %v", err)
		}
	})
	t.Run("give no more than was shown and may be given", func(t *testing.T) {
		handle := w.handle(t, w.open("/authorize", w.asked("scope", "openid email news_write unknown offline_access")))
		rec := httptest.NewRecorder()
		must(t, w.Allow(rec, httptest.NewRequest(http.MethodPost, "/consent", nil), handle, w.john, gatehouse.SignIn{At: w.now}, []string{"openid", "news_write", "unknown", "apim:admin"}))
		got := w.trade(t, w.told(t, rec.Result()).Get("code"))
		if got.text("scope") != "openid news_write" {
			t.Errorf("granted %q", got.text("scope"))
		}
	})
}

func TestConsentIsAskedForWhatIsNew(t *testing.T) {
	w := newWeb(t)
	ask := func(change ...string) bool {
		t.Helper()
		req, client, err := w.Asked(t.Context(), w.handle(t, w.open("/authorize", w.asked(change...))))
		must(t, err)
		_, ask, err := w.Offer(t.Context(), client, req, w.john)
		must(t, err)
		return ask
	}
	if !ask() {
		t.Error("not asked at first")
	}
	w.code(t)
	if ask() || ask("scope", "read") {
		t.Error("asked again for the same, or for less")
	}
	if !ask("scope", "openid profile read news_write") || !ask("prompt", "consent") {
		t.Error("not asked for more, or when the client wants it")
	}
	w.code(t, "scope", "news_write")
	if ask("scope", "openid profile read news_write") {
		t.Error("what was allowed one after the other is not remembered together")
	}
}

// FuzzAuthorize sends queries that a browser could be made to bring: nothing leads it to
// an address that the client has not registered.
func FuzzAuthorize(f *testing.F) {
	w := newWeb(f)
	for _, seed := range []string{"", "redirect_uri=" + url.QueryEscape(back), w.asked().Encode(), "claims={}", "prompt=none&max_age=1", "redirect_uri=http://127.0.0.1:1/back&response_mode=form_post"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest(http.MethodGet, "/authorize", nil)
		r.URL.RawQuery = "client_id=" + w.key + "&" + query
		rec := httptest.NewRecorder()
		w.mux.ServeHTTP(rec, r)
		to := rec.Header().Get("Location")
		if rec.Code >= http.StatusInternalServerError {
			t.Errorf("answered %d", rec.Code)
		}
		for _, may := range []string{portal + "/consent?request=", back + "&", "http://127.0.0.1", "http://[::1]", "http://localhost:8000/back?", "com.example.app:/back?"} {
			if strings.HasPrefix(to, may) {
				to = ""
			}
		}
		if to != "" {
			t.Errorf("led to %s", to)
		}
	})
}
