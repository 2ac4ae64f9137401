package conformance

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/conformance.md anew")

// table is what was seen: for each client and flow whether it passed. What a client does
// not know is not there.
type table struct {
	known map[place]string // failures that are known, and why
	seen  map[place]bool
}

type place struct {
	client string
	flow   flow
}

func newTable(t *testing.T) *table {
	t.Helper()
	known := map[place]string{}
	f, err := os.Open("known.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if lines.Text() == "" || strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		where, why, _ := strings.Cut(lines.Text(), ": ")
		client, name, ok := strings.Cut(where, " / ")
		if !ok || why == "" || !slices.Contains(flows, flow(name)) {
			t.Fatalf("known.txt: %q is not client / flow: reason", lines.Text())
		}
		known[place{client, flow(name)}] = why
	}
	return &table{known, map[place]bool{}}
}

// note takes the result of a flow.
func (tb *table) note(t *testing.T, client string, f flow, err error) {
	t.Helper()
	at := place{client, f}
	if !slices.Contains(flows, f) {
		t.Fatalf("%q is not among the flows of the table", f)
	}
	tb.seen[at] = err == nil
	switch why, known := tb.known[at]; {
	case err != nil && known:
		t.Skipf("known: %s (%v)", why, err)
	case err != nil:
		t.Error(err)
	case known:
		t.Error("it passes: take its line out of known.txt")
	}
}

// String writes the table in Markdown.
func (tb *table) String() string {
	var b strings.Builder
	b.WriteString("| |")
	for _, l := range libraries() {
		b.WriteString(" " + l.name + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat(":-:|", len(libraries())) + "\n")
	for _, f := range flows {
		b.WriteString("| " + string(f) + " |")
		for _, l := range libraries() {
			passed, tried := tb.seen[place{l.name, f}]
			switch {
			case !tried:
				b.WriteString(" |")
			case passed:
				b.WriteString(" ✓ |")
			default:
				b.WriteString(" **fails** |")
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// print shows the table at the end of a run, also of one that passes.
func (tb *table) print() {
	passed := 0
	for _, ok := range tb.seen {
		if ok {
			passed++
		}
	}
	fmt.Printf("\n%s\n%d of %d flows passed\n", tb, passed, len(tb.seen))
}

const preface = `# Conformance

Clients that nobody here wrote, run against a started server by ` + "`make conformance`" + `. An empty place is a flow that the
client does not know. This page is written by ` + "`make conformance UPDATE=-update`" + `, and the run fails when it sees anything else.

`

// document is the page that keeps the table.
func (tb *table) document(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(preface + tb.String() + "\nWith\n\n")
	var named []string
	for _, l := range libraries() {
		if line := "- " + l.module + " " + version(t, l.module) + "\n"; !slices.Contains(named, line) {
			named = append(named, line)
		}
	}
	b.WriteString(strings.Join(named, ""))
	if len(tb.known) > 0 {
		b.WriteString("\nWhat fails, and why it stays so for now:\n\n")
	}
	for _, f := range flows {
		for _, l := range libraries() {
			if why, known := tb.known[place{l.name, f}]; known {
				fmt.Fprintf(&b, "- %s, %s: %s\n", l.name, f, why)
			}
		}
	}
	return b.String()
}

// version returns the version of a client that was run.
func version(t *testing.T, module string) string {
	t.Helper()
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if found := regexp.MustCompile(`(?m)^\s+` + regexp.QuoteMeta(module) + ` v(\S+)`).FindSubmatch(text); found != nil {
		return string(found[1])
	}
	if text, err = os.ReadFile(filepath.Join("node", "package-lock.json")); err != nil {
		t.Fatal(err)
	}
	var lock struct {
		Packages map[string]struct{ Version string }
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		t.Fatal(err)
	}
	v := lock.Packages["node_modules/"+module].Version
	if v == "" {
		t.Fatalf("neither go.mod nor package-lock.json names the version of %s", module)
	}
	return v
}

// keep compares what was seen with what the page says, or writes the page.
func (tb *table) keep(t *testing.T) {
	t.Helper()
	page := filepath.Join("..", "..", "docs", "conformance.md")
	seen := tb.document(t)
	if *update {
		if err := os.WriteFile(page, []byte(seen), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if kept, err := os.ReadFile(page); err != nil || string(kept) != seen {
		t.Errorf("docs/conformance.md does not say what was seen: run make conformance UPDATE=-update (%v)", err)
	}
}
