package publisher

import (
	"cmp"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse"
)

// Draft is what a definition says of an API that is not stored yet.
type Draft struct {
	API        gatehouse.API // name, version, context, description, backends, resources, tags
	Scopes     []gatehouse.Scope
	Definition []byte   // the text as it was given
	Warnings   []string // what is odd in it and was taken as it is; each begins with its line

	policies []policyPlace
}

// ReadOpenAPI reads an OpenAPI 3.0 or 3.1 or a Swagger 2.0 definition, JSON or YAML.
// Nothing it refers to outside itself is ever fetched. A definition with mistakes is a
// *DefinitionError that tells all of them.
//
// The text is read into a tree that knows every value's line (openapi_tree.go and
// openapi_yaml.go), checked for the mistakes that people make (openapi_check.go), read
// for resources, scopes and policies (openapi_resource.go, openapi_scope.go,
// openapi_policy.go), and at last held against the whole of the specification (openapi_spec.go).
func ReadOpenAPI(definition []byte) (*Draft, error) {
	if len(definition) > gatehouse.MaxDefinition {
		return nil, gatehouse.Errorf(gatehouse.TooLarge, "the definition has %d bytes, more than %d: split the API, or move examples out of it", len(definition), gatehouse.MaxDefinition)
	}
	t := &tree{}
	root, err := t.read(definition)
	if err != nil {
		problem, ok := err.(*Problem)
		if !ok {
			return nil, err
		}
		return nil, &DefinitionError{[]Problem{*problem}}
	}
	r := &reader{root: root}
	r.problems = t.duplicates
	r.draft.Definition = definition
	if r.readVersion() {
		r.checkRoot()
		r.checkReferences(root, nil)
		r.readInfo()
		r.readBackends()
		r.readScopes()
		r.readResources()
		r.draft.API.Settings.Policies = r.readPolicies(r.root, nil, -1)
		if !r.broken {
			r.checkSpecification()
		}
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	r.draft.Warnings = r.warningTexts()
	return &r.draft, nil
}

// reader reads one definition.
type reader struct {
	findings
	root    *node
	swagger bool // version 2.0
	schemes map[string]*scheme
	common  []string       // scopes of operations that name no security
	checked map[*node]bool // whose references were looked at
	broken  bool           // whether one of them leads nowhere, so that the whole cannot be loaded
	draft   Draft
}

var openAPIVersion = regexp.MustCompile(`^3\.[01](\.\d+)?$`)

// readVersion finds out which specification the definition follows, and reports
// whether reading on makes sense.
func (r *reader) readVersion() bool {
	if r.root.shape != mapping {
		r.problem(r.root, nil, "a definition must be a mapping, this is %s: begin with openapi: 3.0.3", r.root.shape)
		return false
	}
	openapi, swagger := r.root.get("openapi"), r.root.get("swagger")
	switch {
	case openapi != nil && openAPIVersion.MatchString(openapi.text):
		return true
	case openapi != nil:
		r.problem(openapi, pointer{"openapi"}, "%q is no version that can be read: use 3.0.3 or 3.1.0", openapi.text)
	case swagger != nil && swagger.text == "2.0":
		r.swagger = true
		return true
	case swagger != nil:
		r.problem(swagger, pointer{"swagger"}, "%q is no version that can be read: use 2.0, or openapi: 3.0.3", swagger.text)
	default:
		at := r.root
		if len(at.entries) > 0 {
			at = at.entries[0].key
		}
		r.problem(at, nil, "openapi is missing: begin the definition with openapi: 3.0.3")
	}
	return false
}

// readInfo reads what names and describes the API.
func (r *reader) readInfo() {
	info, api, path := r.root.get("info"), &r.draft.API, pointer{"info"}
	if info == nil || info.shape != mapping {
		return // checkRoot has said so
	}
	if title := info.get("title"); title != nil && title.shape == scalar {
		api.Name = plainName(title.text)
		api.Context = "/" + strings.ToLower(strings.Map(contextRune, title.text))
		if api.Name == "" {
			r.problem(title, path.to("title"), "the title %q holds no letter or digit to name the API by: write one", title.text)
		}
	}
	if version := info.get("version"); version != nil && version.shape == scalar {
		api.Version = version.text
		probe := gatehouse.API{Name: "a", Context: "/a", Version: version.text}
		if err := probe.Validate(); err != nil {
			r.problem(version, path.to("version"), "%s", gatehouse.MessageOf(err))
		}
	}
	if description := info.get("description"); description != nil && description.tag != "!!null" {
		api.Description = description.text
		if len(api.Description) > gatehouse.MaxDescription {
			api.Description = cut(api.Description, gatehouse.MaxDescription)
			r.warn(description, path.to("description"), "the description is longer than %d bytes: the rest is left out in the API Store", gatehouse.MaxDescription)
		}
	}
	r.readContext()
	for _, tag := range r.listOf("tags") {
		if name := tag.value.get("name"); name != nil && name.text != "" {
			api.Tags = append(api.Tags, name.text)
		}
	}
}

// readContext prefers the context that the definition names to one made of the title.
func (r *reader) readContext() {
	api, base := &r.draft.API, r.root.get("x-wso2-basePath")
	if base != nil && base.text != "" {
		api.Context = strings.TrimSuffix(strings.TrimSuffix(base.text, "/"), "/{version}")
		if api.Version != "" && !strings.Contains(api.Context, "{version}") {
			api.Context = strings.TrimSuffix(api.Context, "/"+api.Version)
		}
	}
	if api.Name == "" {
		return
	}
	probe := gatehouse.API{Name: "a", Version: "1", Context: api.Context}
	if err := probe.Validate(); err != nil && base != nil {
		r.problem(base, pointer{"x-wso2-basePath"}, "%s", gatehouse.MessageOf(err))
	}
}

// listOf returns the items of a list at the root, none when it is not one.
func (r *reader) listOf(key string) []entry {
	if n := r.root.get(key); n != nil && n.shape == list {
		return n.entries
	}
	return nil
}

// plainName drops what an API's name may not hold.
func plainName(title string) string {
	name := strings.Map(func(c rune) rune {
		if c == ' ' || contextRune(c) >= 0 {
			return c
		}
		return -1
	}, title)
	name = strings.TrimLeft(strings.Join(strings.Fields(name), " "), "._- ")
	return strings.TrimSpace(name[:min(len(name), 100)])
}

// contextRune keeps what a context may hold.
func contextRune(c rune) rune {
	if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("._-", c) {
		return c
	}
	return -1
}

// cut shortens text to at most n bytes without splitting a character.
func cut(text string, n int) string {
	for n > 0 && n < len(text) && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:min(n, len(text))]
}

