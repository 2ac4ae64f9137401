package tokenapi

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
)

// endSession serves GET and POST of the end_session_endpoint (OpenID Connect RP-Initiated
// Logout, section 2). It checks what the client sends and hands the browser to the portal,
// which owns the session. A request that cannot be trusted is told to the person alone.
func (h *Handler) endSession(w http.ResponseWriter, r *http.Request) error {
	f, err := browserForm(w, r)
	if err != nil {
		return err
	}
	req, err := h.readLogout(r.Context(), f)
	if err != nil {
		return err
	}
	to := h.PortalURL + "/logout"
	if req != nil {
		handle, err := h.keep(r.Context(), gatehouse.PendingLogout, req.ConsumerKey, req, gatehouse.PendingLifetime)
		if err != nil {
			return err
		}
		to += "?" + url.Values{"request": {handle}}.Encode()
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// readLogout reads a logout request, nil when no client is named in it.
func (h *Handler) readLogout(ctx context.Context, f form) (*gatehouse.LogoutRequest, error) {
	req := &gatehouse.LogoutRequest{ConsumerKey: f["client_id"], RedirectURI: f["post_logout_redirect_uri"], State: f["state"]}
	if text := f["id_token_hint"]; text != "" {
		hint, err := h.Tokens.ReadIDToken(text)
		if err != nil {
			return nil, &Error{Code: InvalidRequest, Description: "the id_token_hint is no ID token of this server", Err: err}
		}
		if req.ConsumerKey != "" && req.ConsumerKey != hint.ConsumerKey {
			return nil, &Error{Code: InvalidRequest, Description: "the id_token_hint was not given to the client_id"}
		}
		req.ConsumerKey, req.Subject, req.Session = hint.ConsumerKey, hint.Subject, hint.Session
	}
	switch {
	case len(req.State) > maxState:
		return nil, &Error{Code: InvalidRequest, Description: "the state is too long"}
	case req.ConsumerKey == "" && req.RedirectURI != "":
		return nil, &Error{Code: InvalidRequest, Description: "a post_logout_redirect_uri needs an id_token_hint or a client_id"}
	case req.ConsumerKey == "":
		return nil, nil
	}
	client, err := h.asking(ctx, req.ConsumerKey)
	if err != nil {
		return nil, err
	}
	if req.RedirectURI != "" && !slices.Contains(client.Metadata.PostLogoutRedirectURIs, req.RedirectURI) {
		return nil, &Error{Code: InvalidRequest, Description: "the post_logout_redirect_uri is none of those that the application registered: they are compared letter by letter"}
	}
	return req, nil
}

// LogoutAsked returns the logout request under a handle, NotFound when its time is over.
func (h *Handler) LogoutAsked(ctx context.Context, handle string) (*gatehouse.LogoutRequest, *gatehouse.Client, error) {
	var req gatehouse.LogoutRequest
	client, err := h.kept(ctx, gatehouse.PendingLogout, handle, &req)
	return &req, client, err
}

// SessionEnded tells every client that knows of a session that it has ended (OpenID Connect
// Back-Channel Logout, section 2.5). It returns before they answer.
func (h *Handler) SessionEnded(ctx context.Context, sid, userID string) error {
	if sid == "" {
		return nil
	}
	keys, err := h.Sessions.TakeSessionClients(ctx, sid)
	if err != nil {
		return err
	}
	for _, key := range keys {
		client, err := h.Clients.Client(ctx, key)
		if gatehouse.KindOf(err) == gatehouse.NotFound || err == nil && client.Metadata.BackchannelLogoutURI == "" {
			continue
		}
		if err != nil {
			return err
		}
		text, err := h.Tokens.LogoutToken(ctx, client, userID, sid)
		if err != nil {
			return err
		}
		h.telling.Go(func() { h.tell(context.WithoutCancel(ctx), client, text) })
	}
	return nil
}

// Drain waits until every client was told of the sessions that have ended, within a limit.
func (h *Handler) Drain(limit time.Duration) {
	done := make(chan struct{})
	go func() {
		h.telling.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(limit):
	}
}

// pauses are those before a client is told once more.
var pauses = [...]time.Duration{time.Second, 4 * time.Second}

// tell sends a logout token to a client, at most three times.
func (h *Handler) tell(ctx context.Context, c *gatehouse.Client, logoutToken string) {
	var err error
	for attempt := range len(pauses) + 1 {
		if attempt > 0 {
			time.Sleep(pauses[attempt-1])
		}
		if err = h.send(ctx, c.Metadata.BackchannelLogoutURI, logoutToken); err == nil {
			return
		}
	}
	h.Log.WarnContext(ctx, "a client was not told that a session has ended", "consumer_key", c.ConsumerKey, "err", err)
}

func (h *Handler) send(ctx context.Context, to, logoutToken string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(url.Values{"logout_token": {logoutToken}}.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := h.Outbound.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, maxForm)); err != nil {
		return err
	}
	if res.StatusCode >= http.StatusMultipleChoices {
		return gatehouse.Errorf(gatehouse.Unavailable, "it answered %d", res.StatusCode)
	}
	return nil
}
