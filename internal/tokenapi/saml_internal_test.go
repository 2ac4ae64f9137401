package tokenapi

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// No document that the fuzzer writes is signed by a key that it does not have, and none of
// them makes the reader fail otherwise than by an error.
func FuzzSAMLAssertion(f *testing.F) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	stranger, trusted := newSigner(f, now), newSigner(f, now)
	const plain = `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_1" Version="2.0"><saml:Issuer>i</saml:Issuer></saml:Assertion>`
	doc := etree.NewDocument()
	if err := doc.ReadFromString(plain); err != nil {
		f.Fatal(err)
	}
	signing, err := dsig.NewSigningContext(stranger.key, [][]byte{stranger.certificate.Raw})
	if err != nil {
		f.Fatal(err)
	}
	if err := signing.SetSignatureMethod(dsig.ECDSASHA256SignatureMethod); err != nil {
		f.Fatal(err)
	}
	signed, err := signing.SignEnveloped(doc.Root())
	if err != nil {
		f.Fatal(err)
	}
	out := etree.NewDocument()
	out.SetRoot(signed)
	text, err := out.WriteToString()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(plain)
	f.Add(text)
	f.Add(`<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`)
	f.Fuzz(func(t *testing.T, document string) {
		root, err := parseSAML(base64.RawURLEncoding.EncodeToString([]byte(document)))
		if err != nil {
			return
		}
		if _, err := proveSAML(root, trusted.certificate, now); err == nil {
			t.Errorf("%q is proven", document)
		}
	})
}

type signer struct {
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
}

func newSigner(f *testing.F, now time.Time) signer {
	f.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		f.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		f.Fatal(err)
	}
	return signer{key, certificate}
}
