package tokenapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/respond"
)

// introspection is an answer of RFC 7662, section 2.2.
type introspection struct {
	Active    bool   `json:"active"`
	Scope     string `json:"scope,omitempty"`
	ClientID  string `json:"client_id,omitempty"`
	Username  string `json:"username,omitempty"`
	TokenType string `json:"token_type,omitempty"`
	Expires   int64  `json:"exp,omitempty"`
	IssuedAt  int64  `json:"iat,omitempty"`
	NotBefore int64  `json:"nbf,omitempty"`
	Subject   string `json:"sub,omitempty"`
	Audience  any    `json:"aud,omitempty"` // one string, or several in a list
	Issuer    string `json:"iss,omitempty"`
	ID        string `json:"jti,omitempty"`
	For       string `json:"aut,omitempty"`
	Org       string `json:"org,omitempty"`

	Confirm *gatehouse.Binding `json:"cnf,omitempty"` // RFC 9449, section 6.2; RFC 8705, section 3.2
}

// introspect serves POST /introspect (RFC 7662). A client learns of access tokens of its
// own organization; everything else, refresh tokens too, is inactive.
func (h *Handler) introspect(w http.ResponseWriter, r *http.Request) error {
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	client, err := h.authenticate(r, f)
	if err != nil {
		return err
	}
	if err := confidential(client); err != nil {
		return err
	}
	text, given := f["token"]
	if !given {
		return &Error{Code: InvalidRequest, Description: "the parameter token is missing"}
	}
	a, err := h.active(r.Context(), client, text)
	if err != nil {
		return err
	}
	if a == nil {
		respond.JSON(w, http.StatusOK, introspection{})
		return nil
	}
	says := introspection{
		Active: true, Scope: strings.Join(a.Scopes, " "), ClientID: a.ConsumerKey, Username: a.Username, TokenType: tokenType(a.Binding),
		Expires: a.ExpiresAt.Unix(), IssuedAt: a.IssuedAt.Unix(), NotBefore: a.IssuedAt.Unix(), Subject: a.Subject, Audience: h.Issuer, Issuer: h.Issuer,
		ID: a.ID, For: string(a.For), Org: a.OrgKey,
	}
	if len(a.Audience) > 0 {
		says.Audience = append([]string{h.Issuer}, a.Audience...)
	}
	if a.Binding != (gatehouse.Binding{}) {
		says.Confirm = &a.Binding
	}
	respond.JSON(w, http.StatusOK, says)
	return nil
}

// active returns what an access token says when client may know it, else nil. A token
// whose consumer key is gone says nothing any more.
func (h *Handler) active(ctx context.Context, client *gatehouse.Client, text string) (*gatehouse.Authorization, error) {
	a, err := h.Tokens.Verify(ctx, text)
	if gatehouse.KindOf(err) == gatehouse.Unauthenticated || err == nil && a.OrgKey != client.Organization.Key {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	_, err = h.Clients.Client(ctx, a.ConsumerKey)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, nil
	}
	return a, err
}
