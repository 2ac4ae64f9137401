package tokenapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
	"github.com/gatehouse/gatehouse/internal/organization"
	"github.com/gatehouse/gatehouse/internal/tokenapi"
)

// argon2Memory is what one password hash allocates, in bytes.
const argon2Memory = 19 << 20

// hashes counts the password hashes that f makes, by the memory that each takes.
func hashes(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int((after.TotalAlloc - before.TotalAlloc) / argon2Memory)
}

// checks 9, 10, 12 and acceptance 5: whatever is wrong with a name or a password, the
// answer is one and the same, and so is what it costs.
func TestEveryFailedSignInIsTheSame(t *testing.T) {
	h := newHouse(t)
	off := &gatehouse.Member{
		User: gatehouse.User{ID: gatehouse.NewID(h.now), Username: "off@johns.org", Disabled: true}, Organization: h.john.Organization, Roles: []gatehouse.Role{"employee"},
	}
	hash, err := h.people.Passwords.Hash(t.Context(), password)
	must(t, err)
	must(t, h.db.CreateUser(t.Context(), off, hash))
	none := &gatehouse.Member{User: gatehouse.User{ID: gatehouse.NewID(h.now), Username: "none@johns.org"}, Organization: h.john.Organization}
	must(t, h.db.CreateUser(t.Context(), none, ""))

	var first *reply
	for _, row := range [][3]string{
		{"a wrong password", "john@johns.org@johnsorg", "wrong horse"},
		{"an unknown user", "nobody@johns.org@johnsorg", password},
		{"a disabled user", "off@johns.org@johnsorg", password},
		{"a user without a password", "none@johns.org@johnsorg", password},
		{"a user without a password, none given", "none@johns.org@johnsorg", ""},
		{"another organization's user", "jane@janes.org@janesorg", password},
		{"another organization's user, as ours", "jane@janes.org@johnsorg", password},
		{"our user, as another organization's", "john@johns.org@janesorg", password},
		{"an organization that there is not", "john@johns.org@nosuchorg", password},
		{"no user", "", password},
		{"an organization alone", "@johnsorg", password},
		{"two organizations", "john@johns.org@johnsorg@johnsorg", password},
		{"an organization in capitals", "john@johns.org@JOHNSORG", password},
		{"a look-alike letter", "jоhn@johns.org@johnsorg", password},
		{"a space behind", "john@johns.org@johnsorg ", password},
		{"NUL behind", "john@johns.org@johnsorg\x00", password},
		{"an empty password", "john@johns.org@johnsorg", ""},
		{"a password of spaces", "john@johns.org@johnsorg", strings.Repeat(" ", 12)},
		{"the password with a space behind", "john@johns.org@johnsorg", password + " "},
		{"the password in capitals", "john@johns.org@johnsorg", strings.ToUpper(password)},
	} {
		t.Run(row[0], func(t *testing.T) {
			var got *reply
			made := hashes(func() {
				got = h.post(t, "/token", form("grant_type", "password", "username", row[1], "password", row[2]))
			})
			got.wants(t, 400, "invalid_grant")
			if first == nil {
				first = got
			}
			if got.raw != first.raw || fmt.Sprint(got.header) != fmt.Sprint(first.header) {
				t.Errorf("it is told apart: %s %v", got.raw, got.header)
			}
			if made != 1 {
				t.Errorf("it costs %d password hashes, want 1", made)
			}
		})
	}
	if made := hashes(func() { h.login(t, "").pair(t) }); made != 1 {
		t.Errorf("a sign-in that succeeds costs %d password hashes, want 1", made)
	}
}

// check 10: the names that mean john, and no other.
func TestUsernames(t *testing.T) {
	h := newHouse(t)
	for _, name := range []string{"john@johns.org@johnsorg", "john@johns.org", "John@Johns.ORG@johnsorg"} {
		access, _ := h.post(t, "/token", form("grant_type", "password", "username", name, "password", password)).pair(t)
		got := h.post(t, "/introspect", form("token", access))
		if got.text("sub") != h.john.ID || got.text("username") != "john@johns.org@johnsorg" {
			t.Errorf("%s is %s", name, got.raw)
		}
	}
}

