package bench

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"time"

	"github.com/beevik/etree"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/gatehouse/gatehouse"
)

// issuerName is what the organization trusts it as.
const issuerName = "https://idp.example"

// issuer signs with one ES256 key: assertions about users, and proofs that it holds the
// key.
type issuer struct {
	key         *ecdsa.PrivateKey
	certificate []byte // DER
}

func newIssuer() (*issuer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return &issuer{key: key, certificate: certificate}, err
}

// introductions are what an organization is told of the issuer, for both kinds.
func (i *issuer) introductions() []gatehouse.TrustedIssuer {
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &i.key.PublicKey}}})
	if err != nil {
		panic(err) // a key that was just made can be written
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.certificate})
	return []gatehouse.TrustedIssuer{
		{Kind: gatehouse.IssuerJWT, Issuer: issuerName, JWKS: keys},
		{Kind: gatehouse.IssuerSAML, Issuer: issuerName, Certificate: string(certificate)},
	}
}

// jwt is an assertion of RFC 7523 about john.
func (i *issuer) jwt(audience string) (string, error) {
	now := time.Now()
	return i.sign(nil, map[string]any{
		"iss": issuerName, "sub": "john@johns.org", "aud": audience, "iat": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(), "jti": gatehouse.NewID(now),
	})
}

// proof is a DPoP proof (RFC 9449, section 4.2) for a POST.
func (i *issuer) proof(url string) (string, error) {
	now := time.Now()
	return i.sign((&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"), map[string]any{
		"jti": gatehouse.NewID(now), "htm": "POST", "htu": url, "iat": now.Unix(),
	})
}

func (i *issuer) sign(options *jose.SignerOptions, claims map[string]any) (string, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: i.key}, options)
	if err != nil {
		return "", err
	}
	return jwt.Signed(signer).Claims(claims).Serialize()
}

// saml is an assertion of RFC 7522 about john, in base64url.
func (i *issuer) saml(server string) (string, error) {
	now := time.Now().UTC()
	end := now.Add(10 * time.Minute).Format(time.RFC3339)
	doc := etree.NewDocument()
	err := doc.ReadFromString(`<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion" ID="_` + gatehouse.NewID(now) + `" Version="2.0"><Issuer>` + issuerName + `</Issuer>` +
		`<Subject><NameID>john@johns.org</NameID><SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">` +
		`<SubjectConfirmationData NotOnOrAfter="` + end + `" Recipient="` + server + `/token"/></SubjectConfirmation></Subject>` +
		`<Conditions NotOnOrAfter="` + end + `"><AudienceRestriction><Audience>` + server + `</Audience></AudienceRestriction></Conditions></Assertion>`)
	if err != nil {
		return "", err
	}
	signing, err := dsig.NewSigningContext(i.key, [][]byte{i.certificate})
	if err != nil {
		return "", err
	}
	if err := signing.SetSignatureMethod(dsig.ECDSASHA256SignatureMethod); err != nil {
		return "", err
	}
	signed, err := signing.SignEnveloped(doc.Root())
	if err != nil {
		return "", err
	}
	doc.SetRoot(signed)
	text, err := doc.WriteToBytes()
	return base64.RawURLEncoding.EncodeToString(text), err
}
