package gateway

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/proof"
	"github.com/gatehouse/gatehouse/internal/respond"
)

// MetadataPath is where the gateway describes what it protects (RFC 9728, section 3): as
// a whole, and each API with its base path behind it.
const MetadataPath = "/.well-known/oauth-protected-resource"

// resourceMetadata is an answer of RFC 9728, section 2.
type resourceMetadata struct {
	Resource    string   `json:"resource"`
	Servers     []string `json:"authorization_servers"`
	Name        string   `json:"resource_name,omitempty"`
	Scopes      []string `json:"scopes_supported,omitempty"`
	Methods     []string `json:"bearer_methods_supported"`
	Algorithms  any      `json:"dpop_signing_alg_values_supported"`
	Certificate bool     `json:"tls_client_certificate_bound_access_tokens,omitempty"`
}

// Metadata serves the documents. Whoever may know that an API is there may know how to
// get a token for it.
func (g *Gateway) Metadata(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET")
		http.Error(w, "use GET", http.StatusMethodNotAllowed)
		return
	}
	path := strings.TrimSuffix(strings.TrimPrefix(r.URL.EscapedPath(), MetadataPath), "/")
	m := resourceMetadata{
		Resource: g.URL + path, Servers: []string{g.URL}, Methods: []string{"header"}, Algorithms: proof.Algorithms, Certificate: g.MutualTLS,
	}
	if path != "" {
		api, ok := g.at(path)
		if !ok {
			h.Set("Cache-Control", "no-store")
			respond.JSON(w, http.StatusNotFound, map[string]string{"error": "there is no such resource: use the base path of an API"})
			return
		}
		m.Name, m.Scopes = api.Name, scopesOf(api)
	}
	h.Set("Cache-Control", "public, max-age=60")
	respond.JSON(w, http.StatusOK, m)
}

// at returns the API whose base path is path, and no less or more.
func (g *Gateway) at(path string) (*gatehouse.API, bool) {
	path, ok := canonical(path)
	if !ok {
		return nil, false
	}
	r, rest := g.current().find(path)
	if r == nil || rest != "" || !r.api.Served() {
		return nil, false
	}
	return &r.api, true
}

// Owner returns the key of the organization whose API has a base path.
func (g *Gateway) Owner(path string) (string, bool) {
	api, ok := g.at(path)
	if !ok {
		return "", false
	}
	return api.OrgKey, true
}

func scopesOf(api *gatehouse.API) []string {
	var scopes []string
	for i := range api.Resources {
		scopes = append(scopes, api.Resources[i].Scopes...)
	}
	slices.Sort(scopes)
	return slices.Compact(scopes)
}
