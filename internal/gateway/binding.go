package gateway

import (
	"strings"

	"github.com/gatehouse/gatehouse"
)

// credentials takes an Authorization header apart (RFC 9110, section 11.6.2): the Bearer
// scheme (RFC 6750, section 2.1), or the DPoP scheme, with which a proof comes (RFC 9449,
// section 7.1). Schemes are written in any case.
func credentials(header string) (token string, byProof, ok bool) {
	if token, ok = scheme(header, "Bearer "); ok {
		return token, false, true
	}
	token, ok = scheme(header, "DPoP ")
	return token, ok, ok
}

func scheme(header, scheme string) (string, bool) {
	if len(header) <= len(scheme) || !strings.EqualFold(header[:len(scheme)], scheme) {
		return "", false
	}
	return header[len(scheme):], true
}

// held checks that the caller holds the key that the token is bound to. A bound token is
// no Bearer token, whoever sends it as one, and a proof makes no bound token of a Bearer
// token (RFC 9449, section 7.2).
func (d *Decision) held(f Facts, token string, byProof bool) bool {
	b := &d.Authorization.Binding
	if byProof != (b.JKT != "") {
		return d.refuse(wrongScheme)
	}
	if b.X5T != "" && b.X5T != f.Certificate() {
		return d.refuse(missingCertificate)
	}
	if !byProof {
		return true
	}
	key, err := f.Proof(token)
	switch {
	case gatehouse.KindOf(err) == gatehouse.Unauthenticated || err == nil && key != b.JKT:
		return d.refuse(badProof)
	case err != nil:
		d.Err = err
		return d.refuse(unclassified)
	}
	return true
}

// addressed checks that a token which was asked for certain resources (RFC 8707) was
// asked for this API, or for the whole gateway.
func (d *Decision) addressed(gateway string) bool {
	if len(d.Authorization.Audience) == 0 {
		return true
	}
	for _, resource := range d.Authorization.Audience {
		path, below := strings.CutPrefix(resource, gateway)
		if below && (path == "" || path == d.API.BasePath() || path == "/t/"+d.API.OrgKey+d.API.Path()) {
			return true
		}
	}
	return d.refuse(otherAudience)
}
