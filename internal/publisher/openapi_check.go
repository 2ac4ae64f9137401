package publisher

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// The fields of the objects in which people misspell, of all versions that are read.
var (
	rootFields      = strings.Fields("openapi info servers paths components security tags externalDocs webhooks jsonSchemaDialect")
	swaggerFields   = strings.Fields("swagger info host basePath schemes consumes produces paths definitions parameters responses securityDefinitions security tags externalDocs")
	infoFields      = strings.Fields("title summary description termsOfService contact license version")
	methodFields    = strings.Fields("get put post delete options head patch trace")
	pathItemFields  = append(strings.Fields("$ref summary description servers parameters"), methodFields...)
	operationFields = strings.Fields("tags summary description externalDocs operationId parameters requestBody responses callbacks deprecated security servers")
	swaggerOpFields = strings.Fields("tags summary description externalDocs operationId parameters responses deprecated security consumes produces schemes")
)

// shapes says what the fields must be that are looked into before the specification is
// asked as a whole.
var shapes = map[string]shape{
	"info": mapping, "paths": mapping, "components": mapping, "servers": list, "security": list, "tags": list,
	"definitions": mapping, "securityDefinitions": mapping, "securitySchemes": mapping, "schemes": list,
	"title": scalar, "version": scalar, "description": scalar, "summary": scalar, "operationId": scalar,
	"parameters": list, "responses": mapping, "requestBody": mapping, "callbacks": mapping,
	"host": scalar, "basePath": scalar, "x-wso2-basePath": scalar, "x-auth-type": scalar, "x-throttling-tier": scalar,
}

// checkFields looks for fields that what (with an article) does not have, and for
// fields of a wrong shape.
func (r *reader) checkFields(n *node, path pointer, what string, fields []string) {
	for _, e := range n.entries {
		name := e.key.text
		if want, ok := shapes[name]; ok && e.value.shape != want && !(what == "a Swagger 2.0 definition" && (name == "parameters" || name == "responses")) {
			if e.value.tag == "!!null" {
				r.problem(e.key, path.to(name), "%q has no value: write %s, or remove it", name, want)
			} else {
				r.problem(e.value, path.to(name), "%q must be %s, here it is %s", name, want, e.value.shape)
			}
		}
		if slices.Contains(fields, name) || strings.HasPrefix(name, "x-") {
			continue
		}
		if meant, ok := likely(name, fields); ok {
			r.problem(e.key, path.to(name), "%q is not a field of %s: did you mean %q?", name, what, meant)
		} else if what == "a path item" && slices.Contains(operationFields, name) {
			r.problem(e.key, path.to(name), "%q is not a field of a path item: move it into an operation, under get or post", name)
		} else {
			r.problem(e.key, path.to(name), "%q is not a field of %s: remove it, or begin its name with x-", name, what)
		}
	}
}

// checkRoot checks the root and the info.
func (r *reader) checkRoot() {
	if r.swagger {
		r.checkFields(r.root, nil, "a Swagger 2.0 definition", swaggerFields)
	} else {
		r.checkFields(r.root, nil, "an OpenAPI definition", rootFields)
	}
	if r.root.get("paths") == nil {
		r.problem(r.root, nil, "paths is missing: an API needs at least one path with an operation")
	}
	info := r.root.get("info")
	if info == nil {
		r.problem(r.root, nil, "info is missing: add info with a title and a version")
	}
	if info == nil || info.shape != mapping {
		return
	}
	path := pointer{"info"}
	r.checkFields(info, path, "the info", infoFields)
	for _, name := range []string{"title", "version"} {
		if v := info.get(name); v == nil {
			r.problem(r.root.keyed("info"), path, "info has no %s: add it", name)
		} else if v.shape == scalar && strings.TrimSpace(v.text) == "" {
			r.problem(v, path.to(name), "info has an empty %s: write one", name)
		}
	}
}

// data are the keys below which stands an example or the like: a $ref there is not a
// reference.
var data = []string{"example", "examples", "default", "enum", "const"}

// checkReferences checks that everything referred to is in the definition, and refuses
// to leave it: what a stranger's file points at is never fetched.
func (r *reader) checkReferences(n *node, path pointer) {
	if r.checked == nil {
		r.checked = map[*node]bool{}
	}
	if n.shape == scalar || r.checked[n] || len(r.problems) == maxProblems {
		return
	}
	r.checked[n] = true
	named := len(path) > 0 && slices.Contains([]string{"properties", "schemas", "definitions", "responses", "parameters"}, path[len(path)-1])
	if ref := n.get("$ref"); ref != nil && ref.shape == scalar && !named {
		if wrong := r.checkReference(ref); wrong != "" {
			r.broken = true
			r.problem(ref, path.to("$ref"), "%q %s", cut(ref.text, 200), wrong)
		}
	}
	for i, e := range n.entries {
		switch {
		case e.key == nil:
			r.checkReferences(e.value, path.to(strconv.Itoa(i)))
		case !named && (slices.Contains(data, e.key.text) || strings.HasPrefix(e.key.text, "x-")):
		default:
			r.checkReferences(e.value, path.to(e.key.text))
		}
	}
}

// checkReference says what is wrong with a reference, nothing when it is right.
func (r *reader) checkReference(ref *node) string {
	local, ok := strings.CutPrefix(ref.text, "#")
	switch {
	case !ok:
		return "refers to another file or address, which is never fetched: put what it means into this definition, and refer to it like #/components/schemas/Name"
	case !strings.HasPrefix(local, "/"):
		return "" // the name of an anchor (JSON Schema 2020-12), which the specification's check knows
	}
	return r.follow(ref)
}

// maxSteps bounds how many references may follow one another without a value.
const maxSteps = 20

// follow walks from reference to reference until something else stands there.
func (r *reader) follow(ref *node) string {
	at := ref
	for range maxSteps {
		target, parent, name := r.lookUp(at.text)
		switch {
		case target == nil && at != ref:
			return "" // it is told where it stands
		case target == nil:
			if meant, ok := likely(name, keys(parent)); ok {
				return fmt.Sprintf("is not in this definition: did you mean %q?", meant)
			}
			return "is not in this definition: add it, or correct the reference"
		}
		if at = target.get("$ref"); at == nil || at.shape != scalar || !strings.HasPrefix(at.text, "#/") {
			return ""
		}
	}
	return fmt.Sprintf("leads back to itself, or over more than %d references: it must end at something that is not a reference", maxSteps)
}

// unescape reads the names in a JSON pointer (RFC 6901, section 4).
var unescape = strings.NewReplacer("~1", "/", "~0", "~")

// lookUp follows a JSON pointer in a fragment (RFC 6901, section 6). When the way
// ends early it returns where it did, and the name that is not there.
func (r *reader) lookUp(ref string) (target, parent *node, name string) {
	text, err := url.PathUnescape(strings.TrimPrefix(ref, "#/"))
	if err != nil {
		return nil, nil, ""
	}
	target = r.root
	for key := range strings.SplitSeq(text, "/") {
		parent, name = target, unescape.Replace(key)
		if target = parent.item(name); target == nil {
			return nil, parent, name
		}
	}
	return target, parent, name
}

// item returns the value under a key or, in a list, at an index.
func (n *node) item(name string) *node {
	if n.shape == list {
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(n.entries) {
			return n.entries[i].value
		}
	}
	return n.get(name)
}

// keys returns the names of a mapping's fields, at most a thousand of them.
func keys(n *node) []string {
	var names []string
	if n != nil && n.shape == mapping {
		for _, e := range n.entries[:min(len(n.entries), 1000)] {
			names = append(names, e.key.text)
		}
	}
	return names
}
