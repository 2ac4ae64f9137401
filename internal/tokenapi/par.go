package tokenapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/respond"
)

// pushedPrefix begins the request_uri of a pushed request (RFC 9126, section 2.2).
const pushedPrefix = "urn:ietf:params:oauth:request_uri:"

func isPushed(requestURI string) bool { return strings.HasPrefix(requestURI, pushedPrefix) }

// par serves POST /par (RFC 9126): a client proves who it is and leaves an authorization
// request here, whole and checked, before any browser is involved.
func (h *Handler) par(w http.ResponseWriter, r *http.Request) error {
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	client, err := h.authenticate(r, f)
	if err != nil {
		return err
	}
	if f["request_uri"] != "" {
		return &Error{Code: InvalidRequest, Description: "a request that is pushed cannot have a request_uri"}
	}
	req, err := h.readAuthorization(r.Context(), client, f)
	if err != nil {
		return err
	}
	if err := h.proven(r, req); err != nil {
		return err
	}
	handle, err := h.keep(r.Context(), gatehouse.PendingPushed, client.ConsumerKey, req, gatehouse.PushedLifetime)
	if err != nil {
		return err
	}
	respond.JSON(w, http.StatusCreated, struct {
		RequestURI string `json:"request_uri"`
		ExpiresIn  int64  `json:"expires_in"`
	}{pushedPrefix + handle, int64(gatehouse.PushedLifetime / time.Second)})
	return nil
}

// proven binds a request that was pushed with a DPoP proof to the key of the proof (RFC
// 9449, section 10.1).
func (h *Handler) proven(r *http.Request, req *gatehouse.AuthorizationRequest) error {
	proofs := r.Header["Dpop"]
	if len(proofs) == 0 {
		return nil
	}
	jkt, err := h.Proofs.Check(r.Context(), proofs, r.Method, r.URL.Path, "")
	switch {
	case gatehouse.KindOf(err) == gatehouse.Unauthenticated:
		return &Error{Code: InvalidDPoPProof, Description: gatehouse.MessageOf(err), Err: err}
	case err == nil && req.JKT != "" && req.JKT != jkt:
		return &Error{Code: InvalidDPoPProof, Description: "dpop_jkt names another key than the proof's"}
	}
	req.JKT = jkt
	return err
}

// pushed returns the request that a client pushed, once. Whatever else stands beside it
// in the browser's request is ignored.
func (h *Handler) pushed(ctx context.Context, c *gatehouse.Client, uri string) (*gatehouse.AuthorizationRequest, error) {
	refused := &Error{Code: InvalidRequestURI, Description: "the request_uri is unknown, used or expired: push the request once more"}
	handle := strings.TrimPrefix(uri, pushedPrefix)
	var req gatehouse.AuthorizationRequest
	pusher, err := h.kept(ctx, gatehouse.PendingPushed, handle, &req)
	if err == nil && pusher.ConsumerKey != c.ConsumerKey {
		return nil, refused
	}
	if err == nil {
		err = h.Codes.TakePending(ctx, gatehouse.HashToken(handle))
	}
	switch {
	case gatehouse.KindOf(err) == gatehouse.NotFound:
		return nil, refused
	case err != nil:
		return nil, err
	}
	req.At = h.Now() // prompt and max_age look back from when the browser came
	return &req, nil
}
