// Package rest is the Management API: what the pages do, as JSON for scripts and tools,
// with the paths and field names that WSO2's clients know.
//
//	rest.go            the handler, and what every request passes
//	routes.go          the table of routes; read it to see what there is
//	error.go           errors in the Management API's own form, written once
//	body.go query.go list.go     reading bodies and queries, answering lists
//	api.go api_import.go security.go certificate.go lifecycle.go definition.go publisher_subscription.go     /api/am/publisher/v4
//	endpoint.go endpoint_security.go     endpointConfig: where calls are sent, and how
//	store.go application.go keys.go secret.go apikey.go subscription.go     /api/am/devportal/v3
//	tier.go tier_admin.go deny.go api_limit.go     tiers and deny policies: /api/am/admin/v4
//	policy.go call.go usage.go     policies; why calls were answered as they were, and how often
//	register.go        client registration, with a person's password
//	openapi.go         the interface's own OpenAPI documents, made from the table
//
// It does not decide who may do what: the services do. Scopes of the token only narrow.
package rest

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
	"github.com/gatehouse/gatehouse/internal/observe"
	"github.com/gatehouse/gatehouse/internal/organization"
	"github.com/gatehouse/gatehouse/internal/publisher"
	"github.com/gatehouse/gatehouse/internal/respond"
)

// Handler serves the Management API.
type Handler struct {
	Publisher  *publisher.Service
	Store      *apistore.Service
	Rules      *organization.Service // tiers and deny policies
	Tokens     Tokens
	Members    Members
	People     People
	GatewayURL string // what the world calls the gateway
	TokenURL   string // of the Token API
	Proxies    observe.Proxies
	Log        *slog.Logger
	Now        func() time.Time
}

// Tokens reads access tokens.
type Tokens interface {
	Verify(ctx context.Context, token string) (*gatehouse.Authorization, error)
}

// Members finds whom an access token acts for.
type Members interface {
	Acting(ctx context.Context, a *gatehouse.Authorization) (*gatehouse.Member, error)
}

// People proves who registers a client with a name and a password.
type People interface {
	Organization(ctx context.Context, key string) (*gatehouse.Organization, error)
	Authenticate(ctx context.Context, org *gatehouse.Organization, name, password string, from netip.Addr) (*gatehouse.Member, error)
}

// request is one request after the adapter has read who asks.
type request struct {
	*http.Request
	w  http.ResponseWriter
	by *gatehouse.Member
}

// text is an answer that is not made from a wire type.
type text struct {
	mediaType string
	body      []byte
}

// Register puts the Management API's paths on mux.
func (h *Handler) Register(mux *http.ServeMux) {
	for _, area := range areas {
		for i := range area.routes {
			route := &area.routes[i]
			mux.Handle(route.method+" "+area.prefix+route.path, h.serve(route))
		}
		document := area.document(h.TokenURL)
		mux.HandleFunc("GET "+area.prefix+"/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json;charset=utf-8")
			w.Write(document)
		})
		mux.HandleFunc(area.prefix+"/", func(w http.ResponseWriter, r *http.Request) {
			h.refuse(w, r, gatehouse.Errorf(gatehouse.NotFound, "the Management API has no such resource: see %s/openapi.json", area.prefix))
		})
	}
	mux.Handle("POST "+registrationPath, h.registration())
}

// serve is the one adapter around every route: who asks, with which scopes, how much
// they may send, and how errors are written.
func (h *Handler) serve(route *route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		by, err := h.authenticate(r, route.scopes)
		if err != nil {
			h.refuse(w, r, err)
			return
		}
		if wrong := route.mediaTypeError(r); wrong != "" {
			writeError(w, http.StatusUnsupportedMediaType, wireError{Code: http.StatusUnsupportedMediaType, Description: wrong})
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, route.limit())
		answer, err := route.handle(h, &request{Request: r, w: w, by: by})
		if err != nil {
			h.refuse(w, r, err)
			return
		}
		status := route.status
		if status == 0 {
			status = http.StatusOK
		}
		switch a := answer.(type) {
		case nil:
			w.WriteHeader(status)
		case text:
			w.Header().Set("Content-Type", a.mediaType)
			w.Header().Set("Content-Disposition", "attachment")
			w.WriteHeader(status)
			w.Write(a.body)
		default:
			respond.JSON(w, status, a)
		}
	})
}

// authenticate returns whom the Bearer token (RFC 6750, section 2.1) acts for, when it
// holds one of scopes.
func (h *Handler) authenticate(r *http.Request, scopes []string) (*gatehouse.Member, error) {
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token = strings.TrimSpace(token); !strings.EqualFold(kind, "Bearer") || token == "" || len(r.Header.Values("Authorization")) > 1 {
		return nil, gatehouse.Errorf(gatehouse.Unauthenticated, "send an access token: Authorization: Bearer …")
	}
	a, err := h.Tokens.Verify(r.Context(), token)
	if err != nil {
		return nil, err
	}
	if a.Binding != (gatehouse.Binding{}) {
		return nil, gatehouse.Errorf(gatehouse.Unauthenticated, "this token is bound to a key, which cannot be proven here: get a Bearer token")
	}
	if !slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(a.Scopes, s) }) {
		return nil, gatehouse.Errorf(gatehouse.Forbidden, "this takes a token with one of the scopes %s", strings.Join(scopes, ", "))
	}
	by, err := h.Members.Acting(r.Context(), a)
	if gatehouse.KindOf(err) == gatehouse.NotFound || err == nil && by.Disabled {
		return nil, gatehouse.Errorf(gatehouse.Unauthenticated, "the token speaks for nobody any more: get a new one")
	}
	return by, err
}
