package gateway

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// tree compiles resources written as "GET /pets/{id}".
func tree(resources []string) *node {
	var n node
	for _, s := range resources {
		method, template, _ := strings.Cut(s, " ")
		n.insert(&resource{Resource: &gatehouse.Resource{Method: method, Template: template}})
	}
	return &n
}

// found is what the tree found, as it was defined.
func found(r *resource) *gatehouse.Resource {
	if r == nil {
		return nil
	}
	return r.Resource
}

func spelled(r *gatehouse.Resource) string {
	if r == nil {
		return ""
	}
	return r.Method + " " + r.Template
}

func TestMatch(t *testing.T) {
	pets := []string{"GET /pets", "POST /pets", "GET /pets/{id}", "DELETE /pets/{id}", "GET /pets/mine", "GET /pets/{id}/toys/*", "HEAD /pets/heads", "GET /pets/heads"}
	for _, tt := range []struct {
		name      string
		resources []string
		call      string
		want      string // empty when there is none
	}{
		{"literal", pets, "GET /pets", "GET /pets"},
		{"by method", pets, "POST /pets", "POST /pets"},
		{"parameter", pets, "GET /pets/7", "GET /pets/{id}"},
		{"a literal wins over a parameter", pets, "GET /pets/mine", "GET /pets/mine"},
		{"a literal without the method gives way", pets, "DELETE /pets/mine", "DELETE /pets/{id}"},
		{"a star takes what follows", pets, "GET /pets/7/toys/ball/red", "GET /pets/{id}/toys/*"},
		{"a star takes nothing, too", pets, "GET /pets/7/toys", "GET /pets/{id}/toys/*"},
		{"a parameter is one segment", pets, "GET /pets/7/8", ""},
		{"check 98: case matters", pets, "GET /PETS", ""},
		{"check 101: an escape that stays is part of the parameter", pets, "GET /pets/a%20b", "GET /pets/{id}"},
		{"check 101: a parameter is never empty", []string{"GET /pets/{id}"}, "GET /pets", ""},
		{"check 102: another method", pets, "PATCH /pets", ""},
		{"check 102: HEAD is answered by GET", pets, "HEAD /pets", "GET /pets"},
		{"check 102: HEAD of its own", pets, "HEAD /pets/heads", "HEAD /pets/heads"},
		{"HEAD follows the most specific path", []string{"HEAD /{any}", "GET /secret"}, "HEAD /secret", "GET /secret"},
		{"check 102: OPTIONS must be defined", pets, "OPTIONS /pets", ""},
		{"a slash at the end of a template", []string{"GET /pets/"}, "GET /pets", "GET /pets/"},
		{"the base path itself", []string{"GET /"}, "GET ", "GET /"},
		{"the base path under a star", []string{"GET /*"}, "GET ", "GET /*"},
		{"a star is not a prefix of letters", []string{"GET /pet/*"}, "GET /pets", ""},
		{"backtracks out of a literal", []string{"GET /a/b/c", "GET /{x}/b/d"}, "GET /a/b/d", "GET /{x}/b/d"},
		{"backtracks out of a parameter to a star", []string{"GET /a/{x}/c", "GET /a/*"}, "GET /a/b/d", "GET /a/*"},
		{"a parameter wins over a star", []string{"GET /a/*", "GET /a/{x}"}, "GET /a/b", "GET /a/{x}"},
		{"the end wins over a star", []string{"GET /a/*", "GET /a"}, "GET /a", "GET /a"},
		{"the first difference counts", []string{"GET /{x}/b", "GET /a/{y}"}, "GET /a/b", "GET /a/{y}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			method, path, _ := strings.Cut(tt.call, " ")
			if got := spelled(found(tree(tt.resources).match(path, method))); got != tt.want {
				t.Errorf("%s is %q, want %q", tt.call, got, tt.want)
			}
			backwards := slices.Clone(tt.resources)
			slices.Reverse(backwards)
			if got := spelled(found(tree(backwards).match(path, method))); got != tt.want {
				t.Errorf("check 101: %s is %q when defined backwards, want %q", tt.call, got, tt.want)
			}
		})
	}
}

func TestAllowed(t *testing.T) {
	n := tree([]string{"POST /a", "GET /{x}", "DELETE /*"})
	for path, want := range map[string]string{
		"/a": "GET, HEAD, POST, DELETE", "/b": "GET, HEAD, DELETE", "/a/b": "DELETE", "": "DELETE",
	} {
		if got := n.allowed(path); got != want {
			t.Errorf("check 102: methods on %q are %q, want %q", path, got, want)
		}
	}
	if got := tree([]string{"GET /a"}).allowed("/b"); got != "" {
		t.Errorf("methods on a path that is no resource's are %q, want none", got)
	}
}

