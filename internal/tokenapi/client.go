package tokenapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// authenticate proves which client asks (RFC 6749, section 2.3), in the one way that the
// request uses and that the client is registered for: there is no falling back to a
// weaker one. Whatever is wrong, an unknown key too, is one answer.
//
//	client_secret.go            a consumer secret, in the Basic header or in the body
//	client_private_key_jwt.go   a JWT signed by the client (RFC 7523)
//	client_tls.go               the certificate of the connection (RFC 8705)
//	client_none.go              nothing: a public client
func (h *Handler) authenticate(r *http.Request, f form) (*gatehouse.Client, error) {
	if len(r.Header["Authorization"]) > 1 {
		return nil, &Error{Code: InvalidRequest, Description: "the Authorization header stands twice"}
	}
	var used *clientMethod
	for i := range clientMethods {
		m := &clientMethods[i]
		if !m.carried(r, f) {
			continue
		}
		if used != nil {
			return nil, &Error{Code: InvalidRequest, Description: "use one way of client authentication, not two"}
		}
		used = m
	}
	if used == nil {
		return h.bare(r, f)
	}
	return used.prove(h, r, f)
}

// clientMethod is a way of client authentication by something that a request carries.
type clientMethod struct {
	carried func(r *http.Request, f form) bool
	prove   func(h *Handler, r *http.Request, f form) (*gatehouse.Client, error)
}

var clientMethods = []clientMethod{
	{func(r *http.Request, _ form) bool { return r.Header["Authorization"] != nil }, (*Handler).basic},
	{func(_ *http.Request, f form) bool { return f.has("client_secret") }, (*Handler).post},
	{func(_ *http.Request, f form) bool { return f.has("client_assertion") || f.has("client_assertion_type") }, (*Handler).assertion},
}

// bare answers for a request that carries nothing: the client is public, or its
// certificate speaks for it.
func (h *Handler) bare(r *http.Request, f form) (*gatehouse.Client, error) {
	client, err := h.known(r.Context(), f["client_id"])
	if err != nil {
		return nil, err
	}
	switch client.Metadata.AuthMethod {
	case gatehouse.ClientPublic:
		return client, nil
	case gatehouse.ClientTLS, gatehouse.ClientSelfSignedTLS:
		return client, h.certificate(r, client)
	}
	return nil, refusedClient(nil)
}

// maxKey is the longest consumer key that is looked up, in bytes.
const maxKey = 200

// plausible reports whether key can be a consumer key: printable ASCII (RFC 6749,
// appendix A.1) of bounded length. Nodes hold in memory which keys are unknown.
func plausible(key string) bool {
	return key != "" && len(key) <= maxKey && !strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' })
}

// known returns the client with a key; one that does not exist is refused.
func (h *Handler) known(ctx context.Context, key string) (*gatehouse.Client, error) {
	if !plausible(key) {
		return nil, refusedClient(nil)
	}
	client, err := h.Clients.Client(ctx, key)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, refusedClient(err)
	}
	return client, err
}

// refusedClient is the one answer to whoever does not prove to be a client.
func refusedClient(cause error) error {
	return &Error{Code: InvalidClient, Description: "Client credentials are invalid.", Err: cause}
}
