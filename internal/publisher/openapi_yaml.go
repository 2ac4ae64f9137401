package publisher

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"
)

// measured is a YAML node read so far: what became of it, and how large and deep it is
// with its aliases written out. A node that is being read still has no size.
type measured struct {
	node        *node
	size, depth int
}

func (t *tree) readYAML(text []byte) (*node, error) {
	if at := bytes.IndexFunc(text, forbiddenInYAML); at >= 0 {
		return nil, position{offset: at}.problem(text, "this control character may not stand in YAML: remove it")
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, yamlProblem(text, err)
	}
	if document.Kind != yaml.DocumentNode || len(document.Content) != 1 {
		return nil, &Problem{Line: 1, Column: 1, Message: "the file is empty: it must hold an OpenAPI definition"}
	}
	t.written = map[*yaml.Node]*measured{}
	m, err := t.yamlValue(document.Content[0], 1)
	if err != nil {
		return nil, err
	}
	return m.node, nil
}

func forbiddenInYAML(r rune) bool {
	return unicode.IsControl(r) && r != '\t' && r != '\n' && r != '\r' && r != '\u0085'
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// yamlProblem places a syntax error. The reader names a line only, so the column is
// that of the line's first character.
func yamlProblem(text []byte, err error) *Problem {
	found := yamlLine.FindStringSubmatch(err.Error())
	if found == nil {
		return &Problem{Line: 1, Column: 1, Message: "this is not YAML: " + err.Error()}
	}
	message := strings.TrimPrefix(err.Error(), found[0])
	if strings.HasPrefix(message, "exceeded max depth") {
		message = tooDeep
	}
	number, err := strconv.Atoi(found[1])
	if err != nil {
		number = 1
	}
	column := 1
	if lines := bytes.SplitN(text, []byte("\n"), number+1); number <= len(lines) {
		line := lines[number-1]
		indent := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
		column += len(indent)
		if bytes.IndexByte(indent, '\t') >= 0 {
			message += ": YAML is indented with spaces, this line begins with a tab"
		}
	}
	if strings.Contains(message, "mapping values are not allowed") {
		message += ": put text that holds a colon into quotes, or check the indentation"
	}
	return &Problem{Line: number, Column: column, Message: "this is not YAML: " + message}
}

// yamlValue turns y into a node. Aliases share the node they point at, and their size
// counts each time, so that a bomb of aliases is refused before anybody walks it.
func (t *tree) yamlValue(y *yaml.Node, depth int) (*measured, error) {
	here := func(message string) error { return &Problem{Line: y.Line, Column: y.Column, Message: message} }
	if y.Kind == yaml.AliasNode {
		m := t.written[y.Alias]
		switch {
		case m == nil || m.size == 0:
			return nil, here(fmt.Sprintf("the alias *%s stands inside what it points at: remove it", y.Value))
		case depth+m.depth > maxDepth:
			return nil, here(tooDeep)
		}
		return m, t.count(m.size, here)
	}
	if depth > maxDepth {
		return nil, here(tooDeep)
	}
	if err := t.count(1, here); err != nil {
		return nil, err
	}
	m := &measured{node: &node{line: int32(y.Line), column: int32(y.Column)}, depth: 1}
	if y.Anchor != "" {
		t.written[y] = m
	}
	before := t.nodes
	var err error
	switch y.Kind {
	case yaml.MappingNode:
		m.node.shape = mapping
		err = t.yamlFields(m, y, depth)
	case yaml.SequenceNode:
		m.node.shape = list
		for _, item := range y.Content {
			var value *measured
			if value, err = t.yamlValue(item, depth+1); err != nil {
				break
			}
			m.depth = max(m.depth, value.depth+1)
			m.node.entries = append(m.node.entries, entry{value: value.node})
		}
	default:
		m.node.text, m.node.tag = y.Value, y.ShortTag()
	}
	m.size = t.nodes - before + 1
	return m, err
}

func (t *tree) count(size int, here func(string) error) error {
	if t.nodes += size; t.nodes > maxNodes {
		return here(tooMany)
	}
	return nil
}

func (t *tree) yamlFields(m *measured, y *yaml.Node, depth int) error {
	var merged []*node
	for i := 0; i+1 < len(y.Content); i += 2 {
		name := y.Content[i]
		if name.Kind == yaml.AliasNode {
			name = name.Alias
		}
		if name.Kind != yaml.ScalarNode {
			return &Problem{Line: y.Content[i].Line, Column: y.Content[i].Column, Message: "a key must be a single value"}
		}
		if err := t.count(1, func(message string) error { return &Problem{Line: name.Line, Column: name.Column, Message: message} }); err != nil {
			return err
		}
		value, err := t.yamlValue(y.Content[i+1], depth+1)
		if err != nil {
			return err
		}
		m.depth = max(m.depth, value.depth+1)
		if name.ShortTag() == "!!merge" {
			merged = append(merged, value.node)
			continue
		}
		key := &node{text: name.Value, tag: "!!str", line: int32(y.Content[i].Line), column: int32(y.Content[i].Column)}
		if !m.node.add(key, value.node) {
			t.duplicate(m.node, key)
		}
	}
	for _, source := range merged {
		merge(m.node, source)
	}
	return nil
}

// merge adds the fields of source that n has not, as the key << asks for: written
// fields come before merged ones, and earlier sources before later ones.
func merge(n, source *node) {
	if source.shape == list {
		for _, item := range source.entries {
			if item.value.shape == mapping {
				merge(n, item.value)
			}
		}
		return
	}
	for _, e := range source.entries {
		n.add(e.key, e.value)
	}
}
