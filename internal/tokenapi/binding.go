package tokenapi

import (
	"net/http"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/proof"
)

// binding returns what a token that this request gets is bound to: the key of its DPoP
// proof (RFC 9449, section 5), the certificate of its connection (RFC 8705, section 3),
// both, or nothing. Call it when the client is known: a proof is good once.
func (h *Handler) binding(r *http.Request, c *gatehouse.Client) (gatehouse.Binding, error) {
	var b gatehouse.Binding
	var err error
	if headers := r.Header["Dpop"]; len(headers) > 0 {
		b.JKT, err = h.Proofs.Check(r.Context(), headers, r.Method, r.URL.Path, "")
		if gatehouse.KindOf(err) == gatehouse.Unauthenticated {
			return b, &Error{Code: InvalidDPoPProof, Description: gatehouse.MessageOf(err), Err: err}
		}
		if err != nil {
			return b, err
		}
	}
	m := &c.Metadata
	if m.DPoPBound && b.JKT == "" {
		return b, &Error{Code: InvalidDPoPProof, Description: "this client's tokens are bound to a key: send a DPoP proof"}
	}
	if m.CertificateBound || m.AuthMethod == gatehouse.ClientTLS || m.AuthMethod == gatehouse.ClientSelfSignedTLS {
		if b.X5T = proof.Thumbprint(proof.Certificate(r.TLS)); b.X5T == "" {
			return b, &Error{Code: InvalidRequest, Description: "this client's tokens are bound to its certificate: present one in the TLS handshake"}
		}
	}
	return b, nil
}

// holds checks that a refresh token is used by whoever it was issued to. A public
// client's is bound to its key or certificate (RFC 9449, section 5; RFC 8705, section
// 4); a confidential client may change the key, and may not go on without one.
func (req *request) holds(t *gatehouse.RefreshToken) error {
	was, is := t.Binding, req.binding
	lost := was.JKT != "" && is.JKT == "" || was.X5T != "" && is.X5T == ""
	if lost || req.client.Public() && (was.JKT != "" && was.JKT != is.JKT || was.X5T != "" && was.X5T != is.X5T) {
		return refusedRefresh()
	}
	return nil
}

// tokenType is the token_type of an access token.
func tokenType(b gatehouse.Binding) string {
	if b.JKT != "" {
		return "DPoP"
	}
	return "Bearer"
}
