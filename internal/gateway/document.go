package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"
	"gopkg.in/yaml.v3"

	"github.com/gatehouse/gatehouse"
)

// document is an OpenAPI document as policies read it: a tree of what encoding/json makes
// of JSON, with numbers as they are written, so that nothing is lost which a reader of
// OpenAPI does not know. The publisher's import has checked it before.
type document struct {
	root    map[string]any
	draft30 bool              // OpenAPI 3.0, whose schemas are not quite JSON Schema
	schemas [sides]*schemaSet // made when the first schema of a side is asked for
}

// reading is an API's document while the API is compiled: read when the first policy asks,
// and let go of in the end, because policies stay.
type reading struct {
	text     string
	document *document
	err      error
}

func (r *reading) get() (*document, error) {
	if r.document == nil && r.err == nil {
		r.document, r.err = readDocument(r.text)
	}
	return r.document, r.err
}

func (r *reading) close() { *r = reading{} }

// maxNodes bounds how many values a document has, the repeated ones counted each time.
const maxNodes = 2_000_000

// readDocument reads OpenAPI 3.0 and 3.1, and Swagger 2.0 as the 3.0 that it amounts to, in
// JSON or YAML.
func readDocument(text string) (*document, error) {
	if text == "" {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "the API was drawn up without an OpenAPI document to hold calls against: import one first")
	}
	tree, err := readTree(text)
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "the OpenAPI document cannot be read: %s", err)
	}
	root, ok := tree.(map[string]any)
	if ok && root["swagger"] != nil {
		if root, err = convert(root); err != nil {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "the Swagger 2.0 document cannot be read as OpenAPI 3.0: %s", err)
		}
	}
	version, _ := root["openapi"].(string)
	if !ok || !strings.HasPrefix(version, "3.") {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "the API's document is no OpenAPI 3 and no Swagger 2.0")
	}
	return &document{root: root, draft30: strings.HasPrefix(version, "3.0")}, nil
}

func readTree(text string) (any, error) {
	if json.Valid([]byte(text)) {
		return decodeJSON([]byte(text))
	}
	var node yaml.Node
	if err := yaml.Unmarshal([]byte(text), &node); err != nil {
		return nil, err
	}
	left := maxNodes
	return fromYAML(&node, &left)
}

// decodeJSON reads a value, with numbers as they are written.
func decodeJSON(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	return v, d.Decode(&v)
}

// fromYAML makes of a node what decodeJSON makes of JSON. Dates stay text.
func fromYAML(n *yaml.Node, left *int) (any, error) {
	if *left--; *left < 0 {
		return nil, fmt.Errorf("it has more than %d values", maxNodes)
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return fromYAML(n.Content[0], left)
	case yaml.AliasNode:
		return fromYAML(n.Alias, left)
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		var err error
		for i, item := range n.Content {
			if list[i], err = fromYAML(item, left); err != nil {
				return nil, err
			}
		}
		return list, nil
	case yaml.MappingNode:
		return mappingFromYAML(n, left)
	}
	return scalarFromYAML(n)
}

func mappingFromYAML(n *yaml.Node, left *int) (any, error) {
	mapping := make(map[string]any, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		value, err := fromYAML(n.Content[i+1], left)
		if err != nil {
			return nil, err
		}
		if n.Content[i].Tag != "!!merge" {
			mapping[n.Content[i].Value] = value
			continue
		}
		merged, _ := value.(map[string]any)
		for key, v := range merged {
			if _, there := mapping[key]; !there {
				mapping[key] = v
			}
		}
	}
	return mapping, nil
}

func scalarFromYAML(n *yaml.Node) (any, error) {
	switch n.Tag {
	case "!!null":
		return nil, nil
	case "!!bool":
		var b bool
		return b, n.Decode(&b)
	case "!!int", "!!float":
		if _, fault := scanJSON([]byte(n.Value), jsonLimits{text: 1000}); fault == jsonSound {
			return json.Number(n.Value), nil
		}
		var f float64
		return f, n.Decode(&f)
	}
	return n.Value, nil
}

// convert makes OpenAPI 3.0 of Swagger 2.0.
func convert(swagger map[string]any) (map[string]any, error) {
	text, err := json.Marshal(swagger)
	if err != nil {
		return nil, err
	}
	var old openapi2.T
	if err := json.Unmarshal(text, &old); err != nil {
		return nil, err
	}
	converted, err := openapi2conv.ToV3WithLoader(&old, openapi3.NewLoader(), nil) // a loader that leaves the document for nothing
	if err != nil {
		return nil, err
	}
	if text, err = converted.MarshalJSON(); err != nil {
		return nil, err
	}
	tree, err := decodeJSON(text)
	root, _ := tree.(map[string]any)
	return root, err
}

// spot is a value in a document, with the way to it.
type spot struct {
	value map[string]any
	way   []string
}

// maxReferences bounds how many references may follow one another.
const maxReferences = 20

// at follows names from a spot to another, and references wherever they stand. The value is
// nil when there is none.
func (d *document) at(from spot, names ...string) spot {
	s := d.resolve(from)
	for _, name := range names {
		value, _ := s.value[name].(map[string]any)
		s = d.resolve(spot{value, append(s.way[:len(s.way):len(s.way)], name)})
	}
	return s
}

// resolve follows references until something else stands there.
func (d *document) resolve(s spot) spot {
	for range maxReferences {
		ref, ok := s.value["$ref"].(string)
		if !ok {
			return s
		}
		way, ok := pointerNames(ref)
		if !ok {
			return spot{}
		}
		var value any = d.root
		for _, name := range way {
			mapping, _ := value.(map[string]any)
			value = mapping[name]
		}
		mapping, _ := value.(map[string]any)
		s = spot{mapping, way}
	}
	return spot{}
}
