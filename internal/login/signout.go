package login

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/page"
)

// signOutView is the page that asks whether to sign out, and the one that says that it
// was done.
type signOutView struct {
	Done   bool
	Member *gatehouse.Member
	For    string // the application that asks, if one does
	Handle string
	CSRF   string
}

// signingOut is what a browser comes with that is to be signed out.
type signingOut struct {
	handle  string
	req     *gatehouse.LogoutRequest // zero when no application asks
	app     string
	session *gatehouse.Session // nil when nobody is signed in
}

func (h *Handler) signingOut(r *http.Request) (*signingOut, error) {
	s := &signingOut{handle: r.FormValue("request"), req: &gatehouse.LogoutRequest{}}
	var err error
	if s.session, err = h.session(r); err != nil || s.handle == "" {
		return s, err
	}
	if h.Authorizations == nil {
		return nil, page.NoSuchPage()
	}
	req, client, err := h.Authorizations.LogoutAsked(r.Context(), s.handle)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		s.handle = "" // it waited too long: whoever asked is not answered, the person still may sign out
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	s.req, s.app = req, client.Application.Name
	return s, nil
}

// sure reports whether there is no need to ask: nobody is signed in, or an application
// has proven that it knows the very session (OpenID Connect RP-Initiated Logout,
// section 2).
func (s *signingOut) sure() bool {
	return s.session == nil || s.req.Session != "" && s.req.Session == s.session.SID && s.req.Subject == s.session.UserID
}

func (h *Handler) signOutPage(w http.ResponseWriter, r *http.Request) error {
	s, err := h.signingOut(r)
	if err != nil {
		return err
	}
	if s.sure() {
		to := s.back()
		if to == "" && s.session == nil {
			return h.showSignOut(w, r, s, signOutView{Done: true})
		}
		return h.leave(w, r, to, "/logout")
	}
	m, err := h.memberOf(r, s.session, s.session.OrgID)
	if err != nil {
		return err
	}
	return h.showSignOut(w, r, s, signOutView{Member: m, For: s.app, Handle: s.handle})
}

func (h *Handler) showSignOut(w http.ResponseWriter, r *http.Request, s *signingOut, v signOutView) error {
	org, err := h.organization(r)
	if err != nil {
		return err
	}
	frame := h.frame(w, r, "Sign out", org)
	v.CSRF = frame.CSRF
	if s.req.RedirectURI != "" {
		frame.FormTo = gatehouse.PolicySource(s.req.RedirectURI)
	}
	return page.Render(w, r, http.StatusOK, frame, signOutBody(v))
}

// back returns where the application wants the browser afterwards, "" for nowhere.
func (s *signingOut) back() string {
	if s.req.RedirectURI == "" || s.req.State == "" {
		return s.req.RedirectURI
	}
	mark := "?"
	if strings.Contains(s.req.RedirectURI, "?") {
		mark = "&"
	}
	return s.req.RedirectURI + mark + url.Values{"state": {s.req.State}}.Encode()
}

func (h *Handler) signOut(w http.ResponseWriter, r *http.Request) error {
	s, err := h.signingOut(r)
	if err != nil {
		return err
	}
	return h.leave(w, r, s.back(), "/")
}

// leave signs out and leads to an application's address, or else to a path of this site.
func (h *Handler) leave(w http.ResponseWriter, r *http.Request, to, or string) error {
	if err := h.end(r); err != nil {
		return err
	}
	newCookie(w)
	if to == "" {
		to = or
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}
