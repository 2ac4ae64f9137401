package gateway

import (
	"testing"

	"github.com/gatehouse/gatehouse"
)

func TestDefaultVersions(t *testing.T) {
	version := func(id, context, version string, standard bool, state gatehouse.State) *gatehouse.API {
		return petstore(id, context, func(a *gatehouse.API) { a.Version, a.Settings.Default, a.State = version, standard, state })
	}
	table, err := NewTable([]*gatehouse.API{
		version("one", "/pets", "1", true, gatehouse.Published),
		version("two", "/pets", "2", true, gatehouse.Created),
		version("inside", "/a/{version}/b", "1", true, gatehouse.Published),
		version("first", "/{version}/c", "1", false, gatehouse.Published),
		version("ab", "/a", "b", false, gatehouse.Published),
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/pets/1/pets": "one", "/pets/pets": "one", "/t/default/pets/pets": "one", "/pets": "one",
		"/pets/2/pets": "two", // check 107: the version that is meant, which nobody is shown yet
		"/a/1/b/pets":  "inside", "/a/b/pets": "ab", "/1/c/pets": "first", "/c/pets": "", "/1/pets": "", "/petsx/pets": "",
	} {
		r, rest := table.find(path)
		got := ""
		if r != nil {
			got = r.api.ID
		}
		if got != want {
			t.Errorf("%s leads to %q with %q, want %q", path, got, rest, want)
		}
	}
	if d := Decide(table, petFacts(), &Head{Method: "GET", Path: "/pets/2/pets"}); outcome(d) != "404 404" {
		t.Errorf("check 107: an unpublished version: %s", outcome(d))
	}
	table, err = table.With(version("two", "/pets", "2", true, gatehouse.Published))
	if err != nil {
		t.Fatal(err)
	}
	if r, _ := table.find("/pets/pets"); r == nil || r.api.ID != "two" {
		t.Error("the default does not move when the new one is published")
	}
	table, err = table.With(version("one", "/pets", "1", false, gatehouse.Published)) // what the store does to the one before
	if err != nil {
		t.Fatal(err)
	}
	if r, _ := table.find("/pets/pets"); r == nil || r.api.ID != "two" {
		t.Error("the older version takes the default along")
	}
	if r, _ := table.Without("two").find("/pets/pets"); r != nil {
		t.Errorf("without a default version %s answers", r.api.ID)
	}
}
