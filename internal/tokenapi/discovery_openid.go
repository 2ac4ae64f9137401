package tokenapi

import "github.com/gatehouse/gatehouse"

// browserMetadata describes what goes through a browser (RFC 8414, section 2; RFC 9126,
// section 5; RFC 9207, section 3; OpenID Connect RP-Initiated and Back-Channel Logout).
type browserMetadata struct {
	AuthorizationEndpoint    string   `json:"authorization_endpoint"`
	PushedEndpoint           string   `json:"pushed_authorization_request_endpoint"`
	EndSessionEndpoint       string   `json:"end_session_endpoint"`
	ResponseModes            []string `json:"response_modes_supported"`
	ChallengeMethods         []string `json:"code_challenge_methods_supported"`
	Prompts                  []string `json:"prompt_values_supported"`
	Issuer                   bool     `json:"authorization_response_iss_parameter_supported"`
	RequestParameter         bool     `json:"request_parameter_supported"`
	RequestURIParameter      bool     `json:"request_uri_parameter_supported"`
	ClaimsParameter          bool     `json:"claims_parameter_supported"`
	RequirePushed            bool     `json:"require_pushed_authorization_requests"`
	BackchannelLogout        bool     `json:"backchannel_logout_supported"`
	BackchannelLogoutSession bool     `json:"backchannel_logout_session_supported"`
}

// browserMetadata is nil where nobody can sign in, because no portal is known.
func (h *Handler) browserMetadata() *browserMetadata {
	if h.PortalURL == "" {
		return nil
	}
	return &browserMetadata{
		AuthorizationEndpoint: h.Issuer + "/authorize", PushedEndpoint: h.Issuer + "/par", EndSessionEndpoint: h.Issuer + Prefix + "/logout",
		ResponseModes: []string{"query", "form_post"}, ChallengeMethods: []string{"S256"}, Prompts: prompts,
		Issuer: true, ClaimsParameter: true, BackchannelLogout: true, BackchannelLogoutSession: true,
	}
}

// openIDMetadata describes what clients learn of users (OpenID Connect Discovery, section
// 3).
type openIDMetadata struct {
	UserinfoEndpoint  string   `json:"userinfo_endpoint"`
	Responses         []string `json:"response_types_supported"`
	Scopes            []string `json:"scopes_supported"`
	Subjects          []string `json:"subject_types_supported"`
	IDTokenAlgorithms []string `json:"id_token_signing_alg_values_supported"`
	ClaimTypes        []string `json:"claim_types_supported"`
	Claims            []string `json:"claims_supported"`
}

func (h *Handler) openIDMetadata() openIDMetadata {
	responses := []string{}
	if h.PortalURL != "" {
		responses = []string{"code"}
	}
	return openIDMetadata{
		UserinfoEndpoint: h.Issuer + "/userinfo", Responses: responses, Scopes: gatehouse.OpenIDScopes, Subjects: []string{"public"},
		IDTokenAlgorithms: gatehouse.IDTokenAlgorithms, ClaimTypes: []string{"normal"},
		Claims: append([]string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "azp", "amr", "sid"}, gatehouse.ClaimNamesSupported...),
	}
}
