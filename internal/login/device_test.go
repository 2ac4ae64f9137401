package login_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
	"github.com/gatehouse/gatehouse/internal/db"
	"github.com/gatehouse/gatehouse/internal/observe"
)

// televisions gives the site an application of john's whose devices may ask, and returns
// what begins a device's request and tells its code.
func (s *site) televisions() (store *db.DB, begin func(scopes ...string) string) {
	s.t.Helper()
	must := func(err error) {
		s.t.Helper()
		if err != nil {
			s.t.Fatal(err)
		}
	}
	ctx := s.t.Context()
	store = s.people.Store.(*db.DB)
	s.login.Devices, s.login.Clients, s.login.Scopes = store, store, store
	org, err := s.people.Organization(ctx, "johnsorg")
	must(err)
	john, err := s.people.MemberNamed(ctx, org, "john@johns.org")
	must(err)
	apps := &apistore.Service{Store: store, Now: time.Now}
	app, err := apps.CreateApplication(ctx, john, apistore.NewApplication{Name: "Tele & vision"})
	must(err)
	k, _, err := apps.GenerateKeys(ctx, john, app.ID, apistore.NewKeys{Grants: []string{gatehouse.GrantDeviceCode}})
	must(err)
	return store, func(scopes ...string) string {
		s.t.Helper()
		code := gatehouse.NewUserCode()
		must(store.CreateDeviceCode(ctx, &gatehouse.DeviceCode{
			Hash: gatehouse.HashToken("device " + code), UserCode: gatehouse.HashToken(code), ConsumerKey: k.ConsumerKey, Carries: gatehouse.Carries{Scopes: scopes},
			State: gatehouse.DevicePending, Interval: gatehouse.DeviceInterval, ExpiresAt: s.now.Add(gatehouse.DeviceLifetime),
		}, 100, s.now))
		return code
	}
}

// state is what became of a device's request.
func state(t *testing.T, store *db.DB, code string) gatehouse.DeviceState {
	t.Helper()
	d, err := store.DeviceCodeByUserCode(t.Context(), gatehouse.HashToken(code))
	if err != nil {
		t.Fatal(err)
	}
	return d.State
}

// check 48: the page shows whose device it is and what it asks for before anything is
// allowed, and nothing to who is not signed in.
func TestAUserAnswersADevice(t *testing.T) {
	for answer, want := range map[string]gatehouse.DeviceState{"allow": gatehouse.DeviceAllowed, "deny": gatehouse.DeviceDenied, "": gatehouse.DeviceDenied} {
		t.Run("answer "+answer, func(t *testing.T) {
			s := newSite(t)
			store, begin := s.televisions()
			code, c := begin("device_tv"), s.browser()
			entry := s.get(c, "/device")
			typed := strings.ToLower(strings.ReplaceAll(code, "-", " "))
			a := s.post(c, "/device", url.Values{"csrf": {entry.csrf(t)}, "user_code": {typed}})
			if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/device?user_code="+code {
				t.Fatalf("%d to %s", a.StatusCode, a.Header.Get("Location"))
			}
			path := a.Header.Get("Location")
			if a = s.get(c, path); a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/login?next="+url.QueryEscape(path) || strings.Contains(a.Body, "Tele") {
				t.Fatalf("a visitor: %d to %s %s", a.StatusCode, a.Header.Get("Location"), a.Body)
			}
			if a = s.signIn(c, "john@johns.org@johnsorg", password, "next", path); a.Header.Get("Location") != path {
				t.Fatalf("after sign-in: %s", a.Header.Get("Location"))
			}
			a = s.get(c, path)
			for _, has := range []string{code, "Tele &amp; vision", "John&#39;s Organization", "device_tv", "john@johns.org@johnsorg"} {
				if !strings.Contains(a.Body, has) {
					t.Errorf("the page does not show %s", has)
				}
			}
			if got := state(t, store, code); got != gatehouse.DevicePending {
				t.Fatalf("opening the page made it %s", got)
			}
			if a := s.post(c, "/device/answer", url.Values{"user_code": {code}, "answer": {"allow"}}); a.StatusCode != http.StatusForbidden || state(t, store, code) != gatehouse.DevicePending {
				t.Errorf("check 38: without a token of the form: %d", a.StatusCode)
			}
			form := url.Values{"csrf": {a.csrf(t)}, "user_code": {code}, "answer": {answer}}
			if a = s.post(c, "/device/answer", form); a.StatusCode != http.StatusOK || state(t, store, code) != want {
				t.Errorf("%d, and it is %s", a.StatusCode, state(t, store, code))
			}
			if a = s.post(c, "/device/answer", form); a.StatusCode != http.StatusNotFound {
				t.Errorf("a second answer: %d", a.StatusCode)
			}
		})
	}
}

