package gatehouse

import (
	"encoding/json"
	"net/netip"
	"net/url"
	"slices"
	"strings"
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

	// TLSSubject is the subject of the client's certificate, for tls_client_auth
	// (RFC 8705, section 2.1.2), written as in RFC 4514; TLSName is a DNS name in it.
	// One of the two is set.
	TLSSubject string `json:"tls_client_auth_subject_dn,omitempty"`
	TLSName    string `json:"tls_client_auth_san_dns,omitempty"`
	// CertificateBound binds access tokens to the certificate that the client presents
	// (RFC 8705, section 3.4), DPoPBound to the key of its proofs (RFC 9449, section 5.2):
	// without one there is no token.
	CertificateBound bool `json:"tls_client_certificate_bound_access_tokens,omitempty"`
	DPoPBound        bool `json:"dpop_bound_access_tokens,omitempty"`

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

	// Profile holds the client to a security profile as a whole: ProfileFAPI2, or none.
	Profile string `json:"security_profile,omitempty"`

	// Scope, when it is not empty, is all that the client may ask for.
	Scope string `json:"scope,omitempty"`
	// PublicPassword allows the password grant to a public client, which it is not open
	// to otherwise. No registration sets it.
	PublicPassword bool `json:"public_password_grant,omitempty"`
	// RegistrationHash is HashToken of what opens the client's registration (RFC 7592);
	// empty for keys that were made in the Store.
	RegistrationHash string `json:"registration_access_token_hash,omitempty"`

	// What people may want to know of the client. Nothing of it is ever fetched.
	ClientURI string   `json:"client_uri,omitempty"`
	LogoURI   string   `json:"logo_uri,omitempty"`
	PolicyURI string   `json:"policy_uri,omitempty"`
	TermsURI  string   `json:"tos_uri,omitempty"`
	Contacts  []string `json:"contacts,omitempty"`
}

// ProfileFAPI2 is the FAPI 2.0 Security Profile: the client proves who it is by a key,
// pushes its authorization requests, binds its tokens, and keeps its refresh token, which
// does not rotate (section 5.3.2.1).
const ProfileFAPI2 = "fapi2"

// KeepsRefreshTokens reports whether a refresh token stays the same when it is used.
func (m *ClientMetadata) KeepsRefreshTokens() bool { return m.Profile == ProfileFAPI2 }

// validProfile checks that metadata are what their profile asks for.
func (m *ClientMetadata) validProfile() error {
	byTLS := m.AuthMethod == ClientTLS || m.AuthMethod == ClientSelfSignedTLS
	switch {
	case m.Profile == "":
		return nil
	case m.Profile != ProfileFAPI2:
		return Errorf(Invalid, "security_profile %q is not supported: use %s, or leave it out", m.Profile, ProfileFAPI2)
	case m.AuthMethod != ClientPrivateKeyJWT && !byTLS:
		return Errorf(Invalid, "the profile %s takes the token_endpoint_auth_method %s, %s or %s", m.Profile, ClientPrivateKeyJWT, ClientTLS, ClientSelfSignedTLS)
	case !m.RequirePushed:
		return Errorf(Invalid, "the profile %s needs require_pushed_authorization_requests", m.Profile)
	case !m.DPoPBound && !m.CertificateBound && !byTLS:
		return Errorf(Invalid, "the profile %s needs dpop_bound_access_tokens or tls_client_certificate_bound_access_tokens", m.Profile)
	}
	return nil
}

// AuthMethod is a way of client authentication, by its registered name.
type AuthMethod string

// The ways.
const (
	ClientSecret        AuthMethod = "" // either of the two that follow
	ClientSecretBasic   AuthMethod = "client_secret_basic"
	ClientSecretPost    AuthMethod = "client_secret_post"
	ClientPrivateKeyJWT AuthMethod = "private_key_jwt"
	ClientTLS           AuthMethod = "tls_client_auth"
	ClientSelfSignedTLS AuthMethod = "self_signed_tls_client_auth"
	ClientPublic        AuthMethod = "none" // a public client (RFC 6749, section 2.1)
)

// AuthMethods are the ways by name.
var AuthMethods = []AuthMethod{ClientSecretBasic, ClientSecretPost, ClientPrivateKeyJWT, ClientTLS, ClientSelfSignedTLS, ClientPublic}

