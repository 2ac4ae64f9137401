package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/url"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// Backend is what stands behind an API for keys of one type, compiled: settings with their
// defaults, addresses and certificates taken apart once.
type Backend struct {
	gatehouse.Backend
	targets   []Endpoint         // the first one first
	firstByte gatehouse.Duration // as it was set; 0 when it was not
	roots     *x509.CertPool
	orgID     string // that the secrets were sealed for
	same      string // equal for backends that are called alike

	live *line // what this node holds to call it; nil until a Gateway takes the table up
}

// Endpoint is the address of a target, taken apart once.
type Endpoint struct {
	Scheme string
	Host   string
	Path   string // escaped, without a slash at its end

	weight int
}

// String writes e as a URL.
func (e *Endpoint) String() string { return e.Scheme + "://" + e.Host + e.Path }

// compileBackend compiles the backend of an API for keys of one type; nil when there is
// none.
func compileBackend(api *gatehouse.API, first string, settings *gatehouse.Backend) (*Backend, error) {
	if first == "" {
		if len(settings.More) > 0 {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "a backend has further targets but no first one: set its URL")
		}
		return nil, nil
	}
	b := &Backend{Backend: settings.WithDefaults(), firstByte: settings.Tuning.FirstByteTimeout, orgID: api.OrgID}
	for _, t := range append([]gatehouse.Target{{URL: first, Weight: b.Weight}}, b.More...) {
		e, err := parseEndpoint(t.URL)
		if err != nil {
			return nil, err
		}
		e.weight = t.Weight
		b.targets = append(b.targets, e)
	}
	if err := b.readTLS(); err != nil {
		return nil, err
	}
	if text, err := json.Marshal(settings); err == nil { // else a secret is not sealed yet: it is asked for by Check
		b.same = first + "\n" + string(text)
	}
	return b, nil
}

func parseEndpoint(s string) (Endpoint, error) {
	u, err := url.Parse(s)
	if err != nil {
		return Endpoint{}, err
	}
	return Endpoint{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimSuffix(u.EscapedPath(), "/")}, nil
}

// readTLS reads the authorities, and whether certificate and key belong together when
// the key is there to be seen.
func (b *Backend) readTLS() error {
	if b.TLS.CA != "" {
		b.roots = x509.NewCertPool()
		blocks := 0
		for rest := []byte(b.TLS.CA); ; blocks++ {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				break
			}
			cert, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return gatehouse.Errorf(gatehouse.Invalid, "the CA of a backend must be certificates as PEM: block %d is none", blocks+1)
			}
			b.roots.AddCert(cert)
		}
		if blocks == 0 {
			return gatehouse.Errorf(gatehouse.Invalid, "the CA of a backend must be certificates as PEM: there is none in it")
		}
	}
	if key := b.TLS.Key.Plain(); key != "" {
		if _, err := tls.X509KeyPair([]byte(b.TLS.Certificate), []byte(key)); err != nil {
			return gatehouse.Errorf(gatehouse.Invalid, "certificate and key for a backend must be PEM and belong together")
		}
	}
	return nil
}

// retarget turns a request that was written for a target into one for e.
func (e *Endpoint) retarget(u *url.URL, from *Endpoint) error {
	u.Scheme, u.Host = e.Scheme, e.Host
	if e.Path == from.Path {
		return nil
	}
	escaped := e.Path + strings.TrimPrefix(u.EscapedPath(), from.Path)
	path, err := url.PathUnescape(escaped)
	if err != nil {
		return fmt.Errorf("the path for another target: %w", err)
	}
	u.Path, u.RawPath = path, escaped
	return nil
}
