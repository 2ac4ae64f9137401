package gateway

import (
	"crypto/x509"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/proof"
)

// certificates are those by which an API knows its callers.
type certificates struct {
	known       map[string]*gatehouse.ClientCertificate // by thumbprint
	authorities []authority
}

// authority is a certificate that vouches for others.
type authority struct {
	said *gatehouse.ClientCertificate
	pool *x509.CertPool
}

func newCertificates(said []gatehouse.ClientCertificate) (*certificates, error) {
	c := &certificates{known: map[string]*gatehouse.ClientCertificate{}}
	for i := range said {
		one := &said[i]
		read, err := one.Parse()
		if err != nil {
			return nil, err
		}
		c.known[proof.Thumbprint(read)] = one
		if one.Authority {
			pool := x509.NewCertPool()
			pool.AddCert(read)
			c.authorities = append(c.authorities, authority{one, pool})
		}
	}
	return c, nil
}

// match returns what a chain of certificates from a handshake is known by, or nil. The
// handshake has proven that the caller holds the key of the first one.
func (c *certificates) match(chain []*x509.Certificate, now time.Time) *gatehouse.ClientCertificate {
	if len(chain) == 0 || now.Before(chain[0].NotBefore) || now.After(chain[0].NotAfter) {
		return nil
	}
	if known := c.known[proof.Thumbprint(chain[0])]; known != nil {
		return known
	}
	between := x509.NewCertPool()
	for _, other := range chain[1:] {
		between.AddCert(other)
	}
	for _, a := range c.authorities {
		_, err := chain[0].Verify(x509.VerifyOptions{Roots: a.pool, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
		if err == nil {
			return a.said
		}
	}
	return nil
}
