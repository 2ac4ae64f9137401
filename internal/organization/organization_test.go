package organization_test

import (
	"context"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db"
	"github.com/gatehouse/gatehouse/internal/organization"
)

const password = "correct horse"

// house is a service on a real store, with johnsorg and janesorg. john and tom are of
// johnsorg, jane of janesorg; sam is of both.
type house struct {
	*organization.Service
	db        *db.DB
	now       time.Time
	org       *gatehouse.Organization
	john, sam *gatehouse.Member
}

func empty(t testing.TB) *house {
	t.Helper()
	data, err := db.Open(context.Background(), filepath.Join(t.TempDir(), "gatehouse.db"))
	must(t, err)
	t.Cleanup(func() { must(t, data.Close()) })
	h := &house{db: data, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return h.now }
	data.Now = clock
	h.Service = &organization.Service{Store: data, Passwords: newPasswords(t, 2, 8), Now: clock}
	return h
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := empty(t)
	var err error
	h.org, err = h.CreateOrganization(t.Context(), "johnsorg", "John's")
	must(t, err)
	_, err = h.CreateOrganization(t.Context(), "janesorg", "Jane's")
	must(t, err)
	h.john = h.user(t, "john@johns.org", "johnsorg", "manager", gatehouse.Admin)
	h.user(t, "tom", "johnsorg")
	h.user(t, "jane@janes.org", "janesorg")
	h.sam = h.user(t, "sam@sams.org", "johnsorg", gatehouse.Subscriber)
	h.user(t, "sam@sams.org", "janesorg", gatehouse.Publisher)
	return h
}

func (h *house) user(t testing.TB, name, org string, roles ...gatehouse.Role) *gatehouse.Member {
	t.Helper()
	m, err := h.CreateUser(t.Context(), organization.NewUser{Username: name, Password: password, OrgKey: org, Roles: roles})
	must(t, err)
	return m
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantKind(t testing.TB, err error, kind gatehouse.Kind) {
	t.Helper()
	if err == nil || gatehouse.KindOf(err) != kind {
		t.Errorf("error %v has kind %d, want %d", err, gatehouse.KindOf(err), kind)
	}
}

// hashes counts the password hashes that f makes, by the 19 MiB that each takes.
func hashes(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int((after.TotalAlloc - before.TotalAlloc) / (19 << 20))
}

// check 10, and decision 1 of the Token API: what follows the last @ is an organization
// key if there is such an organization, else part of the username. Every refusal is the
// same error (check 9) after exactly one password hash, whoever is meant.
func TestAuthenticate(t *testing.T) {
	h := newHouse(t)
	for name, row := range map[string]struct{ given, means string }{
		"an e-mail address and the organization": {"john@johns.org@johnsorg", "john@johns.org"},
		"an e-mail address alone":                {"john@johns.org", "john@johns.org"},
		"a plain name and the organization":      {"tom@johnsorg", "tom"},
		"a plain name alone":                     {"tom", "tom"},
		"capitals in the name":                   {"John@JOHNS.org@johnsorg", "john@johns.org"},
		"a member of two organizations":          {"sam@sams.org@johnsorg", "sam@sams.org"},
		"the same, as the other's":               {"sam@sams.org@janesorg", ""},
		"another organization's user":            {"jane@janes.org@janesorg", ""},
		"another organization's user as ours":    {"jane@janes.org@johnsorg", ""},
		"another organization's user alone":      {"jane@janes.org", ""},
		"our user as another organization's":     {"john@johns.org@janesorg", ""},
		"an unknown user":                        {"nobody@johns.org@johnsorg", ""},
		"an unknown organization":                {"john@johns.org@nosuchorg", ""},
		"a plain name, unknown organization":     {"tom@nosuchorg", ""},
		"nothing":                                {"", ""},
		"an empty organization":                  {"john@johns.org@", ""},
		"an organization alone":                  {"@johnsorg", ""},
		"an @ alone":                             {"@", ""},
		"two organizations":                      {"john@johns.org@johnsorg@johnsorg", ""},
		"two different organizations":            {"tom@janesorg@johnsorg", ""},
		"the other way round":                    {"tom@johnsorg@janesorg", ""},
		"an organization in capitals":            {"john@johns.org@JOHNSORG", ""},
		"a look-alike in the name":               {"jоhn@johns.org@johnsorg", ""},
		"a look-alike in the organization":       {"john@johns.org@jоhnsorg", ""},
		"full-width letters":                     {"ｔｏｍ@johnsorg", ""},
		"a space behind":                         {"john@johns.org@johnsorg ", ""},
		"a space before":                         {" john@johns.org@johnsorg", ""},
		"a space behind the name":                {"john@johns.org @johnsorg", ""},
		"NUL behind":                             {"john@johns.org@johnsorg\x00", ""},
		"NUL within":                             {"tom\x00@johnsorg", ""},
		"a line break":                           {"tom@johnsorg\n", ""},
		"a percent sign":                         {"tom%40johnsorg", ""},
		"SQL":                                    {"' OR '1'='1", ""},
		"a pattern":                              {"t%", ""},
		"a domain before":                        {"PRIMARY/tom@johnsorg", ""},
		"bytes that are not UTF-8":               {"tom\xff@johnsorg", ""},
		"1 MiB":                                  {strings.Repeat("a", 1<<20), ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, word := range []string{password, "wrong horse", ""} {
				var m *gatehouse.Member
				var err error
				h.now = h.now.Add(time.Hour) // long after the wrong ones before
				if made := hashes(func() { m, err = h.Authenticate(t.Context(), h.org, row.given, word, home) }); made != 1 {
					t.Errorf("it costs %d password hashes, want 1", made)
				}
				if word == password && row.means != "" {
					must(t, err)
					if m.Username != row.means || m.Organization.Key != "johnsorg" {
						t.Errorf("it is %s of %s", m.Username, m.Organization.Key)
					}
					continue
				}
				wantKind(t, err, gatehouse.Unauthenticated)
				if m != nil || err.Error() != "unknown user or wrong password" {
					t.Errorf("it is told apart: %v, %v", m, err)
				}
			}
		})
	}
}

