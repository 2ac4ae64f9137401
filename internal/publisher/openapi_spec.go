package publisher

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"
)

// checkSpecification holds the definition against the whole of the specification, with
// kin-openapi. It reads a rewritten text, one value a line and without aliases, so that
// its line numbers lead back to the nodes.
func (r *reader) checkSpecification() {
	w := &writer{lines: []*node{r.root, r.root}}
	w.value(r.root, "")
	doc, err := r.load(w.text.Bytes())
	if err != nil {
		if len(r.problems) == 0 { // else it stumbled over what is told already
			r.judge(err, w.lines)
		}
		return
	}
	err = doc.Validate(context.Background(), openapi3.EnableMultiError(), openapi3.DisableExamplesValidation(),
		openapi3.DisableSchemaDefaultsValidation(), openapi3.DisableSchemaPatternValidation(), openapi3.AllowExtraSiblingFields("pathItems"))
	if all, ok := err.(openapi3.MultiError); ok {
		for _, one := range all {
			r.judge(one, w.lines)
		}
	} else if err != nil {
		r.judge(err, w.lines)
	}
}

// load reads the rewritten text. No loader is allowed to leave it.
func (r *reader) load(text []byte) (*openapi3.T, error) {
	loader := openapi3.NewLoader()
	loader.IncludeOrigin = true
	if !r.swagger {
		return loader.LoadFromData(text)
	}
	var old openapi2.T
	if err := json.Unmarshal(text, &old); err != nil {
		return nil, err
	}
	return openapi2conv.ToV3WithLoader(&old, loader, nil)
}

// harmless are the rules whose breach changes nothing that the gateway does: it is
// worth a warning, and not worth turning an otherwise good file away.
var harmless = []string{
	"extra-sibling-fields", "duplicate-operation-id", "duplicate-tag", "duplicate-required-field", "path-parameters-mismatch",
	"oauth-flow-authorization-url-required", "oauth-flow-token-url-required",
}

// told are the rules that were looked after already, with better words.
var told = []string{
	"conflicting-paths", "path-must-start-with-slash", "security-requirement-scheme-undefined", "info-required", "info-title-required",
	"info-version-required", "paths-required", "openapi-required",
}

// fixes say what to do about the breaches that people meet most.
var fixes = map[string]string{
	"operation-responses-required":  "add responses, with a description for at least one status",
	"responses-required":            "add at least one status with a description",
	"response-description-required": "add a description beside it",
	"request-body-content-required": "add content with a media type like application/json",
	"schema-items-required":         "add items, the schema of what the array holds",
	"schema-type-unsupported":       "use string, number, integer, boolean, array or object",
	"parameter-in-invalid":          "use path, query, header or cookie, and requestBody for a body",
	"parameter-name-required":       "add its name",
	"path-parameter-required":       "add required: true",
	"content-or-schema-exactly-one": "add a schema, or content, and not both",
	"security-scheme-type-invalid":  "use oauth2, http, apiKey or openIdConnect",
	"oauth-flow-scopes-required":    "add scopes, each with a description",
	"duplicate-parameter":           "remove or rename one",
}

// judge turns what the specification's check says into a problem or a warning.
func (r *reader) judge(err error, lines []*node) {
	at, path := r.place(err, lines)
	message, code := err.Error(), ""
	if coded, ok := errors.AsType[openapi3.CodedError](err); ok {
		message, code = coded.Error(), coded.Code()
	} else if found := misfit.FindStringSubmatch(message); found != nil {
		message = fmt.Sprintf("here must be %s, not %s", wanted(found[2]), strings.TrimPrefix(found[1], "!!"))
	}
	message = cut(strings.Join(strings.Fields(message), " "), 500)
	if fix, ok := fixes[code]; ok {
		message += ": " + fix
	}
	switch {
	case slices.Contains(told, code):
	case slices.Contains(harmless, code) || strings.HasSuffix(code, "-for-3-1-plus"):
		r.warn(at, path, "%s", message)
	case !slices.ContainsFunc(r.problems, func(p Problem) bool { return p.Line == int(at.line) }):
		r.problem(at, path, "%s", message)
	}
}

// misfit is what the decoder says of a value of the wrong kind.
var misfit = regexp.MustCompile("(?s)cannot construct (!!\\w+(?: `.*?`)?) into (\\S+)(?: in (/\\S*))?$")

// wanted names a Go type for people who write definitions.
func wanted(goType string) string {
	switch {
	case goType == "string":
		return "text"
	case goType == "bool":
		return "true or false"
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	case strings.Contains(goType, "int") || strings.HasPrefix(goType, "float"):
		return "a number"
	}
	return "a mapping"
}

