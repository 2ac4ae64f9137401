package tokenapi

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// credentials are what a client presents of itself.
type credentials struct{ key, secret string }

// authenticate proves which client asks, by HTTP Basic or by form fields (RFC 6749,
// section 2.3.1), never by both. An unknown key and a wrong secret are one answer.
func (h *Handler) authenticate(r *http.Request, f form) (*gatehouse.Client, error) {
	tries, err := presented(r, f)
	if err != nil {
		return nil, err
	}
	for _, c := range tries {
		client, err := h.client(r.Context(), c)
		if err != nil || client != nil {
			return client, err
		}
	}
	return nil, &Error{Code: InvalidClient, Description: "Client credentials are invalid."}
}

// presented returns the credentials that a request carries. Of the Basic header these
// are two readings: form-decoded as the RFC says, then raw as most clients send them.
func presented(r *http.Request, f form) ([]credentials, error) {
	headers := r.Header["Authorization"]
	_, inBody := f["client_secret"]
	switch {
	case len(headers) > 1:
		return nil, &Error{Code: InvalidRequest, Description: "the Authorization header stands twice"}
	case len(headers) == 1 && inBody:
		return nil, &Error{Code: InvalidRequest, Description: "use one way of client authentication, not two"}
	case len(headers) == 0:
		return []credentials{{f["client_id"], f["client_secret"]}}, nil
	}
	raw, ok := parseBasic(headers[0])
	if !ok {
		return nil, &Error{Code: InvalidClient, Description: "the Authorization header is not of the form: Basic base64(consumer-key:consumer-secret)"}
	}
	tries := []credentials{raw}
	key, err1 := url.QueryUnescape(raw.key)
	secret, err2 := url.QueryUnescape(raw.secret)
	if decoded := (credentials{key, secret}); err1 == nil && err2 == nil && decoded != raw {
		tries = []credentials{decoded, raw}
	}
	if id, ok := f["client_id"]; ok && id != tries[0].key && id != raw.key {
		return nil, &Error{Code: InvalidRequest, Description: "the client_id in the body is not the one in the Authorization header"}
	}
	return tries, nil
}

// parseBasic reads a Basic header (RFC 7617, section 2).
func parseBasic(header string) (credentials, bool) {
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return credentials{}, false
	}
	text, err := base64.StdEncoding.DecodeString(strings.Trim(token, " "))
	if err != nil {
		return credentials{}, false
	}
	key, secret, ok := strings.Cut(string(text), ":")
	return credentials{key, secret}, ok
}

// maxKey is the longest consumer key that is looked up, in bytes.
const maxKey = 200

// plausible reports whether key can be a consumer key: printable ASCII (RFC 6749,
// appendix A.1) of bounded length. Nodes hold in memory which keys are unknown.
func plausible(key string) bool {
	return key != "" && len(key) <= maxKey && !strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' })
}

// decoy is compared when there is no such client, so that it takes as long.
var decoy = gatehouse.Keys{Secrets: []gatehouse.Secret{{Hash: gatehouse.HashToken("")}}}

// client returns the client that c proves to be, nil when it proves nothing.
func (h *Handler) client(ctx context.Context, c credentials) (*gatehouse.Client, error) {
	if !plausible(c.key) {
		return nil, nil
	}
	now := h.Now()
	client, err := h.Clients.Client(ctx, c.key)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		decoy.Matches(c.secret, now)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	secret := client.Matches(c.secret, now)
	if secret == nil {
		return nil, nil
	}
	if h.SecretUsed != nil {
		h.SecretUsed(secret.ID)
	}
	return client, nil
}
