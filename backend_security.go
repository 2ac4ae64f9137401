package gatehouse

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// BackendSecurity is how the gateway shows a backend who calls it. Its secrets are never
// given back.
type BackendSecurity struct {
	Type SecurityType `json:"type,omitempty"`

	Username string        `json:"username,omitempty"` // of BASIC, and of OAUTH by password
	Password BackendSecret `json:"password,omitzero"`

	Header string        `json:"header,omitempty"` // that an APIKEY stands in
	Key    BackendSecret `json:"key,omitzero"`

	Grant        BackendGrant      `json:"grant,omitempty"`
	TokenURL     string            `json:"tokenUrl,omitempty"` // where OAUTH gets its tokens
	ClientID     string            `json:"clientId,omitempty"`
	ClientSecret BackendSecret     `json:"clientSecret,omitzero"`
	Parameters   map[string]string `json:"parameters,omitempty"` // that go with the token request, like scope
}

// SecurityType is a way to show who calls, named as management clients do.
type SecurityType string

// The ways.
const (
	NoSecurity     SecurityType = ""
	BasicSecurity  SecurityType = "BASIC"  // a user name and a password (RFC 7617)
	APIKeySecurity SecurityType = "APIKEY" // a header with a fixed value
	OAuthSecurity  SecurityType = "OAUTH"  // an access token, which the gateway gets and renews (RFC 6749)
)

// BackendGrant is how a token for a backend is got.
type BackendGrant string

// The grants.
const (
	BackendClientCredentials BackendGrant = "CLIENT_CREDENTIALS"
	BackendPassword          BackendGrant = "PASSWORD"
)

// BackendTLS is whom the gateway takes for a backend, and what it shows of itself.
type BackendTLS struct {
	// CA holds certificates as PEM; when it is there, the backend's must come from one of
	// them instead of an authority that the system knows.
	CA string `json:"ca,omitempty"`
	// Certificate is the gateway's own for this backend, with those above it, as PEM.
	Certificate string `json:"certificate,omitempty"`
	// Key belongs to Certificate, as PEM.
	Key BackendSecret `json:"key,omitzero"`
}

// Limits of what backends are shown.
const (
	maxCredential  = 8 << 10  // bytes of a user name, password, key or parameter
	maxPEM         = 64 << 10 // bytes
	maxParameters  = 20
	secretsNotKept = "secrets are never given back; one that is left blank stays as it was, as long as it goes to the same hosts"
)

