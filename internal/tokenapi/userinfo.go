package tokenapi

import (
	"context"
	"mime"
	"net/http"
	"slices"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/respond"
)

// userinfo serves GET and POST /userinfo (OpenID Connect Core, section 5.3): what is known
// of the user that an access token with the scope openid speaks for.
func (h *Handler) userinfo(w http.ResponseWriter, r *http.Request) error {
	a, err := h.bearer(w, r)
	if err != nil {
		return err
	}
	if a.For != gatehouse.ForUser || !slices.Contains(a.Scopes, "openid") {
		return &Error{Code: InsufficientScope, Description: "the access token lacks the scope openid"}
	}
	user, err := h.userOf(r.Context(), a)
	if err != nil {
		return err
	}
	if user == nil {
		return refusedAccess("the user or the application of the token is gone", nil)
	}
	claims := user.Claims(a.Scopes, a.SignIn.ClaimNames.UserInfo)
	claims["sub"] = a.Subject
	respond.JSON(w, http.StatusOK, claims)
	return nil
}

// userOf returns the user that a token speaks for, nil when they or the client are gone.
func (h *Handler) userOf(ctx context.Context, a *gatehouse.Authorization) (*gatehouse.Member, error) {
	client, err := h.Clients.Client(ctx, a.ConsumerKey)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	user, err := h.Users.Member(ctx, client.Organization.ID, a.Subject)
	if gatehouse.KindOf(err) == gatehouse.NotFound || err == nil && user.Disabled {
		return nil, nil
	}
	return user, err
}

// bearer returns what the access token of a request says. Beside the Authorization header
// it may stand in a form (RFC 6750, section 2.2), never in the address.
func (h *Handler) bearer(w http.ResponseWriter, r *http.Request) (*gatehouse.Authorization, error) {
	if r.URL.Query().Has("access_token") {
		return nil, &Error{Code: InvalidRequest, Description: "an access token in the address is not accepted: send it in the Authorization header"}
	}
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || r.Method != http.MethodPost || t != "application/x-www-form-urlencoded" || r.Header["Authorization"] != nil {
		return h.access(r)
	}
	f, err := readForm(w, r)
	if err != nil {
		return nil, err
	}
	if f.has("access_token") {
		r.Header.Set("Authorization", "Bearer "+f["access_token"])
	}
	return h.access(r)
}
