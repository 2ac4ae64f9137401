package gatehouse

import (
	"encoding/json"
	"net/url"
	"slices"
)

// ClientMetadata is what keys say of themselves as an OAuth 2.0 client beyond what every
// application has, under the names of RFC 7591, section 2.
type ClientMetadata struct {
	// AuthMethod is how the client proves who it is at the token endpoint; empty means by
	// one of its secrets, in the Basic header or in the body.
	AuthMethod AuthMethod `json:"token_endpoint_auth_method,omitempty"`
	// JWKS is the client's public keys (RFC 7517), for private_key_jwt.
	JWKS json.RawMessage `json:"jwks,omitempty"`
	// JWKSURI is where they are instead.
	JWKSURI string `json:"jwks_uri,omitempty"`

	// IDTokenAlgorithm signs the client's ID tokens: RS256, which is the default, or ES256.
	IDTokenAlgorithm string `json:"id_token_signed_response_alg,omitempty"`
	// RequirePushed refuses authorization requests that were not pushed (RFC 9126, section 6).
	RequirePushed bool `json:"require_pushed_authorization_requests,omitempty"`
	// PostLogoutRedirectURIs is where a browser may be sent after it signed out (OpenID
	// Connect RP-Initiated Logout, section 3.1).
	PostLogoutRedirectURIs []string `json:"post_logout_redirect_uris,omitempty"`
	// BackchannelLogoutURI is told when a session of the client's users ends (OpenID Connect
	// Back-Channel Logout, section 2.2).
	BackchannelLogoutURI string `json:"backchannel_logout_uri,omitempty"`
	// BackchannelLogoutSession asks for the sid in what it is told; it is always there.
	BackchannelLogoutSession bool `json:"backchannel_logout_session_required,omitempty"`
}

// AuthMethod is a way of client authentication, by its registered name.
type AuthMethod string

// The ways.
const (
	ClientSecret        AuthMethod = "" // client_secret_basic or client_secret_post
	ClientPrivateKeyJWT AuthMethod = "private_key_jwt"
	ClientTLS           AuthMethod = "tls_client_auth"
	ClientSelfSignedTLS AuthMethod = "self_signed_tls_client_auth"
	ClientPublic        AuthMethod = "none" // a public client (RFC 6749, section 2.1)
)

// IDTokenAlg returns the algorithm that signs the client's ID tokens.
func (m *ClientMetadata) IDTokenAlg() string {
	if m.IDTokenAlgorithm == "" {
		return "RS256"
	}
	return m.IDTokenAlgorithm
}

// checkRedirects checks the addresses that a browser or this server is sent to, and what
// goes with them.
func (k *Keys) checkRedirects() error {
	m := &k.Metadata
	if len(k.Callbacks) > MaxRedirectURIs || len(m.PostLogoutRedirectURIs) > MaxRedirectURIs {
		return Errorf(Invalid, "keys may have at most %d redirect URIs", MaxRedirectURIs)
	}
	for _, uri := range slices.Concat(k.Callbacks, m.PostLogoutRedirectURIs) {
		if err := CheckRedirectURI(uri); err != nil {
			return err
		}
	}
	switch u, err := url.Parse(m.BackchannelLogoutURI); {
	case k.MayUse(GrantAuthorizationCode) && len(k.Callbacks) == 0:
		return Errorf(Invalid, "the grant type %s needs a redirect URI: give at least one", GrantAuthorizationCode)
	case m.IDTokenAlg() != "RS256" && m.IDTokenAlg() != "ES256":
		return Errorf(Invalid, "%q is no algorithm of ID tokens: use RS256 or ES256", m.IDTokenAlgorithm)
	case m.BackchannelLogoutURI != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.Fragment != ""):
		return Errorf(Invalid, "backchannel_logout_uri must be an https or http address without a fragment")
	}
	return nil
}

// Public reports whether the client has no credential of its own.
func (k *Keys) Public() bool { return k.Metadata.AuthMethod == ClientPublic }
