package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// calls sends a call to the gateway of the site, as one with a request id.
func (s *site) call(id, method, path, token string) int {
	s.t.Helper()
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	w.Header().Set("X-Request-Id", id)
	s.calls.ServeHTTP(w, r)
	return w.Code
}

func TestLatestCalls(t *testing.T) {
	s := newSite(t)
	if err := s.calls.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := s.as("dev@johnsorg")
	app := b.application("Kiosk")
	b.get(app+"/calls").want(t, 200, "Your latest calls", "No calls yet", "Ask about a call")
	b.post(app, app+"/keys", url.Values{"env": {"PRODUCTION"}}).want(t, 200)
	token := b.post(app+"/token", app+"/token", url.Values{"env": {"PRODUCTION"}}).value(t, "token")

	path := s.api.BasePath() + "/orders"
	if status := s.call("the-request", "GET", path, token); status != http.StatusForbidden {
		t.Fatalf("an application without a subscription is answered %d", status)
	}
	const why = "the application Kiosk does not subscribe"
	b.get(app+"/calls").want(t, 200, "the-request", "403 900908", "must be subscribed to this API", "The last 24 hours", "<dt>Refused by the gateway</dt><dd>1</dd>")
	a := b.post(app+"/calls", app+"/calls", url.Values{"method": {"GET"}, "path": {path}, "accesstoken": {token}})
	a.want(t, 200, "What would become of it", "403 900908")
	if !strings.Contains(strings.ToLower(a.Body), strings.ToLower(why)) {
		t.Errorf("the page does not tell that %s", why)
	}
	if strings.Contains(a.Body, token) {
		t.Error("the page shows the token")
	}
	b.post(app+"/calls", app+"/calls", url.Values{"method": {"GET"}, "path": {"nowhere"}}).want(t, 409, "must begin with /")

	publisher := "/publisher/apis/" + s.api.ID
	s.as("paula@johnsorg").get(publisher+"/calls").want(t, 200, "the-request", "403 900908", "through Kiosk")
	for _, path := range []string{app + "/calls", publisher + "/calls"} {
		s.as("stranger").get(path).want(t, 404)
	}
	s.as("cora@johnsorg").get(app+"/calls").want(t, 404)
}
