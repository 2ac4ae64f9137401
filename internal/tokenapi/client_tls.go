package tokenapi

import (
	"crypto/x509"
	"net/http"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/proof"
)

// certificate proves a client by the certificate of its connection (RFC 8705, section
// 2). A header never stands for it, whoever sets it.
func (h *Handler) certificate(r *http.Request, client *gatehouse.Client) error {
	c := proof.Certificate(r.TLS)
	if c == nil {
		return refusedClient(nil)
	}
	if client.Metadata.AuthMethod == gatehouse.ClientSelfSignedTLS {
		return h.registered(r, client, c)
	}
	return h.issued(r, client, c)
}

// issued checks that an authority of ours vouches for the certificate, and that it names
// the client (RFC 8705, section 2.1).
func (h *Handler) issued(r *http.Request, client *gatehouse.Client, c *x509.Certificate) error {
	if h.ClientCAs == nil {
		return refusedClient(nil)
	}
	between := x509.NewCertPool()
	for _, other := range r.TLS.PeerCertificates[1:] {
		between.AddCert(other)
	}
	_, err := c.Verify(x509.VerifyOptions{
		Roots: h.ClientCAs, Intermediates: between, CurrentTime: h.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return refusedClient(err)
	}
	m := &client.Metadata
	if m.TLSSubject != "" && c.Subject.String() == m.TLSSubject {
		return nil
	}
	for _, name := range c.DNSNames {
		if m.TLSName != "" && name == m.TLSName {
			return nil
		}
	}
	return refusedClient(nil)
}

// registered checks that the certificate is one of those that the client registered in
// the x5c of its keys (RFC 8705, section 2.2). Nobody vouches for it, and nobody must:
// the connection has proven the key.
func (h *Handler) registered(r *http.Request, client *gatehouse.Client, c *x509.Certificate) error {
	set, err := h.KeySets.of(r.Context(), &client.Metadata, "")
	if err != nil {
		return refusedClient(err)
	}
	for _, key := range set.Keys {
		if len(key.Certificates) > 0 && key.Certificates[0].Equal(c) {
			return nil
		}
	}
	return refusedClient(nil)
}
