package publisher_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/publisher"
)

// withoutPolicies compares what callers are shown.
var withoutPolicies = cmp.Options{cmpopts.IgnoreFields(gatehouse.Resource{}, "Policies"), cmpopts.IgnoreFields(gatehouse.Settings{}, "Policies")}

var update = flag.Bool("update", false, "write what the tests see into the golden files")

func TestReadOpenAPIReadsGoodDefinitions(t *testing.T) {
	for _, file := range definitions(t, "testdata/good") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text := read(t, file)
			draft, err := publisher.ReadOpenAPI(text)
			if err != nil {
				t.Fatal(err)
			}
			if string(draft.Definition) != string(text) {
				t.Error("the definition is not kept as it was given")
			}
			draft.API.Tiers = []string{gatehouse.Unlimited}
			if err := draft.API.Validate(); err != nil {
				t.Errorf("the drawn up API breaks a rule: %v", err)
			}
			golden(t, file, describe(draft))
		})
	}
}

func TestReadOpenAPITellsEverythingThatIsWrong(t *testing.T) {
	for _, file := range definitions(t, "testdata/bad") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			_, err := publisher.ReadOpenAPI(read(t, file))
			if gatehouse.KindOf(err) != gatehouse.Invalid {
				t.Fatalf("got %v, want an Invalid error", err)
			}
			refused, ok := errors.AsType[*publisher.DefinitionError](err)
			if !ok {
				t.Fatalf("got %T, want a *DefinitionError", err)
			}
			if got := gatehouse.MessageOf(err); !strings.HasPrefix(got, refused.Problems[0].Error()) {
				t.Errorf("the message %q does not begin with the first problem", got)
			}
			var b strings.Builder
			for _, p := range refused.Problems {
				fmt.Fprintf(&b, "%s\n    %s\n", p.Error(), p.Path)
			}
			golden(t, file, b.String())
		})
	}
}

// Check 143: bombs of every kind are refused within 64 MiB; how long it takes is
// reported.
func TestReadOpenAPIRefusesBombs(t *testing.T) {
	const head = "openapi: 3.0.3\ninfo: {title: bomb, version: '1'}\npaths: {}\n"
	aliases := head + "x-a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	merges := head + "x-a0: &a0 {a: 1, b: 2}\n"
	for i := 1; i < 20; i++ {
		again := strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10), ",")
		aliases += fmt.Sprintf("x-a%d: &a%d [%s]\n", i, i, again)
		merges += fmt.Sprintf("x-a%d: &a%d {<<: [%s]}\n", i, i, again)
	}
	var chain strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&chain, `"s%d":{"$ref":"#/components/schemas/s%d"},`, i, i+1)
	}
	var often strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&often, `"/p%d":{"get":{"responses":{"200":{"$ref":"#/components/responses/Large"}}}},`, i)
	}
	large := `"components":{"responses":{"Large":{"description":"x","headers":{`
	for i := range 3000 {
		large += fmt.Sprintf(`"h%d":{"schema":{"type":"string"}},`, i)
	}
	tests := []struct {
		name, definition, want string
	}{
		{"aliases of aliases", aliases, "values"},
		{"merges of merges", merges, "values"},
		{"alias of what it stands in", head + "x-a: &a [*a]\n", "inside what it points at"},
		{"deep JSON", strings.Repeat(`{"a":`, 100_000), "deeper"},
		{"deep JSON lists", `{"a":` + strings.Repeat(`[`, 100_000), "deeper"},
		{"deep YAML", "a: " + strings.Repeat("[", 100_000), "deeper"},
		{"deep block YAML", strings.Repeat("- ", 100_000), "deeper"},
		{"many values in JSON", `{"a":[` + strings.Repeat("1,", 4_000_000) + "1]}", "values"},
		{"many values in YAML", "a: [" + strings.Repeat("a,", 4_000_000) + "]", "values"},
		{"many keys", head + strings.Repeat("? \n", 1_000_000), "values"},
		{"more than may be read", strings.Repeat(" ", 50<<20), "bytes"},
		{"a large response in many places", `{"openapi":"3.0.3","info":{"title":"a","version":"1"},` + large + `"h":{"schema":{}}}}}},"paths":{` + often.String() + `"/p":{}}}`, "refers too often"},
		{"a long chain of references", `{"openapi":"3.0.3","info":{"title":"a","version":"1"},"paths":{},"components":{"schemas":{` + chain.String() + `"s":{}}}}`, "references"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text := []byte(test.definition)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, err := publisher.ReadOpenAPI(text)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if kind := gatehouse.KindOf(err); kind != gatehouse.Invalid && kind != gatehouse.TooLarge {
				t.Fatalf("got %v, want it refused", err)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %q, want a message with %q", err, test.want)
			}
			used := (after.TotalAlloc - before.TotalAlloc) >> 20
			if t.Logf("it took %v and %d MiB", took, used); used > 64 {
				t.Error("that is more than 64 MiB")
			}
		})
	}
}

