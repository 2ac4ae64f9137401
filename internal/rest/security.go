package rest

import (
	"slices"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/publisher"
)

// securityBody is the part of an API that says which credentials open it.
type securityBody struct {
	SecurityScheme      []string `json:"securityScheme,omitempty"`      // oauth2, api_key, basic_auth, mutualssl, and which of them must be there
	AuthorizationHeader *string  `json:"authorizationHeader,omitempty"` // of access tokens and passwords
	APIKeyHeader        *string  `json:"apiKeyHeader,omitempty"`        // of API keys
	Audiences           []string `json:"audiences,omitempty"`           // access tokens must be for one of them
	IsDefaultVersion    *bool    `json:"isDefaultVersion,omitempty"`
}

// What else stands in the list of schemes: certificates, and which of the two must be there.
const (
	mutualSSL          = "mutualssl"
	mutualSSLMandatory = "mutualssl_mandatory"
	schemesMandatory   = "oauth_basic_auth_api_key_mandatory"
)

// security reads what the body says. Something must open an API: certificates are
// mandatory where nothing else is looked at, and another credential is where they are not.
func (b *securityBody) security() (publisher.Security, error) {
	s := publisher.Security{Header: b.AuthorizationHeader, KeyHeader: b.APIKeyHeader, Audiences: b.Audiences}
	if len(b.SecurityScheme) == 0 {
		return s, nil
	}
	opens := &publisher.Opens{}
	for _, name := range b.SecurityScheme {
		switch name {
		case mutualSSL, mutualSSLMandatory, schemesMandatory:
		case string(gatehouse.SchemeOAuth2), string(gatehouse.SchemeAPIKey), string(gatehouse.SchemeBasic):
			opens.Schemes = append(opens.Schemes, gatehouse.Scheme(name))
		default:
			return s, gatehouse.Errorf(gatehouse.Invalid, "%q is no securityScheme: use some of oauth2, api_key, basic_auth, %s, %s, %s", name, mutualSSL, mutualSSLMandatory, schemesMandatory)
		}
	}
	holds := func(name string) bool { return slices.Contains(b.SecurityScheme, name) }
	switch {
	case holds(mutualSSLMandatory) || holds(mutualSSL) && len(opens.Schemes) == 0:
		opens.MutualTLS = gatehouse.Mandatory
		opens.CertificateAlone = len(opens.Schemes) > 0 && !holds(schemesMandatory)
	case holds(mutualSSL):
		opens.MutualTLS = gatehouse.Optional
	}
	s.Opens = opens
	return s, nil
}

// newSecurityBody writes what opens an API.
func newSecurityBody(a *gatehouse.API) securityBody {
	s := &a.Settings.Security
	header, keyHeader := gatehouse.AuthorizationHeader, gatehouse.APIKeyHeader
	if s.Header != "" {
		header = s.Header
	}
	if s.KeyHeader != "" {
		keyHeader = s.KeyHeader
	}
	b := securityBody{AuthorizationHeader: &header, APIKeyHeader: &keyHeader, Audiences: s.Audiences, IsDefaultVersion: &a.Settings.Default}
	for _, scheme := range []gatehouse.Scheme{gatehouse.SchemeOAuth2, gatehouse.SchemeAPIKey, gatehouse.SchemeBasic} {
		if s.Permits(scheme) {
			b.SecurityScheme = append(b.SecurityScheme, string(scheme))
		}
	}
	if len(b.SecurityScheme) > 0 && !s.CertificateAlone {
		b.SecurityScheme = append(b.SecurityScheme, schemesMandatory)
	}
	switch s.MutualTLS {
	case gatehouse.Mandatory:
		b.SecurityScheme = append(b.SecurityScheme, mutualSSL, mutualSSLMandatory)
	case gatehouse.Optional:
		b.SecurityScheme = append(b.SecurityScheme, mutualSSL)
	}
	return b
}

// internalKeyInfo is a key to try an API out with, in the header Internal-Key.
type internalKeyInfo struct {
	APIKey       string `json:"apikey"`
	ValidityTime int64  `json:"validityTime"` // in seconds
}

func (h *Handler) generateInternalKey(r *request) (any, error) {
	key, err := h.Publisher.TryOut(r.Context(), r.by, r.PathValue("apiId"))
	if err != nil {
		return nil, err
	}
	return internalKeyInfo{key, int64(publisher.TryOutLifetime.Seconds())}, nil
}
