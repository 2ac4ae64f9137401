package tokenapi

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/gatehouse/gatehouse"
)

// Names of SAML 2.0 (saml-core-2.0-os, section 2).
const (
	samlSpace  = "urn:oasis:names:tc:SAML:2.0:assertion"
	samlBearer = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
)

// maxDepth bounds how deep the elements of an assertion may nest; its length is bounded by
// the form that brings it.
const maxDepth = 30

// samlSignatures are the signatures and digests that a trusted issuer may use. SHA-1 is
// not among them.
var samlSignatures = map[string]bool{
	dsig.RSASHA256SignatureMethod: true, dsig.RSASHA384SignatureMethod: true, dsig.RSASHA512SignatureMethod: true,
	dsig.ECDSASHA256SignatureMethod: true, dsig.ECDSASHA384SignatureMethod: true, dsig.ECDSASHA512SignatureMethod: true,
	"http://www.w3.org/2001/04/xmlenc#sha256": true, "http://www.w3.org/2001/04/xmldsig-more#sha384": true, "http://www.w3.org/2001/04/xmlenc#sha512": true,
}

// readSAML reads an assertion of RFC 7522, section 3, that client brought. Who is said to
// have issued it only chooses the certificate; all that counts is read from what the
// signature proves.
func (h *Handler) readSAML(ctx context.Context, client *gatehouse.Client, text string) (*assertion, error) {
	root, err := parseSAML(text)
	if err != nil {
		return nil, refusedAssertion("it is no signed SAML 2.0 assertion", err)
	}
	name, _ := samlText(samlChild(root, "Issuer"))
	issuer, err := h.trusted(ctx, client, gatehouse.IssuerSAML, name)
	if err != nil {
		return nil, err
	}
	certificate, err := issuer.X509()
	if err != nil {
		return nil, err
	}
	now := h.Now()
	proven, err := proveSAML(root, certificate, now)
	if err != nil {
		return nil, refusedAssertion("the issuer did not sign it", err)
	}
	a, err := h.readProven(issuer, proven, now)
	if err != nil {
		return nil, refusedAssertion("it is not good for us now", err)
	}
	return a, nil
}

// parseSAML returns the root element of an assertion in base64url.
func parseSAML(text string) (*etree.Element, error) {
	document, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return nil, err
	}
	if err := plainXML(document); err != nil {
		return nil, err
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(document); err != nil {
		return nil, err
	}
	root := doc.Root()
	if root == nil || len(doc.ChildElements()) != 1 || root.Tag != "Assertion" || root.NamespaceURI() != samlSpace {
		return nil, errors.New("the document is not one assertion")
	}
	return root, signedOnce(root)
}

// plainXML refuses what an assertion has no use for and parsers stumble over: document
// types with their entities, processing instructions, elements nested without end.
func plainXML(document []byte) error {
	decoder := xml.NewDecoder(bytes.NewReader(document))
	depth := 0
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.Directive:
			return errors.New("a document type is not allowed")
		case xml.ProcInst:
			if token.Target != "xml" {
				return errors.New("processing instructions are not allowed")
			}
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return errors.New("its elements nest too deep")
			}
		case xml.EndElement:
			depth--
		}
	}
}

// signedOnce checks that an assertion has one signature, as its own child, over the whole
// of it, and with algorithms that hold: so there is no choice of what was signed.
func signedOnce(root *etree.Element) error {
	count := map[string]int{}
	for _, e := range root.FindElements(".//*") {
		count[e.Tag]++
		switch e.Tag {
		case "Signature":
			if e.Parent() != root {
				return errors.New("a signature stands elsewhere than under the assertion")
			}
		case "SignatureMethod", "DigestMethod":
			if !samlSignatures[e.SelectAttrValue("Algorithm", "")] {
				return errors.New("the algorithm of the signature is not allowed")
			}
		case "Reference":
			if id := root.SelectAttrValue("ID", ""); id == "" || e.SelectAttrValue("URI", "") != "#"+id {
				return errors.New("the signature is not over the assertion")
			}
		}
	}
	for _, tag := range []string{"Signature", "SignedInfo", "SignatureMethod", "DigestMethod", "Reference"} {
		if count[tag] != 1 {
			return errors.New("there is not one " + tag)
		}
	}
	return nil
}

// proveSAML returns what the holder of certificate signed.
func proveSAML(root *etree.Element, certificate *x509.Certificate, now time.Time) (*etree.Element, error) {
	validation := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{certificate}})
	validation.Clock = dsig.NewFakeClockAt(now)
	proven, err := validation.Validate(root)
	if err == nil && proven == nil {
		err = errors.New("nothing is signed")
	}
	return proven, err
}

