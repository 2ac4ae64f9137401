package tokenapi_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
)

// check 15: an application's own token speaks for no user and has no refresh token.
func TestClientCredentials(t *testing.T) {
	h := newHouse(t)
	got := h.post(t, "/token", "grant_type=client_credentials&scope=openid+news_write+apim:admin")
	access, refresh := got.pair(t)
	if _, has := got.body["refresh_token"]; has || refresh != "" || got.body["id_token"] != nil || got.text("scope") != "openid news_write" {
		t.Errorf("answered %s", got.raw)
	}
	said := h.post(t, "/introspect", form("token", access))
	if said.text("sub") != h.key || said.text("aut") != "APPLICATION" || said.text("username") != "" {
		t.Errorf("the token says %s", said.raw)
	}
	must(t, h.people.SetPassword(t.Context(), "john@johns.org", "another horse"))
	if !h.active(t, access) {
		t.Error("the owner's new password ended the application's token")
	}
	// An owner who left has no roles, nor has the application.
	h.user(t, "heir@johns.org", "johnsorg", gatehouse.Admin)
	must(t, h.people.SetRoles(t.Context(), "johnsorg", "john@johns.org", nil))
	if got := h.post(t, "/token", "grant_type=client_credentials&scope=news_write"); got.text("scope") != "default" {
		t.Errorf("answered %s", got.raw)
	}
}

// Acceptance 10, and the parameter validity_period: how many seconds, or for ever where the
// organization allows it.
func TestValidityPeriod(t *testing.T) {
	h := newHouse(t)
	for _, row := range []struct {
		period  string
		never   bool
		expires float64 // 0 means that it is refused
	}{
		{"60", false, 60},
		{"1", false, 1},
		{"86400", false, 86400},
		{"-1", false, 0},
		{"-1", true, gatehouse.NeverExpiresIn},
		{"-3600", true, gatehouse.NeverExpiresIn},
		{"0", true, 0},
		{"", false, 0},
		{"ten", false, 0},
		{"1.5", false, 0},
		{"60s", false, 0},
		{"315360001", false, 0},
		{"99999999999999999999", false, 0},
	} {
		t.Run(row.period, func(t *testing.T) {
			must(t, h.people.UpdateOrganization(t.Context(), "johnsorg", func(o *gatehouse.Organization) { o.NeverExpiring = row.never }))
			_, key, secret := h.client(t, "app "+row.period+map[bool]string{true: "never"}[row.never], apistore.NewKeys{})
			got := h.post(t, "/token", form("grant_type", "client_credentials", "validity_period", row.period), as(key, secret))
			if row.expires == 0 {
				got.wants(t, http.StatusBadRequest, "invalid_request")
			} else if got.pair(t); got.body["expires_in"] != row.expires {
				t.Errorf("expires in %v, want %v", got.body["expires_in"], row.expires)
			}
		})
	}
}

// check 58: expires_in is the token's real life.
func TestExpiresInIsTrue(t *testing.T) {
	h := newHouse(t)
	access, _ := h.post(t, "/token", "grant_type=client_credentials&validity_period=60").pair(t)
	h.now = h.now.Add(time.Minute - time.Nanosecond)
	if !h.active(t, access) {
		t.Error("it ended early")
	}
	h.now = h.now.Add(time.Nanosecond)
	if h.active(t, access) {
		t.Error("it lives too long")
	}
}