// The roles are those of the organization that is asked.
func TestAPersonHasRolesInEachOrganization(t *testing.T) {
	h := newHouse(t)
	other, err := h.Organization(t.Context(), "janesorg")
	must(t, err)
	for org, role := range map[*gatehouse.Organization]gatehouse.Role{h.org: gatehouse.Subscriber, other: gatehouse.Publisher} {
		m, err := h.Authenticate(t.Context(), org, "sam@sams.org", password, home)
		must(t, err)
		if diff := cmp.Diff([]gatehouse.Role{role}, m.Roles); diff != "" || m.ID != h.sam.ID {
			t.Errorf("%s: %s %s", org.Key, m.ID, diff)
		}
	}
	orgs, err := h.Memberships(t.Context(), h.sam)
	must(t, err)
	if len(orgs) != 2 {
		t.Errorf("sam belongs to %v", orgs)
	}
}

// checks 9, 11: a disabled user is refused like an unknown one; a password longer than
// any is refused before anything is hashed.
func TestAuthenticateRefusesBeforeAndAfterTheHash(t *testing.T) {
	h := newHouse(t)
	hash, err := h.Passwords.Hash(t.Context(), password)
	must(t, err)
	off := &gatehouse.Member{User: gatehouse.User{ID: gatehouse.NewID(h.now), Username: "off", Disabled: true}, Organization: *h.org}
	must(t, h.db.CreateUser(t.Context(), off, hash))
	if made := hashes(func() { _, err = h.Authenticate(t.Context(), h.org, "off", password, home) }); made != 1 {
		t.Errorf("a disabled user costs %d hashes", made)
	}
	wantKind(t, err, gatehouse.Unauthenticated)
	if made := hashes(func() {
		_, err = h.Authenticate(t.Context(), h.org, "tom", strings.Repeat("x", gatehouse.MaxPassword+1), home)
	}); made != 0 {
		t.Errorf("a password that is too long costs %d hashes", made)
	}
	wantKind(t, err, gatehouse.Unauthenticated)
}