// place finds where err is: by the way the decoder names, by the origin it carries, or
// by the path, operation or component it names.
func (r *reader) place(err error, lines []*node) (*node, pointer) {
	if found := misfit.FindStringSubmatch(err.Error()); found != nil && found[3] != "" {
		if target, _, _ := r.lookUp("#" + found[3]); target != nil {
			var path pointer
			for name := range strings.SplitSeq(found[3][1:], "/") {
				path = append(path, unescape.Replace(name))
			}
			return target, path
		}
	}
	at, path := r.named(err)
	if line := originLine(err); line > 0 && line < len(lines) {
		return lines[line], path
	}
	return at, path
}

// originLine returns the line of the innermost origin in err's chain, 0 when there is
// none. Two dozen types carry one and no method gives it.
func originLine(err error) int {
	line := 0
	for ; err != nil; err = errors.Unwrap(err) {
		v := reflect.ValueOf(err)
		if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
			continue
		}
		field := v.Elem().FieldByName("Origin")
		if !field.IsValid() {
			continue
		}
		origin, _ := field.Interface().(*openapi3.Origin)
		if origin == nil {
			continue
		}
		if extra, ok := err.(*openapi3.ExtraSiblingFieldsError); ok && len(extra.Fields) > 0 {
			if found, ok := origin.Fields.Lookup(extra.Fields[0]); ok {
				return found.Line
			}
		}
		switch {
		case origin.Key != nil:
			line = origin.Key.Line
		case len(origin.Fields) > 0:
			line = origin.Fields[0].Line
		}
	}
	return line
}

// sections are the components' places by the names that errors give them, in OpenAPI 3
// and in Swagger 2.0.
var sections = map[string][2][]string{
	"schema":          {{"components", "schemas"}, {"definitions"}},
	"parameter":       {{"components", "parameters"}, {"parameters"}},
	"response":        {{"components", "responses"}, {"responses"}},
	"security scheme": {{"components", "securitySchemes"}, {"securityDefinitions"}},
	"request body":    {{"components", "requestBodies"}, {"parameters"}},
	"header":          {{"components", "headers"}, {}},
	"example":         {{"components", "examples"}, {}},
	"link":            {{"components", "links"}, {}},
	"callback":        {{"components", "callbacks"}, {}},
}

// named goes as far into the tree as the scopes around err lead, and returns the key
// of the last one.
func (r *reader) named(err error) (*node, pointer) {
	var path pointer
	if e, ok := errors.AsType[*openapi3.SectionValidationError](err); ok {
		path = pointer{e.Section}
	}
	if e, ok := errors.AsType[*openapi3.ComponentValidationError](err); ok {
		place := sections[e.Section][0]
		if r.swagger {
			place = sections[e.Section][1]
		}
		path = append(slices.Clone(pointer(place)), e.Name)
	}
	if e, ok := errors.AsType[*openapi3.PathValidationError](err); ok {
		path = pointer{"paths", e.Path}
	}
	if e, ok := errors.AsType[*openapi3.PathParametersError](err); ok {
		path = pointer{"paths", e.Path, strings.ToLower(e.Method)}
	}
	if e, ok := errors.AsType[*openapi3.OperationValidationError](err); ok {
		path = append(path, strings.ToLower(e.Method))
	}
	at := r.root
	for i, key := range path {
		next := at.get(key)
		if next == nil || i == len(path)-1 {
			return at.keyed(key), path
		}
		at = next
	}
	return at, path
}

// writer writes a tree as JSON with one value a line, and remembers which node each
// line came from. Lines are counted from 1.
type writer struct {
	text  bytes.Buffer
	lines []*node
}

// texts are fields that are text whatever they look like: an unquoted version 1.0 is
// a number to YAML.
var texts = []string{"openapi", "swagger", "version", "title", "description", "summary", "operationId", "name"}

func (w *writer) value(n *node, key string) {
	if n.shape == scalar {
		w.scalar(n, slices.Contains(texts, key))
		return
	}
	braces := "[]"
	if n.shape == mapping {
		braces = "{}"
	}
	if len(n.entries) == 0 {
		w.text.WriteString(braces)
		w.lineOf(n)
		return
	}
	w.text.WriteByte(braces[0])
	w.lineOf(n)
	for i, e := range n.entries {
		w.text.WriteByte('\n')
		if i > 0 {
			w.text.WriteByte(',')
		}
		w.lines = append(w.lines, nil)
		name := ""
		if e.key != nil {
			name = e.key.text
			w.lineOf(e.key)
			w.quoted(name)
			w.text.WriteByte(':')
		}
		w.value(e.value, name)
	}
	w.text.WriteByte(braces[1])
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
		w.quoted(n.text)
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
