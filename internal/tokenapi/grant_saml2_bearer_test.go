package tokenapi_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/gatehouse/gatehouse"
)

// samlProvider is a SAML 2.0 identity provider.
type samlProvider struct {
	name string
	key  *ecdsa.PrivateKey
	cert []byte // DER
	pem  string
}

func newSAMLProvider(t testing.TB, name string, now time.Time) *samlProvider {
	t.Helper()
	p := &samlProvider{name: name, key: newProvider(t, name).key}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
	}
	var err error
	p.cert, err = x509.CreateCertificate(rand.Reader, template, template, &p.key.PublicKey, p.key)
	must(t, err)
	p.pem = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.cert}))
	return p
}

func (h *house) trustSAML(t testing.TB, p *samlProvider) {
	t.Helper()
	_, err := h.people.TrustIssuer(context.Background(), "johnsorg", gatehouse.TrustedIssuer{Kind: gatehouse.IssuerSAML, Issuer: p.name, Certificate: p.pem})
	must(t, err)
}

// template is an assertion whose words in capitals are filled in.
const template = `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="ID" IssueInstant="NOW" Version="2.0"><saml:Issuer>ISSUER</saml:Issuer>` +
	`<saml:Subject><saml:NameID>SUBJECT</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="CONFIRMED" Recipient="RECIPIENT"/></saml:SubjectConfirmation></saml:Subject>` +
	`<saml:Conditions NotBefore="FROM" NotOnOrAfter="UNTIL"><saml:AudienceRestriction><saml:Audience>AUDIENCE</saml:Audience></saml:AudienceRestriction></saml:Conditions></saml:Assertion>`

// document is template filled in for a good assertion about john, changed by pairs.
func (h *house) document(p *samlProvider, change ...string) string {
	at := func(d time.Duration) string { return h.now.Add(d).Format(time.RFC3339) }
	words := map[string]string{
		`ID="ID"`: `ID="_` + gatehouse.NewID(time.Now()) + `"`, "NOW": at(0), "ISSUER": p.name, "SUBJECT": "john@johns.org", "CONFIRMED": at(5 * time.Minute), "RECIPIENT": issuer + "/token",
		"FROM": at(0), "UNTIL": at(time.Hour), "AUDIENCE": issuer,
	}
	text := template
	for i := 0; i < len(change); i += 2 {
		if _, word := words[change[i]]; word {
			words[change[i]] = change[i+1]
		} else {
			text = strings.Replace(text, change[i], change[i+1], 1)
		}
	}
	for word, value := range words {
		text = strings.Replace(text, word, value, 1)
	}
	return text
}

// signed is a document with p's signature in it.
func (p *samlProvider) signed(t testing.TB, document string, method string) *etree.Document {
	t.Helper()
	doc := etree.NewDocument()
	must(t, doc.ReadFromString(document))
	signing, err := dsig.NewSigningContext(p.key, [][]byte{p.cert})
	must(t, err)
	signing.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	if method == dsig.ECDSASHA1SignatureMethod {
		signing.Hash = crypto.SHA1
	}
	must(t, signing.SetSignatureMethod(method))
	root, err := signing.SignEnveloped(doc.Root())
	must(t, err)
	out := etree.NewDocument()
	out.SetRoot(root)
	return out
}

func written(t testing.TB, doc *etree.Document) string {
	t.Helper()
	text, err := doc.WriteToString()
	must(t, err)
	return text
}

func (h *house) bearSAML(t testing.TB, document, scope string) *reply {
	t.Helper()
	return h.post(t, "/token", form("grant_type", gatehouse.GrantSAML2Bearer, "assertion", base64.RawURLEncoding.EncodeToString([]byte(document)), "scope", scope))
}

func TestATrustedIssuersSAMLAssertionGivesAToken(t *testing.T) {
	h := newHouse(t)
	h.allowed(t, "portal", gatehouse.GrantSAML2Bearer, gatehouse.GrantRefreshToken)
	p := newSAMLProvider(t, "https://idp.example", h.now)
	h.trustSAML(t, p)
	for name, change := range map[string][]string{
		"for the issuer":         {},
		"for the token endpoint": {"AUDIENCE", issuer + "/token"},
		"by the longer address":  {"RECIPIENT", issuer + "/oauth2/token"},
		"with space around":      {"SUBJECT", " john@johns.org "},
	} {
		t.Run(name, func(t *testing.T) {
			text := written(t, p.signed(t, h.document(p, change...), dsig.ECDSASHA256SignatureMethod))
			got := h.bearSAML(t, text, "news_read")
			access, refresh := got.pair(t)
			if got.text("scope") != "news_read" || refresh != "" || !h.active(t, access) {
				t.Errorf("answered %s", got.raw)
			}
			h.bearSAML(t, text, "").wants(t, 400, "invalid_grant") // once
		})
	}
}

