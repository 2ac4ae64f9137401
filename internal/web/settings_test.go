package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db"
)

// settings is the form about keys as the page fills it in, changed by pairs.
func settings(change ...string) url.Values {
	form := url.Values{
		"env": {"PRODUCTION"}, "grant": {gatehouse.GrantPassword, gatehouse.GrantDeviceCode}, "callbacks": {"https://app.example/back\r\nhttps://app.example/b2"},
		"access": {"600"}, "refresh": {"7200"}, "grace": {"30"}, "format": {"OPAQUE"}, "algorithm": {"RS256"}, "revokes": {"on"},
	}
	for i := 0; i < len(change); i += 2 {
		form.Set(change[i], change[i+1])
	}
	return form
}

func TestWhatKeysMayDoIsChangedOnTheirPage(t *testing.T) {
	s := newSite(t)
	b := s.as("dev@johnsorg")
	path := b.application("Kiosk")
	b.post(path, path+"/keys/settings", settings()).want(t, 404)
	b.post(path, path+"/keys", url.Values{"env": {"PRODUCTION"}}).want(t, 200, `value="password" checked`, `value="3600"`, `value="86400"`)
	a := b.post(path, path+"/keys/settings", settings())
	a.want(t, http.StatusSeeOther)
	a = b.get(a.Header.Get("Location"))
	a.want(t, 200, "Saved. Tokens", `value="password" checked`, `value="`+gatehouse.GrantDeviceCode+`" checked`, `value="600"`, `value="7200"`, `value="30"`, "https://app.example/back\nhttps://app.example/b2", `value="OPAQUE" selected`, `value="RS256" selected`, `name="revokes" value="on" checked`)
	if strings.Contains(a.Body, `value="client_credentials" checked`) {
		t.Error("a grant that was not chosen is allowed")
	}
	for name, row := range map[string]struct{ field, value, says string }{
		"an end that must not be missing": {"access", "-1", "never expire"},
		"no number":                       {"access", "an hour", "number of seconds"},
		"nothing":                         {"refresh", "0", "a second or more"},
		"a long grace":                    {"grace", "61", "0 to 60 seconds"},
		"an unknown grant":                {"grant", "implicit", "not supported"},
		"a callback that runs":            {"callbacks", "javascript:alert(1)", "callback"},
		"another format":                  {"format", "SAML", "no token format"},
	} {
		t.Run(name, func(t *testing.T) {
			b.post(path, path+"/keys/settings", settings(row.field, row.value)).want(t, 409, row.says)
		})
	}
	none := settings()
	none.Del("grant")
	b.post(path, path+"/keys/settings", none).want(t, 409, "Choose at least one way to a token", "https://app.example/b2")
	s.as("cora@johnsorg").post("/", path+"/keys/settings", settings()).want(t, 404)
}

func TestTheStoreLeadsAwayFromThePasswordGrant(t *testing.T) {
	s := newSite(t)
	store := s.people.Store.(*db.DB)
	b := s.as("dev@johnsorg")
	path := b.application("Kiosk")
	key := b.post(path, path+"/keys", url.Values{"env": {"PRODUCTION"}}).value(t, "key")
	if strings.Contains(b.get(path).Body, "Password grant:") {
		t.Error("it was never used")
	}
	if err := store.UseGrants(t.Context(), []gatehouse.GrantUse{{ConsumerKey: key, Grant: gatehouse.GrantPassword, Uses: 5, LastDay: gatehouse.Day(time.Now())}}); err != nil {
		t.Fatal(err)
	}
	b.get(path).want(t, 200, "Password grant: 5 uses, last today.", "OAuth 2.1 drops it", `href="/password-grant"`)
	s.visitor().get("/password-grant").want(t, 200, "OAuth 2.1 drops it.", gatehouse.GrantDeviceCode)
	err := s.people.UpdateOrganization(t.Context(), "johnsorg", func(o *gatehouse.Organization) {
		o.PasswordDeprecated = time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	})
	if err != nil {
		t.Fatal(err)
	}
	s.visitor().get("/password-grant?o=johnsorg").want(t, 200, "John&#39;s Organization has asked its clients since 2 January 2026")
	s.visitor().get("/password-grant?o=nowhere").want(t, 404)
}
