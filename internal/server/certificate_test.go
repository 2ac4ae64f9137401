package server

import (
	"crypto/ecdsa"
	"crypto/x509"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func at(moment time.Time) func() time.Time { return func() time.Time { return moment } }

// leaf opens the certificate of c at a moment.
func leaf(t *testing.T, c config.Config, moment time.Time) *x509.Certificate {
	t.Helper()
	cert, err := openCertificate(c, quiet, at(moment))
	if err != nil {
		t.Fatal(err)
	}
	current, err := cert.get(nil)
	if err != nil {
		t.Fatal(err)
	}
	return current.Leaf
}

func TestSelfSignedCertificate(t *testing.T) {
	now := time.Now()
	c := config.Config{Data: filepath.Join(t.TempDir(), "data"), GatewayURL: "https://api.example.com:8243", PortalURL: "https://[2001:db8::1]"}
	made := leaf(t, c, now)
	hosts := []string{"localhost", "127.0.0.1", "::1", "api.example.com", "2001:db8::1"}
	if name, err := os.Hostname(); err == nil {
		hosts = append(hosts, name)
	}
	pool := x509.NewCertPool()
	pool.AddCert(made)
	for _, host := range hosts {
		if _, err := made.Verify(x509.VerifyOptions{DNSName: host, Roots: pool}); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	if key, ok := made.PublicKey.(*ecdsa.PublicKey); !ok || key.Params().Name != "P-256" {
		t.Errorf("key %T", made.PublicKey)
	}
	info, err := os.Stat(filepath.Join(c.Data, "tls.key"))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("the key's file: %v, %v", info.Mode(), err)
	}
}

func TestSelfSignedCertificateIsKeptUntilItMustNot(t *testing.T) {
	start := time.Now()
	for _, test := range []struct {
		name  string
		after time.Duration
		url   string
		kept  bool
	}{
		{"at the next start", time.Hour, "", true},
		{"31 days before its end", selfSignedFor - 31*24*time.Hour, "", true},
		{"29 days before its end", selfSignedFor - 29*24*time.Hour, "", false},
		{"after its end", selfSignedFor + time.Hour, "", false},
		{"with a name it holds", time.Hour, "https://localhost:1", true},
		{"with a name it lacks", time.Hour, "https://api.example.com", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := config.Config{Data: t.TempDir()}
			first := leaf(t, c, start)
			c.GatewayURL = test.url
			second := leaf(t, c, start.Add(test.after))
			if second.Equal(first) != test.kept {
				t.Errorf("kept: %v, want %v", !test.kept, test.kept)
			}
		})
	}
}

func TestSelfSignedCertificateIsRenewedWhileTheServerRuns(t *testing.T) {
	now := time.Now()
	cert, err := openCertificate(config.Config{Data: t.TempDir()}, quiet, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	first := cert.current.Leaf
	now = now.Add(selfSignedFor - 24*time.Hour)
	if second, err := cert.get(nil); err != nil || second.Leaf.Equal(first) {
		t.Errorf("not renewed, %v", err)
	}
}

// writePair writes a new certificate and key of an operator's into dir.
func writePair(t *testing.T, dir string, moment time.Time) config.Config {
	t.Helper()
	certPEM, keyPEM, err := signSelf([]string{"operator.example"}, moment)
	if err != nil {
		t.Fatal(err)
	}
	c := config.Config{Data: dir, TLSCert: filepath.Join(dir, "operator.crt"), TLSKey: filepath.Join(dir, "operator.key")}
	for path, text := range map[string][]byte{c.TLSCert: certPEM, c.TLSKey: keyPEM} {
		if err := replaceFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestOperatorsCertificateIsUsedAndNeverReplaced(t *testing.T) {
	now := time.Now()
	c := writePair(t, t.TempDir(), now.Add(-2*selfSignedFor))
	if got := leaf(t, c, now); got.VerifyHostname("operator.example") != nil || now.Before(got.NotAfter) {
		t.Errorf("got %v until %v", got.DNSNames, got.NotAfter)
	}
	if _, err := os.Stat(filepath.Join(c.Data, "tls.crt")); err == nil {
		t.Error("a self-signed certificate was made beside it")
	}
}

func TestOperatorsNewCertificateIsTakenWithoutARestart(t *testing.T) {
	now, dir := time.Now(), t.TempDir()
	c := writePair(t, dir, now)
	cert, err := openCertificate(c, quiet, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	first := cert.current.Leaf
	writePair(t, dir, now)
	later := now.Add(time.Hour) // file systems may not tell two writes at once apart
	if err := os.Chtimes(c.TLSCert, later, later); err != nil {
		t.Fatal(err)
	}
	if same, _ := cert.get(nil); !same.Leaf.Equal(first) {
		t.Error("the files were read again within the minute")
	}
	now = now.Add(recheckEvery)
	second, _ := cert.get(nil)
	if second.Leaf.Equal(first) {
		t.Error("the new certificate was not taken")
	}
	if err := os.WriteFile(c.TLSCert, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	now = now.Add(recheckEvery)
	if kept, err := cert.get(nil); err != nil || !kept.Leaf.Equal(second.Leaf) {
		t.Errorf("a broken file ended the service: %v", err)
	}
}

func TestCertificateErrorsNameTheFile(t *testing.T) {
	dir := t.TempDir()
	good := writePair(t, dir, time.Now())
	other := writePair(t, t.TempDir(), time.Now())
	for _, test := range []struct{ name, cert, key, want string }{
		{"no certificate", filepath.Join(dir, "missing.crt"), good.TLSKey, "missing.crt: no such file"},
		{"no key", good.TLSCert, filepath.Join(dir, "missing.key"), "missing.key: no such file"},
		{"another's key", good.TLSCert, other.TLSKey, "private key does not match"},
		{"a key for a certificate", good.TLSKey, good.TLSKey, "operator.key"},
	} {
		_, err := openCertificate(config.Config{TLSCert: test.cert, TLSKey: test.key}, quiet, time.Now)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", test.name, err, test.want)
		}
	}
}