// slowMatch is match by trying every template and sorting those that fit.
func slowMatch(resources []gatehouse.Resource, path, method string) *gatehouse.Resource {
	type candidate struct {
		rank     string
		resource *gatehouse.Resource
	}
	var fit []candidate
	for i := range resources {
		r := &resources[i]
		if r.Method != method && !(method == "HEAD" && r.Method == "GET") {
			continue
		}
		if rank, ok := slowRank(strings.TrimSuffix(r.Template, "/"), path); ok {
			if r.Method != method {
				rank += "z"
			}
			fit = append(fit, candidate{rank, r})
		}
	}
	if len(fit) == 0 {
		return nil
	}
	return slices.MinFunc(fit, func(a, b candidate) int { return cmp.Compare(a.rank, b.rank) }).resource
}

// slowRank tells whether a template fits a path, and how well: a letter for each
// segment, an earlier one for a better fit.
func slowRank(template, path string) (rank string, fits bool) {
	have, want := strings.Split(path, "/")[1:], strings.Split(template, "/")[1:]
	if path == "" {
		have = nil
	}
	if template == "" {
		want = nil
	}
	for i, w := range want {
		switch {
		case w == "*":
			return rank + "c", true
		case i >= len(have):
			return "", false
		case strings.HasPrefix(w, "{"):
			rank += "b"
		case w == have[i]:
			rank += "a"
		default:
			return "", false
		}
	}
	return rank, len(want) == len(have)
}

func FuzzMatch(f *testing.F) {
	f.Add("GET /a/{x}\nGET /a/*\nHEAD /a/b", "HEAD", "/a/b")
	f.Add("GET /\nPOST /*", "POST", "")
	f.Add("GET /{x}/b\nGET /a/{y}\nGET /a/b/c", "GET", "/a/b")
	f.Add("GET /a/b/c\nGET /{x}/b/d\nPUT /a/{y}/d", "PUT", "/a/b/d")
	f.Fuzz(func(t *testing.T, text, method, path string) {
		if path, ok := canonical(path); !ok && path != "" || strings.HasSuffix(path, "/") {
			t.Skip()
		}
		if path != "" && path[0] != '/' || strings.Contains(path, "//") || strings.HasSuffix(path, "/") {
			t.Skip()
		}
		api := gatehouse.API{Name: "x", Version: "1", Context: "/x"}
		for line := range strings.Lines(text) {
			m, template, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			api.Resources = append(api.Resources, gatehouse.Resource{Method: m, Template: template})
		}
		if api.Validate() != nil {
			t.Skip()
		}
		var n node
		for i := range api.Resources {
			n.insert(&resource{Resource: &api.Resources[i]})
		}
		if got, want := spelled(found(n.match(path, method))), spelled(slowMatch(api.Resources, path, method)); got != want {
			t.Fatalf("%s %q among %q is %q; the model says %q", method, path, text, got, want)
		}
	})
}

// manyAPIs are n APIs of some resources each, in the default organization.
func manyAPIs(n, resources int) []*gatehouse.API {
	apis := make([]*gatehouse.API, n)
	for i := range apis {
		apis[i] = &gatehouse.API{
			ID: fmt.Sprint("id", i), OrgKey: gatehouse.DefaultOrganization, Name: fmt.Sprint("api", i), Version: "v1",
			Context: fmt.Sprint("/api", i), State: gatehouse.Published, Production: "http://backend.example/base",
		}
		for j := range resources {
			apis[i].Resources = append(apis[i].Resources, gatehouse.Resource{
				Method: gatehouse.Methods[j%2*2], Template: fmt.Sprintf("/things%d/{id}/part", j), Scopes: []string{"read"}, Auth: gatehouse.AuthAny,
			})
		}
	}
	return apis
}

func BenchmarkMatch(b *testing.B) {
	table, err := NewTable(manyAPIs(1000, 50))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r, rest := table.find("/api700/v1/things30/42/part")
		if r.resources.match(rest, "GET") == nil {
			b.Fatal("no match")
		}
	}
}

func BenchmarkWith(b *testing.B) {
	apis := manyAPIs(10000, 20)
	table, err := NewTable(apis)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := table.With(apis[5000]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewTable(b *testing.B) {
	apis := manyAPIs(10000, 20)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewTable(apis); err != nil {
			b.Fatal(err)
		}
	}
}
