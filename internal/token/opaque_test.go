package token_test

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// says returns the scopes that a token says, "" when it is refused.
func (m *mint) says(t testing.TB, text string) string {
	t.Helper()
	a, err := m.Verify(t.Context(), text)
	if err != nil {
		if gatehouse.KindOf(err) != gatehouse.Unauthenticated {
			t.Fatal(err)
		}
		return ""
	}
	return strings.Join(a.Scopes, " ")
}

// check 74: an opaque token says what its user may hold now, never more than it was issued
// with, whether it is read or held. A JWT says what it was issued with.
func TestAnOpaqueTokenSaysWhatItsUserMayHoldNow(t *testing.T) {
	read, update, write := gatehouse.Scope{Name: "read"}, gatehouse.Scope{Name: "update", Roles: []gatehouse.Role{"editor"}}, gatehouse.Scope{Name: "write"}
	all := []gatehouse.Scope{read, update, write}
	m := newMint(t)
	for _, row := range []struct {
		name string
		now  rights
		want string
	}{
		{"nothing changed for them", rights{known: all, roles: []gatehouse.Role{"editor"}}, "read update"},
		{"a role was taken", rights{known: all}, "read"},
		{"a scope was removed", rights{known: []gatehouse.Scope{update}, roles: []gatehouse.Role{"editor"}}, "update"},
		{"a scope has other roles", rights{known: []gatehouse.Scope{read, {Name: "update", Roles: []gatehouse.Role{"chief"}}}, roles: []gatehouse.Role{"editor"}}, "read"},
		{"nothing is left", rights{known: []gatehouse.Scope{write}}, "default"},
		{"the user is gone", rights{gone: true}, ""},
	} {
		for format, k := range formats {
			for _, held := range []bool{false, true} {
				text, _ := m.issue(t, clientOf(k), "john")
				app, err := m.Issue(t.Context(), clientOf(k), clientOf(k).Authorize(nil, []string{"read", "update"}, m.now))
				must(t, err)
				if held && (m.says(t, text) != "read update" || m.says(t, app) != "read update") {
					t.Fatal("the tokens do not say what they were issued with")
				}
				*m.rights = row.now
				m.RightsChanged()
				want := row.want
				if format != "opaque" {
					want = "read update"
				}
				for range 2 {
					if got := m.says(t, text); got != want {
						t.Errorf("%s, %s, held=%v: it says %q, want %q", row.name, format, held, got, want)
					}
				}
				if got := m.says(t, app); got != "read update" {
					t.Errorf("%s, %s: the token of an application says %q", row.name, format, got)
				}
				*m.rights = rights{known: all, roles: []gatehouse.Role{"editor"}}
				m.RightsChanged()
				if got := m.says(t, text); got != "read update" {
					t.Errorf("%s, %s: with the rights of before it says %q", row.name, format, got)
				}
			}
		}
	}
}

// check 74: a right that is taken while a token is read is gone from the next look.
func TestARightTakenDuringALookIsGoneFromTheNext(t *testing.T) {
	m := newMint(t)
	text, _ := m.issue(t, clientOf(formats["opaque"]), "john")
	m.rights.happens = func() {
		m.rights.known, m.rights.happens = []gatehouse.Scope{{Name: "read"}}, nil
		m.RightsChanged()
	}
	if got := m.says(t, text); got != "read update" {
		t.Errorf("the look that came first found %q", got)
	}
	if got := m.says(t, text); got != "read" {
		t.Errorf("the next look found %q", got)
	}
}
