package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/gatehouse/gatehouse"
)

// The sides of a call for which schemas differ: a property that is read only is required of
// answers alone, one that is write only of requests alone.
const (
	requests = iota
	responses
	sides
)

// schemaSet compiles the schemas of a document for one side.
type schemaSet struct {
	compiler *jsonschema.Compiler
	costs    *costs
}

// schema is a compiled schema, with what a value costs that is held against it.
type schema struct {
	*jsonschema.Schema
	cost *[maxSchemaDepth + 1]cost
}

// documentURL is how schemas call their document. Nothing is ever fetched from there.
const documentURL = "https://document.invalid/openapi"

// schema compiles the schema at a spot.
func (d *document) schema(side int, s spot) (*schema, error) {
	if d.schemas[side] == nil {
		set, err := d.newSchemaSet(side)
		if err != nil {
			return nil, err
		}
		d.schemas[side] = set
	}
	set := d.schemas[side]
	compiled, err := set.compiler.Compile(documentURL + "#" + fragment(s.way))
	if err != nil {
		return nil, schemaError(s.way, err)
	}
	cost, err := set.costs.of(compiled)
	if err != nil {
		return nil, schemaError(s.way, err)
	}
	return &schema{compiled, cost}, nil
}

func schemaError(way []string, err error) error {
	text := longWord.ReplaceAllString(strings.ReplaceAll(err.Error(), documentURL, ""), "…")
	text = strings.Join(strings.Fields(text), " ")
	return gatehouse.Errorf(gatehouse.Invalid, "the schema at %s of the OpenAPI document cannot be used: %.500s", fragment(way), text)
}

// longWord is what would hide the rest of a message.
var longWord = regexp.MustCompile(`\S{200,}`)

// newSchemaSet prepares the whole document, because references lead anywhere in it.
func (d *document) newSchemaSet(side int) (*schemaSet, error) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if d.draft30 {
		c.DefaultDraft(jsonschema.Draft4) // the one that OpenAPI 3.0 grew out of
	}
	c.AssertFormat()
	c.RegisterFormat(&jsonschema.Format{Name: "int32", Validate: integer(32)})
	c.RegisterFormat(&jsonschema.Format{Name: "int64", Validate: integer(64)})
	c.UseRegexpEngine(newPattern)
	c.UseLoader(nowhere{})
	p := preparation{document: d, side: side}
	if err := c.AddResource(documentURL, p.prepare(d.root, false)); err != nil {
		return nil, err
	}
	return &schemaSet{c, newCosts()}, p.err
}

// nowhere is where schemas are loaded from that are not in the document.
type nowhere struct{}

func (nowhere) Load(string) (any, error) {
	return nil, errors.New("it refers to another document, which is never fetched")
}

// integer checks the formats int32 and int64.
func integer(bits int) func(any) error {
	return func(v any) error {
		n, ok := v.(json.Number)
		if !ok {
			return nil
		}
		r, ok := new(big.Rat).SetString(string(n))
		if !ok || !r.IsInt() || r.Num().BitLen() >= bits && r.Num().Cmp(new(big.Int).Lsh(big.NewInt(-1), uint(bits-1))) != 0 {
			return fmt.Errorf("no integer of %d bits", bits)
		}
		return nil
	}
}

// Limits of regular expressions in schemas.
const (
	maxPattern     = 1000 // characters of one
	maxPatternSize = 4000 // instructions that it is compiled to
)

// pattern is a regular expression, in the syntax of Go: without what cannot be matched in a
// time that is bounded by the length of the text.
type pattern struct {
	*regexp.Regexp
	size int
}

// unicodeEscape is how ECMAScript writes characters.
var unicodeEscape = regexp.MustCompile(`\\u([0-9A-Fa-f]{4})`)

