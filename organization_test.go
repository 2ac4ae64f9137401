package gatehouse_test

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

func TestOrganizationKeys(t *testing.T) {
	for key, ok := range map[string]bool{
		"johnsorg": true, "ab": true, "a1-": true, "a" + strings.Repeat("b", 30): true,
		"": false, "a": false, "a" + strings.Repeat("b", 31): false, "Johnsorg": false, "1org": false, "-org": false, "johns.org": false,
		"johns_org": false, "johns org": false, "johnsorg\n": false, "jöhnsorg": false, "a@b": false, "a/b": false, "a\x00": false,
	} {
		if gatehouse.ValidOrganizationKey(key) != ok {
			t.Errorf("%q: valid is %v, want %v", key, !ok, ok)
		}
	}
}

func TestOrganizationValidate(t *testing.T) {
	for name, row := range map[string]struct {
		org gatehouse.Organization
		ok  bool
	}{
		"plain":          {gatehouse.Organization{Key: "johnsorg", Name: "John's"}, true},
		"no name":        {gatehouse.Organization{Key: "johnsorg"}, false},
		"a long name":    {gatehouse.Organization{Key: "johnsorg", Name: strings.Repeat("x", 201)}, false},
		"not a good key": {gatehouse.Organization{Key: "johns.org", Name: "John's"}, false},
	} {
		t.Run(name, func(t *testing.T) { wantKind(t, row.org.Validate(), row.ok, gatehouse.Invalid) })
	}
}

func TestBasePaths(t *testing.T) {
	for key, want := range map[string]string{"default": "/petstore/1.0.0", "johnsorg": "/t/johnsorg/petstore/1.0.0"} {
		a := gatehouse.API{OrgKey: key, Context: "/petstore", Version: "1.0.0"}
		if got := a.BasePath(); got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
}
