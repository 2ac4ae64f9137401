package tokenapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
	"github.com/gatehouse/gatehouse/internal/respond"
)

// Registrar makes clients for a member, and changes them for whoever holds a client's
// registration access token.
type Registrar interface {
	RegisterClient(ctx context.Context, by *gatehouse.Member, n apistore.NewClient) (*apistore.Registration, error)
	RegisteredClient(ctx context.Context, consumerKey, token string) (*apistore.Registration, error)
	UpdateClient(ctx context.Context, consumerKey, token string, n apistore.NewClient) (*apistore.Registration, error)
	DeleteClient(ctx context.Context, consumerKey, token string) error
}

// clientBody is what a client says of itself (RFC 7591, section 2). What is not known is
// left out.
type clientBody struct {
	Name         string   `json:"client_name,omitempty"`
	RedirectURIs []string `json:"redirect_uris,omitempty"`
	Grants       []string `json:"grant_types,omitempty"`
	Responses    []string `json:"response_types,omitempty"`
	gatehouse.ClientMetadata

	// Of a change (RFC 7592, section 2.2).
	ID     string `json:"client_id,omitempty"`
	Secret string `json:"client_secret,omitempty"`
}

// clientInfo is an answer of RFC 7591, section 3.2.1, and RFC 7592, section 3. A secret
// is shown in the answer that makes it and never again.
type clientInfo struct {
	clientBody
	IssuedAt      int64  `json:"client_id_issued_at"`
	SecretExpires *int64 `json:"client_secret_expires_at,omitempty"` // 0: it has no end
	Token         string `json:"registration_access_token"`
	URI           string `json:"registration_client_uri"`
}

// registrationScopes open the registration of clients: a token with one of them is the
// initial access token (RFC 7591, section 3), and whom it acts for owns the client.
var registrationScopes = []string{"apim:app_manage", "apim:admin"}

const maxClientBody = 128 << 10 // bytes, the keys included

// register serves POST /register (RFC 7591). Without an initial access token it is
// closed.
func (h *Handler) register(w http.ResponseWriter, r *http.Request) error {
	a, err := h.access(r)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(registrationScopes, func(s string) bool { return slices.Contains(a.Scopes, s) }) {
		return &Error{Code: InsufficientScope, Description: "registering a client takes a token with the scope apim:app_manage"}
	}
	by, err := h.Acting(r.Context(), a)
	if gatehouse.KindOf(err) == gatehouse.NotFound || err == nil && by.Disabled {
		return refusedAccess("the token speaks for nobody any more", err)
	}
	if err != nil {
		return err
	}
	body, err := readClient(w, r)
	if err != nil {
		return err
	}
	made, err := h.Registrar.RegisterClient(r.Context(), by, newClient(body))
	if err != nil {
		return refusedRegistration(err)
	}
	respond.JSON(w, http.StatusCreated, h.clientInfo(made))
	return nil
}

// registration serves a client's own configuration endpoint (RFC 7592, section 2). A
// token that does not open it and a client that is not there are one answer.
func (h *Handler) registration(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("client_id")
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || len(r.Header["Authorization"]) != 1 {
		return refusedAccess("send the registration_access_token in the header Authorization: Bearer ...", nil)
	}
	var found *apistore.Registration
	var err error
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		found, err = h.Registrar.RegisteredClient(r.Context(), id, token)
	case http.MethodPut:
		var body *clientBody
		if body, err = readClient(w, r); err != nil {
			return err
		}
		if body.ID != id {
			return &Error{Code: InvalidRequest, Description: "the client_id in the body must be that of the URL"}
		}
		n := newClient(body)
		n.Secret = body.Secret
		found, err = h.Registrar.UpdateClient(r.Context(), id, token, n)
	case http.MethodDelete:
		if err := h.Registrar.DeleteClient(r.Context(), id, token); err != nil {
			return refusedRegistration(err)
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	default:
		w.Header().Set("Allow", "GET, PUT, DELETE")
		return &Error{Code: InvalidRequest, Status: http.StatusMethodNotAllowed, Description: "use GET, PUT or DELETE"}
	}
	if err != nil {
		return refusedRegistration(err)
	}
	respond.JSON(w, http.StatusOK, h.clientInfo(found))
	return nil
}

// readClient reads client metadata.
func readClient(w http.ResponseWriter, r *http.Request) (*clientBody, error) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return nil, &Error{Code: InvalidRequest, Status: http.StatusUnsupportedMediaType, Description: "use the content type application/json"}
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxClientBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, &Error{Code: InvalidRequest, Status: http.StatusRequestEntityTooLarge, Description: "the body is too large"}
	}
	if err != nil {
		return nil, &Error{Code: InvalidRequest, Description: "the body did not arrive", Err: err}
	}
	return parseClient(text)
}

func parseClient(text []byte) (*clientBody, error) {
	var body *clientBody
	if err := json.Unmarshal(text, &body); err != nil || body == nil {
		return nil, &Error{Code: InvalidMetadata, Description: "the body must be a JSON object of client metadata, with the types of RFC 7591", Err: err}
	}
	for _, response := range body.Responses {
		if response != "code" {
			return nil, &Error{Code: InvalidMetadata, Description: "response_types may hold code alone"}
		}
	}
	// What is ours to set.
	body.PublicPassword, body.RegistrationHash = false, ""
	return body, nil
}

// newClient says what to register. The default of grant_types is RFC 7591's for clients
// that can be sent a code, and that of new keys for the others.
func newClient(body *clientBody) apistore.NewClient {
	n := apistore.NewClient{Name: body.Name, Grants: body.Grants, Callbacks: body.RedirectURIs, Metadata: body.ClientMetadata}
	if len(n.Grants) == 0 && len(n.Callbacks) > 0 {
		n.Grants = []string{gatehouse.GrantAuthorizationCode}
	}
	return n
}

// clientInfo writes what is registered. The way of authentication is named even when it
// is the default.
func (h *Handler) clientInfo(made *apistore.Registration) *clientInfo {
	k := made.Keys
	info := &clientInfo{
		clientBody: clientBody{
			Name: made.Name, RedirectURIs: k.Callbacks, Grants: k.Grants, Responses: []string{}, ClientMetadata: k.Metadata, ID: k.ConsumerKey, Secret: made.Secret,
		},
		IssuedAt: k.CreatedAt.Unix(), Token: made.Token, URI: h.Issuer + "/register/" + k.ConsumerKey,
	}
	if k.MayUse(gatehouse.GrantAuthorizationCode) {
		info.Responses = []string{"code"}
	}
	if info.AuthMethod == gatehouse.ClientSecret {
		info.AuthMethod = gatehouse.ClientSecretBasic
	}
	info.PublicPassword, info.RegistrationHash = false, ""
	if made.Secret != "" {
		info.SecretExpires = new(int64)
	}
	return info
}

// refusedRegistration gives the errors of a registration their codes (RFC 7591, section
// 3.2.2).
func refusedRegistration(err error) error {
	code := InvalidMetadata
	switch gatehouse.KindOf(err) {
	case gatehouse.Unauthenticated:
		code = InvalidToken
	case gatehouse.Forbidden:
		code = InsufficientScope
	case gatehouse.Invalid:
		if errors.Is(err, gatehouse.ErrRedirect) {
			code = InvalidRedirectURI
		}
	default:
		return err
	}
	return &Error{Code: code, Description: gatehouse.MessageOf(err), Err: err}
}
