package tokenapi

import (
	"context"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/respond"
)

// The codes of RFC 6750, section 3.1.
const (
	InvalidToken      Code = "invalid_token"
	InsufficientScope Code = "insufficient_scope"
)

// userinfo serves GET and POST /userinfo (OpenID Connect Core, section 5.3): what is known
// of the user that an access token with the scope openid speaks for.
func (h *Handler) userinfo(w http.ResponseWriter, r *http.Request) error {
	a, err := h.bearer(w, r)
	if err != nil {
		return err
	}
	if a.For != gatehouse.ForUser || !slices.Contains(a.Scopes, "openid") {
		return challenged(w, &Error{Code: InsufficientScope, Status: http.StatusForbidden, Description: "the access token lacks the scope openid"})
	}
	user, err := h.userOf(r.Context(), a)
	if err != nil {
		return err
	}
	if user == nil {
		return challenged(w, refusedBearer())
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

// bearer returns what the access token of a request says. It stands in the Authorization
// header or in a form (RFC 6750, sections 2.1 and 2.2), never in the address.
func (h *Handler) bearer(w http.ResponseWriter, r *http.Request) (*gatehouse.Authorization, error) {
	if r.URL.Query().Has("access_token") {
		return nil, challenged(w, &Error{Code: InvalidRequest, Description: "an access token in the address is not accepted: send it in the Authorization header"})
	}
	headers := r.Header["Authorization"]
	var text string
	switch t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); {
	case len(headers) > 1:
		return nil, challenged(w, &Error{Code: InvalidRequest, Description: "the Authorization header stands twice"})
	case len(headers) == 1:
		scheme, token, _ := strings.Cut(headers[0], " ")
		if strings.EqualFold(scheme, "Bearer") {
			text = strings.Trim(token, " ")
		}
	case r.Method == http.MethodPost && t == "application/x-www-form-urlencoded":
		f, err := readForm(w, r)
		if err != nil {
			return nil, err
		}
		text = f["access_token"]
	}
	if text == "" {
		w.Header().Set("WWW-Authenticate", `Bearer realm="Gatehouse"`)
		return nil, &Error{Code: InvalidToken, Status: http.StatusUnauthorized, Description: "send an access token: Authorization: Bearer ..."}
	}
	a, err := h.Tokens.Verify(r.Context(), text)
	if gatehouse.KindOf(err) == gatehouse.Unauthenticated || err == nil && a.Binding != (gatehouse.Binding{}) {
		return nil, challenged(w, refusedBearer())
	}
	return a, err
}

func refusedBearer() *Error {
	return &Error{Code: InvalidToken, Status: http.StatusUnauthorized, Description: "the access token is not valid, or has expired"}
}

// challenged puts an error into the header in which clients of RFC 6750 look for it.
func challenged(w http.ResponseWriter, e *Error) error {
	w.Header().Set("WWW-Authenticate", `Bearer realm="Gatehouse", error="`+string(e.Code)+`", error_description="`+describable(e.Description)+`"`)
	return e
}
