package tokenapi

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// credentials are a consumer key and a secret.
type credentials struct{ key, secret string }

// basic proves a client by HTTP Basic. The header is read in two ways: form-decoded as
// RFC 6749, section 2.3.1 says, then raw as most clients send it.
func (h *Handler) basic(r *http.Request, f form) (*gatehouse.Client, error) {
	raw, ok := parseBasic(r.Header["Authorization"][0])
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
	return h.secret(r, gatehouse.ClientSecretBasic, tries)
}

// post proves a client by form fields.
func (h *Handler) post(r *http.Request, f form) (*gatehouse.Client, error) {
	return h.secret(r, gatehouse.ClientSecretPost, []credentials{{f["client_id"], f["client_secret"]}})
}

// secret proves a client by one of the readings of what it sent. Wrong secrets count
// against the key and the address that they come from, which other addresses do not
// feel.
func (h *Handler) secret(r *http.Request, by gatehouse.AuthMethod, tries []credentials) (*gatehouse.Client, error) {
	guess := guesser{tries[0].key, h.address(r)}
	if wait := h.Guesses.wait(guess, h.Now()); wait > 0 {
		return nil, &Error{Code: InvalidClient, RetryAfter: wait,
			Description: "too many wrong secrets for this client from this address: try again later"}
	}
	for _, c := range tries {
		client, err := h.client(r.Context(), c)
		if err != nil {
			return nil, err
		}
		if client == nil {
			continue
		}
		h.Guesses.right(guess)
		if m := client.Metadata.AuthMethod; m != gatehouse.ClientSecret && m != by {
			return nil, refusedClient(nil)
		}
		return client, nil
	}
	h.Guesses.wrong(guess, h.Now())
	return nil, refusedClient(nil)
}

// address returns the address of whoever asks.
func (h *Handler) address(r *http.Request) string { return h.Proxies.Address(r).String() }

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
