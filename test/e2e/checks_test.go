package e2e

import (
	"bufio"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// docs/security-checks.md lists each of the 158 checks once, docs/acceptance.md each of
// the 25 scenarios, and every test they name exists.
func TestSecurityChecksNameRealTests(t *testing.T) {
	exists := tests(t)
	for page, numbers := range map[string]int{"security-checks.md": 158, "acceptance.md": 25} {
		t.Run(page, func(t *testing.T) { namesRealTests(t, "../../docs/"+page, numbers, exists) })
	}
}

func namesRealTests(t *testing.T, path string, numbers int, exists map[string]bool) {
	t.Helper()
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^\| (\d+) \|`)
	next := 1
	for _, match := range row.FindAllSubmatch(page, -1) {
		if number, err := strconv.Atoi(string(match[1])); err != nil || number != next {
			t.Errorf("%s stands where %d should", match[1], next)
		}
		next++
	}
	if next != numbers+1 {
		t.Errorf("%d rows, want %d", next-1, numbers)
	}
	named := regexp.MustCompile("`([a-z0-9]+\\.(?:Test|Fuzz)[A-Za-z0-9]+)`")
	for _, match := range named.FindAllSubmatch(page, -1) {
		if name := string(match[1]); !exists[name] {
			t.Errorf("there is no test %s", name)
		}
	}
}

// tests finds every test of the module, as package.Name.
func tests(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		pkg := ""
		for lines := bufio.NewScanner(file); lines.Scan(); {
			if name, ok := strings.CutPrefix(lines.Text(), "package "); ok {
				pkg = strings.TrimSuffix(name, "_test")
			}
			if name, _, ok := strings.Cut(lines.Text(), "("); ok && (strings.HasPrefix(name, "func Test") || strings.HasPrefix(name, "func Fuzz")) {
				found[pkg+"."+strings.TrimPrefix(name, "func ")] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
