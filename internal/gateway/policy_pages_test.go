package gateway

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

var update = flag.Bool("update", false, "write docs/policies anew")

// examples are settings that somebody may have, one for each kind.
var examples = map[string]string{
	"backend-jwt": `{"algorithm": "RS256", "lifetime": 300}`,
	"body-size":   `{"max": 65536}`,
	"cache":       `{"lifetime": "5m", "share": true}`,
	"json-threat": `{"maxJsonDepth": 16, "maxSize": 65536}`,
	"timeouts":    `{"firstByte": "10s", "idle": "1m"}`,
	"validate":    `{"maxBody": 262144}`,
	"xml-threat":  `{"maxXMLDepth": 16, "refuseOthers": true}`,
	"cors":        `{"origins": ["https://app.example.com"], "credentials": true, "exposed": ["X-Total"]}`,
	"graphql":     `{"maxDepth": 8, "maxComplexity": 200, "costs": {"pets": 10}, "scopes": {"Mutation.addPet": ["update"]}}`,
	"headers":     `{"set": {"X-From": "gateway"}, "remove": ["X-Debug"]}`,
	"ip-allow":    `{"allow": ["203.0.113.0/24", "2001:db8::/32"]}`,
	"mock":        `{"status": 200, "body": {"id": 1, "name": "Rex"}}`,
	"query":       `{"set": {"source": "gateway"}, "rename": {"q": "search"}}`,
	"redirect":    `{"to": "https://new.example.com/pets/{petId}", "status": 308}`,
	"request-log": `{"fields": ["method", "resource", "status", "duration", "user"], "headers": ["User-Agent"], "rate": 0.1}`,
	"websocket":   `{"maxMessage": 65536, "perMinute": 600}`,
	"rewrite":     `{"path": "/v2/animals/{petId}"}`,
}

// policyPages is where the pages are.
const policyPages = "../../docs/policies"

// The pages of the policies are made of the comments on their settings; -update makes them.
func TestPolicyPagesAreCurrent(t *testing.T) {
	source := readSource(t)
	table := "| Policy | What it does |\n|---|---|\n"
	for i := range kinds {
		k := &kinds[i]
		about, page := source.page(t, k)
		current(t, k.name+".md", page)
		first, _, _ := strings.Cut(about, ". ")
		table += fmt.Sprintf("| [`%s`](%s.md) | %s |\n", k.name, k.name, strings.TrimSuffix(first, "."))
	}
	readme, err := os.ReadFile(filepath.Join(policyPages, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- policies: made by make generate -->\n", "<!-- end -->"
	before, rest, ok := strings.Cut(string(readme), begin)
	_, behind, also := strings.Cut(rest, end)
	if !ok || !also {
		t.Fatal("README.md has lost the marks of its table")
	}
	current(t, "README.md", before+begin+table+end+behind)
}

// current compares a page with what it should be, or writes it.
func current(t *testing.T, name, want string) {
	t.Helper()
	path := filepath.Join(policyPages, name)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("docs/policies/%s is not what the settings say (%v): run make generate", name, err)
	}
}

// source is what the pages are made of: the types of this package, and what settings a
// function that compiles a kind takes.
type source struct {
	types    map[string]*ast.TypeSpec
	comments map[string]string
	settings map[string]string // by kind
}

func readSource(t *testing.T) *source {
	t.Helper()
	s := &source{types: map[string]*ast.TypeSpec{}, comments: map[string]string{}, settings: map[string]string{}}
	files, err := filepath.Glob("policy*.go")
	if err != nil {
		t.Fatal(err)
	}
	compiled, takes := map[string]string{}, map[string]string{} // by function
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GenDecl:
				for _, spec := range n.Specs {
					if spec, ok := spec.(*ast.TypeSpec); ok {
						s.types[spec.Name.Name], s.comments[spec.Name.Name] = spec, n.Doc.Text()
					}
				}
			case *ast.FuncDecl:
				if n.Recv == nil && len(n.Type.Params.List) > 0 {
					if of, ok := n.Type.Params.List[0].Type.(*ast.Ident); ok {
						takes[n.Name.Name] = of.Name
					}
				}
			case *ast.CompositeLit: // a row of kinds: its name, its sides, compiles(function)
				if len(n.Elts) != 3 {
					return true
				}
				text, isText := n.Elts[0].(*ast.BasicLit)
				call, isCall := n.Elts[2].(*ast.CallExpr)
				if isText && isCall {
					if kind, err := strconv.Unquote(text.Value); err == nil {
						compiled[kind] = call.Args[0].(*ast.Ident).Name
					}
				}
			}
			return true
		})
	}
	for kind, function := range compiled {
		s.settings[kind] = takes[function]
	}
	return s
}

