package gatehouse_test

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// What people write is kept as it is read, on both databases: PostgreSQL takes no NUL
// and no broken UTF-8.
func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"": true, "Über uns": true, "日本語 <b>": true, strings.Repeat("x", gatehouse.MaxName): true,
		"a\x00b": false, "\xff\xfe": false, "two\nlines": false, "bell\a": false, strings.Repeat("x", gatehouse.MaxName+1): false,
	} {
		err := gatehouse.CheckName("a thing", name)
		if (err == nil) != ok || !ok && gatehouse.KindOf(err) != gatehouse.Invalid {
			t.Errorf("%q: %v, want allowed: %v", name, err, ok)
		}
	}
}

func TestDescriptions(t *testing.T) {
	for text, ok := range map[string]bool{
		"# Title\r\n\n\t- one": true, strings.Repeat("x", gatehouse.MaxDescription): true,
		"a\x00b": false, "\xc3": false, strings.Repeat("x", gatehouse.MaxDescription+1): false,
	} {
		app := gatehouse.Application{Name: "shop", Description: text, Tier: gatehouse.Unlimited, TokenFormat: gatehouse.FormatJWT}
		if err := app.Validate(); (err == nil) != ok {
			t.Errorf("%.20q: %v, want allowed: %v", text, err, ok)
		}
	}
}
