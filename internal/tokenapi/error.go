package tokenapi

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/respond"
)

// Code is an OAuth 2.0 error code (RFC 6749, section 5.2).
type Code string

// The codes the Token API answers with.
const (
	InvalidRequest       Code = "invalid_request"
	InvalidClient        Code = "invalid_client"
	InvalidGrant         Code = "invalid_grant"
	UnauthorizedClient   Code = "unauthorized_client"
	UnsupportedGrantType Code = "unsupported_grant_type"
	InvalidScope         Code = "invalid_scope"
	InvalidTarget        Code = "invalid_target" // RFC 8707, section 2
	InvalidToken         Code = "invalid_token"  // RFC 6750, section 3.1
	InsufficientScope    Code = "insufficient_scope"
	InvalidRedirectURI   Code = "invalid_redirect_uri" // RFC 7591, section 3.2.2
	InvalidMetadata      Code = "invalid_client_metadata"
	InvalidDPoPProof     Code = "invalid_dpop_proof" // RFC 9449, section 5
	Unavailable          Code = "temporarily_unavailable"
	AccessDenied         Code = "access_denied" // RFC 6749, section 4.1.2.1
	ServerError          Code = "server_error"
)

// Error is an OAuth 2.0 error response.
type Error struct {
	Code        Code
	Description string
	Status      int   // 0 means the code's own
	Err         error // the cause; logged, never sent
	RetryAfter  time.Duration
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Description }

// Unwrap returns the hidden cause.
func (e *Error) Unwrap() error { return e.Err }

func (e *Error) status() int {
	switch {
	case e.Status != 0:
		return e.Status
	case e.Code == InvalidClient || e.Code == InvalidToken:
		return http.StatusUnauthorized
	case e.Code == InsufficientScope:
		return http.StatusForbidden
	case e.Code == Unavailable:
		return http.StatusServiceUnavailable
	case e.Code == ServerError:
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// endpoint adapts a handler that may fail, for the methods that are named: it answers the
// CORS preflight and the wrong method, and writes an error once, in OAuth's own form. Any
// origin may ask, without credentials of its own: the endpoints trust nothing that a
// browser adds by itself.
func (h *Handler) endpoint(method string, serve func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Access-Control-Allow-Origin", "*")
		header.Set("Cache-Control", "no-store")
		header.Set("Pragma", "no-cache")
		header.Set("X-Content-Type-Options", "nosniff")
		switch {
		case method == "" || slices.Contains(strings.Split(method, ", "), r.Method), method == http.MethodGet && r.Method == http.MethodHead:
			if err := serve(w, r); err != nil {
				h.write(w, r, err)
			}
		case r.Method == http.MethodOptions:
			header.Set("Access-Control-Allow-Methods", method+", OPTIONS")
			header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP")
			header.Set("Access-Control-Max-Age", "86400")
			w.WriteHeader(http.StatusNoContent)
		default:
			header.Set("Allow", method+", OPTIONS")
			h.write(w, r, &Error{Code: InvalidRequest, Status: http.StatusMethodNotAllowed, Description: "use " + method})
		}
	})
}

func (h *Handler) write(w http.ResponseWriter, r *http.Request, err error) {
	e := h.classed(r.Context(), err)
	switch e.Code {
	case InvalidClient:
		w.Header().Set("WWW-Authenticate", `Basic realm="Gatehouse"`)
	case InvalidToken, InsufficientScope:
		w.Header().Set("WWW-Authenticate", `Bearer realm="Gatehouse", error="`+string(e.Code)+`", error_description="`+describable(e.Description)+`"`)
	case Unavailable:
		w.Header().Set("Retry-After", "1")
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((e.RetryAfter+time.Second-1)/time.Second)))
	}
	if h.Refused != nil {
		h.Refused(string(e.Code))
	}
	respond.JSON(w, e.status(), struct {
		Error       Code   `json:"error"`
		Description string `json:"error_description,omitempty"`
	}{e.Code, describable(e.Description)})
}

// classed turns any error into OAuth's, and logs those that are ours to mend.
func (h *Handler) classed(ctx context.Context, err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	switch gatehouse.KindOf(err) {
	case gatehouse.Unavailable:
		h.Log.WarnContext(ctx, "token api is not available", "err", err)
		return &Error{Code: Unavailable, Description: gatehouse.MessageOf(err)}
	case gatehouse.Invalid:
		return &Error{Code: InvalidRequest, Description: gatehouse.MessageOf(err)}
	}
	if errors.Is(err, context.Canceled) {
		return &Error{Code: Unavailable, Description: "the request was cancelled"}
	}
	h.Log.ErrorContext(ctx, "token api failed", "err", err)
	return &Error{Code: ServerError, Description: "internal error"}
}

// describable returns s without what an error_description may not hold (RFC 6749,
// section 5.2).
func describable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"' || r == '\\':
			return '\''
		case r < ' ' || r > '~':
			return ' '
		}
		return r
	}, s)
}
