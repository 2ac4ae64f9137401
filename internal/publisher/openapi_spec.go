package publisher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"
)

// checkSpecification holds the definition against the whole of the specification, with
// kin-openapi. It reads a text written for it alone (openapi_rewrite.go), whose line
// numbers lead back to the nodes.
func (r *reader) checkSpecification() {
	w := &writer{root: r, lines: []*node{r.root, r.root}}
	w.value(r.root, place{})
	if w.work > maxWork {
		r.problem(r.root, nil, "the definition is too deeply nested for its size, or refers too often to large responses and parameters: name inner schemas under components and refer to them")
		return
	}
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
	at, path := r.find(err, lines)
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

// find finds where err is: by the way the decoder names, by the origin it carries, or
// by the path, operation or component it names.
func (r *reader) find(err error, lines []*node) (*node, pointer) {
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
