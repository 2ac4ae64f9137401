package tokenapi_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
)

// allowed makes an application of john's that may use grants, and lets h ask as it.
func (h *house) allowed(t testing.TB, name string, grants ...string) {
	t.Helper()
	h.app, h.key, h.secret = h.client(t, name, apistore.NewKeys{Grants: grants})
}

// device begins a device's request and returns its code and the user's.
func (h *house) device(t testing.TB, scope string) (code, userCode string) {
	t.Helper()
	got := h.post(t, "/device_authorization", form("scope", scope))
	if got.status != http.StatusOK {
		t.Fatalf("answered %d %s", got.status, got.raw)
	}
	return got.text("device_code"), got.text("user_code")
}

// answer answers a device as john.
func (h *house) answer(t testing.TB, userCode string, state gatehouse.DeviceState) {
	t.Helper()
	d, err := h.db.DeviceCodeByUserCode(context.Background(), gatehouse.HashToken(userCode))
	must(t, err)
	d.State, d.UserID = state, h.john.ID
	must(t, h.db.AnswerDeviceCode(context.Background(), d))
}

func (h *house) poll(t testing.TB, code string, change ...func(*http.Request)) *reply {
	t.Helper()
	return h.post(t, "/token", form("grant_type", gatehouse.GrantDeviceCode, "device_code", code), change...)
}

func TestADeviceGetsATokenOnceItsUserAllows(t *testing.T) {
	h := newHouse(t)
	h.allowed(t, "tv", gatehouse.GrantDeviceCode, gatehouse.GrantRefreshToken)
	got := h.post(t, "/device_authorization", form("scope", "news_write unknown"))
	user := got.text("user_code")
	if !regexp.MustCompile(`^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$`).MatchString(user) || len(got.text("device_code")) < 43 {
		t.Errorf("the codes are %s", got.raw)
	}
	if got.text("verification_uri") != portal+"/device" || got.text("verification_uri_complete") != portal+"/device?user_code="+user || got.body["expires_in"] != 600.0 || got.body["interval"] != 5.0 {
		t.Errorf("answered %s", got.raw)
	}
	code := got.text("device_code")
	h.poll(t, code).wants(t, 400, "authorization_pending")
	h.answer(t, user, gatehouse.DeviceAllowed)
	token := h.poll(t, code)
	access, refresh := token.pair(t)
	if token.text("scope") != "news_write" || refresh == "" || !h.active(t, access) {
		t.Errorf("answered %s", token.raw)
	}
	h.poll(t, code).wants(t, 400, "invalid_grant")
}

// check 20: a device that polls too fast waits longer each time, and the interval stays.
func TestPollingTooFastSlowsDown(t *testing.T) {
	h := newHouse(t)
	h.allowed(t, "tv", gatehouse.GrantDeviceCode)
	code, _ := h.device(t, "")
	for i, row := range []struct {
		after time.Duration
		want  string
	}{
		{0, "authorization_pending"}, {5 * time.Second, "authorization_pending"}, {4 * time.Second, "slow_down"},
		{9 * time.Second, "slow_down"}, {14 * time.Second, "slow_down"}, {20 * time.Second, "authorization_pending"}, {19 * time.Second, "slow_down"},
	} {
		h.now = h.now.Add(row.after)
		if got := h.poll(t, code); got.text("error") != row.want {
			t.Errorf("poll %d: %s, want %s", i, got.raw, row.want)
		}
	}
}

// check 20: denied, expired, foreign, unknown and used codes.
func TestDeviceCodesThatGiveNothing(t *testing.T) {
	h := newHouse(t)
	h.allowed(t, "tv", gatehouse.GrantDeviceCode)
	mine := [2]string{h.key, h.secret}
	denied, user := h.device(t, "")
	h.answer(t, user, gatehouse.DeviceDenied)
	old, _ := h.device(t, "")
	h.poll(t, denied).wants(t, 400, "access_denied")
	h.poll(t, denied).wants(t, 400, "access_denied")
	h.poll(t, "nothing").wants(t, 400, "invalid_grant")
	h.poll(t, "").wants(t, 400, "invalid_request")

	foreign, user := h.device(t, "")
	h.answer(t, user, gatehouse.DeviceAllowed)
	h.allowed(t, "other tv", gatehouse.GrantDeviceCode)
	h.poll(t, foreign).wants(t, 400, "invalid_grant")
	if got := h.poll(t, foreign, as(mine[0], mine[1])); got.status != 200 {
		t.Errorf("another client's poll used the code up: %s", got.raw)
	}
	h.now = h.now.Add(gatehouse.DeviceLifetime)
	h.poll(t, old, as(mine[0], mine[1])).wants(t, 400, "expired_token")
}

