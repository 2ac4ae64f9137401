// Package tokenapi is the Token API: the OAuth 2.0 endpoints that programs talk to.
//
//	POST /token        token.go: the steps all grants share; grant_<name>.go: one each
//	POST /revoke       revoke.go (RFC 7009)
//	POST /introspect   introspect.go (RFC 7662)
//	GET  /authorize    authorize.go, authorize_request.go, authorize_answer.go; par.go (RFC 9126)
//	GET  /userinfo     userinfo.go; idtoken.go: when an ID token goes with an access token
//	GET  /logout       logout.go: sign out, and tell the other clients
//	POST /device_authorization   device_authorization.go (RFC 8628)
//	GET  /jwks, /.well-known/…   discovery.go (RFC 8414, RFC 7517)
//
//	/register          register.go (RFC 7591, RFC 7592)
//
//	access.go          reading the access tokens that endpoints themselves take
//	form.go            reading a request, strictly
//	client.go          who asks: client authentication; client_<name>.go: a way each
//	binding.go         what a token is bound to (RFC 9449, RFC 8705)
//	resource.go        what a token is for (RFC 8707)
//	assertion.go saml.go   what trusted issuers say of users
//	grant_use.go       which grant types are still used, and which are on their way out
//	error.go           errors in OAuth's own form, written once
//
// It does not own the pages that people see on the way to a token (package login), nor
// how a token is written (package token).
package tokenapi

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/observe"
	"github.com/gatehouse/gatehouse/internal/proof"
	"github.com/gatehouse/gatehouse/internal/token"
)

// Handler serves the Token API.
type Handler struct {
	Issuer  string // the gateway's URL
	Clients Clients
	Users   Users
	Scopes  Scopes
	Tokens  Tokens
	Refresh RefreshTokens
	Keys    interface{ Public() jose.JSONWebKeySet }
	Log     *slog.Logger
	Now     func() time.Time

	PortalURL string       // where people sign in, decide, and answer devices; empty when there is no such place
	Codes     Codes        // what waits for a browser, and codes
	Sessions  Sessions     // which clients know of a browser's session
	Devices   DeviceCodes  // what devices wait for
	Issuers   Issuers      // whose assertions are taken
	Outbound  *http.Client // for addresses that others chose

	// Registrar makes and changes clients; Acting says whom an access token acts for.
	Registrar Registrar
	Acting    func(ctx context.Context, a *gatehouse.Authorization) (*gatehouse.Member, error)

	// Proofs checks DPoP proofs; Once keeps client assertions from being used twice.
	Proofs *proof.DPoP
	Once   proof.Once
	// KeySets reads clients' public keys, Guesses counts their wrong secrets.
	KeySets *KeySets
	Guesses *Guesses
	// ClientCAs vouch for the certificates of tls_client_auth; nil means that there is no
	// such way.
	ClientCAs *x509.CertPool
	// MutualTLS says that listeners ask for certificates.
	MutualTLS bool
	// Resources knows the APIs that tokens may be asked for.
	Resources Resources
	// Proxies are believed when they say whom they speak for.
	Proxies observe.Proxies

	// SecretUsed is told which consumer secret, by id, authenticated a client.
	SecretUsed func(id string)
	// Issued and Refused are told of each answer of the token endpoint.
	Issued  func(grant string)
	Refused func(code string)
	// GrantUsed is told of each token by a grant type.
	GrantUsed func(consumerKey, grant string)

	telling sync.WaitGroup // those who are told that a session has ended
}

// Clients finds OAuth clients.
type Clients interface {
	Client(ctx context.Context, consumerKey string) (*gatehouse.Client, error)
}

// Users proves who someone is, and finds them again.
type Users interface {
	Authenticate(ctx context.Context, org *gatehouse.Organization, name, password string, from netip.Addr) (*gatehouse.Member, error)
	Member(ctx context.Context, orgID, userID string) (*gatehouse.Member, error)
	MemberNamed(ctx context.Context, org *gatehouse.Organization, name string) (*gatehouse.Member, error)
}

