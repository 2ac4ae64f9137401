package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// parameter is a parameter in the path, the query or a header.
type parameter struct {
	name     string
	in       string
	required bool
	text     bool   // its value is JSON
	parts    string // what parts the items of an array within one value; empty for none
	list     bool   // it is an array
	empty    bool   // the query may name it without a value
	schema   *schema
}

// parameters compiles the parameters of an operation, and of its path where the operation
// has none of the same name. Cookies and objects are left out.
func (d *document) parameters(item, operation spot) ([]parameter, error) {
	var list []parameter
	for _, from := range []spot{operation, item} {
		all, _ := from.value["parameters"].([]any)
		for i, one := range all {
			mapping, _ := one.(map[string]any)
			at := d.resolve(spot{mapping, append(from.way[:len(from.way):len(from.way)], "parameters", fmt.Sprint(i))})
			p, err := d.parameter(at)
			if err != nil {
				return nil, err
			}
			if p != nil && !slices.ContainsFunc(list, func(other parameter) bool { return other.in == p.in && other.name == p.name }) {
				list = append(list, *p)
			}
		}
	}
	return list, nil
}

// parameter compiles one; nil for what is not checked.
func (d *document) parameter(at spot) (*parameter, error) {
	p := &parameter{required: at.value["required"] == true, empty: at.value["allowEmptyValue"] == true}
	p.name, _ = at.value["name"].(string)
	p.in, _ = at.value["in"].(string)
	style, _ := at.value["style"].(string)
	switch {
	case p.in != "path" && p.in != "query" && p.in != "header", style == "deepObject":
		return nil, nil
	case p.in == "header":
		if p.name = http.CanonicalHeaderKey(p.name); slices.Contains([]string{"Accept", "Content-Type", "Authorization"}, p.name) {
			return nil, nil // as OpenAPI has it
		}
	}
	way := append(at.way[:len(at.way):len(at.way)], "schema")
	if media := d.at(at, "content", "application/json"); media.value["schema"] != nil {
		p.text, way = true, append(media.way, "schema")
	} else if at.value["schema"] == nil {
		return p, nil
	}
	var err error
	if p.schema, err = d.schema(requests, spot{way: way}); err != nil {
		return nil, err
	}
	p.list = may(p.schema.Schema, "array", 0)
	switch explode, said := at.value["explode"].(bool); {
	case may(p.schema.Schema, "object", 0) && !p.text:
		p.schema, p.list = nil, false // it is only looked for
		if p.in == "query" {
			return nil, nil // its name may not even be there
		}
	case style == "spaceDelimited":
		p.parts = " "
	case style == "pipeDelimited":
		p.parts = "|"
	case p.in != "query" || said && !explode:
		p.parts = ","
	}
	return p, nil
}

// may reports whether a schema names a type, looking as deep as it is sensible.
func may(s *jsonschema.Schema, name string, depth int) bool {
	if s == nil || depth > 8 {
		return false
	}
	if s.Types != nil && slices.Contains(s.Types.ToStrings(), name) {
		return true
	}
	return slices.ContainsFunc(slices.Concat([]*jsonschema.Schema{s.Ref}, s.AllOf, s.AnyOf, s.OneOf), func(s *jsonschema.Schema) bool { return may(s, name, depth+1) })
}

// checkParameters says what is wrong with the parameters of a call.
func (o *operation) checkParameters(c *call) string {
	var query map[string][]string
	for i := range o.parameters {
		p := &o.parameters[i]
		var sent []string
		switch p.in {
		case "path":
			sent = c.pathValues(p.name)
		case "query":
			if query == nil {
				query = queryValues(c.head.Query)
			}
			sent = query[p.name]
		default:
			sent = c.r.Header[p.name]
		}
		if wrong := p.check(sent); wrong != "" {
			return "the " + p.in + " parameter '" + p.name + "'" + wrong
		}
	}
	return ""
}

func (p *parameter) check(sent []string) string {
	switch {
	case len(sent) == 0 && p.required:
		return " is missing"
	case len(sent) == 0, p.schema == nil, p.empty && len(sent) == 1 && sent[0] == "":
		return ""
	case p.list && !p.text:
		if p.parts != "" {
			sent = strings.Split(strings.Join(sent, p.parts), p.parts)
		}
		return p.checkList(sent)
	case len(sent) > 1:
		return " is there more than once"
	case p.text:
		return p.schema.checkText([]byte(sent[0]))
	}
	return p.checkEither(meant(sent[0]), sent[0])
}

// checkEither holds against the schema what a text may mean, and then the text: no schema
// need say which of both it wants.
func (p *parameter) checkEither(read, text any) string {
	wrong := p.schema.check(read)
	if wrong == "" {
		return ""
	}
	also := p.schema.check(text)
	if also == "" || may(p.schema.Schema, "string", 0) {
		return also
	}
	return wrong
}

func (p *parameter) checkList(sent []string) string {
	if !p.schema.cost[1].allows(maxTarget, len(sent)+1) {
		return " has too many items to be held against its schema"
	}
	read, texts := make([]any, len(sent)), make([]any, len(sent))
	for i, s := range sent {
		read[i], texts[i] = meant(strings.Trim(s, " ")), s
	}
	return p.checkEither(read, texts)
}

// meant is what a text means where a number or a boolean is wanted.
func meant(text string) any {
	switch text {
	case "true", "false":
		return text == "true"
	}
	if len(text) > 0 && (text[0] == '-' || digit(text[0])) {
		if _, fault := scanJSON([]byte(text), valueLimits); fault == jsonSound {
			return json.Number(text)
		}
	}
	return text
}

// pathValues returns the segment in the place of a parameter.
func (c *call) pathValues(name string) []string {
	path := c.decision.Rest
	for template := c.decision.Resource.Template; template != "" && path != ""; {
		var segment, value string
		segment, template = cut(template)
		value, path = cut(path)
		if segment == "{"+name+"}" {
			if text, err := url.PathUnescape(value); err == nil && value != "" {
				return []string{text}
			}
		}
	}
	return nil
}

// queryValues reads a query as browsers write it. What has no plain form is taken as it is.
func queryValues(query string) map[string][]string {
	values := map[string][]string{}
	plain := func(s string) string {
		if text, err := url.QueryUnescape(s); err == nil {
			return text
		}
		return s
	}
	for pair := range strings.SplitSeq(query, "&") {
		if name, value, _ := strings.Cut(pair, "="); name != "" {
			values[plain(name)] = append(values[plain(name)], plain(value))
		}
	}
	return values
}
