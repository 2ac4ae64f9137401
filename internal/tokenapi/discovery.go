package tokenapi

import (
	"maps"
	"net/http"
	"slices"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/proof"
	"github.com/gatehouse/gatehouse/internal/respond"
)

// metadata describes the server (RFC 8414). Every entry is true: what is not there is
// not listed.
type metadata struct {
	Issuer                string   `json:"issuer"`
	TokenEndpoint         string   `json:"token_endpoint"`
	RevocationEndpoint    string   `json:"revocation_endpoint"`
	IntrospectionEndpoint string   `json:"introspection_endpoint"`
	DeviceEndpoint        string   `json:"device_authorization_endpoint,omitempty"`
	JWKS                  string   `json:"jwks_uri"`
	Grants                []string `json:"grant_types_supported"`

	TokenAuth                   []gatehouse.AuthMethod    `json:"token_endpoint_auth_methods_supported"`
	TokenAuthAlgorithms         []jose.SignatureAlgorithm `json:"token_endpoint_auth_signing_alg_values_supported"`
	RevocationAuth              []gatehouse.AuthMethod    `json:"revocation_endpoint_auth_methods_supported"`
	RevocationAuthAlgorithms    []jose.SignatureAlgorithm `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	IntrospectionAuth           []gatehouse.AuthMethod    `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionAuthAlgorithms []jose.SignatureAlgorithm `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	DPoPAlgorithms              []jose.SignatureAlgorithm `json:"dpop_signing_alg_values_supported"`
	CertificateBound            bool                      `json:"tls_client_certificate_bound_access_tokens,omitempty"`
	RegistrationEndpoint        string                    `json:"registration_endpoint"`
}

// metadata serves the metadata documents: RFC 8414's, and OpenID Connect Discovery's, which
// are one.
func (h *Handler) metadata(w http.ResponseWriter, _ *http.Request) error {
	public := h.authMethods()
	confidential := slices.DeleteFunc(slices.Clone(public), func(m gatehouse.AuthMethod) bool { return m == gatehouse.ClientPublic })
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Header().Del("Pragma")
	respond.JSON(w, http.StatusOK, struct {
		metadata
		*browserMetadata
		openIDMetadata
	}{
		metadata{
			Issuer: h.Issuer, TokenEndpoint: h.Issuer + "/token", RevocationEndpoint: h.Issuer + "/revoke",
			IntrospectionEndpoint: h.Issuer + "/introspect", DeviceEndpoint: h.deviceEndpoint(), JWKS: h.Issuer + "/jwks",
			Grants:    slices.Sorted(maps.Keys(h.grants())),
			TokenAuth: public, RevocationAuth: public, IntrospectionAuth: confidential,
			TokenAuthAlgorithms: proof.Algorithms, RevocationAuthAlgorithms: proof.Algorithms, IntrospectionAuthAlgorithms: proof.Algorithms,
			DPoPAlgorithms: proof.Algorithms, CertificateBound: h.MutualTLS, RegistrationEndpoint: h.Issuer + "/register",
		},
		h.browserMetadata(),
		h.openIDMetadata(),
	})
	return nil
}

// authMethods lists the ways of client authentication that listeners can take.
func (h *Handler) authMethods() []gatehouse.AuthMethod {
	return slices.DeleteFunc(slices.Clone(gatehouse.AuthMethods), func(m gatehouse.AuthMethod) bool {
		return m == gatehouse.ClientTLS && h.ClientCAs == nil || m == gatehouse.ClientSelfSignedTLS && !h.MutualTLS
	})
}

// jwks serves the public halves of the signing keys (RFC 7517).
func (h *Handler) jwks(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Header().Del("Pragma")
	respond.JSON(w, http.StatusOK, h.Keys.Public())
	return nil
}
