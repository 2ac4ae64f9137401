package gatehouse

import (
	"crypto/x509"
	"encoding/pem"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Security is which credentials open an API. The zero Security is OAuth 2.0 alone.
type Security struct {
	Schemes   []Scheme `json:"schemes,omitempty"`   // any one of them opens the API
	MutualTLS Presence `json:"mutualTLS,omitempty"` // whether callers present a certificate too
	// CertificateAlone opens the API to a caller who brings a certificate and no other
	// credential; one that is brought must be good all the same.
	CertificateAlone bool `json:"certificateAlone,omitempty"`

	Header    string   `json:"header,omitempty"`    // carries tokens and passwords in the place of Authorization
	KeyHeader string   `json:"keyHeader,omitempty"` // carries API keys in the place of apikey
	Audiences []string `json:"audiences,omitempty"` // access tokens must be for one of them; none means any

	Certificates []ClientCertificate `json:"certificates,omitempty"` // that callers may present
}

// Scheme is a way in which a caller says who calls.
type Scheme string

// The schemes, named as management clients write them.
const (
	SchemeOAuth2 Scheme = "oauth2"     // an access token
	SchemeAPIKey Scheme = "api_key"    // an API key
	SchemeBasic  Scheme = "basic_auth" // a member's username and password
)

// Presence says whether something must be there.
type Presence string

// The presences of a certificate. An optional one opens nothing: it is there for clients
// that present one wherever they go.
const (
	Optional  Presence = "optional"
	Mandatory Presence = "mandatory"
)

// ClientCertificate is a certificate by which an API knows a caller.
type ClientCertificate struct {
	Alias string  `json:"alias"` // its name within the API
	Type  KeyType `json:"type"`  // which backend a call by the certificate alone goes to
	Tier  string  `json:"tier"`  // how often such calls may come
	PEM   string  `json:"pem"`   // one certificate
	// Authority lets in whoever presents a certificate that this one vouches for.
	Authority bool `json:"authority,omitempty"`
}

// Limits of an API's security.
const (
	MaxCertificates = 100
	MaxCertificate  = 16 << 10 // bytes of one, in PEM
	MaxAudiences    = 50
)

// The names of headers that carry credentials, unless an API says otherwise.
const (
	AuthorizationHeader = "Authorization"
	APIKeyHeader        = "apikey"
)

// Permits reports whether an API looks at the credentials of a scheme.
func (s *Security) Permits(scheme Scheme) bool {
	if len(s.Schemes) == 0 {
		return scheme == SchemeOAuth2 && s.MutualTLS != Mandatory
	}
	return slices.Contains(s.Schemes, scheme)
}

// credentialHeader is the grammar of a header's name (RFC 9110, section 5.6.2), for those that
// people choose.
var credentialHeader = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)

// taken are headers that mean something else.
var taken = []string{
	"Accept", "Accept-Encoding", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Cookie", "Dpop", "Expect", "Forwarded", "Host",
	"Internal-Key", "Keep-Alive", "Origin", "Proxy-Connection", "Referer", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "User-Agent",
}

// validate checks the rules that an API's security keeps.
func (s *Security) validate(tiers []string) error {
	for _, scheme := range s.Schemes {
		if scheme != SchemeOAuth2 && scheme != SchemeAPIKey && scheme != SchemeBasic {
			return Errorf(Invalid, "%q is no security scheme: use %s, %s or %s", scheme, SchemeOAuth2, SchemeAPIKey, SchemeBasic)
		}
	}
	if s.CertificateAlone && s.MutualTLS != Mandatory {
		return Errorf(Invalid, "a certificate opens an API by itself only where it is mandatory")
	}
	for _, name := range []string{s.Header, s.KeyHeader} {
		if name == "" {
			continue
		}
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		if !credentialHeader.MatchString(name) || slices.Contains(taken, canonical) || strings.HasPrefix(canonical, "X-Forwarded-") || strings.HasPrefix(canonical, "Sec-") {
			return Errorf(Invalid, "the header %q cannot carry credentials: use another name, of letters, digits, - and _", name)
		}
	}
	carries := []string{textproto.CanonicalMIMEHeaderKey(or(s.Header, AuthorizationHeader)), textproto.CanonicalMIMEHeaderKey(or(s.KeyHeader, APIKeyHeader))}
	if carries[0] == carries[1] || carries[1] == AuthorizationHeader {
		return Errorf(Invalid, "access tokens and API keys need a header each")
	}
	if len(s.Audiences) > MaxAudiences {
		return Errorf(Invalid, "an API has at most %d audiences, these are %d", MaxAudiences, len(s.Audiences))
	}
	for _, audience := range s.Audiences {
		if audience == "" || !validText(audience, MaxName) {
			return Errorf(Invalid, "an audience has 1 to %d bytes and no control characters", MaxName)
		}
	}
	return validCertificates(s.Certificates, tiers)
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

var certificateAlias = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$`)

// validCertificates checks client certificates of an API that offers tiers.
func validCertificates(all []ClientCertificate, tiers []string) error {
	if len(all) > MaxCertificates {
		return Errorf(Invalid, "an API has at most %d client certificates", MaxCertificates)
	}
	seen := map[string]bool{}
	for i := range all {
		c := &all[i]
		switch {
		case !certificateAlias.MatchString(c.Alias):
			return Errorf(Invalid, "%q cannot be the alias of a certificate: use 1 to 100 letters, digits and ._@-", c.Alias)
		case seen[c.Alias]:
			return Errorf(Conflict, "the API has a client certificate %q already: choose another alias", c.Alias)
		case c.Type != Production && c.Type != Sandbox:
			return Errorf(Invalid, "%q is no key type: use %s or %s", c.Type, Production, Sandbox)
		case c.Tier != Unlimited && !slices.Contains(tiers, c.Tier):
			return Errorf(Invalid, "the client certificate %q has the tier %q, which the API does not offer: use one of %v", c.Alias, c.Tier, tiers)
		}
		seen[c.Alias] = true
		if _, err := c.Parse(); err != nil {
			return err
		}
	}
	return nil
}

// NewClientCertificate reads a certificate in PEM or DER. It is Invalid when it is none,
// or when its end has passed.
func NewClientCertificate(alias string, t KeyType, tier string, text []byte, now time.Time) (ClientCertificate, error) {
	if _, err := x509.ParseCertificate(text); err == nil {
		text = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: text})
	}
	c := ClientCertificate{Alias: alias, Type: t, Tier: or(tier, Unlimited), PEM: string(text)}
	read, err := c.Parse()
	if err == nil && now.After(read.NotAfter) {
		err = Errorf(Invalid, "the certificate %q ended on %s", alias, read.NotAfter.UTC().Format(time.DateOnly))
	}
	return c, err
}

// Parse returns the certificate itself.
func (c *ClientCertificate) Parse() (*x509.Certificate, error) {
	block, rest := pem.Decode([]byte(c.PEM))
	if len(c.PEM) > MaxCertificate || block == nil || block.Type != "CERTIFICATE" || strings.TrimSpace(string(rest)) != "" {
		return nil, Errorf(Invalid, "%q is not one certificate in PEM or DER of at most %d bytes", c.Alias, MaxCertificate)
	}
	read, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, &Error{Kind: Invalid, Message: "the certificate " + c.Alias + " cannot be read", Err: err}
	}
	return read, nil
}
