package gatehouse_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layers is the plan of the program (docs/architecture.md): a package imports
// packages of a lower layer and never one of its own.
var layers = map[string]int{
	".": 0, "internal/db/query": 0,

	"internal/config": 1, "internal/respond": 1, "internal/observe": 1, "internal/page": 1,
	"internal/db": 1, "internal/cluster": 1, "internal/token": 1,
	"internal/proof": 1, "internal/wire": 1,

	"internal/organization": 2, "internal/publisher": 2, "internal/apistore": 2,

	"internal/tokenapi": 3, "internal/login": 3, "internal/gateway": 3, "internal/rest": 3, "internal/web": 3,

	"internal/server": 4,

	"cmd/gatehouse": 5, "internal/gatehousetest": 5, "test/e2e": 5, "test/bench": 5, "test/faults": 5,
}

// apart lists who may import what a lower layer would allow to everybody: services
// and entry points are handed the database, they never reach for it.
var apart = map[string][]string{
	"internal/db/query": {"internal/db"},
	"internal/db":       {"internal/server", "internal/gatehousetest", "test/bench"},
	"internal/cluster":  {"internal/server", "test/bench"},
	"internal/config":   {"internal/server", "internal/gatehousetest", "cmd/gatehouse"},
}

// modules are modules of their own in the tree: nothing of the product imports them.
var modules = []string{"tools", "test/conformance"}

func TestImports(t *testing.T) {
	const module = "github.com/gatehouse/gatehouse"
	seen := map[string]bool{}
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && file != "." || slices.Contains(modules, file)):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(file, ".go"):
			return nil
		}
		pkg := filepath.ToSlash(filepath.Dir(file))
		layer, planned := layers[pkg]
		if !planned {
			t.Errorf("%s: package %s is not on the plan: adding one is a decision with a record", file, pkg)
			return nil
		}
		seen[pkg] = true
		if strings.HasSuffix(file, "_test.go") {
			return nil
		}
		for _, path := range imports(t, file) {
			dep, ours := strings.CutPrefix(path, module)
			dep = strings.TrimPrefix(dep, "/")
			if !ours {
				if pkg == "." && strings.Contains(strings.Split(path, "/")[0], ".") {
					t.Errorf("%s imports %s: the vocabulary imports the standard library alone", file, path)
				}
				continue
			}
			if dep == "" {
				dep = "."
			}
			if layers[dep] >= layer {
				t.Errorf("%s imports %s, which is not on a lower layer", file, dep)
			}
			if only, ok := apart[dep]; ok && !slices.Contains(only, pkg) {
				t.Errorf("%s imports %s, which is handed to it by server", file, dep)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, pkg := range slices.Sorted(maps.Keys(layers)) {
		if !seen[pkg] {
			t.Errorf("%s is on the plan and has no files", pkg)
		}
	}
}

func imports(t *testing.T, file string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, spec := range f.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}