// check 20: of polls at one moment exactly one gets the token.
func TestADeviceCodeIsGoodOnce(t *testing.T) {
	h := newHouse(t)
	h.allowed(t, "tv", gatehouse.GrantDeviceCode)
	code, user := h.device(t, "")
	h.answer(t, user, gatehouse.DeviceAllowed)
	var all sync.WaitGroup
	answers := make([]*reply, 20)
	for i := range answers {
		all.Go(func() { answers[i] = h.poll(t, code) })
	}
	all.Wait()
	good := 0
	for _, a := range answers {
		if a.status == http.StatusOK {
			good++
		} else if a.text("error") != "invalid_grant" {
			t.Errorf("answered %s", a.raw)
		}
	}
	if good != 1 {
		t.Errorf("%d polls got a token", good)
	}
}

func TestWhatAUserAllowedEndsWithTheirPassword(t *testing.T) {
	h := newHouse(t)
	h.allowed(t, "tv", gatehouse.GrantDeviceCode)
	code, user := h.device(t, "")
	h.answer(t, user, gatehouse.DeviceAllowed)
	must(t, h.people.SetPassword(t.Context(), "john@johns.org", "another password"))
	h.poll(t, code).wants(t, 400, "invalid_grant")
}

// check 6: a grant type that the application does not list.
func TestGrantsAreSwitchedOnForEachApplication(t *testing.T) {
	h := newHouse(t) // its keys have the grants of new keys
	for _, grant := range gatehouse.SupportedGrants[len(gatehouse.DefaultGrants):] {
		h.post(t, "/token", form("grant_type", grant)).wants(t, 400, "unauthorized_client")
	}
	h.post(t, "/device_authorization", "").wants(t, 400, "unauthorized_client")
	h.post(t, "/device_authorization", "", as("nobody", "nothing")).wants(t, 401, "invalid_client")
	h.allowed(t, "night", gatehouse.GrantClientCredentials)
	h.login(t, "").wants(t, 400, "unauthorized_client")
	must(t, h.people.UpdateOrganization(t.Context(), "johnsorg", func(o *gatehouse.Organization) { o.PasswordGrant = false }))
	h.allowed(t, "day", gatehouse.GrantPassword)
	h.login(t, "").wants(t, 400, "unauthorized_client")
}

func TestADeprecatedPasswordGrantSaysSo(t *testing.T) {
	h := newHouse(t)
	if got := h.login(t, ""); got.header.Get("Deprecation") != "" || got.header.Get("Link") != "" {
		t.Errorf("it is deprecated: %v", got.header)
	}
	since := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	must(t, h.people.UpdateOrganization(t.Context(), "johnsorg", func(o *gatehouse.Organization) { o.PasswordDeprecated = since }))
	for name, got := range map[string]*reply{
		"a token":   h.login(t, ""),
		"a refusal": h.post(t, "/token", form("grant_type", "password", "username", "john@johns.org", "password", "Tr0ub4dor&3")),
	} {
		if got.header.Get("Deprecation") != "@1767323045" || got.header.Get("Link") != `<`+portal+`/password-grant?o=johnsorg>; rel="deprecation"; type="text/html"` {
			t.Errorf("%s: %v", name, got.header)
		}
	}
	_, refresh := h.login(t, "").pair(t)
	if got := h.refresh(t, refresh, ""); got.header.Get("Deprecation") != "" {
		t.Error("a refresh is deprecated")
	}
}

func TestUsesOfGrantsAreTold(t *testing.T) {
	h := newHouse(t)
	var uses []string
	h.GrantUsed = func(key, grant string) {
		if key != h.key {
			t.Errorf("told of %s", key)
		}
		uses = append(uses, grant)
	}
	_, refresh := h.login(t, "").pair(t)
	h.refresh(t, refresh, "")
	h.post(t, "/token", form("grant_type", "password", "username", "john@johns.org", "password", "Tr0ub4dor&3"))
	if got := strings.Join(uses, " "); got != "password refresh_token" {
		t.Errorf("told of %s", got)
	}
}
