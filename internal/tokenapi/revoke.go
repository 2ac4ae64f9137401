package tokenapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/respond"
)

// revoke serves POST /revoke (RFC 7009). It takes an access token or a refresh token and
// ends both of the pair. An unknown token, or another client's, is answered like one
// that was revoked; a failure to store the revocation never is.
func (h *Handler) revoke(w http.ResponseWriter, r *http.Request) error {
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	client, err := h.authenticate(r, f)
	if err != nil {
		return err
	}
	text := f["token"]
	if text == "" {
		return &Error{Code: InvalidRequest, Description: "the parameter token is missing"}
	}
	revocation, err := h.revocation(r.Context(), client, text)
	if err != nil {
		return err
	}
	if revocation != nil {
		if err := h.Refresh.Revoke(r.Context(), *revocation); err != nil {
			return err
		}
	}
	// Some clients parse the body whatever the RFC says of it.
	respond.JSON(w, http.StatusOK, struct{}{})
	return nil
}

// revocation returns what ends a token of client, nil when there is nothing to end.
func (h *Handler) revocation(ctx context.Context, client *gatehouse.Client, text string) (*gatehouse.Revocation, error) {
	if strings.HasPrefix(text, gatehouse.RefreshPrefix) {
		t, _, err := h.Refresh.RefreshToken(ctx, gatehouse.HashToken(text))
		if gatehouse.KindOf(err) == gatehouse.NotFound || err == nil && t.ConsumerKey != client.ConsumerKey {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		family := client.RevokeFamily(t.Family, h.Now())
		return &family, nil
	}
	a, err := h.Tokens.Verify(ctx, text)
	if gatehouse.KindOf(err) == gatehouse.Unauthenticated || err == nil && a.ConsumerKey != client.ConsumerKey {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if a.Family != "" {
		family := client.RevokeFamily(a.Family, h.Now())
		family.Outlast(a.ExpiresAt) // the client's tokens may have lived longer when it was issued
		return &family, nil
	}
	return &gatehouse.Revocation{Kind: gatehouse.RevokedToken, ID: a.ID, At: h.Now(), AccessEnd: a.ExpiresAt, Until: a.ExpiresAt}, nil
}
