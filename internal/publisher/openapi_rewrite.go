package publisher

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxWork bounds the cost of the specification's check: the sum of all values' depths
// in the rewritten text, and of the sizes of what its references lead to.
const maxWork = 6_000_000

// writer writes a tree as JSON with one value a line, and remembers which node each
// line came from. Lines are counted from 1.
//
// What it writes is the definition without what would make its check slow and adds
// nothing to it: aliases are written out; long texts, examples and extensions are left
// out; and a schema that is a reference becomes a schema that allows everything,
// because the check would walk on into every schema it leads to, from each place anew.
// That references lead somewhere has been checked before.
type writer struct {
	root    *reader
	whole   bool   // leave nothing out
	without string // but fields of this name
	exact   bool   // a number is one whatever its field is called
	text    bytes.Buffer
	lines   []*node
	work    int
	weights map[*node]int
}

// place is where the writer is.
type place struct {
	key    string // of the value
	depth  int
	schema bool // whether this is a schema or part of one
}

// holders are the fields whose children are named freely, and are no schemas.
var holders = strings.Fields("responses parameters headers examples links callbacks requestBodies securitySchemes paths pathItems webhooks content")

// in returns the place of a field or item of n.
func (p place) in(key string) place {
	schema := p.schema || (key == "schema" || p.key == "schemas" || p.key == "definitions") && !slices.Contains(holders, p.key)
	return place{key: key, depth: p.depth + 1, schema: schema}
}

// texts are fields that are text whatever they look like: an unquoted version 1.0 is
// a number to YAML.
var texts = []string{"openapi", "swagger", "version", "title", "description", "summary", "operationId", "name"}

func (w *writer) value(n *node, at place) {
	if w.work += at.depth; w.work > maxWork && !w.whole {
		return
	}
	ref := n.get("$ref")
	if w.whole {
		ref = nil
	}
	switch {
	case n.shape == scalar:
		w.scalar(n, !w.exact && slices.Contains(texts, at.key))
		return
	case ref != nil && ref.shape == scalar && at.schema:
		w.lineOf(n)
		w.text.WriteString("{}")
		return
	case ref != nil && ref.shape == scalar:
		w.work += w.weight(n, at)
	}
	braces := "[]"
	if n.shape == mapping {
		braces = "{}"
	}
	w.text.WriteByte(braces[0])
	w.lineOf(n)
	first := true
	for _, e := range n.entries {
		name := ""
		if e.key != nil {
			if name = e.key.text; name != "" && name == w.without || !w.whole && (strings.HasPrefix(name, "x-") && at.key != "properties" || name == "example" && at.key != "properties") {
				continue
			}
		}
		w.text.WriteByte('\n')
		w.lines = append(w.lines, nil)
		if !first {
			w.text.WriteByte(',')
		}
		first = false
		if e.key != nil {
			w.lineOf(e.key)
			w.quoted(name)
			w.text.WriteByte(':')
		}
		w.value(e.value, at.in(name))
	}
	w.text.WriteByte(braces[1])
}

// weight returns how many values n has when what it refers to is written in its place,
// except within schemas.
func (w *writer) weight(n *node, at place) int {
	if known, ok := w.weights[n]; ok {
		return known
	}
	if w.weights == nil {
		w.weights = map[*node]int{}
	}
	w.weights[n] = 0 // while it is being weighed, so that a circle ends
	weight := 1
	for _, e := range n.entries {
		name := ""
		if e.key != nil {
			name = e.key.text
		}
		weight = min(weight+w.weight(e.value, at.in(name)), maxWork+1)
	}
	if target := w.root.resolved(n); target != n && !at.schema {
		weight = min(weight+w.weight(target, place{}), maxWork+1)
	}
	w.weights[n] = weight
	return weight
}

// lineOf says that the current line came from n, unless that is said already.
func (w *writer) lineOf(n *node) {
	if last := len(w.lines) - 1; w.lines[last] == nil {
		w.lines[last] = n
	}
}

func (w *writer) scalar(n *node, text bool) {
	w.lineOf(n)
	switch {
	case text && n.tag != "!!null":
		w.quoted(w.short(n.text))
	case n.tag == "!!null":
		w.text.WriteString("null")
	case n.tag == "!!bool":
		w.text.WriteString(strings.ToLower(n.text))
	case n.tag == "!!int" || n.tag == "!!float":
		w.number(n.text)
	default:
		w.quoted(n.text)
	}
}

// short cuts a text to what its check needs of it.
func (w *writer) short(text string) string {
	if w.whole {
		return text
	}
	return cut(text, 100)
}

// number writes what YAML takes for a number as JSON can, or as text when it cannot:
// infinity, and what is longer than any number needs.
func (w *writer) number(text string) {
	plain := strings.ReplaceAll(text, "_", "")
	if len(text) > 300 {
		w.quoted(text)
	} else if json.Valid([]byte(text)) {
		w.text.WriteString(text)
	} else if i, err := strconv.ParseInt(plain, 0, 64); err == nil {
		w.text.WriteString(strconv.FormatInt(i, 10))
	} else if f, err := strconv.ParseFloat(plain, 64); err == nil && f-f == 0 {
		w.text.WriteString(strconv.FormatFloat(f, 'g', -1, 64))
	} else {
		w.quoted(text)
	}
}

// quoted writes a JSON string that is a YAML string too: what YAML takes for a line
// break or forbids is escaped.
func (w *writer) quoted(text string) {
	w.text.WriteByte('"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			w.text.WriteByte('\\')
			w.text.WriteRune(c)
		case c < ' ' || 0x7f <= c && c < 0xa0 || c == 0x2028 || c == 0x2029 || 0xfff0 <= c && c <= 0xffff || c == 0xfeff:
			fmt.Fprintf(&w.text, `\u%04x`, c)
		default:
			w.text.WriteRune(c)
		}
	}
	w.text.WriteByte('"')
}
