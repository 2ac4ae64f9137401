package gateway

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

func api(id, org, context, version string) *gatehouse.API {
	return &gatehouse.API{ID: id, OrgKey: org, Context: context, Version: version, State: gatehouse.Published, Description: "long", Production: "http://b.example"}
}

func TestTableFindsTheAPIByItsBasePath(t *testing.T) {
	created, retired := api("created", "default", "/created", "1"), api("retired", "default", "/retired", "1")
	created.State, retired.State = gatehouse.Created, gatehouse.Retired
	table, err := NewTable([]*gatehouse.API{
		api("hello", "default", "/hello", "1.0"), api("hello2", "default", "/hello", "2.0"),
		api("deep", "default", "/a/b/c/d/e", "v1"), api("shallow", "default", "/a", "b"),
		api("johns", "johnsorg", "/hello", "1.0"), created, retired,
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/hello/1.0":                      "hello ",
		"/hello/1.0/":                     "hello /",
		"/hello/1.0/x/y":                  "hello /x/y",
		"/t/default/hello/1.0/x":          "hello /x",
		"/hello/2.0/x":                    "hello2 /x",
		"/t/johnsorg/hello/1.0/x":         "johns /x",
		"/a/b/c/d/e/v1/f/g":               "deep /f/g",
		"/a/b/c":                          "shallow /c",
		"/t/johnsorg/a/b/c":               "",
		"/t/nobody/hello/1.0":             "",
		"/t/johnsorg":                     "",
		"/t/johnsorg/":                    "",
		"/t/":                             "",
		"/":                               "",
		"/hello":                          "", // check 107: no version
		"/hello/1":                        "", // check 107
		"/HELLO/1.0":                      "", // check 98
		"/hello/1.0../x":                  "", // check 97, and the three below
		"/hello/1.0.evil":                 "",
		"/hello/1.01":                     "",
		"/hello/1.":                       "",
		"/created/1":                      "created ", // the decision shows it to nobody but its publisher
		"/retired/1":                      "",
		"/t/default/t/johnsorg/hello/1.0": "",
	} {
		r, rest := table.find(path)
		got := ""
		if r != nil {
			got = r.api.ID + " " + rest
		}
		if got != want {
			t.Errorf("find(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestChangeOfOneAPI(t *testing.T) {
	first, err := NewTable([]*gatehouse.API{api("a", "default", "/a", "1"), api("b", "default", "/b", "1"), api("c", "org", "/c", "1")})
	if err != nil {
		t.Fatal(err)
	}
	has := func(table *Table, path string) bool { r, _ := table.find(path); return r != nil }
	changed := api("a", "default", "/a", "1")
	changed.State = gatehouse.Blocked
	second, err := first.With(changed)
	if err != nil {
		t.Fatal(err)
	}
	if r, _ := second.find("/a/1"); r.api.State != gatehouse.Blocked {
		t.Error("the new table has the API as it was")
	}
	if r, _ := first.find("/a/1"); r.api.State != gatehouse.Published {
		t.Error("the old table changed")
	}
	before, _ := first.find("/b/1")
	if after, _ := second.find("/b/1"); before != after {
		t.Error("an API that did not change was compiled again")
	}
	if first.organizations["org"] != second.organizations["org"] {
		t.Error("an organization that did not change was copied")
	}
	third := second.Without("a").Without("c").Without("nobody")
	if has(third, "/a/1") || has(third, "/t/org/c/1") || !has(third, "/b/1") {
		t.Error("a and c must be gone, and b stay")
	}
	if len(third.organizations) != 1 {
		t.Error("an organization without APIs is still held")
	}
	if third.Without("nobody") != third {
		t.Error("a table was copied for nothing")
	}
	retired := api("b", "default", "/b", "1")
	retired.State = gatehouse.Retired
	if fourth, err := third.With(retired); err != nil || has(fourth, "/b/1") {
		t.Errorf("a retired API is served, error %v", err)
	}
	if fifth, err := third.With(api("n", "new", "/n", "1")); err != nil || !has(fifth, "/t/new/n/1") {
		t.Errorf("the first API of an organization is not served, error %v", err)
	}
	if fresh, err := new(Table).With(api("n", "new", "/n", "1")); err != nil || !has(fresh, "/t/new/n/1") {
		t.Errorf("an empty table takes no API, error %v", err)
	}
}

func TestBrokenAPIDoesNotStopTheOthers(t *testing.T) {
	broken := api("broken", "default", "/broken", "1")
	broken.Production = "http://[::1"
	table, err := NewTable([]*gatehouse.API{broken, api("a", "default", "/a", "1")})
	if err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("the error does not name the API: %v", err)
	}
	if r, _ := table.find("/a/1"); r == nil {
		t.Error("the sound API is not served")
	}
	if _, err := table.With(broken); err == nil {
		t.Error("a broken API was taken up")
	}
}

func TestTableDoesNotHoldDescriptions(t *testing.T) {
	given := api("a", "default", "/a", "1")
	table, _ := NewTable([]*gatehouse.API{given})
	if r, _ := table.find("/a/1"); r.api.Description != "" {
		t.Error("the description takes memory on every node")
	}
	if given.Description == "" {
		t.Error("the caller's API was changed")
	}
}

func TestManyAPIsShareNothingButTheirOrganization(t *testing.T) {
	apis := manyAPIs(300, 3)
	table, err := NewTable(apis)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range apis {
		r, rest := table.find(a.BasePath() + "/things1/7/part")
		if r == nil || r.api.ID != a.ID {
			t.Fatalf("%s is not found at its base path", a.ID)
		}
		if r.resources.match(rest, "POST").Resource != &r.api.Resources[1] {
			t.Fatalf("%s: wrong resource", a.ID)
		}
	}
}