func TestAuthenticateUnderAFlood(t *testing.T) {
	h := newHouse(t)
	h.Passwords = newPasswords(t, 1, 0)
	leave, err := h.Passwords.Hold(t.Context())
	must(t, err)
	store := h.Store
	h.Store = nil // whoever is turned away costs no look-up
	for _, name := range []string{"tom", "nobody"} {
		_, err = h.Authenticate(t.Context(), h.org, name, password, home)
		wantKind(t, err, gatehouse.Unavailable)
	}
	h.Store = store
	leave()
	_, err = h.Authenticate(t.Context(), h.org, "tom", password, home)
	must(t, err)
}

// check 157: the first start makes one organization and one user, with a password that
// was given or one that nobody could guess; later starts make nothing.
func TestBootstrap(t *testing.T) {
	for name, given := range map[string]string{"made up": "", "given": "my first password"} {
		t.Run(name, func(t *testing.T) {
			h := empty(t)
			madeUp, err := h.Bootstrap(t.Context(), chosen(given))
			must(t, err)
			if (madeUp == "") != (given != "") || madeUp != "" && len(madeUp) != 20 {
				t.Errorf("made up %q", madeUp)
			}
			org, err := h.Organization(t.Context(), gatehouse.DefaultOrganization)
			must(t, err)
			m, err := h.Authenticate(t.Context(), org, "admin", madeUp+given, home)
			must(t, err)
			if !m.May(gatehouse.Administer) {
				t.Errorf("the roles are %v", m.Roles)
			}
			again, err := h.Bootstrap(t.Context(), chosen("another password"))
			if again != "" || err != nil {
				t.Errorf("the second start makes %q, %v", again, err)
			}
			_, err = h.Authenticate(t.Context(), org, "admin", "another password", home)
			wantKind(t, err, gatehouse.Unauthenticated)
		})
	}
	t.Run("a password that may not be", func(t *testing.T) {
		h := empty(t)
		_, err := h.Bootstrap(t.Context(), chosen("short"))
		wantKind(t, err, gatehouse.Invalid)
		_, err = h.Bootstrap(t.Context(), chosen("my first password")) // the next start, with a better one
		must(t, err)
		_, err = h.Organization(t.Context(), gatehouse.DefaultOrganization)
		must(t, err)
		members, err := h.OrganizationMembers(t.Context(), gatehouse.DefaultOrganization, 0, 10)
		must(t, err)
		if len(members) != 1 {
			t.Errorf("the members are %v", members)
		}
	})
}

func TestOrganizations(t *testing.T) {
	h := newHouse(t)
	_, err := h.CreateOrganization(t.Context(), "johnsorg", "Another")
	wantKind(t, err, gatehouse.Conflict)
	_, err = h.CreateOrganization(t.Context(), "johns.org", "John's")
	wantKind(t, err, gatehouse.Invalid)
	for _, key := range []string{"nosuchorg", "JOHNSORG", "", "\x00"} {
		_, err = h.Organization(t.Context(), key)
		wantKind(t, err, gatehouse.NotFound)
	}
	wantKind(t, h.UpdateOrganization(t.Context(), "johnsorg", func(o *gatehouse.Organization) { o.Name = "" }), gatehouse.Invalid)
	must(t, h.UpdateOrganization(t.Context(), "johnsorg", func(o *gatehouse.Organization) { o.NeverExpiring = true }))
	org, err := h.Organization(t.Context(), "johnsorg")
	must(t, err)
	if !org.NeverExpiring || org.Name != "John's" || !org.PasswordGrant || !org.SignUp {
		t.Errorf("it is %+v", org)
	}
	wantKind(t, h.DeleteOrganization(t.Context(), gatehouse.DefaultOrganization), gatehouse.Conflict)
	must(t, h.DeleteOrganization(t.Context(), "johnsorg"))
	all, err := h.Organizations(t.Context())
	must(t, err)
	if len(all) != 1 || all[0].Key != "janesorg" {
		t.Errorf("there are %v", all)
	}
}

// chosen is a password that the operator has chosen.
func chosen(password string) func() (string, error) {
	return func() (string, error) { return password, nil }
}