func TestCodesThatMeanNothingToSomebody(t *testing.T) {
	s := newSite(t)
	_, begin := s.televisions()
	code := begin()
	jane := s.browser()
	s.signIn(jane, "jane", password)
	if a := s.get(jane, "/device?user_code="+code); a.StatusCode != http.StatusNotFound || strings.Contains(a.Body, "Tele") {
		t.Errorf("another organization's user: %d", a.StatusCode)
	}
	john := s.browser()
	s.signIn(john, "john@johns.org@johnsorg", password)
	for _, typed := range []string{"BCDF", "AEIO-UAEI", "BCDF-GHJK-LMNP", "%00", strings.Repeat("B", 5000)} {
		if a := s.get(john, "/device?user_code="+typed); a.StatusCode != http.StatusBadRequest {
			t.Errorf("%.20s: %d", typed, a.StatusCode)
		}
	}
	s.now = s.now.Add(gatehouse.DeviceLifetime)
	if a := s.get(john, "/device?user_code="+code); a.StatusCode != http.StatusNotFound {
		t.Errorf("an old code: %d", a.StatusCode)
	}
}

// forwarded sends requests as a proxy does that speaks for an address.
type forwarded struct {
	http.RoundTripper
	address *string
}

func (f forwarded) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("X-Forwarded-For", *f.address)
	return f.RoundTripper.RoundTrip(r)
}

// checks 20 and 48: after ten wrong codes no code is looked at, neither for this user
// elsewhere nor for another user from here, until the codes of then have ended.
func TestCodesCannotBeGuessed(t *testing.T) {
	s := newSite(t)
	_, begin := s.televisions()
	address := "192.0.2.1"
	s.login.Proxies = observe.Proxies{netip.MustParsePrefix("127.0.0.0/8")}
	from := func(c *http.Client) *http.Client {
		c.Transport = forwarded{c.Transport, &address}
		return c
	}
	code, john := begin(), from(s.browser())
	s.signIn(john, "john@johns.org@johnsorg", password)
	for i := range gatehouse.MaxWrongCodes {
		if a := s.get(john, "/device?user_code="+gatehouse.NewUserCode()); a.StatusCode != http.StatusNotFound {
			t.Fatalf("guess %d: %d", i, a.StatusCode)
		}
	}
	jane := from(s.browser())
	s.signIn(jane, "jane", password)
	elsewhere := from(s.browser())
	s.signIn(elsewhere, "john@johns.org@johnsorg", password)
	for name, row := range map[string]struct {
		c       *http.Client
		address string
		want    int
	}{
		"the same":                    {john, "192.0.2.1", http.StatusTooManyRequests},
		"a new session elsewhere":     {elsewhere, "192.0.2.2", http.StatusTooManyRequests},
		"another user from there":     {jane, "192.0.2.1", http.StatusTooManyRequests},
		"another user from elsewhere": {jane, "192.0.2.2", http.StatusNotFound},
	} {
		address = row.address
		if a := s.get(row.c, "/device?user_code="+code); a.StatusCode != row.want {
			t.Errorf("%s: %d, want %d", name, a.StatusCode, row.want)
		}
	}
	address = "192.0.2.1"
	s.now = s.now.Add(gatehouse.DeviceLifetime)
	if a := s.get(john, "/device?user_code="+begin()); a.StatusCode != http.StatusOK {
		t.Errorf("ten minutes later: %d", a.StatusCode)
	}
}
