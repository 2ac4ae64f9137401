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

// docs/security-checks.md lists each of the 158 checks once, and every test it names
// exists.
func TestSecurityChecksNameRealTests(t *testing.T) {
	page, err := os.ReadFile("../../docs/security-checks.md")
	if err != nil {
		t.Fatal(err)
	}
	exists := tests(t)
	row := regexp.MustCompile(`(?m)^\| (\d+) \|`)
	next := 1
	for _, match := range row.FindAllSubmatch(page, -1) {
		if number, err := strconv.Atoi(string(match[1])); err != nil || number != next {
			t.Errorf("check %s stands where %d should", match[1], next)
		}
		next++
	}
	if next != 159 {
		t.Errorf("%d checks, want 158", next-1)
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
