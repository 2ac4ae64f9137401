package login

import (
	"net/http"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/page"
)

// signInView is the sign-in page.
type signInView struct {
	Org      *gatehouse.Organization
	OrgKey   string // the parameter o, kept as it came
	Next     string
	CSRF     string
	Username string
	Error    string
	For      string // the application that the sign-in is for, if it is for one
	Why      string // it needs a sign-in though somebody is signed in
}

// signInPage leads on whoever is signed in, unless the way on is consent: that sends here
// only those who must sign in, once more if need be.
func (h *Handler) signInPage(w http.ResponseWriter, r *http.Request) error {
	if handleIn(next(r)) != "" {
		return h.showSignIn(w, r, http.StatusOK, signInView{})
	}
	m, err := h.Member(r)
	if err != nil {
		return err
	}
	if m != nil {
		http.Redirect(w, r, next(r), http.StatusSeeOther)
		return nil
	}
	return h.showSignIn(w, r, http.StatusOK, signInView{})
}

func (h *Handler) showSignIn(w http.ResponseWriter, r *http.Request, status int, v signInView) error {
	org, err := h.organization(r)
	if err != nil {
		return err
	}
	frame := h.frame(w, r, "Sign in", org)
	if handle := handleIn(next(r)); handle != "" {
		a, err := h.answerer(r, handle)
		if err != nil {
			return err
		}
		v.For, v.Why, frame.FormTo = a.client.Application.Name, a.why, gatehouse.PolicySource(a.req.RedirectURI)
		if v.Username == "" {
			v.Username = a.req.LoginHint
		}
	}
	v.Org, v.OrgKey, v.Next, v.CSRF = org, r.FormValue("o"), next(r), frame.CSRF
	return page.Render(w, r, status, frame, signInBody(v))
}

// signIn answers a good password with 303, so that a browser never sends it again
// (RFC 9700, section 4.12). What is wrong is never said: a wrong password and an unknown
// user are one answer.
func (h *Handler) signIn(w http.ResponseWriter, r *http.Request) error {
	name := r.PostFormValue("username")
	org, err := h.signInOrganization(r, name)
	if err != nil {
		return err
	}
	m, err := h.Organizations.Authenticate(r.Context(), org, name, r.PostFormValue("password"), h.Proxies.Address(r))
	if gatehouse.KindOf(err) == gatehouse.Unauthenticated {
		return h.showSignIn(w, r, http.StatusUnauthorized, signInView{Username: name, Error: "Unknown user or wrong password."})
	}
	if err != nil {
		return err
	}
	if err := h.start(w, r, m); err != nil {
		return err
	}
	http.Redirect(w, r, next(r), http.StatusSeeOther)
	return nil
}

// signInOrganization is the one that the visitor came from, else the one that the name
// leads to. A qualified name leads to its own wherever the visitor came from.
func (h *Handler) signInOrganization(r *http.Request, name string) (*gatehouse.Organization, error) {
	home, err := h.Organizations.Home(r.Context(), name)
	if err != nil || r.FormValue("o") == "" || len(name) > len(home.Key) && name[len(name)-len(home.Key)-1:] == "@"+home.Key {
		return home, err
	}
	return h.organization(r)
}
