package publisher

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Bounds of a definition beside its size, so that no file of ten lines costs more to
// read than one of ten thousand.
const (
	maxDepth = 100     // mappings and lists inside one another
	maxNodes = 500_000 // mappings, lists and scalars, with aliases written out
	maxMarks = 750_000 // structural characters, counted before anything is built
)

// shape is what a node is.
type shape uint8

const (
	scalar shape = iota
	mapping
	list
)

func (s shape) String() string { return [...]string{"a single value", "a mapping", "a list"}[s] }

// node is one value of a definition, JSON and YAML alike, and where it stands. Aliases
// and merge keys are resolved: an aliased node is shared, not copied.
type node struct {
	text         string // of a scalar
	tag          string // of a scalar: !!str, !!int, !!float, !!bool, !!null
	shape        shape
	line, column int32
	entries      []entry        // of a mapping or list, in the order of the file
	index        map[string]int // of a mapping: where each key is
}

// entry is a field of a mapping or an item of a list, which has no key.
type entry struct{ key, value *node }

// get returns the value under key, nil when there is none; n may be nil.
func (n *node) get(key string) *node {
	if n == nil || n.shape != mapping {
		return nil
	}
	if i, ok := n.index[key]; ok {
		return n.entries[i].value
	}
	return nil
}

// keyed returns the key node of a field, which is where a problem with the field is
// shown, or n itself when it has none.
func (n *node) keyed(key string) *node {
	if n != nil && n.shape == mapping {
		if i, ok := n.index[key]; ok {
			return n.entries[i].key
		}
	}
	return n
}

// add puts a field into a mapping and reports whether its key is new there.
func (n *node) add(key, value *node) bool {
	if _, taken := n.index[key.text]; taken {
		return false
	}
	if n.index == nil {
		n.index = map[string]int{}
	}
	n.index[key.text] = len(n.entries)
	n.entries = append(n.entries, entry{key, value})
	return true
}

// tree reads a definition into nodes. A definition that cannot be read any further is
// one Problem, returned as the error; duplicate keys are collected beside it.
type tree struct {
	duplicates []Problem
	nodes      int
	written    map[*yaml.Node]*measured
}

func (t *tree) read(definition []byte) (*node, error) {
	definition = bytes.TrimPrefix(definition, []byte("\ufeff"))
	if !utf8.Valid(definition) {
		at := position{}
		for rest := definition; ; {
			r, size := utf8.DecodeRune(rest)
			if r == utf8.RuneError && size <= 1 {
				break
			}
			rest = rest[size:]
			at.offset += size
		}
		return nil, at.problem(definition, "the file is not text in UTF-8: save it as UTF-8")
	}
	if marks(definition) > maxMarks {
		return nil, &Problem{Line: 1, Column: 1, Message: tooMany}
	}
	if looksLikeJSON(definition) {
		return t.readJSON(definition)
	}
	return t.readYAML(definition)
}

var (
	tooMany = fmt.Sprintf("the definition holds more than %d values: split the API, or move examples out of it", maxNodes)
	tooDeep = fmt.Sprintf("values are nested deeper than %d levels: name the inner schemas under components and refer to them", maxDepth)
)

// marks counts the characters without which there is no further node, in JSON and in
// YAML: an upper bound of the nodes that costs nothing to find.
func marks(definition []byte) int {
	count := 0
	for i, c := range definition {
		switch c {
		case '\n', ':', ',', '[', '{':
			count++
		case '-', '?':
			if i+1 < len(definition) && (definition[i+1] == ' ' || definition[i+1] == '\t') {
				count++
			}
		}
	}
	return count
}

// looksLikeJSON reports whether definition begins like a JSON object. YAML can begin
// with a brace too, but then without a quote after it.
func looksLikeJSON(definition []byte) bool {
	rest := bytes.TrimLeft(definition, " \t\r\n")
	if len(rest) == 0 || rest[0] != '{' {
		return false
	}
	rest = bytes.TrimLeft(rest[1:], " \t\r\n")
	return len(rest) == 0 || rest[0] == '"' || rest[0] == '}'
}

// position is a place in a text, moved forward only.
type position struct {
	offset       int
	line, column int32 // of offset, counted from 0
}

func (p *position) moveTo(text []byte, offset int) {
	for offset = min(offset, len(text)); p.offset < offset; p.offset++ {
		switch c := text[p.offset]; {
		case c == '\n':
			p.line, p.column = p.line+1, 0
		case utf8.RuneStart(c):
			p.column++
		}
	}
}

func (p position) problem(text []byte, message string) *Problem {
	var at position
	at.moveTo(text, p.offset)
	return &Problem{Line: int(at.line) + 1, Column: int(at.column) + 1, Message: message}
}

// readJSON reads by tokens, because YAML's reader knows neither all of JSON's escapes
// nor the column of a mistake.
func (t *tree) readJSON(text []byte) (*node, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	at := &position{}
	root, err := t.jsonValue(decoder, text, at, 1)
	if err == nil {
		if _, err = decoder.Token(); err == io.EOF {
			return root, nil
		}
		if err == nil {
			at.moveTo(text, int(decoder.InputOffset())-1)
			return nil, at.problem(text, "there is more text after the end of the JSON object: remove it")
		}
	}
	if problem, ok := errors.AsType[*Problem](err); ok {
		return nil, problem
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return nil, position{offset: max(int(syntax.Offset)-1, 0)}.problem(text, "this is not JSON: "+syntax.Error())
	}
	return nil, position{offset: len(text)}.problem(text, "the JSON ends too early: a closing brace, bracket or quote is missing")
}

func (t *tree) jsonValue(decoder *json.Decoder, text []byte, at *position, depth int) (*node, error) {
	start := int(decoder.InputOffset())
	for start < len(text) && strings.IndexByte(" \t\r\n,:", text[start]) >= 0 {
		start++
	}
	at.moveTo(text, start)
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	n := &node{line: at.line + 1, column: at.column + 1}
	if t.nodes++; t.nodes > maxNodes {
		return nil, at.problem(text, tooMany)
	}
	switch v := token.(type) {
	case json.Delim:
		if depth > maxDepth {
			return nil, at.problem(text, tooDeep)
		}
		if v == '{' {
			n.shape = mapping
		} else {
			n.shape = list
		}
		return n, t.jsonEntries(n, decoder, text, at, depth)
	case string:
		n.text, n.tag = v, "!!str"
	case json.Number:
		n.text, n.tag = v.String(), "!!float"
	case bool:
		n.text, n.tag = strconv.FormatBool(v), "!!bool"
	default:
		n.text, n.tag = "null", "!!null"
	}
	return n, nil
}

func (t *tree) jsonEntries(n *node, decoder *json.Decoder, text []byte, at *position, depth int) error {
	for decoder.More() {
		var key *node
		if n.shape == mapping {
			var err error
			if key, err = t.jsonValue(decoder, text, at, depth); err != nil {
				return err
			}
		}
		value, err := t.jsonValue(decoder, text, at, depth+1)
		switch {
		case err != nil:
			return err
		case key == nil:
			n.entries = append(n.entries, entry{value: value})
		case !n.add(key, value):
			t.duplicate(n, key)
		}
	}
	_, err := decoder.Token() // the closing delimiter
	return err
}

func (t *tree) duplicate(n, key *node) {
	if len(t.duplicates) < maxProblems {
		t.duplicates = append(t.duplicates, Problem{Line: int(key.line), Column: int(key.column),
			Message: fmt.Sprintf("%q is here twice, first on line %d: remove or rename one", key.text, n.keyed(key.text).line)})
	}
}