func newPattern(text string) (jsonschema.Regexp, error) {
	if len(text) > maxPattern {
		return nil, fmt.Errorf("the pattern has more than %d characters", maxPattern)
	}
	text = unicodeEscape.ReplaceAllString(text, `\x{$1}`)
	compiled, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("%w: patterns are those of RE2, without lookahead, lookbehind and backreferences", err)
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, err
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, err
	}
	if len(program.Inst) > maxPatternSize {
		return nil, fmt.Errorf("the pattern %.100q repeats too much", text)
	}
	return pattern{compiled, len(program.Inst)}, nil
}

// preparation makes a copy of a document in which schemas say what they mean as JSON Schema.
type preparation struct {
	*document
	side int
	err  error
}

// data are the keys below which stands no schema, but an example of a value.
var dataKeys = []string{"example", "examples", "default", "enum", "const"}

// namedKeys are the keys below which stand names of the author's choice.
var namedKeys = []string{"properties", "patternProperties", "schemas", "responses", "parameters", "requestBodies", "headers", "$defs", "definitions", "dependentSchemas", "paths", "content"}

func (p *preparation) prepare(v any, named bool) any {
	switch v := v.(type) {
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = p.prepare(item, false)
		}
		return list
	case map[string]any:
		mapping := make(map[string]any, len(v))
		for key, value := range v {
			if !named && (slices.Contains(dataKeys, key) || strings.HasPrefix(key, "x-")) {
				mapping[key] = value
				continue
			}
			mapping[key] = p.prepare(value, !named && slices.Contains(namedKeys, key))
		}
		if !named {
			p.schema(mapping)
		}
		return mapping
	}
	return v
}

// schema changes what may be a schema.
func (p *preparation) schema(m map[string]any) {
	for _, key := range []string{"$dynamicRef", "$recursiveRef"} {
		if _, there := m[key].(string); there && p.err == nil {
			p.err = gatehouse.Errorf(gatehouse.Invalid, "the OpenAPI document uses %s, with which the cost of a call cannot be foreseen: refer by $ref", key)
		}
	}
	if s, ok := m["$schema"].(string); ok && strings.HasPrefix(s, "https://spec.openapis.org/") {
		delete(m, "$schema")
	}
	p.require(m)
	if !p.draft30 {
		return
	}
	delete(m, "id") // which OpenAPI does not have, and Draft 4 takes for an address
	if kind, ok := m["type"].(string); ok && m["nullable"] == true {
		m["type"] = []any{kind, "null"}
		if values, ok := m["enum"].([]any); ok {
			m["enum"] = append(slices.Clip(values), nil)
		}
	}
}

// require asks for no property that belongs to the other side.
func (p *preparation) require(m map[string]any) {
	properties, _ := m["properties"].(map[string]any)
	required, _ := m["required"].([]any)
	if properties == nil || required == nil {
		return
	}
	other := [sides]string{"readOnly", "writeOnly"}[p.side]
	m["required"] = slices.DeleteFunc(slices.Clone(required), func(name any) bool {
		text, _ := name.(string)
		property, _ := properties[text].(map[string]any)
		return p.resolve(spot{value: property}).value[other] == true
	})
	if len(m["required"].([]any)) == 0 {
		delete(m, "required") // Draft 4 has no empty list
	}
}

// fragment writes names as a JSON pointer in a fragment (RFC 6901, section 6).
func fragment(names []string) string {
	var b strings.Builder
	for _, name := range names {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(pointerEscape.Replace(name)))
	}
	return b.String()
}

// pointerNames reads what fragment writes, with the # before it.
func pointerNames(ref string) ([]string, bool) {
	local, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return nil, false
	}
	text, err := url.PathUnescape(local)
	if err != nil {
		return nil, false
	}
	names := strings.Split(text, "/")
	for i := range names {
		names[i] = pointerUnescape.Replace(names[i])
	}
	return names, true
}

var (
	pointerEscape   = strings.NewReplacer("~", "~0", "/", "~1")
	pointerUnescape = strings.NewReplacer("~1", "/", "~0", "~")
)