// Schemas that all lead to one another, as they do in large files, cost no more than
// their number: twice as many take twice the memory.
func TestReadOpenAPIReadsALargeDefinition(t *testing.T) {
	read := func(n int) uint64 {
		var b strings.Builder
		b.WriteString("openapi: 3.0.3\ninfo: {title: large, version: '1'}\npaths:\n")
		for i := range n {
			fmt.Fprintf(&b, "  /p%d: {get: {responses: {'200': {description: Yes, content: {application/json: {schema: {$ref: '#/components/schemas/S%d'}}}}}}}\n", i, i)
		}
		b.WriteString("components:\n  schemas:\n")
		for i := range n {
			fmt.Fprintf(&b, "    S%d: {properties: {a: {$ref: '#/components/schemas/S%d'}, b: {$ref: '#/components/schemas/S%d'}}}\n", i, (i+1)%n, i*7%n)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		draft, err := publisher.ReadOpenAPI([]byte(b.String()))
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Fatal(err)
		}
		if len(draft.API.Resources) != n {
			t.Errorf("it gave %d resources, want %d", len(draft.API.Resources), n)
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	if half, whole := read(500), read(1000); whole > 3*half {
		t.Errorf("twice as many schemas take %d bytes, and half of them %d", whole, half)
	}
	var b strings.Builder
	b.WriteString("openapi: 3.0.3\ninfo: {title: large, version: '1'}\npaths:\n")
	for i := range gatehouse.MaxResources + 1 {
		fmt.Fprintf(&b, "  /p%d: {get: {responses: {'200': {description: Yes}}}}\n", i)
	}
	if _, err := publisher.ReadOpenAPI([]byte(b.String())); err == nil || !strings.Contains(err.Error(), "at most 2000 operations") {
		t.Errorf("one operation too many: got %v", err)
	}
}

func FuzzReadOpenAPI(f *testing.F) {
	for _, folder := range []string{"testdata/good", "testdata/bad"} {
		for _, file := range definitions(f, folder) {
			f.Add(read(f, file))
		}
	}
	f.Fuzz(func(t *testing.T, definition []byte) {
		start := time.Now()
		draft, err := publisher.ReadOpenAPI(definition)
		if took := time.Since(start); took > time.Minute {
			t.Fatalf("%d bytes took %v", len(definition), took)
		}
		if err != nil {
			if refused, ok := errors.AsType[*publisher.DefinitionError](err); !ok || len(refused.Problems) == 0 || refused.Problems[0].Line < 1 {
				t.Fatalf("refused without a reason or a place: %v", err)
			}
			return
		}
		if err := draft.API.Validate(); err != nil {
			t.Fatalf("the drawn up API breaks a rule: %v", err)
		}
		public, err := publisher.DocumentFor(definition, "https://gateway.example.org/a/1")
		if err != nil {
			t.Fatal(err)
		}
		again, err := publisher.ReadOpenAPI(public)
		if err != nil {
			t.Fatalf("%s is refused: %v", public, err)
		}
		if diff := cmp.Diff(draft.API.Resources, again.API.Resources, withoutPolicies); diff != "" {
			t.Fatalf("the document for callers changes the resources:\n%s", diff)
		}
	})
}

func definitions(tb testing.TB, folder string) []string {
	tb.Helper()
	var files []string
	for _, pattern := range []string{"*.yaml", "*.json"} {
		found, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			tb.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		tb.Fatalf("%s holds no definition", folder)
	}
	return files
}

func read(tb testing.TB, file string) []byte {
	tb.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

func describe(d *publisher.Draft) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q %q %s\n%q\nproduction %s\nsandbox %s\ntags %q\n", d.API.Name, d.API.Version, d.API.Context, d.API.Description, d.API.Production, d.API.Sandbox, d.API.Tags)
	for _, r := range d.API.Resources {
		fmt.Fprintf(&b, "%s %s scopes=%v auth=%q tier=%q %q\n", r.Method, r.Template, r.Scopes, r.Auth, r.Tier, r.Summary)
		describePolicies(&b, r.Policies)
	}
	describePolicies(&b, d.API.Settings.Policies)
	for _, s := range d.Scopes {
		fmt.Fprintf(&b, "scope %q %q roles=%v\n", s.Name, s.Description, s.Roles)
	}
	for _, w := range d.Warnings {
		fmt.Fprintf(&b, "warning %s\n", w)
	}
	return b.String()
}

func describePolicies(b *strings.Builder, policies []gatehouse.Policy) {
	if policies != nil {
		fmt.Fprintf(b, "%d policies\n", len(policies))
	}
	for _, p := range policies {
		fmt.Fprintf(b, "policy %s side=%q %s\n", p.Name, p.Side, p.Settings)
	}
}

// golden compares got with the golden file beside file.
func golden(t *testing.T, file, got string) {
	t.Helper()
	file += ".golden"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(read(t, file)), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", file, diff)
	}
}
