package tokenapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/gatehouse/gatehouse"
)

const after = "https://app.example/after"

func TestEndSessionHandsOnWhatCanBeTrusted(t *testing.T) {
	w := newWeb(t)
	w.says(t, func(m *gatehouse.ClientMetadata) { m.PostLogoutRedirectURIs = []string{after} })
	hint := w.trade(t, w.code(t)).text("id_token")
	otherHint := w.login(t, "openid").text("id_token")
	for _, test := range []struct {
		name string
		form url.Values
		want *gatehouse.LogoutRequest // nil means that only the person is told
	}{
		{"hint and address", url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {after}, "state": {"s"}},
			&gatehouse.LogoutRequest{ConsumerKey: w.key, Subject: w.john.ID, Session: "session-1", RedirectURI: after, State: "s"}},
		{"hint alone", url.Values{"id_token_hint": {hint}}, &gatehouse.LogoutRequest{ConsumerKey: w.key, Subject: w.john.ID, Session: "session-1"}},
		{"client_id and address", url.Values{"client_id": {w.key}, "post_logout_redirect_uri": {after}}, &gatehouse.LogoutRequest{ConsumerKey: w.key, RedirectURI: after}},
		{"an address that is not registered", url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {after + "/"}}, nil},
		{"a redirect URI of sign-in", url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {back}}, nil},
		{"an address alone", url.Values{"post_logout_redirect_uri": {after}}, nil},
		{"a damaged hint", url.Values{"id_token_hint": {hint[:len(hint)-4] + "AAAA"}, "post_logout_redirect_uri": {after}}, nil},
		{"a hint without a signature", url.Values{"id_token_hint": {"eyJhbGciOiJub25lIn0.e30."}}, nil},
		{"an access token as hint", url.Values{"id_token_hint": {w.login(t, "read").text("access_token")}}, nil},
		{"another client's hint", url.Values{"client_id": {w.key}, "id_token_hint": {otherHint}}, nil},
		{"an unknown client", url.Values{"client_id": {"unknown"}}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			res := w.open("/oauth2/logout", test.form)
			if test.want == nil {
				w.toldPerson(t, res, "evil", after)
				return
			}
			handle, ok := strings.CutPrefix(res.Header.Get("Location"), portal+"/logout?request=")
			if res.StatusCode != http.StatusSeeOther || !ok {
				t.Fatalf("answered %d to %q", res.StatusCode, res.Header.Get("Location"))
			}
			req, _, err := w.LogoutAsked(t.Context(), handle)
			must(t, err)
			if *req != *test.want {
				t.Errorf("asks %+v, want %+v", req, test.want)
			}
		})
	}
	if res := w.open("/oauth2/logout", nil); res.Header.Get("Location") != portal+"/logout" {
		t.Errorf("with nothing: %d %v", res.StatusCode, res.Header)
	}
}

func TestClientsAreToldThatASessionEnded(t *testing.T) {
	w := newWeb(t)
	told := make(chan string, 10)
	failures := 1
	client := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if failures > 0 {
			failures--
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
			t.Errorf("told by %s %v", r.Method, r.Header)
		}
		told <- string(body)
	}))
	t.Cleanup(client.Close)
	w.says(t, func(m *gatehouse.ClientMetadata) { m.BackchannelLogoutURI = client.URL + "/bye" })
	id := w.trade(t, w.code(t)).text("id_token")
	must(t, w.SessionEnded(t.Context(), "another-session", w.john.ID))
	must(t, w.SessionEnded(t.Context(), "session-1", w.john.ID))
	must(t, w.SessionEnded(t.Context(), "session-1", w.john.ID))
	w.Drain(10 * time.Second)
	close(told)
	var tokens []string
	for body := range told {
		q, err := url.ParseQuery(body)
		must(t, err)
		tokens = append(tokens, q.Get("logout_token"))
	}
	if len(tokens) != 1 {
		t.Fatalf("told %d times, want once after one failure", len(tokens))
	}
	parsed, err := jwt.ParseSigned(tokens[0], []jose.SignatureAlgorithm{jose.RS256})
	must(t, err)
	var claims map[string]any
	public := w.Keys.Public()
	must(t, parsed.Claims(public.Key(parsed.Headers[0].KeyID)[0].Key, &claims))
	events, _ := claims["events"].(map[string]any)
	if _, ok := events["http://schemas.openid.net/event/backchannel-logout"]; !ok || parsed.Headers[0].ExtraHeaders[jose.HeaderType] != "logout+jwt" {
		t.Errorf("the token is %v %v", parsed.Headers, claims)
	}
	if claims["iss"] != issuer || claims["aud"] != w.key || claims["sub"] != w.john.ID || claims["sid"] != "session-1" || claims["jti"] == nil || claims["nonce"] != nil || claims["exp"] == nil {
		t.Errorf("the token says %v", claims)
	}
	if hint, err := w.Tokens.ReadIDToken(tokens[0]); err == nil {
		t.Errorf("a logout token was read as an ID token: %+v", hint)
	}
	if hint, err := w.Tokens.ReadIDToken(id); err != nil || hint.Session != "session-1" {
		t.Errorf("the ID token says %+v, %v", hint, err)
	}
}