// check 11: passwords are compared byte for byte, to the last.
func TestPasswordsAreComparedExactly(t *testing.T) {
	h := newHouse(t)
	long := strings.Repeat("0123456789", 102) + "abcd" // 1024 bytes
	for i, word := range []string{"a&b=c+d%20e%", "  spaces around  ", "пароль с пробелом", "naïve🔑naïve🔑", "tab\tand\nline", "\x00\x01\x02\x03\x04\x05\x06\x07", long} {
		name := fmt.Sprintf("user%d", i)
		_, err := h.people.CreateUser(t.Context(), organization.NewUser{Username: name, Password: word, OrgKey: "johnsorg"})
		must(t, err)
		sign := func(password string) *reply {
			return h.post(t, "/token", form("grant_type", "password", "username", name+"@johnsorg", "password", password))
		}
		sign(word).pair(t)
		sign(word[:len(word)-1]).wants(t, 400, "invalid_grant")
		sign(word[:len(word)-1]+"X").wants(t, 400, "invalid_grant")
	}
	made := hashes(func() {
		h.post(t, "/token", form("grant_type", "password", "username", "john@johns.org", "password", long+"x")).wants(t, 400, "invalid_grant")
	})
	if made != 0 {
		t.Error("a password longer than any is hashed")
	}
}

func TestAPasswordGrantNeedsBothParameters(t *testing.T) {
	h := newHouse(t)
	for _, f := range []string{"grant_type=password", "grant_type=password&username=john", "grant_type=password&password=x"} {
		h.post(t, "/token", f).wants(t, 400, "invalid_request")
	}
}

// checks 70, 71, 72 and acceptance 4.
func TestScopesAreNarrowedToTheRoles(t *testing.T) {
	h := newHouse(t)
	for name, row := range map[string]struct{ user, asked, granted string }{
		"all that was asked for":   {"john", "news_read news_write", "news_read news_write"},
		"in the order asked for":   {"john", "news_write read news_read", "news_write read news_read"},
		"what the roles allow":     {"tom", "news_read news_write", "news_read"},
		"nothing that they allow":  {"tom", "news_write", "default"},
		"nothing asked for":        {"john", "", "default"},
		"unknown scopes":           {"john", "PRODUCTION admin am_application_scope", "default"},
		"another case":             {"john", "READ News_Read", "default"},
		"a comma":                  {"john", "read,news_read", "default"},
		"an escape within":         {"john", "read%20news_read", "default"},
		"a prefix":                 {"john", "rea reads", "default"},
		"a device and openid":      {"tom", "device_ipad openid", "device_ipad openid"},
		"an administrator's":       {"john", "apim:admin apim:subscribe", "apim:subscribe"},
		"a scope twice":            {"john", "read read", "read"},
		"spaces around and within": {"john", "  read   news_read ", "read news_read"},
	} {
		t.Run(name, func(t *testing.T) {
			got := h.post(t, "/token", form("grant_type", "password", "username", row.user+"@johns.org@johnsorg", "password", password, "scope", row.asked))
			access, _ := got.pair(t)
			if got.text("scope") != row.granted {
				t.Errorf("granted %q, want %q", got.text("scope"), row.granted)
			}
			if said := h.post(t, "/introspect", form("token", access)).text("scope"); said != row.granted {
				t.Errorf("the token holds %q, want %q", said, row.granted)
			}
		})
	}
	for name, scope := range map[string]string{"a tab": "read\tnews_read", "a no-break space": "read\u00a0news_read", "a new line": "read\nnews_read", "a quote": `"read"`} {
		t.Run(name, func(t *testing.T) { h.login(t, scope).wants(t, 400, "invalid_scope") })
	}
}