// BySecret reports whether the client proves who it is by a consumer secret.
func (m *ClientMetadata) BySecret() bool {
	return m.AuthMethod == ClientSecret || m.AuthMethod == ClientSecretBasic || m.AuthMethod == ClientSecretPost
}

// Public reports whether the client has no credential of its own.
func (k *Keys) Public() bool { return k.Metadata.AuthMethod == ClientPublic }

// Registered returns those of the asked scopes that the client may ask for at all.
func (m *ClientMetadata) Registered(asked []string) []string {
	if m.Scope == "" {
		return asked
	}
	listed := strings.Fields(m.Scope)
	var may []string
	for _, s := range asked {
		if slices.Contains(listed, s) {
			may = append(may, s)
		}
	}
	return may
}

// MaxJWKS bounds a client's public keys, in bytes of their JSON.
const MaxJWKS = 64 << 10

// validate checks the rules that metadata keep.
func (m *ClientMetadata) validate() error {
	switch {
	case m.AuthMethod != ClientSecret && !slices.Contains(AuthMethods, m.AuthMethod):
		return Errorf(Invalid, "token_endpoint_auth_method %q is not supported: use one of %v", m.AuthMethod, AuthMethods)
	case m.JWKS != nil && m.JWKSURI != "":
		return Errorf(Invalid, "jwks and jwks_uri must not both be there: use one of them")
	case (m.AuthMethod == ClientPrivateKeyJWT || m.AuthMethod == ClientSelfSignedTLS) && m.JWKS == nil && m.JWKSURI == "":
		return Errorf(Invalid, "%s needs the client's public keys: set jwks or jwks_uri", m.AuthMethod)
	case m.AuthMethod == ClientTLS && (m.TLSSubject == "") == (m.TLSName == ""):
		return Errorf(Invalid, "tls_client_auth needs one of tls_client_auth_subject_dn and tls_client_auth_san_dns")
	case len(m.Contacts) > 20 || len(strings.Join(m.Contacts, "")) > 2000:
		return Errorf(Invalid, "contacts may be 20 addresses of 2000 bytes together")
	}
	if err := m.validateOpenID(); err != nil {
		return err
	}
	if err := m.validProfile(); err != nil {
		return err
	}
	if _, err := ParseScopes(m.Scope); err != nil {
		return err
	}
	if m.JWKS != nil {
		if err := validJWKS(m.JWKS); err != nil {
			return err
		}
	}
	if m.JWKSURI != "" && webURL(m.JWKSURI) == nil { // which addresses it may have is asked when it is dialled
		return Errorf(Invalid, "jwks_uri must be an https:// URL without a user name and a fragment")
	}
	for _, page := range []string{m.ClientURI, m.LogoURI, m.PolicyURI, m.TermsURI} {
		if page != "" && !publicPage(page) {
			return Errorf(Invalid, "client_uri, logo_uri, policy_uri and tos_uri must be https:// URLs of public hosts, without a user name and a fragment")
		}
	}
	return nil
}

// validJWKS checks that a key set (RFC 7517, section 5) holds public keys alone, and
// some. Whether each can be used is known when one is.
func validJWKS(text json.RawMessage) error {
	if len(text) > MaxJWKS {
		return Errorf(Invalid, "jwks is longer than %d bytes", MaxJWKS)
	}
	var set struct {
		Keys []map[string]json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil || len(set.Keys) == 0 || len(set.Keys) > 50 {
		return Errorf(Invalid, "jwks must be a JSON Web Key Set of 1 to 50 keys")
	}
	for _, key := range set.Keys {
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
			if _, there := key[private]; there {
				return Errorf(Invalid, "jwks holds a private or a shared key: give public keys alone")
			}
		}
	}
	return nil
}

// webURL returns uri when it is an https:// URL without credentials and fragment.
func webURL(uri string) *url.URL {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.Contains(uri, "#") || len(uri) > maxURI {
		return nil
	}
	return u
}

// publicPage reports whether uri can be a page of a client's own for everybody to open:
// its host is not an address that means something else to whoever opens it. A host
// whose last label is a number is an IPv4 address in one of its old spellings.
func publicPage(uri string) bool {
	u := webURL(uri)
	if u == nil {
		return false
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if ip, err := netip.ParseAddr(host); err == nil {
		return public(ip.Unmap())
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	number := strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x")
	return !number && last != "localhost"
}
