package gateway

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

// issued makes a certificate, signed by issuer or by itself.
func issued(t testing.TB, name string, until time.Time, issuer *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: noon.Add(-time.Hour), NotAfter: until,
		BasicConstraintsValid: true, IsCA: issuer == nil, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if issuer == nil {
		issuer, by = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c, key
}

func inPEM(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

func TestMutualTLS(t *testing.T) {
	later := noon.Add(time.Hour)
	known, _ := issued(t, "known", later, nil, nil)
	sandboxed, _ := issued(t, "sandboxed", later, nil, nil)
	ended, _ := issued(t, "ended", noon.Add(-time.Minute), nil, nil)
	unknown, _ := issued(t, "known", later, nil, nil)
	root, rootKey := issued(t, "root", later, nil, nil)
	leaf, _ := issued(t, "leaf", later, root, rootKey)
	plain, plainKey := issued(t, "plain", later, nil, nil)
	notVouched, _ := issued(t, "leaf", later, plain, plainKey)
	said := []gatehouse.ClientCertificate{
		{Alias: "known", Type: gatehouse.Production, Tier: "Gold", PEM: inPEM(known)}, {Alias: "sandboxed", Type: gatehouse.Sandbox, PEM: inPEM(sandboxed)},
		{Alias: "ended", Type: gatehouse.Production, PEM: inPEM(ended)}, {Alias: "root", Type: gatehouse.Production, PEM: inPEM(root), Authority: true},
		{Alias: "plain", Type: gatehouse.Production, PEM: inPEM(plain)},
	}
	tokens := []gatehouse.Scheme{gatehouse.SchemeOAuth2}
	table := secured(t, map[string]gatehouse.Security{
		"alone":  {MutualTLS: gatehouse.Mandatory, Certificates: said},
		"both":   {MutualTLS: gatehouse.Mandatory, Certificates: said, Schemes: tokens},
		"either": {MutualTLS: gatehouse.Mandatory, Certificates: said, Schemes: tokens, CertificateAlone: true},
		"any":    {MutualTLS: gatehouse.Optional, Certificates: said, Schemes: tokens},
	})
	for _, tt := range []struct {
		name, call  string
		certificate *x509.Certificate
		token       string
		want        string
	}{
		{"a known certificate", "GET /alone/v1/pets", known, "", "production.example"},
		{"a sandbox certificate", "GET /alone/v1/pets", sandboxed, "", "sandbox.example"},
		{"no certificate", "GET /alone/v1/pets", nil, "", "401 900901"},
		{"no certificate, and a token", "GET /alone/v1/pets", nil, "user", "401 900901"},
		{"an unknown certificate of the same name", "GET /alone/v1/pets", unknown, "", "401 900901"},
		{"a certificate that has ended", "GET /alone/v1/pets", ended, "", "401 900901"},
		{"one that an authority vouches for", "GET /alone/v1/pets", leaf, "", "production.example"},
		{"one that a plain certificate signed", "GET /alone/v1/pets", notVouched, "", "401 900901"},
		{"a token where none is looked at", "GET /alone/v1/pets", known, "nobody", "production.example"},
		{"both", "GET /both/v1/pets", known, "user", "production.example"},
		{"both, sandbox certificate and production token", "GET /both/v1/pets", sandboxed, "user", "production.example"},
		{"the certificate alone is not both", "GET /both/v1/pets", known, "", "401 900902"},
		{"the token alone is not both", "GET /both/v1/pets", nil, "user", "401 900901"},
		{"a certificate does not rescue a bad token", "GET /both/v1/pets", known, "nobody", "401 900901"},
		{"the certificate suffices", "GET /either/v1/pets", known, "", "production.example"},
		{"a bad token where the certificate suffices", "GET /either/v1/pets", known, "nobody", "401 900901"},
		{"optional, and not there", "GET /any/v1/pets", nil, "user", "production.example"},
		{"optional, and unknown", "GET /any/v1/pets", unknown, "user", "production.example"},
		{"optional, and without a token", "GET /any/v1/pets", known, "", "401 900902"},
		{"a resource for everybody", "GET /alone/v1/open", nil, "", "production.example"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := schemeFacts()
			if tt.certificate != nil {
				f.chain = []*x509.Certificate{tt.certificate}
			}
			headers := []string{"X-Wso2-Client-Certificate: " + base64.StdEncoding.EncodeToString([]byte(inPEM(known)))}
			if tt.token != "" {
				headers = append(headers, "Authorization: Bearer "+tt.token)
			}
			if got := outcome(Decide(table, f, headOf(tt.call, headers))); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}