// readProven reads the assertion that a signature proves (RFC 7522, section 3).
func (h *Handler) readProven(issuer *gatehouse.TrustedIssuer, root *etree.Element, now time.Time) (*assertion, error) {
	name, err := samlText(samlChild(root, "Issuer"))
	if err != nil {
		return nil, err
	}
	subject := samlChild(root, "Subject")
	user, err := samlText(samlChild(subject, "NameID"))
	if err != nil {
		return nil, err
	}
	if root.Tag != "Assertion" || root.NamespaceURI() != samlSpace || root.SelectAttrValue("Version", "") != "2.0" || name != issuer.Issuer || user == "" {
		return nil, errors.New("version, issuer or subject is not right")
	}
	if err := h.samlConditions(issuer, samlChild(root, "Conditions"), now); err != nil {
		return nil, err
	}
	expires, err := h.samlConfirmation(subject, now)
	if err != nil {
		return nil, err
	}
	return &assertion{issuer: issuer, subject: user, id: root.SelectAttrValue("ID", ""), expires: expires}, nil
}

// samlConditions checks when an assertion is good and that it is for us.
func (h *Handler) samlConditions(issuer *gatehouse.TrustedIssuer, conditions *etree.Element, now time.Time) error {
	if conditions == nil {
		return errors.New("it has no conditions")
	}
	if _, err := samlWindow(conditions, now); err != nil {
		return err
	}
	restrictions := samlChildren(conditions, "AudienceRestriction")
	for _, r := range restrictions { // each of them must hold (saml-core, section 2.5.1.4)
		ours := false
		for _, a := range samlChildren(r, "Audience") {
			audience, err := samlText(a)
			ours = ours || err == nil && h.isUs(issuer, audience)
		}
		if !ours {
			return errors.New("it is for another audience")
		}
	}
	if len(restrictions) == 0 {
		return errors.New("it is for no audience")
	}
	return nil
}

// samlConfirmation returns until when the bearer may bring an assertion here.
func (h *Handler) samlConfirmation(subject *etree.Element, now time.Time) (time.Time, error) {
	for _, c := range samlChildren(subject, "SubjectConfirmation") {
		data := samlChild(c, "SubjectConfirmationData")
		if c.SelectAttrValue("Method", "") != samlBearer || data == nil || !h.isTokenEndpoint(data.SelectAttrValue("Recipient", "")) {
			continue
		}
		if until, err := samlWindow(data, now); err == nil && !until.IsZero() && until.Sub(now) <= maxAhead {
			return until, nil
		}
	}
	return time.Time{}, errors.New("no confirmation lets the bearer bring it here now, within the next hour")
}

// samlWindow checks NotBefore and NotOnOrAfter of an element and returns the latter.
func samlWindow(e *etree.Element, now time.Time) (until time.Time, err error) {
	if text := e.SelectAttrValue("NotBefore", ""); text != "" {
		from, err := time.Parse(time.RFC3339Nano, text)
		if err != nil || from.Sub(now) > assertionSkew {
			return time.Time{}, errors.New("it is not valid yet")
		}
	}
	if text := e.SelectAttrValue("NotOnOrAfter", ""); text != "" {
		if until, err = time.Parse(time.RFC3339Nano, text); err != nil || !now.Before(until) {
			return time.Time{}, errors.New("it has ended")
		}
	}
	return until, nil
}

// samlChildren returns the children of an element that SAML names so.
func samlChildren(e *etree.Element, tag string) []*etree.Element {
	if e == nil {
		return nil
	}
	var children []*etree.Element
	for _, c := range e.ChildElements() {
		if c.Tag == tag && c.NamespaceURI() == samlSpace {
			children = append(children, c)
		}
	}
	return children
}

// samlChild returns the only such child, nil when there is none or several.
func samlChild(e *etree.Element, tag string) *etree.Element {
	if children := samlChildren(e, tag); len(children) == 1 {
		return children[0]
	}
	return nil
}

// samlText returns the text of an element that holds nothing else: a comment in the midst
// of a name would cut it short.
func samlText(e *etree.Element) (string, error) {
	if e == nil || len(e.Child) != 1 {
		return "", errors.New("an element is missing, or holds more than text")
	}
	text, ok := e.Child[0].(*etree.CharData)
	if !ok {
		return "", errors.New("an element holds something else than text")
	}
	return strings.TrimSpace(text.Data), nil
}