// readBackends prefers the endpoints that are written for a gateway to the servers
// that are written for readers.
func (r *reader) readBackends() {
	api := &r.draft.API
	api.Production = cmp.Or(r.endpoint("x-wso2-production-endpoints"), r.server())
	api.Sandbox = r.endpoint("x-wso2-sandbox-endpoints")
}

// endpoint reads {urls: […], type: http}; the first URL counts.
func (r *reader) endpoint(extension string) string {
	urls := r.root.get(extension).get("urls")
	if urls == nil || urls.shape != list || len(urls.entries) == 0 {
		return ""
	}
	first := urls.entries[0].value
	if !usable(first.text) {
		r.problem(first, pointer{extension, "urls", "0"}, "%q cannot be a backend: use an http:// or https:// URL without a user name, query or fragment", first.text)
	}
	return strings.TrimSuffix(first.text, "/")
}

// server returns the first server that can be a backend: a relative one cannot.
func (r *reader) server() string {
	if r.swagger {
		return r.swaggerServer()
	}
	servers := r.listOf("servers")
	for _, server := range servers {
		address := server.value.get("url")
		if address == nil {
			continue
		}
		text := address.text
		if variables := server.value.get("variables"); variables != nil && variables.shape == mapping && len(text) < 2000 {
			for _, v := range variables.entries {
				if standard := v.value.get("default"); standard != nil && len(standard.text) < 2000 {
					text = strings.ReplaceAll(text, "{"+v.key.text+"}", standard.text)
				}
			}
		}
		if usable(text) {
			return strings.TrimSuffix(text, "/")
		}
	}
	if len(servers) > 0 {
		r.warn(r.root.keyed("servers"), pointer{"servers"}, "no server has an absolute http:// or https:// URL: set the API's production endpoint before publishing it")
	}
	return ""
}

func (r *reader) swaggerServer() string {
	host, base := r.root.get("host"), r.root.get("basePath")
	if host == nil || host.text == "" {
		return ""
	}
	scheme := "https"
	if schemes := r.listOf("schemes"); len(schemes) > 0 {
		scheme = schemes[0].value.text
		for _, s := range schemes {
			if s.value.text == "https" {
				scheme = "https"
			}
		}
	}
	address := scheme + "://" + host.text
	if base != nil {
		address += strings.TrimSuffix(base.text, "/")
	}
	if !usable(address) {
		r.warn(host, pointer{"host"}, "%q cannot be a backend: set the API's production endpoint before publishing it", address)
		return ""
	}
	return address
}

// usable reports whether address has the form of a backend's URL.
func usable(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && u.User == nil && (u.Scheme == "http" || u.Scheme == "https") && !strings.ContainsAny(address, "?#{}")
}