// check 74: a role that was taken away is gone from the next token.
func TestRolesAreThoseOfNow(t *testing.T) {
	h := newHouse(t)
	_, refresh := h.login(t, "news_read news_write").pair(t)
	must(t, h.people.SetRoles(t.Context(), "johnsorg", "john@johns.org", []gatehouse.Role{"employee"}))
	if got := h.login(t, "news_read news_write"); got.text("scope") != "news_read" {
		t.Errorf("granted %s", got.raw)
	}
	if got := h.refresh(t, refresh, ""); got.text("scope") != "news_read" {
		t.Errorf("refreshed %s", got.raw)
	}
}

// meanwhile is users to whom something happens while they sign in.
type meanwhile struct {
	tokenapi.Users
	happens func()
}

func (m meanwhile) Authenticate(ctx context.Context, org *gatehouse.Organization, name, password string, from netip.Addr) (*gatehouse.Member, error) {
	who, err := m.Users.Authenticate(ctx, org, name, password, from)
	m.happens()
	return who, err
}

// check 55: a password that is changed while somebody signs in with the old one ends
// that sign-in too: a hash takes long enough to be overtaken.
func TestAChangeDuringASignInEndsIt(t *testing.T) {
	for name, change := range map[string]func(h *house) error{
		"a new password":       func(h *house) error { return h.people.SetPassword(t.Context(), "john@johns.org", "another horse") },
		"the secret's end":     func(h *house) error { return h.revokeFirstSecret(t) },
		"the member's removal": func(h *house) error { return h.people.RemoveMember(t.Context(), "johnsorg", "tom@johns.org") },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			users := h.Users
			h.Users = meanwhile{users, func() {
				h.now = h.now.Add(time.Millisecond)
				must(t, change(h))
				h.now = h.now.Add(time.Millisecond)
			}}
			user := "john@johns.org"
			if name == "the member's removal" {
				user = "tom@johns.org"
			}
			got := h.post(t, "/token", form("grant_type", "password", "username", user, "password", password))
			h.Users = users
			if got.status != http.StatusOK { // what happened came first: just as good
				got.wants(t, 400, "invalid_grant")
				return
			}
			access, refresh := got.pair(t)
			_, key, secret := h.client(t, "other", apistore.NewKeys{})
			if got := h.post(t, "/introspect", form("token", access), as(key, secret)); got.body["active"] != false {
				t.Errorf("the token lives: %s", got.raw)
			}
			h.refresh(t, refresh, "").wants(t, 400, "invalid_grant")
		})
	}
}

// revokeFirstSecret revokes the secret that h's client uses; another takes its place.
func (h *house) revokeFirstSecret(t *testing.T) error {
	t.Helper()
	k, err := h.store.KeysByType(t.Context(), h.john, h.app.ID, gatehouse.Production)
	must(t, err)
	h.secret, _, err = h.store.AddSecret(t.Context(), h.john, h.app.ID, gatehouse.Production, "second", time.Time{})
	must(t, err)
	return h.store.RevokeSecret(t.Context(), h.john, h.app.ID, gatehouse.Production, k.Secrets[0].ID)
}

// A flood of sign-ins is turned away, and told when to come again.
func TestTooManySignInsAtOnce(t *testing.T) {
	h := newHouse(t)
	h.Users = meanwhile{busy{h.Users}, func() {}}
	got := h.login(t, "")
	got.wants(t, 503, "temporarily_unavailable")
	if got.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After is %q", got.header.Get("Retry-After"))
	}
}

type busy struct{ tokenapi.Users }

func (busy) Authenticate(context.Context, *gatehouse.Organization, string, string, netip.Addr) (*gatehouse.Member, error) {
	return nil, gatehouse.Errorf(gatehouse.Unavailable, "too many people are signing in: try again in a moment")
}
