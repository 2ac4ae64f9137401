package organization_test

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/organization"
)

// check 152: eight characters are enough, of any kind; what anybody would try first is not.
func TestCheck152NewPasswords(t *testing.T) {
	org := &gatehouse.Organization{Key: "johnsorg", Name: "Kreuzberg Bakery"}
	names := organization.Names("john@johns.org", "John Doe", org)
	for _, good := range []string{
		"correct horse battery", "xkqzvwyp", "zzyzx road 9", "пароль для меня", "        x y z", strings.Repeat("long enough ", 80),
		"password is the first word of this", "johns first car was blue", "&=+% \"'\\<>", "ünïcödé wörds",
	} {
		if err := organization.CheckNewPassword(good, names...); err != nil {
			t.Errorf("%q is refused: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "short", "7 chars", "password", "PASSWORD", "Password1!", "P@ssw0rd", "passw0rd2024", "12345678", "abcdefgh", "87654321", "zyxwvuts",
		"aaaaaaaaaaaaaaaa", "abcabcabcabc", "passwordpassword", "iloveyou", "sunshine99", "2026sunshine", "qwertyuiop", "football1234",
		"john@johns.org", "JOHN@johns.ORG", "johnsorg", "johnsorg2026", "Johnsorg!", "Kreuzberg Bakery", "kreuzberg bakery1", "gatehouse", "Gatehouse123",
		"john1234", strings.Repeat("x y", 400),
	} {
		err := organization.CheckNewPassword(bad, names...)
		if gatehouse.KindOf(err) != gatehouse.Invalid {
			t.Errorf("%q is taken: %v", bad, err)
		} else if len(bad) > 8 && strings.Contains(gatehouse.MessageOf(err), bad) {
			t.Errorf("the refusal repeats the password: %v", err)
		}
	}
}

// check 152: every way to set a password keeps the rules.
func TestCheck152EveryWayToSetAPasswordKeepsTheRules(t *testing.T) {
	h := open(t)
	john, err := h.Authenticate(t.Context(), h.org, "john@johns.org", rightPassword, home)
	must(t, err)
	for _, bad := range []string{"password1", "johnsorg1", "short", strings.Repeat("a b", 400)} {
		u := organization.NewUser{Username: "eve", Password: bad, OrgKey: "johnsorg"}
		for way, set := range map[string]func() error{
			"sign-up":  func() error { _, err := h.SignUp(t.Context(), u); return err },
			"create":   func() error { _, err := h.CreateUser(t.Context(), u); return err },
			"change":   func() error { return h.ChangePassword(t.Context(), john, rightPassword, bad) },
			"operator": func() error { return h.SetPassword(t.Context(), "john@johns.org", bad) },
		} {
			if err := set(); gatehouse.KindOf(err) != gatehouse.Invalid {
				t.Errorf("%s takes %.20q: %v", way, bad, err)
			}
		}
	}
}

// check 11: every byte of a password counts, up to its bound.
func TestCheck11EveryByteOfAPasswordCounts(t *testing.T) {
	h := open(t)
	long := strings.Repeat("unlike any other ", 60)[:gatehouse.MaxPassword-4] + " &=+"
	h.known(t, "long", long)
	if !h.signsIn(t, "long", long, home) {
		t.Error("the longest password is refused")
	}
	for _, wrong := range []string{long[:len(long)-1], long + "x", long[:72], " " + long[1:], strings.ToUpper(long)} {
		if h.signsIn(t, "long", wrong, home) {
			t.Errorf("%.10q… of %d bytes is taken for another", wrong, len(wrong))
		}
	}
}

func FuzzCheckNewPassword(f *testing.F) {
	f.Add("password1", "john")
	f.Add("\xff\x00aaaaaaaa", "")
	f.Fuzz(func(t *testing.T, password, name string) {
		err := organization.CheckNewPassword(password, name)
		if err != nil && gatehouse.KindOf(err) != gatehouse.Invalid {
			t.Error(err)
		}
		if err == nil && (len(password) < gatehouse.MinPassword || len(password) > gatehouse.MaxPassword) {
			t.Errorf("%q is taken", password)
		}
	})
}
