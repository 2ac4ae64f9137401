package gatehouse_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

func TestTrustedIssuerValidate(t *testing.T) {
	keys := json.RawMessage(`{"keys":[]}`)
	for name, row := range map[string]struct {
		issuer gatehouse.TrustedIssuer
		ok     bool
	}{
		"JWT by keys":            {gatehouse.TrustedIssuer{Kind: gatehouse.IssuerJWT, Issuer: "i", JWKS: keys}, true},
		"JWT by address":         {gatehouse.TrustedIssuer{Kind: gatehouse.IssuerJWT, Issuer: "i", JWKSURI: "https://i.example/jwks?a=b"}, true},
		"JWT by both":            {gatehouse.TrustedIssuer{Kind: gatehouse.IssuerJWT, Issuer: "i", JWKS: keys, JWKSURI: "https://i.example"}, false},
		"JWT by neither":         {gatehouse.TrustedIssuer{Kind: gatehouse.IssuerJWT, Issuer: "i"}, false},
		"keys over http":         {gatehouse.TrustedIssuer{Kind: gatehouse.IssuerJWT, Issuer: "i", JWKSURI: "http://i.example/jwks"}, false},
		"keys in a file":         {gatehouse.TrustedIssuer{Kind: gatehouse.IssuerJWT, Issuer: "i", JWKSURI: "file:///etc/passwd"}, false},
		"a password in the URL":  {gatehouse.TrustedIssuer{Kind: gatehouse.IssuerJWT, Issuer: "i", JWKSURI: "https://a:b@i.example"}, false},
		"no name":                {gatehouse.TrustedIssuer{Kind: gatehouse.IssuerJWT, JWKS: keys}, false},
		"a name without end":     {gatehouse.TrustedIssuer{Kind: gatehouse.IssuerJWT, Issuer: strings.Repeat("i", 1001), JWKS: keys}, false},
		"another kind":           {gatehouse.TrustedIssuer{Kind: "kerberos", Issuer: "i"}, false},
		"SAML without":           {gatehouse.TrustedIssuer{Kind: gatehouse.IssuerSAML, Issuer: "i"}, false},
		"SAML by no certificate": {gatehouse.TrustedIssuer{Kind: gatehouse.IssuerSAML, Issuer: "i", Certificate: "cert"}, false},
		"SAML by JWKs":           {gatehouse.TrustedIssuer{Kind: gatehouse.IssuerSAML, Issuer: "i", JWKS: keys}, false},
		"a damaged certificate":  {gatehouse.TrustedIssuer{Kind: gatehouse.IssuerSAML, Issuer: "i", Certificate: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}, false},
	} {
		t.Run(name, func(t *testing.T) { wantKind(t, row.issuer.Validate(), row.ok, gatehouse.Invalid) })
	}
}
