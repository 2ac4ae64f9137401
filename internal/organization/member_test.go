package organization_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/organization"
)

func TestCreateUser(t *testing.T) {
	h := newHouse(t)
	for name, row := range map[string]struct {
		user organization.NewUser
		kind gatehouse.Kind // Internal means that it succeeds
	}{
		"new":                                {organization.NewUser{Username: "New@Johns.org", Password: password, OrgKey: "johnsorg"}, 0},
		"a person of another organization":   {organization.NewUser{Username: "jane@janes.org", Password: password, OrgKey: "johnsorg", Roles: []gatehouse.Role{"editor"}}, 0},
		"the same with another password":     {organization.NewUser{Username: "john@johns.org", Password: "wrong horse", OrgKey: "janesorg"}, gatehouse.Conflict},
		"a member already":                   {organization.NewUser{Username: "john@johns.org", Password: password, OrgKey: "johnsorg"}, gatehouse.Conflict},
		"a member already, another password": {organization.NewUser{Username: "john@johns.org", Password: "wrong horse", OrgKey: "johnsorg"}, gatehouse.Conflict},
		"an unknown organization":            {organization.NewUser{Username: "new", Password: password, OrgKey: "nosuchorg"}, gatehouse.NotFound},
		"a name that cannot be":              {organization.NewUser{Username: "new user", Password: password, OrgKey: "johnsorg"}, gatehouse.Invalid},
		"a short password":                   {organization.NewUser{Username: "new", Password: "1234567", OrgKey: "johnsorg"}, gatehouse.Invalid},
		"a password that is the name":        {organization.NewUser{Username: "newcomer", Password: "Newcomer", OrgKey: "johnsorg"}, gatehouse.Invalid},
		"a role that cannot be":              {organization.NewUser{Username: "new", Password: password, OrgKey: "johnsorg", Roles: []gatehouse.Role{"two words"}}, gatehouse.Invalid},
		"a long name":                        {organization.NewUser{Username: "new", Password: password, Name: strings.Repeat("n", 201), OrgKey: "johnsorg"}, gatehouse.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := h.CreateUser(t.Context(), row.user)
			if row.kind != gatehouse.Internal {
				wantKind(t, err, row.kind)
				if m != nil || strings.Contains(err.Error(), row.user.Password) {
					t.Errorf("made %v, said %v", m, err)
				}
				return
			}
			must(t, err)
			got, err := h.Authenticate(t.Context(), &m.Organization, row.user.Username, password, home)
			must(t, err)
			if diff := cmp.Diff(m, got, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRolesAreKeptOnceAndInOrder(t *testing.T) {
	h := newHouse(t)
	m := h.user(t, "new", "johnsorg", "zookeeper", gatehouse.Subscriber, "editor", "zookeeper")
	want := []gatehouse.Role{"editor", gatehouse.Subscriber, "zookeeper"}
	if diff := cmp.Diff(want, m.Roles); diff != "" {
		t.Error(diff)
	}
	must(t, h.SetRoles(t.Context(), "johnsorg", "NEW", []gatehouse.Role{"b", "a", "b"}))
	m, err := h.Member(t.Context(), h.org.ID, m.ID)
	must(t, err)
	if diff := cmp.Diff([]gatehouse.Role{"a", "b"}, m.Roles); diff != "" {
		t.Error(diff)
	}
	wantKind(t, h.SetRoles(t.Context(), "johnsorg", "new", []gatehouse.Role{"two words"}), gatehouse.Invalid)
	wantKind(t, h.SetRoles(t.Context(), "johnsorg", "nobody", nil), gatehouse.NotFound)
	wantKind(t, h.SetRoles(t.Context(), "nosuchorg", "new", nil), gatehouse.NotFound)
	wantKind(t, h.SetRoles(t.Context(), "janesorg", "new", nil), gatehouse.NotFound)
}

func TestSignUp(t *testing.T) {
	h := newHouse(t)
	m, err := h.SignUp(t.Context(), organization.NewUser{
		Username: "visitor@example.org", Password: password, OrgKey: "johnsorg", Roles: []gatehouse.Role{gatehouse.Admin},
	})
	must(t, err)
	if diff := cmp.Diff([]gatehouse.Role{gatehouse.Subscriber}, m.Roles); diff != "" {
		t.Error("a visitor chose their roles:", diff)
	}
	// A name that is taken is refused with any password: a visitor joins nothing by it.
	for _, word := range []string{password, "another horse"} {
		_, err = h.SignUp(t.Context(), organization.NewUser{Username: "jane@janes.org", Password: word, OrgKey: "johnsorg"})
		wantKind(t, err, gatehouse.Conflict)
	}
	_, err = h.SignUp(t.Context(), organization.NewUser{Username: "new", Password: "short", OrgKey: "johnsorg"})
	wantKind(t, err, gatehouse.Invalid)
	_, err = h.SignUp(t.Context(), organization.NewUser{Username: "new", Password: password, OrgKey: "nosuchorg"})
	wantKind(t, err, gatehouse.NotFound)

	must(t, h.UpdateOrganization(t.Context(), "johnsorg", func(o *gatehouse.Organization) { o.SignUp = false }))
	if made := hashes(func() {
		_, err = h.SignUp(t.Context(), organization.NewUser{Username: "late", Password: password, OrgKey: "johnsorg"})
	}); made != 0 {
		t.Error("a password is hashed for nobody")
	}
	wantKind(t, err, gatehouse.Forbidden)
}

// check 55: a new password ends the user's sessions and all that speaks for them.
func TestANewPasswordEndsWhatTheOldOneBegan(t *testing.T) {
	h := newHouse(t)
	set := func(word string) error { return h.SetPassword(t.Context(), "John@johns.org", word) }
	change := func(word string) error { return h.ChangePassword(t.Context(), h.john, password, word) }
	for name, give := range map[string]func(word string) error{"set by the operator": set, "changed by the user": change} {
		t.Run(name, func(t *testing.T) {
			must(t, h.SetPassword(t.Context(), "john@johns.org", password))
			s := &gatehouse.Session{Hash: name, UserID: h.john.ID, OrgID: h.org.ID, CreatedAt: h.now, SeenAt: h.now, ExpiresAt: h.now.Add(time.Hour)}
			other := &gatehouse.Session{Hash: name + "sam", UserID: h.sam.ID, OrgID: h.org.ID, CreatedAt: h.now, SeenAt: h.now, ExpiresAt: h.now.Add(time.Hour)}
			must(t, h.db.CreateSession(t.Context(), s))
			must(t, h.db.CreateSession(t.Context(), other))
			h.now = h.now.Add(time.Minute)

			wantKind(t, give("short"), gatehouse.Invalid)
			_, err := h.db.Session(t.Context(), s.Hash)
			must(t, err) // nothing happened
			must(t, give("a new horse"))
			_, err = h.db.Session(t.Context(), s.Hash)
			wantKind(t, err, gatehouse.NotFound)
			_, err = h.db.Session(t.Context(), other.Hash)
			must(t, err)
			all, err := h.db.Revocations(t.Context())
			must(t, err)
			if !slices.ContainsFunc(all, func(r gatehouse.Revocation) bool {
				return r.Kind == gatehouse.RevokedUser && r.ID == h.john.ID && r.At.Equal(h.now)
			}) {
				t.Errorf("the revocations are %v", all)
			}
			_, err = h.Authenticate(t.Context(), h.org, "john@johns.org", password, home)
			wantKind(t, err, gatehouse.Unauthenticated)
			_, err = h.Authenticate(t.Context(), h.org, "john@johns.org", "a new horse", home)
			must(t, err)
		})
	}
	wantKind(t, h.ChangePassword(t.Context(), h.sam, "wrong horse", "a new horse"), gatehouse.Invalid)
	wantKind(t, h.SetPassword(t.Context(), "nobody", "a new horse"), gatehouse.NotFound)
	wantKind(t, h.SetPassword(t.Context(), "two words", "a new horse"), gatehouse.Invalid)
}

// check 59: who was removed from an organization is gone from it, and from it alone.
func TestRemoveMember(t *testing.T) {
	h := newHouse(t)
	must(t, h.RemoveMember(t.Context(), "johnsorg", "sam@sams.org"))
	_, err := h.Authenticate(t.Context(), h.org, "sam@sams.org", password, home)
	wantKind(t, err, gatehouse.Unauthenticated)
	other, err := h.Organization(t.Context(), "janesorg")
	must(t, err)
	_, err = h.Authenticate(t.Context(), other, "sam@sams.org", password, home)
	must(t, err)
	wantKind(t, h.RemoveMember(t.Context(), "johnsorg", "sam@sams.org"), gatehouse.NotFound)
	wantKind(t, h.RemoveMember(t.Context(), "nosuchorg", "sam@sams.org"), gatehouse.NotFound)

	must(t, h.RemoveMember(t.Context(), "johnsorg", "tom"))
	if again := h.user(t, "tom", "johnsorg"); again.ID == "" {
		t.Error("the name is not free again")
	}
}

func TestMembers(t *testing.T) {
	h := newHouse(t)
	all, err := h.Members(t.Context(), h.john, 0, 10)
	must(t, err)
	page, err := h.Members(t.Context(), h.john, 1, 1)
	must(t, err)
	operators, err := h.OrganizationMembers(t.Context(), "johnsorg", 0, 10)
	must(t, err)
	if len(all) != 3 || len(page) != 1 || page[0].ID != all[1].ID || len(operators) != 3 {
		t.Errorf("%d members, a page of %d, %d for the operator", len(all), len(page), len(operators))
	}
	for _, m := range all {
		if m.Organization.Key != "johnsorg" {
			t.Errorf("%s is of %s", m.Username, m.Organization.Key)
		}
	}
	_, err = h.Members(t.Context(), h.sam, 0, 10)
	wantKind(t, err, gatehouse.Forbidden)
	_, err = h.Members(t.Context(), nil, 0, 10)
	wantKind(t, err, gatehouse.Forbidden)
	_, err = h.OrganizationMembers(t.Context(), "nosuchorg", 0, 10)
	wantKind(t, err, gatehouse.NotFound)
}
