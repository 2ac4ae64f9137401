package tokenapi

import (
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// Resources knows the APIs that the gateway serves.
type Resources interface {
	// Owner returns the key of the organization whose API has a base path.
	Owner(path string) (orgKey string, ok bool)
}

// maxResources bounds how many resources one request may name.
const maxResources = 10

// audience returns the resources that a client asks a token for (RFC 8707, section 2):
// nothing, or URLs of its organization's APIs at the gateway, or of the gateway itself.
func (h *Handler) audience(c *gatehouse.Client, f form) ([]string, error) {
	var audience []string
	for text := range strings.FieldsSeq(f["resource"]) {
		resource, ok := h.resource(c, text)
		if !ok {
			return nil, &Error{Code: InvalidTarget, Description: "a resource is the URL of an API at this gateway: scheme, host, context and version, without query and fragment"}
		}
		if !slices.Contains(audience, resource) {
			audience = append(audience, resource)
		}
	}
	if len(audience) > maxResources {
		return nil, &Error{Code: InvalidTarget, Description: "a token may be for 10 resources at most"}
	}
	return audience, nil
}

// resource returns the resource that text names: to the letter, but for a slash at its end.
func (h *Handler) resource(c *gatehouse.Client, text string) (string, bool) {
	text = strings.TrimSuffix(text, "/")
	path, below := strings.CutPrefix(text, h.Issuer)
	if path == "" || !below || path[0] != '/' || strings.ContainsAny(path, "?#%") {
		return text, path == "" && below
	}
	owner, ok := h.Resources.Owner(path)
	return text, ok && owner == c.Organization.Key
}

// restricted returns what a token is restricted to: nothing when it is for the gateway as
// a whole, which is in the audience of every token.
func (h *Handler) restricted(audience []string) []string {
	if slices.Contains(audience, h.Issuer) {
		return nil
	}
	return audience
}

// withinAudience returns what a token is for that carries on from an earlier grant: the
// resources asked for now, which are among those of then, or all of those.
func withinAudience(asked, granted []string) ([]string, error) {
	if len(asked) == 0 {
		return granted, nil
	}
	if len(granted) == 0 { // of everything then
		return asked, nil
	}
	for _, resource := range asked {
		if !slices.Contains(granted, resource) {
			return nil, &Error{Code: InvalidTarget, Description: "this resource is not among those that were granted at first"}
		}
	}
	return asked, nil
}