// check 22 for SAML: everything that is wrong is one answer.
func TestSAMLAssertionsThatAreRefused(t *testing.T) {
	h := newHouse(t)
	h.allowed(t, "portal", gatehouse.GrantSAML2Bearer)
	p, stranger := newSAMLProvider(t, "https://idp.example", h.now), newSAMLProvider(t, "https://idp.example", h.now)
	h.trustSAML(t, p)
	at := func(d time.Duration) string { return h.now.Add(d).Format(time.RFC3339) }
	with := func(change ...string) string {
		return written(t, p.signed(t, h.document(p, change...), dsig.ECDSASHA256SignatureMethod))
	}
	good := with()
	conditions := `<saml:Conditions NotBefore="FROM" NotOnOrAfter="UNTIL"><saml:AudienceRestriction><saml:Audience>AUDIENCE</saml:Audience></saml:AudienceRestriction></saml:Conditions>`
	for name, text := range map[string]string{
		"another audience":        with("AUDIENCE", "https://other.example"),
		"no audience":             with(`<saml:AudienceRestriction><saml:Audience>AUDIENCE</saml:Audience></saml:AudienceRestriction>`, ""),
		"two audiences that must": with(`</saml:Conditions>`, `<saml:AudienceRestriction><saml:Audience>https://other.example</saml:Audience></saml:AudienceRestriction></saml:Conditions>`),
		"no conditions":           with(conditions, ""),
		"ended":                   with("UNTIL", at(0)),
		"not yet":                 with("FROM", at(2*time.Minute)),
		"confirmed until now":     with("CONFIRMED", at(0)),
		"confirmed for days":      with("CONFIRMED", at(48*time.Hour)),
		"confirmed without end":   with(` NotOnOrAfter="CONFIRMED"`, ""),
		"another recipient":       with("RECIPIENT", "https://other.example/token"),
		"no recipient":            with(` Recipient="RECIPIENT"`, ""),
		"holder of key":           with("cm:bearer", "cm:holder-of-key"),
		"version 1.1":             with(`Version="2.0"`, `Version="1.1"`),
		"another issuer":          with("ISSUER", "https://other.example"),
		"no issuer":               with("<saml:Issuer>ISSUER</saml:Issuer>", ""),
		"two issuers":             with("<saml:Issuer>ISSUER</saml:Issuer>", "<saml:Issuer>https://idp.example</saml:Issuer><saml:Issuer>https://idp.example</saml:Issuer>"),
		"nobody":                  with("SUBJECT", "nobody"),
		"another organization's":  with("SUBJECT", "jane@janes.org"),
		"no subject":              with("<saml:NameID>SUBJECT</saml:NameID>", ""),
		"not signed":              h.document(p),
		"signed by another":       written(t, stranger.signed(t, h.document(p), dsig.ECDSASHA256SignatureMethod)),
		"SHA-1":                   written(t, p.signed(t, h.document(p), dsig.ECDSASHA1SignatureMethod)),
		"an edited subject":       strings.Replace(with("SUBJECT", "tom@johns.org"), "tom@", "john@", 1),
		"a document type":         `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>` + good,
		"an entity":               strings.Replace(good, "john@", "&x;john@", 1),
		"an instruction":          `<?php x?>` + good,
		"nested without end":      strings.Repeat("<a>", 5000) + strings.Repeat("</a>", 5000),
		"two roots":               good + good,
		"no XML":                  "nothing",
		"wrapped in another":      wrapped(t, h.document(p, "SUBJECT", "john@johns.org"), with("SUBJECT", "tom@johns.org"), p),
		"signature without scope": strings.Replace(good, `<ds:Reference URI="#`, `<ds:Reference URI="#x`, 1),
		"a response around it":    `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol">` + good + `</samlp:Response>`,
	} {
		t.Run(name, func(t *testing.T) { h.bearSAML(t, text, "").wants(t, 400, "invalid_grant") })
	}
	h.post(t, "/token", form("grant_type", gatehouse.GrantSAML2Bearer, "assertion", "%%%")).wants(t, 400, "invalid_grant")
	h.post(t, "/token", form("grant_type", gatehouse.GrantSAML2Bearer)).wants(t, 400, "invalid_request")
	if got := h.bearSAML(t, good, ""); got.status != 200 {
		t.Errorf("the good one: %s", got.raw)
	}
	h.now = h.now.Add(48 * time.Hour)
	h.bearSAML(t, with(), "").wants(t, 400, "invalid_grant") // the certificate has ended
}

// wrapped puts what p signed into an assertion that it did not, with its signature.
func wrapped(t testing.TB, evil, signed string, p *samlProvider) string {
	t.Helper()
	outer, inner := etree.NewDocument(), etree.NewDocument()
	must(t, outer.ReadFromString(evil))
	must(t, inner.ReadFromString(signed))
	for _, e := range inner.Root().ChildElements() {
		if e.Tag == "Signature" {
			signature := e.Copy()
			inner.Root().RemoveChild(e)
			holder := signature.CreateElement("ds:Object")
			holder.AddChild(inner.Root().Copy())
			outer.Root().AddChild(signature)
		}
	}
	return written(t, outer)
}

// A comment in a name must not cut it short: john@johns.org<!-- -->.evil is nobody.
func TestACommentCutsNoNameShort(t *testing.T) {
	h := newHouse(t)
	h.allowed(t, "portal", gatehouse.GrantSAML2Bearer)
	p := newSAMLProvider(t, "https://idp.example", h.now)
	h.trustSAML(t, p)
	text := written(t, p.signed(t, h.document(p, "SUBJECT", "john@johns.org.evil"), dsig.ECDSASHA256SignatureMethod))
	h.bearSAML(t, strings.Replace(text, "johns.org.evil", "johns.org<!-- -->.evil", 1), "").wants(t, 400, "invalid_grant")
}

// Earlier versions of the library that checks signatures could be fooled.
func TestTheSignatureLibraryIsNewEnough(t *testing.T) {
	text, err := os.ReadFile("../../go.mod")
	must(t, err)
	_, rest, there := strings.Cut(string(text), "github.com/russellhaering/goxmldsig v")
	var major, minor int
	if _, err := fmt.Sscanf(rest, "%d.%d.", &major, &minor); !there || err != nil || major != 1 || minor < 6 {
		t.Errorf("it is v%d.%d, want v1.6 or later (%v)", major, minor, err)
	}
}
