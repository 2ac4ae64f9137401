package gatehouse

import "encoding/json"

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

// Public reports whether the client has no credential of its own.
func (k *Keys) Public() bool { return k.Metadata.AuthMethod == ClientPublic }
