package gatehouse_test

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// check 10: a username has one spelling, and none that looks like another's.
func TestCanonicalUsername(t *testing.T) {
	for name, row := range map[string]struct {
		given, want string // an empty want means that it is refused
	}{
		"an e-mail address":         {"john@johns.org", "john@johns.org"},
		"a plain name":              {"admin", "admin"},
		"capitals":                  {"John@Johns.ORG", "john@johns.org"},
		"every character of a name": {"a.b_c%d+e-9", "a.b_c%d+e-9"},
		"as long as may be":         {strings.Repeat("a", gatehouse.MaxUsername), strings.Repeat("a", gatehouse.MaxUsername)},
		"one byte more":             {strings.Repeat("a", gatehouse.MaxUsername+1), ""},
		"nothing":                   {"", ""},
		"a space before":            {" john", ""},
		"a space behind":            {"john ", ""},
		"a new line behind":         {"john\n", ""},
		"NUL behind":                {"john\x00", ""},
		"a look-alike letter":       {"jоhn@johns.org", ""}, // a Cyrillic o
		"full-width letters":        {"ｊｏｈｎ", ""},
		"the Kelvin sign":           {"\u212aate", ""}, // lower case of it is k
		"a long s":                  {"\u017fam", ""},
		"a dotless host":            {"john@localhost", ""},
		"no host":                   {"john@", ""},
		"no name":                   {"@johns.org", ""},
		"two hosts":                 {"john@johns.org@johns.org", ""},
		"a host that ends in a dot": {"john@johns.org.", ""},
		"an ampersand":              {"a&b", ""},
		"an equals sign":            {"a=b", ""},
		"a slash":                   {"PRIMARY/john", ""},
		"bytes that are not UTF-8":  {"john\xff", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := gatehouse.CanonicalUsername(row.given)
			wantKind(t, err, row.want != "", gatehouse.Invalid)
			if got != row.want {
				t.Errorf("%q, want %q", got, row.want)
			}
		})
	}
}

func FuzzCanonicalUsername(f *testing.F) {
	for _, seed := range []string{"john@johns.org", "ADMIN", "a@b", "\u212aate", "john\x00", "a@b.c@johnsorg", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, given string) {
		got, err := gatehouse.CanonicalUsername(given)
		if err != nil {
			if got != "" {
				t.Errorf("refused and %q", got)
			}
			return
		}
		if !strings.EqualFold(got, given) || len(got) != len(given) || got != strings.ToLower(got) {
			t.Errorf("%q became %q", given, got)
		}
		if again, err := gatehouse.CanonicalUsername(got); err != nil || again != got {
			t.Errorf("%q is not its own canonical form: %q %v", got, again, err)
		}
		// What follows the last @ can never be read as an organization key.
		if at := strings.LastIndexByte(got, '@'); at >= 0 && gatehouse.ValidOrganizationKey(got[at+1:]) {
			t.Errorf("%q ends in an organization key", got)
		}
	})
}

// check 152: length alone counts, in characters, and the name itself is refused.
func TestCheckNewPassword(t *testing.T) {
	for name, row := range map[string]struct {
		password string
		ok       bool
	}{
		"eight characters":         {"12345678", true},
		"seven characters":         {"1234567", false},
		"nothing":                  {"", false},
		"four letters of two byte": {"äöüß", false},
		"eight letters of two":     {"äöüßäöüß", true},
		"spaces are characters":    {"        ", true},
		"one sort of character":    {"aaaaaaaaaaaaaaa", true},
		"1024 bytes":               {strings.Repeat("x", gatehouse.MaxPassword), true},
		"1025 bytes":               {strings.Repeat("x", gatehouse.MaxPassword+1), false},
		"the username":             {"john@johns.org", false},
		"the username in capitals": {"JOHN@JOHNS.ORG", false},
	} {
		t.Run(name, func(t *testing.T) {
			err := gatehouse.CheckNewPassword(row.password, "john@johns.org")
			wantKind(t, err, row.ok, gatehouse.Invalid)
			if err != nil && row.password != "" && strings.Contains(err.Error(), row.password) {
				t.Error("the message repeats the password:", err)
			}
		})
	}
}

func TestRightsOfTheBuiltInRoles(t *testing.T) {
	all := []gatehouse.Right{gatehouse.UseStore, gatehouse.CreateAPIs, gatehouse.PublishAPIs, gatehouse.Administer}
	for role, rights := range map[gatehouse.Role]string{
		gatehouse.Subscriber: "y...", gatehouse.Creator: "yy..", gatehouse.Publisher: "yyy.", gatehouse.Admin: "yyyy",
		"manager": "....", "Admin": "....",
	} {
		t.Run(string(role), func(t *testing.T) {
			m := &gatehouse.Member{Roles: []gatehouse.Role{role}}
			for i, right := range all {
				if m.May(right) != (rights[i] == 'y') {
					t.Errorf("right %d: %v", right, m.May(right))
				}
			}
		})
	}
	var nobody *gatehouse.Member
	if nobody.May(gatehouse.UseStore) || nobody.Holds(gatehouse.Admin) {
		t.Error("nobody has a right")
	}
}

func TestValidRole(t *testing.T) {
	for role, ok := range map[gatehouse.Role]bool{
		"admin": true, "Internal/everyone": true, "a.b_c-d": true, gatehouse.Role(strings.Repeat("r", 100)): true,
		"": false, "two words": false, "/x": false, `a"b`: false, "röle": false, "a\n": false, gatehouse.Role(strings.Repeat("r", 101)): false,
	} {
		if gatehouse.ValidRole(role) != ok {
			t.Errorf("%q: valid is %v, want %v", role, !ok, ok)
		}
	}
}
