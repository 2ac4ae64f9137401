package organization_test

import (
	"net/netip"
	"testing"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/organization"
)

const rightPassword = "unlike any other"

// open makes a house with john alone, in which many may sign in at once.
func open(t testing.TB) *house {
	t.Helper()
	h := empty(t)
	h.Passwords = newPasswords(t, 4, 1000)
	var err error
	h.org, err = h.CreateOrganization(t.Context(), "johnsorg", "John's Organization")
	must(t, err)
	h.known(t, "john@johns.org", rightPassword)
	return h
}

// known makes a user with a password.
func (h *house) known(t testing.TB, name, password string) {
	t.Helper()
	_, err := h.CreateUser(t.Context(), organization.NewUser{Username: name, Password: password, OrgKey: "johnsorg", Roles: []gatehouse.Role{gatehouse.Subscriber}})
	must(t, err)
}

var (
	home   = netip.MustParseAddr("192.0.2.1")
	abroad = netip.MustParseAddr("198.51.100.7")
)

// signsIn reports whether a name and password are let in.
func (h *house) signsIn(t testing.TB, name, password string, from netip.Addr) bool {
	t.Helper()
	m, err := h.Authenticate(t.Context(), h.org, name, password, from)
	switch {
	case err == nil && m != nil:
		return true
	case m != nil || gatehouse.KindOf(err) != gatehouse.Unauthenticated || gatehouse.MessageOf(err) != "unknown user or wrong password":
		t.Fatalf("the answer is %v, %v", m, err)
	}
	return false
}
