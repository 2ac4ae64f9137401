// Package login is the way in and out: the pages to sign in and sign up, and the
// browser session that follows.
//
//	login.go      Handler, its routes, what every request goes through
//	session.go    the cookie, the session behind it, who is signed in
//	csrf.go       proof that a form is ours and belongs to this browser
//	next.go       where to go afterwards, never out of the site
//	signin.go     sign in and out
//	signup.go     become a user of an organization
//	consent.go    let an application have what it asks for
//	signout.go    sign out, also when an application asks for it
//	device.go     let a device without a keyboard act for one
//	guesses.go    who guessed wrong how often
//	theme.go      light or dark
//	error.go      the one adapter from an error to a page
//
// It does not own passwords nor people (package organization), and no page behind the
// door (package web).
package login

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/observe"
	"github.com/gatehouse/gatehouse/internal/organization"
	"github.com/gatehouse/gatehouse/internal/page"
)

// Handler serves the pages on the way in, and tells others who is in.
type Handler struct {
	Organizations *organization.Service
	Sessions      Sessions
	// Authorizations is the Token API's side of consent; nil where it is not served.
	Authorizations Authorizations
	Devices        Devices
	Clients        Clients
	Scopes         Scopes
	CSRFKey        []byte // 32 random bytes, the same on every node and after a restart
	Proxies        observe.Proxies
	Now            func() time.Time
	Log            *slog.Logger

	wrongCodes guesses
}

// Sessions keeps browser sessions.
type Sessions interface {
	CreateSession(ctx context.Context, s *gatehouse.Session) error
	Session(ctx context.Context, hash string) (*gatehouse.Session, error)
	TouchSession(ctx context.Context, hash string, at time.Time) error
	DeleteSession(ctx context.Context, hash string) error
}

// Register adds the routes to mux.
func (h *Handler) Register(mux *http.ServeMux) {
	mux.Handle("GET /login", h.handle(h.signInPage))
	mux.Handle("POST /login", h.post(h.signIn))
	mux.Handle("GET /logout", h.handle(h.signOutPage))
	mux.Handle("POST /logout", h.post(h.signOut))
	mux.Handle("GET /consent", h.handle(h.consentPage))
	mux.Handle("POST /consent", h.post(h.consent))
	mux.Handle("GET /signup", h.handle(h.signUpPage))
	mux.Handle("POST /signup", h.post(h.signUp))
	mux.Handle("GET /device", h.handle(h.devicePage))
	mux.Handle("POST /device", h.post(h.enterDevice))
	mux.Handle("POST /device/answer", h.post(h.answerDevice))
	mux.Handle("POST /preferences/theme", h.post(h.setTheme))
}

// handler answers a request or says why not.
type handler func(w http.ResponseWriter, r *http.Request) error

func (h *Handler) handle(f handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := f(w, r); err != nil {
			h.fail(w, r, err)
		}
	})
}

// maxForm bounds the forms of this package: a password is the longest thing in them.
const maxForm = 64 << 10

// post is the way of every form: bounded, and with the token of this browser.
func (h *Handler) post(f handler) http.Handler {
	return h.handle(func(w http.ResponseWriter, r *http.Request) error {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			return gatehouse.Errorf(gatehouse.Invalid, "the form could not be read: send at most %d bytes", maxForm)
		}
		if err := h.CheckCSRF(r); err != nil {
			return err
		}
		return f(w, r)
	})
}

// organization returns the one that the page is about: the parameter o, else "default".
func (h *Handler) organization(r *http.Request) (*gatehouse.Organization, error) {
	key := r.FormValue("o")
	if key == "" {
		key = gatehouse.DefaultOrganization
	}
	return h.Organizations.Organization(r.Context(), key)
}

// frame is what the pages of this package hang in.
func (h *Handler) frame(w http.ResponseWriter, r *http.Request, title string, org *gatehouse.Organization) page.Frame {
	return page.Frame{
		Title: title, Area: page.Store, Organization: org, Nav: r.URL.Path, Here: next(r), CSRF: h.CSRF(w, r), Theme: page.ThemeOf(r),
	}
}
