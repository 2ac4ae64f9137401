package tokenapi

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Codes keeps what waits for a browser, and the authorization codes that come of it.
type Codes interface {
	CreatePending(ctx context.Context, p *gatehouse.Pending) error
	Pending(ctx context.Context, kind gatehouse.PendingKind, hash string) (*gatehouse.Pending, error)
	TakePending(ctx context.Context, hash string) error
	CreateCode(ctx context.Context, pending string, c *gatehouse.Code, consent gatehouse.Consent) error
	UseCode(ctx context.Context, hash string, at time.Time, rule func(*gatehouse.Code) error) error
	Consent(ctx context.Context, userID, consumerKey string) (*gatehouse.Consent, error)
}

// authorize serves GET and POST /authorize (RFC 6749, section 3.1). It shows nothing and
// knows no session: it checks the request, keeps it, and sends the browser on to the
// portal, where people sign in and decide. What is wrong with the client or its redirect
// URI is told to the person; everything else to the client.
func (h *Handler) authorize(w http.ResponseWriter, r *http.Request) error {
	f, err := browserForm(w, r)
	if err != nil {
		return err
	}
	ctx := r.Context()
	client, err := h.asking(ctx, f["client_id"])
	if err != nil {
		return err
	}
	req, err := h.requested(ctx, client, f)
	if req == nil {
		return err
	}
	if err != nil {
		return h.answerError(w, r, req, err)
	}
	handle, err := h.keep(ctx, gatehouse.PendingAuthorize, client.ConsumerKey, req, gatehouse.PendingLifetime)
	if err != nil {
		return h.answerError(w, r, req, err)
	}
	http.Redirect(w, r, h.PortalURL+"/consent?"+url.Values{"request": {handle}}.Encode(), http.StatusSeeOther)
	return nil
}

// browserForm reads the parameters that a browser brings, in the address or in a form.
func browserForm(w http.ResponseWriter, r *http.Request) (form, error) {
	if r.Method == http.MethodPost {
		return readForm(w, r)
	}
	return parseForm(r.URL.RawQuery)
}

// asking returns the client with a consumer key. The answer to an unknown one does not
// repeat it.
func (h *Handler) asking(ctx context.Context, consumerKey string) (*gatehouse.Client, error) {
	if consumerKey == "" {
		return nil, &Error{Code: InvalidRequest, Description: "the parameter client_id is missing"}
	}
	unknown := &Error{Code: InvalidRequest, Description: "there is no application with this client_id"}
	if !plausible(consumerKey) {
		return nil, unknown
	}
	client, err := h.Clients.Client(ctx, consumerKey)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, unknown
	}
	return client, err
}

// requested returns what the client asks for, pushed before or in the parameters. With
// an error it returns as much of the request as is needed to tell the client, nil when
// the client must not be told.
func (h *Handler) requested(ctx context.Context, c *gatehouse.Client, f form) (*gatehouse.AuthorizationRequest, error) {
	if uri := f["request_uri"]; isPushed(uri) {
		return h.pushed(ctx, c, uri)
	}
	req, err := h.readAuthorization(ctx, c, f)
	if err == nil && c.Metadata.RequirePushed {
		err = &Error{Code: InvalidRequest, Description: "this application must push its authorization requests"}
	}
	return req, err
}

// keep stores something that waits for its next step and returns its handle.
func (h *Handler) keep(ctx context.Context, kind gatehouse.PendingKind, consumerKey string, says any, lifetime time.Duration) (string, error) {
	text, err := json.Marshal(says)
	if err != nil {
		return "", err
	}
	handle := gatehouse.NewHandle()
	return handle, h.Codes.CreatePending(ctx, &gatehouse.Pending{
		Hash: gatehouse.HashToken(handle), Kind: kind, ConsumerKey: consumerKey, Says: text, ExpiresAt: h.Now().Add(lifetime),
	})
}

// kept reads what waits under a handle into says, and returns the client it is of.
func (h *Handler) kept(ctx context.Context, kind gatehouse.PendingKind, handle string, says any) (*gatehouse.Client, error) {
	p, err := h.Codes.Pending(ctx, kind, gatehouse.HashToken(handle))
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(p.Says, says); err != nil {
		return nil, err
	}
	return h.Clients.Client(ctx, p.ConsumerKey)
}

// Asked returns what a client asks for under a handle, NotFound when its time is over or
// it was answered.
func (h *Handler) Asked(ctx context.Context, handle string) (*gatehouse.AuthorizationRequest, *gatehouse.Client, error) {
	var req gatehouse.AuthorizationRequest
	client, err := h.kept(ctx, gatehouse.PendingAuthorize, handle, &req)
	return &req, client, err
}

// Offer returns the scopes that a member can give to a client which asks for them, and
// whether the member must be asked first.
func (h *Handler) Offer(ctx context.Context, c *gatehouse.Client, req *gatehouse.AuthorizationRequest, m *gatehouse.Member) (scopes []gatehouse.Scope, ask bool, err error) {
	names, err := h.narrow(ctx, c, m, req.Scopes)
	if err != nil {
		return nil, false, err
	}
	given, err := h.Codes.Consent(ctx, m.ID, c.ConsumerKey)
	if err != nil {
		return nil, false, err
	}
	known, err := h.Scopes.Scopes(ctx, c.Organization.ID)
	if err != nil {
		return nil, false, err
	}
	look := gatehouse.Known(known)
	for _, name := range names {
		if s := look(name); s != nil {
			scopes = append(scopes, *s)
		} else {
			scopes = append(scopes, gatehouse.Scope{Name: name, Description: freeScopes[name]})
		}
	}
	return scopes, req.Asks(gatehouse.PromptConsent) || !given.Covers(names), nil
}

// freeScopes says what the scopes mean that no organization defines.
var freeScopes = map[string]string{
	"openid":               "Know that it is you who signs in",
	"profile":              "Read your name and username",
	"email":                "Read your e-mail address",
	"address":              "Read your postal address",
	"phone":                "Read your telephone number",
	"offline_access":       "Stay connected while you are away",
	gatehouse.DefaultScope: "Call APIs in your name that need no particular right",
}

// Allow answers the request under a handle with a code: a member who signed in lets the
// client have those of the scopes that they were shown and may still give.
func (h *Handler) Allow(w http.ResponseWriter, r *http.Request, handle string, m *gatehouse.Member, in gatehouse.SignIn, shown []string) error {
	ctx := r.Context()
	req, client, err := h.Asked(ctx, handle)
	if err != nil {
		return err
	}
	scopes, err := h.narrow(ctx, client, m, req.Scopes)
	if err != nil {
		return err
	}
	scopes = slices.DeleteFunc(scopes, func(s string) bool { return !slices.Contains(shown, s) })
	now := h.Now()
	text, code := client.NewCode(req, m.ID, scopes, in, now)
	consent := gatehouse.Consent{UserID: m.ID, ConsumerKey: client.ConsumerKey, Scopes: scopes, At: now}
	if err := h.Codes.CreateCode(ctx, gatehouse.HashToken(handle), code, consent); err != nil {
		return err
	}
	return h.answer(w, r, req, url.Values{"code": {text}})
}

// Refuse answers the request under a handle with an error code, which ends it.
func (h *Handler) Refuse(w http.ResponseWriter, r *http.Request, handle string, code, description string) error {
	req, _, err := h.Asked(r.Context(), handle)
	if err != nil {
		return err
	}
	if err := h.Codes.TakePending(r.Context(), gatehouse.HashToken(handle)); err != nil {
		return err
	}
	return h.answerError(w, r, req, &Error{Code: Code(code), Description: description})
}
