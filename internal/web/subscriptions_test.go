package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// application makes one and returns the path of its page.
func (b *browser) application(name string) string {
	b.s.t.Helper()
	a := b.post("/subscriptions/new", "/subscriptions/new", url.Values{"name": {name}})
	a.want(b.s.t, http.StatusSeeOther)
	path, _, _ := strings.Cut(a.Header.Get("Location"), "?")
	return path
}

func TestMySubscriptionsNeedsSignIn(t *testing.T) {
	s := newSite(t)
	for path, to := range map[string]string{
		"/subscriptions":         "/login?next=%2Fsubscriptions",
		"/org":                   "/login?next=%2Forg",
		"/publisher":             "/login?next=%2Fpublisher",
		"/publisher/apis/x?a=b":  "/login?next=%2Fpublisher%2Fapis%2Fx%3Fa%3Db",
		"/subscriptions/x/token": "/login?next=%2Fsubscriptions%2Fx%2Ftoken",
	} {
		a := s.visitor().get(path)
		if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != to {
			t.Errorf("%s: %d to %s, want %s", path, a.StatusCode, a.Header.Get("Location"), to)
		}
	}
}

func TestGenerateKeys(t *testing.T) {
	s := newSite(t)
	b := s.as("dev@johnsorg")
	b.get("/subscriptions").want(t, 200, "No applications yet")
	path := b.application("Warehouse kiosk")
	b.get(path).want(t, 200, "No Production keys yet", "Generate", "No subscriptions yet")

	form := url.Values{"env": {"PRODUCTION"}}
	a := b.post(path, path+"/keys", form)
	a.want(t, 200, "Consumer key", "https://gateway.example/token", "grant_type=password", "dev@johnsorg", "••••")
	secret := a.value(t, "secret")
	if !strings.HasPrefix(secret, "ghs_") || strings.Count(a.Body, secret) != 1 {
		t.Errorf("the secret %q must stand in one place", secret)
	}
	after := b.get(path)
	after.want(t, 200, a.value(t, "key"), "••••"+secret[len(secret)-4:])
	if strings.Contains(after.Body, secret) || strings.Contains(after.Body, `id="secret"`) {
		t.Error("the secret is shown again")
	}
	b.post(path, path+"/keys", form).want(t, 409, "keys already")
	b.get(path+"?env=SANDBOX").want(t, 200, "No Sandbox keys yet")
	b.get(path+"?env=MOON").want(t, 400)
}

func TestSecretsComeAndGo(t *testing.T) {
	s := newSite(t)
	b := s.as("dev@johnsorg")
	path := b.application("Kiosk")
	first := b.post(path, path+"/keys", url.Values{"env": {"PRODUCTION"}}).value(t, "secret")
	second := b.post(path, path+"/secrets", url.Values{"env": {"PRODUCTION"}}).value(t, "secret")
	if first == second {
		t.Fatal("another secret is the same one")
	}
	a := b.get(path)
	a.want(t, 200, "••••"+first[len(first)-4:], "••••"+second[len(second)-4:], "Programs that use it stop")
	id := regexp.MustCompile(`name="secret" value="([^"]+)"`).FindStringSubmatch(a.Body)[1] // the newest stands first
	r := b.post(path, path+"/secrets/revoke", url.Values{"env": {"PRODUCTION"}, "secret": {id}})
	r.want(t, http.StatusSeeOther)
	after := b.get(r.Header.Get("Location"))
	after.want(t, 200, "Revoked, with every token", "••••"+first[len(first)-4:])
	if strings.Contains(after.Body, "••••"+second[len(second)-4:]) {
		t.Error("the revoked secret is still listed")
	}
}

func TestApplicationsAreTheirOwners(t *testing.T) {
	s := newSite(t)
	path := s.as("dev@johnsorg").application("Mine")
	other := s.as("cora@johnsorg")
	other.get(path).want(t, 404)
	other.get(path+"/token").want(t, 404)
	for _, deed := range []string{"/keys", "/secrets", "/secrets/revoke", "/token", "/unsubscribe"} {
		other.post("/", path+deed, nil).want(t, 404)
	}
	s.as("stranger").get(path).want(t, 404)
}

func TestApplicationsNeedGoodNames(t *testing.T) {
	s := newSite(t)
	b := s.as("dev@johnsorg")
	b.application("Twice")
	for name, says := range map[string]string{"": "needs a name", "Twice": "already", `<script>alert("x")</script>`: "needs a name"} {
		a := b.post("/subscriptions/new", "/subscriptions/new", url.Values{"name": {name}})
		a.want(t, 409, says)
		if strings.Contains(a.Body, "<script>alert") {
			t.Error("a name runs")
		}
	}
}

func TestGetAToken(t *testing.T) {
	s := newSite(t)
	b := s.as("dev@johnsorg")
	path := b.application("Kiosk")
	b.get(path+"/token").want(t, 200, "There are no Production keys yet.")
	b.post(path, path+"/keys", url.Values{"env": {"PRODUCTION"}}).want(t, 200)
	b.get(path+"/token").want(t, 200, "name no scope")
	id := strings.TrimPrefix(path, "/subscriptions/")
	api := "/apis/" + s.api.ID
	b.post(api, api+"/start", url.Values{"application": {id}, "env": {"PRODUCTION"}}).want(t, 200)
	b.get(path+"/token").want(t, 200, "See orders and what happened to them", "Needs the role shift-lead", "grant_type=client_credentials", "scope=read update&#39;")

	a := b.post(path+"/token", path+"/token", url.Values{"env": {"PRODUCTION"}, "scope": {"read", "cancel"}, "lifetime": {"900"}})
	a.want(t, 200, "Your access token", "Run this now", `data-left="`, "PT")
	token := a.value(t, "token")
	if strings.Count(a.Body, token) != 1 || strings.Contains(b.get(path+"/token").Body, token) {
		t.Error("the token must stand in one place of one answer")
	}
	ticket := regexp.MustCompile(`(?s)class="ticket".*?class="stub"`).FindString(a.Body)
	if !strings.Contains(ticket, "read") || strings.Contains(ticket, "cancel") {
		t.Errorf("the token's scopes are not those that the roles allow: %s", ticket)
	}
	for _, lifetime := range []string{"0", "-1", "soon", "99999999999999"} {
		b.post(path+"/token", path+"/token", url.Values{"lifetime": {lifetime}}).want(t, 400)
	}
}

func TestUnsubscribe(t *testing.T) {
	s := newSite(t)
	b := s.as("dev@johnsorg")
	api := "/apis/" + s.api.ID
	b.post(api, api+"/start", url.Values{"env": {"PRODUCTION"}}).want(t, 200)
	a := b.get("/subscriptions")
	a.want(t, 200, "Orders API", "Active")
	path := regexp.MustCompile(`action="(/subscriptions/[^"]+/unsubscribe)"`).FindStringSubmatch(a.Body)[1]
	id := regexp.MustCompile(`name="subscription" value="([^"]+)"`).FindStringSubmatch(a.Body)[1]
	r := b.post("/subscriptions", path, url.Values{"subscription": {id}})
	r.want(t, http.StatusSeeOther)
	b.get(r.Header.Get("Location")).want(t, 200, "Unsubscribed.", "No subscriptions yet")
	b.post("/subscriptions", path, url.Values{"subscription": {id}}).want(t, 404)
}
