package tokenapi

import (
	"net/http"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/proof"
)

// access returns what the access token of a request to the Token API itself says, when
// its holder proves the key that it is bound to: by the Bearer scheme (RFC 6750, section
// 2.1), or by the DPoP scheme with a proof (RFC 9449, section 7.1).
func (h *Handler) access(r *http.Request) (*gatehouse.Authorization, error) {
	if len(r.Header["Authorization"]) != 1 {
		return nil, refusedAccess("send an access token once, in the header Authorization: Bearer ...", nil)
	}
	scheme, text, _ := strings.Cut(r.Header["Authorization"][0], " ")
	byProof := strings.EqualFold(scheme, "DPoP")
	if text = strings.Trim(text, " "); text == "" || !byProof && !strings.EqualFold(scheme, "Bearer") {
		return nil, refusedAccess("send an access token in the header Authorization: Bearer ...", nil)
	}
	a, err := h.Tokens.Verify(r.Context(), text)
	if gatehouse.KindOf(err) == gatehouse.Unauthenticated {
		return nil, refusedAccess(gatehouse.MessageOf(err), err)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case byProof != (a.Binding.JKT != ""):
		return nil, refusedAccess("a token that is bound to a key goes with the scheme DPoP and a proof, every other with Bearer", nil)
	case a.Binding.X5T != "" && a.Binding.X5T != proof.Thumbprint(proof.Certificate(r.TLS)):
		return nil, refusedAccess("the token is bound to a certificate that this connection does not present", nil)
	case !byProof:
		return a, nil
	}
	jkt, err := h.Proofs.Check(r.Context(), r.Header["Dpop"], r.Method, r.URL.Path, text)
	switch {
	case gatehouse.KindOf(err) == gatehouse.Unauthenticated:
		return nil, &Error{Code: InvalidDPoPProof, Status: http.StatusUnauthorized, Description: gatehouse.MessageOf(err), Err: err}
	case err == nil && jkt != a.Binding.JKT:
		return nil, &Error{Code: InvalidDPoPProof, Status: http.StatusUnauthorized, Description: "the proof is signed by another key than the token is bound to"}
	}
	return a, err
}

func refusedAccess(why string, cause error) error {
	return &Error{Code: InvalidToken, Description: why, Err: cause}
}
