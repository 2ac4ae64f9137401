package tokenapi_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
)

// push leaves a request at /par and returns its request_uri.
func (w *web) push(t testing.TB, change ...string) string {
	t.Helper()
	got := w.post(t, "/par", w.asked(change...).Encode(), w.itself)
	if got.status != http.StatusCreated || got.body["expires_in"] != 60.0 {
		t.Fatalf("answered %d %s", got.status, got.raw)
	}
	return got.text("request_uri")
}

func TestPushedRequests(t *testing.T) {
	w := newWeb(t)
	w.says(t, func(m *gatehouse.ClientMetadata) { m.RequirePushed = true })
	pushed := func(uri string) url.Values { return url.Values{"client_id": {w.key}, "request_uri": {uri}} }

	t.Run("give tokens", func(t *testing.T) {
		code := w.allow(t, w.handle(t, w.open("/authorize", pushed(w.push(t)))), w.john)
		w.trade(t, code).pair(t)
	})
	t.Run("check 36: are used once", func(t *testing.T) {
		uri := w.push(t)
		w.handle(t, w.open("/authorize", pushed(uri)))
		w.toldPerson(t, w.open("/authorize", pushed(uri)), uri)
	})
	t.Run("check 36: end after a minute", func(t *testing.T) {
		uri := w.push(t)
		w.now = w.now.Add(gatehouse.PushedLifetime)
		w.toldPerson(t, w.open("/authorize", pushed(uri)))
	})
	t.Run("check 36: are the client's own", func(t *testing.T) {
		_, other, _ := w.client(t, "other", apistore.NewKeys{Grants: []string{gatehouse.GrantAuthorizationCode}, Callbacks: []string{back}})
		uri := w.push(t)
		theirs := pushed(uri)
		theirs.Set("client_id", other)
		w.toldPerson(t, w.open("/authorize", theirs))
		w.handle(t, w.open("/authorize", pushed(uri))) // and trying does not use it up
	})
	t.Run("check 36: are not changed by what stands beside them", func(t *testing.T) {
		q := w.asked("scope", "news_write", "state", "evil", "redirect_uri", "https://evil.example")
		q.Set("request_uri", w.push(t))
		req, _, err := w.Asked(t.Context(), w.handle(t, w.open("/authorize", q)))
		must(t, err)
		if req.State != "s&1" || req.RedirectURI != back || len(req.Scopes) != 3 {
			t.Errorf("the request is %+v", req)
		}
	})
	t.Run("are the only ones where the client says so", func(t *testing.T) {
		if q := w.told(t, w.open("/authorize", w.asked())); q.Get("error") != "invalid_request" {
			t.Errorf("the client is told %v", q)
		}
	})
	t.Run("must be in order when they are pushed", func(t *testing.T) {
		w.post(t, "/par", w.asked("redirect_uri", "https://evil.example").Encode(), w.itself).wants(t, http.StatusBadRequest, "invalid_request")
		w.post(t, "/par", w.asked("code_challenge_method", "plain").Encode(), w.itself).wants(t, http.StatusBadRequest, "invalid_request")
		w.post(t, "/par", w.asked("request_uri", w.push(t)).Encode(), w.itself).wants(t, http.StatusBadRequest, "invalid_request")
		w.post(t, "/par", w.asked("request", "x.y.z").Encode(), w.itself).wants(t, http.StatusBadRequest, "request_not_supported")
	})
	t.Run("need the client to prove who it is", func(t *testing.T) {
		wrong := func(r *http.Request) { r.SetBasicAuth(w.key, "wrong") }
		w.post(t, "/par", w.asked().Encode(), wrong).wants(t, http.StatusUnauthorized, "invalid_client")
	})
	t.Run("are not made up", func(t *testing.T) {
		w.toldPerson(t, w.open("/authorize", pushed("urn:ietf:params:oauth:request_uri:"+gatehouse.NewHandle())))
		// The handle of a request that waits for a person is not one of a pushed request.
		w.toldPerson(t, w.open("/authorize", pushed("urn:ietf:params:oauth:request_uri:"+w.handle(t, w.open("/authorize", pushed(w.push(t)))))))
	})
}
