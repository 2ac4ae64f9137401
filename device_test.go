package gatehouse_test

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

func TestCanonicalUserCode(t *testing.T) {
	for typed, want := range map[string]string{
		"BCDF-GHJK": "BCDF-GHJK", "bcdfghjk": "BCDF-GHJK", " b c d f - g h j k ": "BCDF-GHJK", "BCD-FGH-JK": "BCDF-GHJK",
		"": "", "BCDF-GHJ": "", "BCDF-GHJKL": "", "ACDF-GHJK": "", "BCDF_GHJK": "", "BCDF-GHJ\u212a": "", strings.Repeat("-", 100): "",
	} {
		got, ok := gatehouse.CanonicalUserCode(typed)
		if got != want || ok != (want != "") {
			t.Errorf("%q is %q %v, want %q", typed, got, ok, want)
		}
	}
}

func TestUserCodesAreTheirOwnCanonicalForm(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		code := gatehouse.NewUserCode()
		if got, ok := gatehouse.CanonicalUserCode(code); got != code || !ok || seen[code] {
			t.Fatalf("%q is %q %v, seen before: %v", code, got, ok, seen[code])
		}
		seen[code] = true
	}
}

func FuzzCanonicalUserCode(f *testing.F) {
	f.Add("bcdf ghjk")
	f.Add("\u212a\xff")
	f.Fuzz(func(t *testing.T, typed string) {
		code, ok := gatehouse.CanonicalUserCode(typed)
		if again, still := gatehouse.CanonicalUserCode(code); ok && (again != code || !still || len(code) != 9) {
			t.Errorf("%q is %q, and that is %q", typed, code, again)
		}
	})
}
