// Package web is the web UI for people: the API Store, the Publisher and the
// Organization pages. Everything works without script.
//
//	web.go                     Handler, its routes, what every request goes through
//	error.go                   the one adapter from an error to a page
//	sample.go                  requests to copy and run
//	list.go                    long lists in pages
//	store_home.go              /                     the catalogue
//	store_api.go               /apis/{id}            one API, and what it takes to call it
//	store_start.go             …/start               Subscribe and get a token, at one press
//	store_subscriptions.go     /subscriptions        applications, keys, secrets, subscriptions
//	store_keys.go              …/keys, …/secrets     Generate, another secret, revoke
//	store_settings.go          …/keys/settings       what keys may do
//	store_password.go          /password-grant       the way off the password grant
//	store_token.go             …/token               Get a token
//	calls.go                   …/calls               why calls were answered as they were
//	org_home.go                /org                  the organization key, people, settings
//	publisher_home.go          /publisher            APIs and their states, Import
//	publisher_api.go           /publisher/apis/{id}  one API: publish, settings, subscribers
//
// A page is a handler file and a template of the same name. It does not own sessions
// (package login) nor the look of a page (package page), and it decides nothing: what
// may be done is the services' to say.
package web

import (
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/a-h/templ"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
	"github.com/gatehouse/gatehouse/internal/organization"
	"github.com/gatehouse/gatehouse/internal/page"
	"github.com/gatehouse/gatehouse/internal/publisher"
)

// Handler serves the pages.
type Handler struct {
	Login         Login
	Organizations *organization.Service
	Store         *apistore.Service
	Publisher     *publisher.Service
	GatewayURL    string // what the world calls the gateway, without a slash at its end
	SelfSigned    bool   // the gateway's certificate is one that curl refuses without -k
	Now           func() time.Time
	Log           *slog.Logger
}

// Login tells who is signed in, and whose form was sent.
type Login interface {
	Member(r *http.Request) (*gatehouse.Member, error)
	CSRF(w http.ResponseWriter, r *http.Request) string
	CheckCSRF(r *http.Request) error
}

// Register adds the routes to mux.
func (h *Handler) Register(mux *http.ServeMux) {
	for _, store := range []string{"", "/o/{org}"} {
		mux.Handle("GET "+store+"/{$}", h.get(h.storeHome))
		mux.Handle("GET "+store+"/apis/{id}", h.get(h.storeAPI))
		mux.Handle("GET "+store+"/apis/{id}/definition", h.get(h.storeDefinition))
		mux.Handle("POST "+store+"/apis/{id}/start", h.post(h.storeStart))
	}
	mux.Handle("GET /subscriptions", h.get(h.member(h.subscriptions)))
	mux.Handle("GET /subscriptions/new", h.get(h.member(h.newApplication)))
	mux.Handle("POST /subscriptions/new", h.post(h.member(h.createApplication)))
	mux.Handle("GET /subscriptions/{app}", h.get(h.member(h.subscriptions)))
	mux.Handle("POST /subscriptions/{app}/keys", h.post(h.member(h.generateKeys)))
	mux.Handle("POST /subscriptions/{app}/keys/settings", h.post(h.member(h.keysSettings)))
	mux.Handle("POST /subscriptions/{app}/secrets", h.post(h.member(h.addSecret)))
	mux.Handle("POST /subscriptions/{app}/secrets/revoke", h.post(h.member(h.revokeSecret)))
	mux.Handle("POST /subscriptions/{app}/unsubscribe", h.post(h.member(h.unsubscribe)))
	mux.Handle("GET /subscriptions/{app}/token", h.get(h.member(h.tokenForm)))
	mux.Handle("POST /subscriptions/{app}/token", h.post(h.member(h.getToken)))
	mux.Handle("GET /subscriptions/{app}/calls", h.get(h.member(h.callsOf)))
	mux.Handle("POST /subscriptions/{app}/calls", h.post(h.member(h.explainOf)))
	mux.Handle("GET /password-grant", h.get(h.passwordGrant))
	mux.Handle("GET /org", h.get(h.member(h.orgHome)))
	mux.Handle("GET /publisher", h.get(h.member(h.publisherHome)))
	mux.Handle("POST /publisher/import", h.upload(h.member(h.publisherImport)))
	mux.Handle("GET /publisher/apis/{id}", h.get(h.member(h.publisherAPI)))
	mux.Handle("GET /publisher/apis/{id}/calls", h.get(h.member(h.callsTo)))
	mux.Handle("POST /publisher/apis/{id}/calls", h.post(h.member(h.explainTo)))
	mux.Handle("POST /publisher/apis/{id}/do", h.post(h.member(h.publisherDo)))
	mux.Handle("POST /publisher/apis/{id}/settings", h.post(h.member(h.publisherSettings)))
	mux.Handle("POST /publisher/apis/{id}/subscribers", h.post(h.member(h.publisherDecide)))
	mux.Handle("/", h.get(func(*visit) error { return page.NoSuchPage() }))
}

