package publisher

import (
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// maxSummary is how many bytes of an operation's summary a resource keeps.
const maxSummary = 500

// readResources reads each operation as a resource, in the order of the file.
func (r *reader) readResources() {
	paths := r.root.get("paths")
	if paths == nil || paths.shape != mapping {
		return
	}
	r.common = r.readSecurity(r.root.get("security"), pointer{"security"})
	alike := map[string]*node{} // the first path of each shape
	for _, e := range paths.entries {
		template, at := e.key.text, pointer{"paths", e.key.text}
		switch {
		case strings.HasPrefix(template, "x-"):
			continue
		case !strings.HasPrefix(template, "/"):
			r.problem(e.key, at, "the path %q must begin with /: write %q", template, "/"+template)
			continue
		}
		if first, taken := alike[sameShape(template)]; taken {
			r.problem(e.key, at, "the path %q is the same as %q on line %d but for the names of its parameters: put the operations of both into one", template, first.text, first.line)
		} else {
			alike[sameShape(template)] = e.key
		}
		probe := gatehouse.Resource{Method: "GET", Template: template}
		if err := probe.Validate(); err != nil {
			r.problem(e.key, at, "%s", gatehouse.MessageOf(err))
			continue
		}
		r.readPathItem(template, e, at)
	}
	if len(r.draft.API.Resources) == 0 && len(r.problems) == 0 {
		r.warn(r.root.keyed("paths"), pointer{"paths"}, "there is no operation yet: add at least one before publishing")
	}
}

// sameShape is a path template without its parameters' names and a last slash.
func sameShape(template string) string {
	segments := strings.Split(strings.TrimSuffix(template, "/"), "/")
	for i, s := range segments {
		if strings.HasPrefix(s, "{") && strings.HasSuffix(s, "}") {
			segments[i] = "{}"
		}
	}
	return strings.Join(segments, "/")
}

func (r *reader) readPathItem(template string, e entry, at pointer) {
	if e.value.shape != mapping {
		r.problem(e.key, at, "the path %q must be a mapping of methods to operations", template)
		return
	}
	r.checkFields(e.value, at, "a path item", pathItemFields)
	item := r.resolved(e.value)
	if key := item.keyed(policiesField); key != item {
		r.problem(key, at.to(policiesField), "a path has no policies of its own: put %s into its operations, or at the root for all of them", policiesField)
	}
	for _, operation := range item.entries {
		method := operation.key.text
		if !slices.Contains(methodFields, method) {
			continue
		}
		path := at.to(method)
		switch {
		case operation.value.shape != mapping:
			r.problem(operation.key, path, "the operation %q must be a mapping: add at least its responses", method)
		case method == "trace":
			r.problem(operation.key, path, "TRACE cannot be offered, because it would show callers what the backend is sent: remove it")
		case len(r.draft.API.Resources) == gatehouse.MaxResources:
			r.problem(operation.key, path, "an API has at most %d operations: split it", gatehouse.MaxResources)
			return
		default:
			r.readOperation(template, item, operation, path)
		}
	}
}

func (r *reader) readOperation(template string, item *node, operation entry, path pointer) {
	fields, what := operationFields, operation.value
	if r.swagger {
		fields = swaggerOpFields
	}
	r.checkFields(what, path, "an operation", fields)
	resource := gatehouse.Resource{Method: strings.ToUpper(operation.key.text), Template: template}
	if summary := what.get("summary"); summary != nil && summary.tag != "!!null" {
		resource.Summary = cut(summary.text, maxSummary)
	}
	resource.Tier = r.tier(what, path)
	resource.Auth = r.authType(what, item, path)
	if own := what.get("security"); own != nil {
		resource.Scopes = r.readSecurity(own, path.to("security"))
		if own.shape == list && len(own.entries) == 0 && resource.Auth != gatehouse.AuthNone {
			r.warn(what.keyed("security"), path.to("security"), "the empty security asks for no scope, but still for a token: add x-auth-type: None to open the operation to everybody")
		}
	} else {
		resource.Scopes = slices.Clone(r.common)
	}
	resource.Policies = r.readPolicies(what, path, len(r.draft.API.Resources))
	if err := resource.Validate(); err != nil {
		r.problem(operation.key, path, "%s", gatehouse.MessageOf(err))
		return
	}
	r.draft.API.Resources = append(r.draft.API.Resources, resource)
}

// tier reads the tier of an operation; none stands for Unlimited. Whether the organization
// has it is asked when the API is stored.
func (r *reader) tier(operation *node, path pointer) string {
	const key = "x-throttling-tier"
	tier := operation.get(key)
	if tier == nil || tier.shape != scalar || tier.tag == "!!null" || tier.text == gatehouse.Unlimited {
		return ""
	}
	if err := gatehouse.CheckTierName(tier.text); err != nil {
		r.problem(tier, path.to(key), "%s", gatehouse.MessageOf(err))
		return ""
	}
	return tier.text
}

// authType reads the nearest x-auth-type: the operation's, its path's, the root's.
func (r *reader) authType(operation, item *node, path pointer) gatehouse.AuthType {
	const key = "x-auth-type"
	places := []struct {
		holder *node
		path   pointer
	}{{operation, path}, {item, path[:len(path)-1]}, {r.root, nil}}
	for _, place := range places {
		written := place.holder.get(key)
		if written == nil {
			continue
		}
		auth, err := gatehouse.ParseAuthType(written.text)
		if err != nil {
			r.problem(written, place.path.to(key), "%s", gatehouse.MessageOf(err))
		}
		return auth
	}
	return gatehouse.AuthAny
}