// page writes the page of a kind, and returns what it is about too.
func (s *source) page(t *testing.T, k *kind) (about, page string) {
	t.Helper()
	name, example := s.settings[k.name], examples[k.name]
	_, about, _ = strings.Cut(strings.Join(strings.Fields(s.comments[name]), " "), " ")
	if about == "" || example == "" {
		t.Fatalf("the policy %s has no comment on its settings, or no example in examples", k.name)
	}
	about = strings.ToUpper(about[:1]) + about[1:]
	var out strings.Builder
	fmt.Fprintf(&out, "# Policy `%s`\n\n%s\n\n", k.name, wrapped(about))
	compiled, err := k.compile(json.RawMessage(example), place{side: append(k.sides, "")[0], api: &gatehouse.API{}})
	if err != nil {
		t.Fatalf("the example of %s: %v", k.name, err)
	}
	fmt.Fprintf(&out, "%s\n\n", strings.TrimSpace(sidesText(k)+" "+momentsText(compiled)))
	out.WriteString("| Setting | Kind | Meaning |\n|---|---|---|\n")
	s.rows(t, &out, name, "")
	var wire bytes.Buffer
	body := fmt.Sprintf(`{"apiPolicies": {"request": [{"policyName": "%s", "policyVersion": "v1", "parameters": %s}]}}`, k.name, example)
	if err := json.Indent(&wire, []byte(body), "", "  "); err != nil {
		t.Fatal(err)
	}
	ofOne, inOne := "; for one resource it stands under `operationPolicies` of its operation", " or in an operation"
	if _, err := k.compile(json.RawMessage(example), place{side: append(k.sides, "")[0], api: &gatehouse.API{}, resource: &gatehouse.Resource{}}); err != nil {
		ofOne, inOne = "", ""
	}
	fmt.Fprintf(&out, "\nBy the Management API, for all calls of an API%s:\n\n```json\n%s\n```\n", ofOne, wire.String())
	fmt.Fprintf(&out, "\nIn the OpenAPI document, at its root%s:\n\n```yaml\nx-gatehouse-policies:\n  - name: %s\n    settings: %s\n```\n\n", inOne, k.name, example)
	out.WriteString("[All policies](README.md)\n")
	return about, out.String()
}

// wrapped breaks a paragraph into lines.
func wrapped(text string) string {
	var out strings.Builder
	length := 0
	for word := range strings.FieldsSeq(text) {
		switch {
		case length > 0 && length+1+len(word) > 120:
			out.WriteByte('\n')
			length = 0
		case length > 0:
			out.WriteByte(' ')
			length++
		}
		out.WriteString(word)
		length += len(word)
	}
	return out.String()
}

func sidesText(k *kind) string {
	switch len(k.sides) {
	case 0:
		return "It is given no side."
	case 1:
		return fmt.Sprintf("It is put on the %s side.", k.sides[0])
	}
	return fmt.Sprintf("It is put on the %s side, which is the default, or on the %s side.", k.sides[0], k.sides[1])
}

// momentsText says when a policy does something.
func momentsText(compiled any) string {
	var moments []string
	if _, ok := compiled.(admitter); ok {
		moments = append(moments, "when it is decided whether the call may pass, before limits are counted")
	}
	if _, ok := compiled.(answerer); ok {
		moments = append(moments, "when the call may pass, before the backend is asked")
	}
	_, rewrites := compiled.(rewriter)
	if _, ok := compiled.(answerer); rewrites && !ok {
		moments = append(moments, "when the backend's request is made")
	}
	if _, ok := compiled.(responder); ok {
		moments = append(moments, "when the backend has answered")
	}
	if _, ok := compiled.(finisher); ok {
		moments = append(moments, "when the call is over")
	}
	if len(moments) == 0 {
		return ""
	}
	return "It acts " + strings.Join(moments, ", and ") + "."
}

// rows writes the rows of a type's fields; those of a type within it have its name before
// theirs.
func (s *source) rows(t *testing.T, out *strings.Builder, name, within string) {
	t.Helper()
	spec := s.types[name]
	if spec == nil {
		t.Fatalf("there is no type %s", name)
	}
	for _, field := range spec.Type.(*ast.StructType).Fields.List {
		tag, err := strconv.Unquote(field.Tag.Value)
		if err != nil {
			t.Fatal(err)
		}
		setting, _, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
		comment := strings.Join(strings.Fields(field.Doc.Text()), " ")
		if setting == "" || comment == "" {
			t.Fatalf("%s.%s has no comment or no json name", name, field.Names[0].Name)
		}
		kind, inner := s.typeText(field.Type)
		for _, beginning := range []string{field.Names[0].Name + " ", "is ", "are "} {
			comment = strings.TrimPrefix(comment, beginning)
		}
		comment = strings.ReplaceAll(comment, "|", "\\|")
		fmt.Fprintf(out, "| `%s%s` | %s | %s |\n", within, setting, kind, strings.ToUpper(comment[:1])+comment[1:])
		if inner != "" {
			s.rows(t, out, inner, within+setting+".")
		}
	}
}

// typeText names a type for those who write JSON, and the struct in it, if there is one.
func (s *source) typeText(e ast.Expr) (text, inner string) {
	switch e := e.(type) {
	case *ast.StarExpr:
		return s.typeText(e.X)
	case *ast.ArrayType:
		of, inner := s.typeText(e.Elt)
		return "list of " + of + "s", inner
	case *ast.MapType:
		of, inner := s.typeText(e.Value)
		return "object of " + of + "s", inner
	case *ast.SelectorExpr: // json.RawMessage
		return "any JSON", ""
	case *ast.Ident:
		switch name := e.Name; {
		case name == "string":
			return "text", ""
		case name == "duration":
			return "duration", ""
		case name == "bool":
			return "true or false", ""
		case strings.HasPrefix(name, "int"), strings.HasPrefix(name, "float"):
			return "number", ""
		case s.types[name] != nil:
			if _, ok := s.types[name].Type.(*ast.StructType); ok {
				return "object", name
			}
			return s.typeText(s.types[name].Type)
		}
	}
	return "JSON", ""
}
