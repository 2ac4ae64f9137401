package gatehouse

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/url"
	"time"
)

// IssuerKind tells what a trusted issuer's assertions are.
type IssuerKind string

// The kinds.
const (
	IssuerJWT  IssuerKind = "jwt"  // JSON Web Tokens (RFC 7523)
	IssuerSAML IssuerKind = "saml" // SAML 2.0 assertions (RFC 7522)
)

// TrustedIssuer is somebody whose word about who a user is an organization takes: its
// assertions are traded for tokens of members.
type TrustedIssuer struct {
	ID          string
	OrgID       string
	Kind        IssuerKind
	Issuer      string          // as its assertions name it
	JWKS        json.RawMessage // its public keys, of the kind jwt
	JWKSURI     string          // where they are instead
	Certificate string          // PEM, of the kind saml
	Audience    string          // one more that its assertions may be for, beside ours
	Claim       string          // of a JWT, that holds the username; empty means sub
	ConsumerKey string          // the one client that may bring its assertions; empty means any
	CreatedAt   time.Time
}

// MaxIssuers bounds how many issuers an organization may trust.
const MaxIssuers = 100

// Validate checks the rules a trusted issuer keeps. Whether JWKS holds keys is checked by
// the service, which can read them.
func (t *TrustedIssuer) Validate() error {
	switch {
	case t.Kind != IssuerJWT && t.Kind != IssuerSAML:
		return Errorf(Invalid, "%q is no kind of issuer: use %s or %s", t.Kind, IssuerJWT, IssuerSAML)
	case t.Issuer == "" || len(t.Issuer) > 1000:
		return Errorf(Invalid, "an issuer's name has 1 to 1000 bytes")
	case len(t.Audience) > 1000 || len(t.Claim) > 100:
		return Errorf(Invalid, "an audience has at most 1000 bytes, a claim's name 100")
	case t.Kind == IssuerSAML && (t.Certificate == "" || len(t.JWKS) > 0 || t.JWKSURI != "" || t.Claim != ""):
		return Errorf(Invalid, "an issuer of SAML assertions needs a certificate, and nothing of a JWT's")
	case t.Kind == IssuerJWT && (t.Certificate != "" || (len(t.JWKS) > 0) == (t.JWKSURI != "")):
		return Errorf(Invalid, "an issuer of JWTs needs either its keys or the URL of them, and no certificate")
	}
	if t.JWKSURI != "" {
		if u, err := url.Parse(t.JWKSURI); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
			return Errorf(Invalid, "the URL of an issuer's keys must be https:// and hold no user name and no fragment")
		}
	}
	if t.Kind == IssuerSAML {
		_, err := t.X509()
		return err
	}
	return nil
}

// X509 returns the certificate of an issuer of SAML assertions.
func (t *TrustedIssuer) X509() (*x509.Certificate, error) {
	block, _ := pem.Decode([]byte(t.Certificate))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, Errorf(Invalid, "the certificate is not PEM: it begins with -----BEGIN CERTIFICATE-----")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, Errorf(Invalid, "the certificate cannot be read: export it as X.509 in PEM")
	}
	return certificate, nil
}

// Serves reports whether client may bring t's assertions.
func (t *TrustedIssuer) Serves(consumerKey string) bool {
	return t.ConsumerKey == "" || t.ConsumerKey == consumerKey
}