// visit is one request with what every page asks first.
type visit struct {
	w      http.ResponseWriter
	r      *http.Request
	Member *gatehouse.Member       // who is signed in, or nil
	Org    *gatehouse.Organization // whose Store is shown: of the path, else the member's, else "default"
	CSRF   string                  // token for the forms of the answer
}

// handler answers a visit or says why not.
type handler func(v *visit) error

func (h *Handler) get(f handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := h.visit(w, r)
		if err == nil {
			err = f(v)
		}
		if err != nil {
			h.fail(v, err)
		}
	})
}

// Bounds of what a page may be sent.
const (
	maxForm   = 256 << 10
	maxUpload = gatehouse.MaxDefinition + maxForm
	maxMemory = 1 << 20 // of an upload; the rest goes to a temporary file
)

// post is the way of every form: bounded, and with the token of this browser.
func (h *Handler) post(f handler) http.Handler {
	return h.get(func(v *visit) error {
		v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxForm)
		if err := v.r.ParseForm(); err != nil {
			return gatehouse.Errorf(gatehouse.TooLarge, "the form could not be read: send at most %d bytes", maxForm)
		}
		if err := h.Login.CheckCSRF(v.r); err != nil {
			return err
		}
		return f(v)
	})
}

// upload is the same for a form that may hold a file.
func (h *Handler) upload(f handler) http.Handler {
	return h.get(func(v *visit) error {
		v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxUpload)
		if err := v.r.ParseMultipartForm(maxMemory); err != nil {
			return gatehouse.Errorf(gatehouse.TooLarge, "the upload could not be read: send a form with a file of at most %d MiB", gatehouse.MaxDefinition>>20)
		}
		defer v.r.MultipartForm.RemoveAll()
		if err := h.Login.CheckCSRF(v.r); err != nil {
			return err
		}
		return f(v)
	})
}

// member lets in who is signed in, and sends others to sign in and back.
func (h *Handler) member(f handler) handler {
	return func(v *visit) error {
		if v.Member != nil {
			return f(v)
		}
		back := v.r.URL.RequestURI()
		if v.r.Method != http.MethodGet {
			back = "/"
		}
		return v.redirect("/login?next=" + url.QueryEscape(back))
	}
}

// visit never returns nil: even a page about an error hangs in a frame.
func (h *Handler) visit(w http.ResponseWriter, r *http.Request) (*visit, error) {
	v := &visit{w: w, r: r, CSRF: h.Login.CSRF(w, r)}
	m, err := h.Login.Member(r)
	if err != nil {
		return v, err
	}
	v.Member = m
	key := r.PathValue("org")
	switch {
	case key == "" && m != nil:
		v.Org = &m.Organization
		return v, nil
	case key == "":
		key = gatehouse.DefaultOrganization
	}
	v.Org, err = h.Organizations.Organization(r.Context(), key)
	return v, err
}

func (v *visit) redirect(to string) error {
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

// apiPath is the path of an API's page in the Store that is shown.
func (v *visit) apiPath(id string) string {
	return page.StorePath(v.Org, v.Member) + "apis/" + id
}

// show renders a page. Its header link is the one with path nav.
func (v *visit) show(status int, title, area, nav string, body templ.Component) error {
	here := v.r.URL.RequestURI()
	if v.r.Method != http.MethodGet {
		here = nav
	}
	return page.Render(v.w, v.r, status, page.Frame{
		Title: title, Area: area, Organization: v.Org, Member: v.Member, Here: here, Nav: nav,
		Query: v.r.URL.Query().Get("q"), CSRF: v.CSRF, Theme: page.ThemeOf(v.r), Notice: done[v.r.URL.Query().Get("done")],
	}, body)
}

// done are the notices that a page shows after a form brought the reader to it. Only
// their names travel in the URL.
var done = map[string]*page.Notice{
	"unsubscribed": {Mood: page.OK, Text: "Unsubscribed. Calls with this application's tokens are refused from now on."},
	"revoked":      {Mood: page.OK, Text: "Revoked, with every token of this consumer key. Programs need a new token, got with another secret."},
	"keys":         {Mood: page.OK, Text: "Saved. Tokens that are issued from now on follow it."},
	"application":  {Mood: page.OK, Text: "Made. Generate its keys next, or subscribe it to an API."},
	"settings":     {Mood: page.OK, Text: "Saved. The gateway does so from now on."},
	"moved":        {Mood: page.OK, Text: "Done. The gateway and the API Store do so from now on."},
	"imported":     {Mood: page.OK, Text: "Imported. Look it over, then publish it."},
}
