package proof

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
)

// Certificate returns the certificate that the client of a connection holds the key of,
// nil when there is none. Only the connection tells: no header does.
func Certificate(state *tls.ConnectionState) *x509.Certificate {
	if state == nil || len(state.PeerCertificates) == 0 {
		return nil
	}
	return state.PeerCertificates[0]
}

// Thumbprint returns the SHA-256 of a certificate as tokens name it (RFC 8705, section
// 3.1), and nothing for no certificate.
func Thumbprint(c *x509.Certificate) string {
	if c == nil {
		return ""
	}
	sum := sha256.Sum256(c.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
