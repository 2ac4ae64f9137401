package gateway

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

func TestPathTemplates(t *testing.T) {
	for _, tt := range []struct{ template, resource, path, want string }{
		{"/v2/animals/{petId}", "/pets/{petId}", "/pets/a%20b", "/v2/animals/a%20b"},
		{"/v2/animals/{petId}", "/pets/{petId}", "/pets/a/", "/v2/animals/a"},
		{"/{b}/x-{a}.json", "/{a}/{b}", "/1/2", "/2/x-1.json"},
		{"/{a}{b}", "/{a}/{b}", "/1/2", "/12"},
		{"/{rest}", "/*", "/a/b", "/a/b"},
		{"/{rest}", "/*", "", ""},
		{"/{rest}", "/*", "/", "/"},
		{"/{id}/{rest}", "/x/{id}/*", "/x/1", "/1"},
		{"/{id}/{rest}", "/x/{id}/*", "/x/1/", "/1/"},
		{"/{id}/{rest}", "/x/{id}/*", "/x/1/a/b/", "/1/a/b/"},
		{"/", "/pets", "/pets", "/"},
	} {
		template, err := parseTemplate(tt.template)
		if err != nil {
			t.Fatal(err)
		}
		r := &gatehouse.Resource{Method: "GET", Template: tt.resource}
		if err := template.fits(r); err != nil {
			t.Fatal(err)
		}
		if got := template.path(r, tt.path); got != tt.want {
			t.Errorf("%s of %s is %q for %q, want %q", tt.template, tt.resource, got, tt.path, tt.want)
		}
	}
}

func TestPathTemplatesThatAreRefused(t *testing.T) {
	for _, text := range []string{
		"", "v2", "//evil.example", "/a//b", "/../x", "/a/..", "/a/%2e%2e/b", "/a%2Fb", "/a%{id}", "/a%4{id}", "/a;b", "/a?b=c", "/a#b", "/a b", "/%61",
		"/{}", "/{a", "/a}", "/{a/b}", "/{rest}/x", "/x{rest}", "/{rest}{rest}", "/" + strings.Repeat("a", maxTemplate),
	} {
		if _, err := parseTemplate(text); gatehouse.KindOf(err) != gatehouse.Invalid {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// What a template makes of a canonical path is canonical, so it leaves the backend's own path
// as little as the call's path does (checks 92 and 93).
func FuzzPathTemplate(f *testing.F) {
	f.Add("/v2/{a}/{rest}", "/x/{a}/*", "/x/%C3%A9/b/")
	f.Add("/.{a}", "/{a}", "/.")
	f.Add("/%2{a}", "/{a}/{b}", "/e/x")
	f.Add("/{rest}", "/*", "/a")
	f.Fuzz(func(t *testing.T, text, shape, path string) {
		template, err := parseTemplate(text)
		r := &gatehouse.Resource{Method: "GET", Template: shape}
		if err != nil || r.Validate() != nil || template.fits(r) != nil {
			return
		}
		path, ok := canonical(path)
		var resources node
		resources.insert(&resource{Resource: r})
		if !ok || resources.match(strings.TrimSuffix(path, "/"), "GET") == nil {
			return
		}
		got := template.path(r, path)
		if is, ok := canonical(got); got != "" && (!ok || is != got) {
			t.Errorf("%q of %q is %q for %q", text, shape, got, path)
		}
	})
}