// Scopes lists the scopes of an organization.
type Scopes interface {
	Scopes(ctx context.Context, orgID string) ([]gatehouse.Scope, error)
}

// Tokens writes and reads access tokens, and what clients learn of users.
type Tokens interface {
	Issue(ctx context.Context, c *gatehouse.Client, a *gatehouse.Authorization) (string, error)
	Verify(ctx context.Context, token string) (*gatehouse.Authorization, error)
	IDToken(ctx context.Context, c *gatehouse.Client, a *gatehouse.Authorization, accessToken string, user *gatehouse.User) (string, error)
	ReadIDToken(text string) (*token.Hint, error)
	LogoutToken(ctx context.Context, c *gatehouse.Client, subject, sid string) (string, error)
}

// RefreshTokens keeps refresh tokens and revocations.
type RefreshTokens interface {
	CreateRefreshToken(ctx context.Context, r *gatehouse.RefreshToken) error
	RefreshToken(ctx context.Context, hash string) (*gatehouse.RefreshToken, *gatehouse.Member, error)
	RotateRefreshToken(ctx context.Context, hash string, next *gatehouse.RefreshToken, replay []byte) (rotated bool, err error)
	Revoke(ctx context.Context, r gatehouse.Revocation) error
}

// Prefix is where the Token API lives on every listener. On the gateway's it answers
// without it too.
const Prefix = "/oauth2"

// paths are the endpoints below Prefix, or below nothing.
var paths = []string{
	"/token", "/revoke", "/introspect", "/device_authorization", "/register", "/jwks", "/authorize", "/par", "/userinfo",
	"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server",
}

// Owns reports whether a path on the gateway's listener is an endpoint's and not an
// API's.
func Owns(path string) bool {
	return slices.Contains(paths, path) || strings.HasPrefix(path, "/register/") || strings.HasPrefix(path, Prefix+"/") || strings.HasPrefix(path, "/.well-known/")
}

// Register adds the endpoints to mux: below Prefix, and at the root too where that is
// asked for.
func (h *Handler) Register(mux *http.ServeMux, root bool) {
	prefixes := []string{Prefix}
	if root {
		prefixes = append(prefixes, "")
	}
	for _, p := range prefixes {
		mux.Handle(p+"/token", h.endpoint(http.MethodPost, h.token))
		mux.Handle(p+"/revoke", h.endpoint(http.MethodPost, h.revoke))
		mux.Handle(p+"/introspect", h.endpoint(http.MethodPost, h.introspect))
		mux.Handle(p+"/device_authorization", h.endpoint(http.MethodPost, h.deviceAuthorization))
		mux.Handle(p+"/register", h.endpoint(http.MethodPost, h.register))
		mux.Handle(p+"/register/{client_id}", h.endpoint("", h.registration))
		mux.Handle(p+"/userinfo", h.endpoint("GET, POST", h.userinfo))
		mux.Handle(p+"/jwks", h.endpoint(http.MethodGet, h.jwks))
		mux.Handle(p+"/.well-known/openid-configuration", h.endpoint(http.MethodGet, h.metadata))
		mux.Handle(p+"/.well-known/oauth-authorization-server", h.endpoint(http.MethodGet, h.metadata))
	}
	if h.PortalURL != "" {
		for _, p := range prefixes {
			mux.Handle(p+"/authorize", h.browser(h.authorize))
			mux.Handle(p+"/par", h.endpoint(http.MethodPost, h.par))
		}
		mux.Handle(Prefix+"/logout", h.browser(h.endSession))
	}
	mux.Handle("/oauth2/", h.endpoint("", h.unknown))
	mux.Handle("/.well-known/", h.endpoint("", h.unknown))
}

func (h *Handler) unknown(http.ResponseWriter, *http.Request) error {
	return &Error{Code: InvalidRequest, Status: http.StatusNotFound, Description: "there is no such endpoint: see /.well-known/oauth-authorization-server"}
}