var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^`|~-]{1,100}$")

// ownHeaders are those that the gateway writes itself, so no key may stand in them.
var ownHeaders = []string{
	"host", "connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer", "keep-alive", "expect", "cookie",
	"proxy-authorization", "proxy-connection", "traceparent", "tracestate",
}

// secrets returns the secrets that s needs.
func (s *BackendSecurity) secrets() []*BackendSecret {
	switch s.Type {
	case BasicSecurity:
		return []*BackendSecret{&s.Password}
	case APIKeySecurity:
		return []*BackendSecret{&s.Key}
	case OAuthSecurity:
		if s.Grant == BackendPassword {
			return []*BackendSecret{&s.ClientSecret, &s.Password}
		}
		return []*BackendSecret{&s.ClientSecret}
	}
	return nil
}

// Secrets returns the secrets that b needs.
func (b *Backend) Secrets() []*BackendSecret {
	secrets := b.Security.secrets()
	if b.TLS.Certificate != "" {
		secrets = append(secrets, &b.TLS.Key)
	}
	return secrets
}

// Keep takes over from old the secrets that b needs and does not say. It is for a caller
// who may not read them, so it must not be asked when b would send them to other hosts.
func (b *Backend) Keep(old *Backend) {
	if b.Security.Type == old.Security.Type {
		for _, pair := range [][2]*BackendSecret{
			{&b.Security.Password, &old.Security.Password}, {&b.Security.Key, &old.Security.Key}, {&b.Security.ClientSecret, &old.Security.ClientSecret},
		} {
			if pair[0].IsZero() {
				*pair[0] = *pair[1]
			}
		}
	}
	if b.TLS.Key.IsZero() && b.TLS.Certificate == old.TLS.Certificate {
		b.TLS.Key = old.TLS.Key
	}
	b.dropUnneeded()
}

// Forget drops every secret that is sealed: what is left are those that were just said.
func (b *Backend) Forget() {
	for _, s := range b.Secrets() {
		if s.Plain() == "" {
			*s = BackendSecret{}
		}
	}
	b.dropUnneeded()
}

// dropUnneeded drops secrets that belong to nothing.
func (b *Backend) dropUnneeded() {
	needed := b.Secrets()
	for _, s := range []*BackendSecret{&b.Security.Password, &b.Security.Key, &b.Security.ClientSecret, &b.TLS.Key} {
		if !slices.Contains(needed, s) {
			*s = BackendSecret{}
		}
	}
}

func (s *BackendSecurity) validate() error {
	switch s.Type {
	case NoSecurity:
		return nil
	case BasicSecurity:
		if err := validCredential("username", s.Username); err != nil {
			return err
		}
		if strings.Contains(s.Username, ":") {
			return Errorf(Invalid, "a user name for BASIC has no colon (RFC 7617, section 2)")
		}
	case APIKeySecurity:
		if !headerName.MatchString(s.Header) || slices.Contains(ownHeaders, strings.ToLower(s.Header)) {
			return Errorf(Invalid, "%q cannot be the header of an API key: use one like X-Api-Key", s.Header)
		}
	case OAuthSecurity:
		if err := s.validOAuth(); err != nil {
			return err
		}
	default:
		return Errorf(Invalid, "endpoint security %q is not supported: use %s, %s or %s", s.Type, BasicSecurity, APIKeySecurity, OAuthSecurity)
	}
	for _, secret := range s.secrets() {
		if secret.IsZero() {
			return Errorf(Invalid, "endpoint security of the type %s lacks a secret: %s", s.Type, secretsNotKept)
		}
		if plain := secret.Plain(); len(plain) > maxCredential || s.Type != OAuthSecurity && strings.ContainsAny(plain, "\r\n\x00") {
			return Errorf(Invalid, "a secret of a backend has at most %d bytes, on one line", maxCredential)
		}
	}
	return nil
}

func (s *BackendSecurity) validOAuth() error {
	if s.TokenURL == "" {
		return Errorf(Invalid, "endpoint security of the type OAUTH needs a tokenUrl")
	}
	if err := validEndpoint(s.TokenURL); err != nil {
		return Errorf(Invalid, "tokenUrl: %s", MessageOf(err))
	}
	if err := validCredential("clientId", s.ClientID); err != nil {
		return err
	}
	switch s.Grant {
	case BackendClientCredentials:
	case BackendPassword:
		if err := validCredential("username", s.Username); err != nil {
			return err
		}
	default:
		return Errorf(Invalid, "grantType %q is not supported: use %s or %s", s.Grant, BackendClientCredentials, BackendPassword)
	}
	if len(s.Parameters) > maxParameters {
		return Errorf(Invalid, "a token request has at most %d parameters of its own, this one has %d", maxParameters, len(s.Parameters))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Parameters)) {
		if slices.Contains([]string{"", "grant_type", "client_id", "client_secret", "username", "password"}, name) {
			return Errorf(Invalid, "%q cannot be a parameter of a token request's own", name)
		}
		if len(name)+len(s.Parameters[name]) > maxCredential {
			return Errorf(Invalid, "the parameter %s has more than %d bytes", name, maxCredential)
		}
	}
	return nil
}

// validCredential checks what a secret goes with.
func validCredential(name, value string) error {
	if value == "" || len(value) > maxCredential || strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return Errorf(Invalid, "endpoint security needs a %s of at most %d bytes without control characters", name, maxCredential)
	}
	return nil
}

// validate checks the form. Whether the PEM can be read is the gateway's question.
func (t *BackendTLS) validate() error {
	switch {
	case len(t.CA) > maxPEM || len(t.Certificate) > maxPEM || len(t.Key.Plain()) > maxPEM:
		return Errorf(Invalid, "certificates and keys of a backend have at most %d bytes each", maxPEM)
	case t.Certificate != "" && t.Key.IsZero():
		return Errorf(Invalid, "the certificate for a backend needs its key: %s", secretsNotKept)
	}
	return nil
}
