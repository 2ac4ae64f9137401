package tokenapi

import (
	"maps"
	"net/http"
	"slices"

	"github.com/gatehouse/gatehouse/internal/respond"
)

// metadata describes the server (RFC 8414). Every entry is true: what is not there is
// not listed.
type metadata struct {
	Issuer                string   `json:"issuer"`
	TokenEndpoint         string   `json:"token_endpoint"`
	RevocationEndpoint    string   `json:"revocation_endpoint"`
	IntrospectionEndpoint string   `json:"introspection_endpoint"`
	JWKS                  string   `json:"jwks_uri"`
	Grants                []string `json:"grant_types_supported"`
	TokenAuth             []string `json:"token_endpoint_auth_methods_supported"`
	RevocationAuth        []string `json:"revocation_endpoint_auth_methods_supported"`
	IntrospectionAuth     []string `json:"introspection_endpoint_auth_methods_supported"`
}

// metadata serves the metadata documents: RFC 8414's, and OpenID Connect Discovery's, which
// are one.
func (h *Handler) metadata(w http.ResponseWriter, _ *http.Request) error {
	methods := []string{"client_secret_basic", "client_secret_post"}
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Header().Del("Pragma")
	respond.JSON(w, http.StatusOK, struct {
		metadata
		*browserMetadata
		openIDMetadata
	}{
		metadata{
			Issuer: h.Issuer, TokenEndpoint: h.Issuer + "/token", RevocationEndpoint: h.Issuer + "/revoke",
			IntrospectionEndpoint: h.Issuer + "/introspect", JWKS: h.Issuer + "/jwks",
			Grants:    slices.Sorted(maps.Keys(h.grants())),
			TokenAuth: methods, RevocationAuth: methods, IntrospectionAuth: methods,
		},
		h.browserMetadata(),
		h.openIDMetadata(),
	})
	return nil
}

// jwks serves the public halves of the signing keys (RFC 7517).
func (h *Handler) jwks(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Header().Del("Pragma")
	respond.JSON(w, http.StatusOK, h.Keys.Public())
	return nil
}
