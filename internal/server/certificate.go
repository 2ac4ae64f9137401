package server

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
)

const (
	// selfSigned marks certificates of ours: others that lie in the data folder are
	// used and never replaced.
	selfSigned = "Gatehouse self-signed"

	selfSignedFor = 397 * 24 * time.Hour // the longest that browsers take
	renewBefore   = 30 * 24 * time.Hour
	recheckEvery  = time.Minute
)

// certificate is the server's certificate, from files that may change while it runs:
// whoever renews them need not restart the server.
type certificate struct {
	certFile, keyFile string
	hosts             []string // what a self-signed one must name; nil when the operator gave the files
	log               *slog.Logger
	now               func() time.Time

	mu      sync.Mutex
	current *tls.Certificate
	written time.Time // modification time of certFile when current was read
	checked time.Time
}

// openCertificate loads the certificate that the settings name, or makes one.
func openCertificate(c config.Config, log *slog.Logger, now func() time.Time) (*certificate, error) {
	cert := &certificate{certFile: c.TLSCert, keyFile: c.TLSKey, log: log, now: now}
	if c.TLSCert == "" {
		if err := os.MkdirAll(c.Data, 0o700); err != nil {
			return nil, fmt.Errorf("data folder: %w", err)
		}
		cert.certFile, cert.keyFile = filepath.Join(c.Data, "tls.crt"), filepath.Join(c.Data, "tls.key")
		cert.hosts = append([]string{"localhost", "127.0.0.1", "::1"}, hostsOf(c.GatewayURL, c.PortalURL)...)
	}
	if err := cert.refresh(); err != nil {
		return nil, err
	}
	return cert, nil
}

func hostsOf(urls ...string) []string {
	var hosts []string
	for _, text := range urls {
		if u, err := url.Parse(text); err == nil && u.Hostname() != "" {
			hosts = append(hosts, u.Hostname())
		}
	}
	return hosts
}

// get is for tls.Config.GetCertificate. Once a minute it looks whether the files have
// changed; when the new ones are no good it says so and goes on with the old.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now().Sub(c.checked) >= recheckEvery {
		if err := c.refresh(); err != nil {
			c.log.Error("certificate was not renewed", "err", err)
		}
	}
	return c.current, nil
}

// refresh reads the files when they are new, and makes a self-signed certificate when
// there is none or it is time for another.
func (c *certificate) refresh() error {
	c.checked = c.now()
	info, err := os.Stat(c.certFile)
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case missing && c.hosts != nil:
		return c.make("there is none")
	case err != nil:
		return fmt.Errorf("tls-cert: %w", err)
	case c.current == nil || !info.ModTime().Equal(c.written):
		loaded, err := loadCertificate(c.certFile, c.keyFile)
		if err != nil {
			return err
		}
		c.current, c.written = loaded, info.ModTime()
		if !c.now().Before(loaded.Leaf.NotAfter) {
			c.log.Warn("certificate has expired", "file", c.certFile, "expired", loaded.Leaf.NotAfter)
		}
	}
	if why := c.stale(); why != "" {
		return c.make(why)
	}
	return nil
}

// stale says why a self-signed certificate needs another in its place, or nothing. The
// machine's name is no reason: containers change theirs at each start, and clients that
// trust the certificate would have to be told each time.
func (c *certificate) stale() string {
	leaf := c.current.Leaf
	if c.hosts == nil || leaf.Issuer.CommonName != selfSigned {
		return ""
	}
	if c.now().Add(renewBefore).After(leaf.NotAfter) {
		return "the old one ends " + leaf.NotAfter.Format(time.DateOnly)
	}
	for _, host := range c.hosts {
		if leaf.VerifyHostname(host) != nil {
			return "the old one does not name " + host
		}
	}
	return ""
}

// make writes a self-signed certificate for the hosts and the machine's name.
func (c *certificate) make(why string) error {
	certPEM, keyPEM, err := signSelf(c.hosts, c.now())
	if err != nil {
		return fmt.Errorf("make a certificate: %w", err)
	}
	if err := errors.Join(replaceFile(c.keyFile, keyPEM, 0o600), replaceFile(c.certFile, certPEM, 0o644)); err != nil {
		return fmt.Errorf("make a certificate: %w", err)
	}
	loaded, err := loadCertificate(c.certFile, c.keyFile)
	if err != nil {
		return err
	}
	info, err := os.Stat(c.certFile)
	if err != nil {
		return err
	}
	c.current, c.written = loaded, info.ModTime()
	c.log.Info("made a self-signed certificate", "file", c.certFile, "because", why)
	return nil
}

func loadCertificate(certFile, keyFile string) (*tls.Certificate, error) {
	certPEM, certErr := os.ReadFile(certFile)
	keyPEM, keyErr := os.ReadFile(keyFile)
	if err := cmp.Or(certErr, keyErr); err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	loaded, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %w", certFile, keyFile, err)
	}
	return &loaded, nil
}

func signSelf(hosts []string, now time.Time) (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: selfSigned},
		NotBefore:             now.Add(-time.Hour), // clocks differ
		NotAfter:              now.Add(selfSignedFor),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if name, err := os.Hostname(); err == nil && ascii(name) {
		hosts = append(slices.Clone(hosts), name)
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else if !slices.Contains(template.DNSNames, host) {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), nil
}

// ascii reports whether a certificate can hold a name.
func ascii(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' })
}

// replaceFile writes a file whole or not at all.
func replaceFile(path string, text []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err := errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
