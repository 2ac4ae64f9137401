package organization_test

import (
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db"
	"github.com/gatehouse/gatehouse/internal/organization"
)

// house is the service on a real store, with a clock that stands still.
type house struct {
	*organization.Service
	db    *db.DB
	now   time.Time
	johns *gatehouse.Organization
}

const rightPassword = "unlike any other"

func open(t testing.TB) *house {
	t.Helper()
	data, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "gatehouse.db"))
	must(t, err)
	t.Cleanup(func() { must(t, data.Close()) })
	passwords, err := organization.NewPasswords(4, 1000)
	must(t, err)
	h := &house{db: data, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	h.Service = &organization.Service{Store: data, Passwords: passwords, Now: func() time.Time { return h.now }}
	h.johns, err = h.CreateOrganization(t.Context(), "johnsorg", "John's Organization")
	must(t, err)
	h.user(t, "john@johns.org", rightPassword)
	return h
}

func (h *house) user(t testing.TB, name, password string) {
	t.Helper()
	_, err := h.CreateUser(t.Context(), organization.NewUser{Username: name, Password: password, OrgKey: "johnsorg", Roles: []gatehouse.Role{gatehouse.Subscriber}})
	must(t, err)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var (
	home   = netip.MustParseAddr("192.0.2.1")
	abroad = netip.MustParseAddr("198.51.100.7")
)

// signsIn reports whether a name and password are let in.
func (h *house) signsIn(t testing.TB, name, password string, from netip.Addr) bool {
	t.Helper()
	m, err := h.Authenticate(t.Context(), h.johns, name, password, from)
	switch {
	case err == nil && m != nil:
		return true
	case m != nil || gatehouse.KindOf(err) != gatehouse.Unauthenticated || gatehouse.MessageOf(err) != "unknown user or wrong password":
		t.Fatalf("the answer is %v, %v", m, err)
	}
	return false
}
