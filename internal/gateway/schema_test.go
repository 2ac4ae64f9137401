package gateway

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/gatehouse/gatehouse"
)

// schemaOf compiles the schema A of a document with schemas.
func schemaOf(tb testing.TB, schemas string) *schema {
	tb.Helper()
	d, err := readDocument(`{"openapi":"3.1.0","components":{"schemas":` + schemas + `}}`)
	if err != nil {
		tb.Fatal(err)
	}
	s, err := d.schema(requests, spot{way: []string{"components", "schemas", "A"}})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// looks counts how often schemas are looked at.
type looks struct{ n int }

func (l *looks) Validate(*jsonschema.ValidatorContext, any) { l.n++ }

// count has l count in s and in all that it leads to.
func (l *looks) count(s *jsonschema.Schema, seen map[*jsonschema.Schema]bool) {
	if s == nil || seen[s] {
		return
	}
	seen[s] = true
	s.Extensions = []jsonschema.SchemaExt{l}
	for _, list := range [][]*jsonschema.Schema{sameValue(s), exclusive(s), common(s)} {
		for _, inner := range list {
			l.count(inner, seen)
		}
	}
}

func TestCostOfSchemasIsNeverMoreThanForeseen(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	ref := func() string { return fmt.Sprintf(`{"$ref":"#/components/schemas/%c"}`, 'A'+rune(random.IntN(4))) }
	later := func(from int) string { return fmt.Sprintf(`{"$ref":"#/components/schemas/%c"}`, 'B'+rune(from)) }
	most := 0
	for range 300 {
		var schemas []string
		for i := range 4 { // in place a schema refers to later ones alone, or it would be endless
			parts := []string{fmt.Sprintf(`"properties":{"a":%s,"b":%s}`, ref(), ref()), fmt.Sprintf(`"additionalProperties":%s`, ref()), fmt.Sprintf(`"items":%s,"contains":%s`, ref(), ref()), fmt.Sprintf(`"patternProperties":{"a|c":%s}`, ref())}
			if i < 3 {
				parts = append(parts, fmt.Sprintf(`"anyOf":[%s,%s]`, later(i), later(i)), fmt.Sprintf(`"if":%s,"else":%s`, later(i), later(i)))
			}
			random.Shuffle(len(parts), func(a, b int) { parts[a], parts[b] = parts[b], parts[a] })
			schemas = append(schemas, fmt.Sprintf(`"%c":{%s}`, 'A'+rune(i), strings.Join(parts[:1+random.IntN(3)], ",")))
		}
		s := schemaOf(t, "{"+strings.Join(schemas, ",")+"}")
		text := []byte(randomJSON(random, 5))
		scan, fault := scanJSON(text, valueLimits)
		value, err := decodeJSON(text)
		if fault != jsonSound || err != nil {
			t.Fatal(fault, err)
		}
		foreseen := scan.values * s.cost[scan.deepest].looks
		if foreseen > 50_000 {
			continue
		}
		l := &looks{}
		l.count(s.Schema, map[*jsonschema.Schema]bool{})
		if err := s.Validate(value); err != nil {
			t.Fatal(err)
		}
		if l.n > foreseen {
			t.Errorf("check 132: %s against %s: %d schemas were looked at, %d foreseen", text, schemas, l.n, foreseen)
		}
		most = max(most, l.n)
	}
	if most < 100 {
		t.Errorf("no schema was looked at more than %d times: the test tells nothing", most)
	}
}

func randomJSON(random *rand.Rand, depth int) string {
	if depth == 0 {
		return "1"
	}
	inner := func() string { return randomJSON(random, random.IntN(depth)) }
	if random.IntN(3) == 0 {
		return fmt.Sprintf("[%s,%s]", inner(), inner())
	}
	return fmt.Sprintf(`{"a":%s,"b":%s,"c":%s}`, randomJSON(random, depth-1), inner(), inner())
}

func TestHardestMessagesTakeBoundedTime(t *testing.T) {
	fill := func(item string) string {
		return "[" + strings.Repeat(item+",", (1<<18)/(len(item)+1)-1) + item + "]"
	}
	for _, tt := range []struct{ name, schema, body string }{
		{"large numbers", `{"items":{"type":"integer","minimum":0,"multipleOf":3}}`, fill("1e99")},
		{"long numbers", `{"items":{"type":"integer","minimum":0,"multipleOf":3}}`, fill(strings.Repeat("9", 390))},
		{"numbers that differ", `{"uniqueItems":true}`, fill("1e99")},
		{"texts against a pattern", `{"items":{"pattern":"^(a?){60}$"}}`, fill(`"` + strings.Repeat("a", 300) + `"`)},
		{"one text against a pattern", `{"items":{"pattern":"(a|b|ab)*c"}}`, fill(`"` + strings.Repeat("ab", 1<<16) + `"`)},
		{"wrong values", `{"items":{"type":"string"}}`, fill("1")},
		{"objects", `{"items":{"allOf":[{"unevaluatedProperties":{"type":"integer"}},{"properties":{"a":{"type":"string"}}}]}}`, fill(`{"a":1,"b":{}}`)},
		{"alternatives", `{"anyOf":[{"type":"null"},{"items":{"$ref":"#/components/schemas/A"},"maxItems":0},{"items":{"$ref":"#/components/schemas/A"}}]}`,
			strings.Repeat("[", 12) + strings.Repeat("[],", 400) + "null" + strings.Repeat("]", 12)},
	} {
		s := schemaOf(t, `{"A":`+tt.schema+`}`)
		began := time.Now()
		wrong := s.checkText([]byte(tt.body))
		took := time.Since(began)
		t.Logf("%s: %d bytes: %v: %.100s", tt.name, len(tt.body), took, wrong)
		if took > 20*time.Second { // many times what it takes
			t.Errorf("check 132: %s took %v", tt.name, took)
		}
	}
	if _, err := readDocument("a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f]\n"); gatehouse.KindOf(err) != gatehouse.Invalid {
		t.Errorf("a document that unfolds without end is read: %v", err)
	}
}

// BenchmarkReading is what policies cost that read a body of a kilobyte, beside the call.
func BenchmarkReading(b *testing.B) {
	item := `{"name":"Rex","id":17,"tags":["a","b"],"weight":0.25,"open":true}`
	list := []byte("[" + strings.Repeat(item+",", 14) + item + "]")
	s := schemaOf(b, `{"A":{"items":{"type":"object","required":["name"],"properties":{"name":{"type":"string","maxLength":20,"pattern":"^[A-Z]"},
		"id":{"type":"integer"},"tags":{"items":{"enum":["a","b"]}},"weight":{"type":"number"},"open":{"type":"boolean"}}}}}`)
	b.Run("scan JSON", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, fault := scanJSON(list, valueLimits); fault != jsonSound {
				b.Fatal(fault)
			}
		}
	})
	b.Run("hold against a schema", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if wrong := s.checkText(list); wrong != "" {
				b.Fatal(wrong)
			}
		}
	})
	text := []byte("<pets>" + strings.Repeat(`<pet id="1">Rex</pet>`, 45) + "</pets>")
	compiled, err := newXMLThreat(xmlThreatSettings{}, place{})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("scan XML", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if fault := scanXML(text, &compiled.(*xmlThreat).limits); fault != xmlSound {
				b.Fatal(fault)
			}
		}
	})
}
