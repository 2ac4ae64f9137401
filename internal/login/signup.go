package login

import (
	"net/http"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/organization"
	"github.com/gatehouse/gatehouse/internal/page"
)

// signUpView is the sign-up page.
type signUpView struct {
	Org      *gatehouse.Organization
	OrgKey   string
	Next     string
	CSRF     string
	Name     string
	Username string

	NameError     string
	UsernameError string
	PasswordError string
}

func (v signUpView) wrong() bool {
	return v.NameError != "" || v.UsernameError != "" || v.PasswordError != ""
}

func (h *Handler) signUpPage(w http.ResponseWriter, r *http.Request) error {
	return h.showSignUp(w, r, http.StatusOK, signUpView{})
}

func (h *Handler) showSignUp(w http.ResponseWriter, r *http.Request, status int, v signUpView) error {
	org, err := h.organization(r)
	if err != nil {
		return err
	}
	frame := h.frame(w, r, "Sign up", org)
	v.Org, v.OrgKey, v.Next, v.CSRF = org, r.FormValue("o"), next(r), frame.CSRF
	return page.Render(w, r, status, frame, signUpBody(v))
}

// signUp makes the user and signs them in at once: nothing is asked twice.
func (h *Handler) signUp(w http.ResponseWriter, r *http.Request) error {
	org, err := h.organization(r)
	if err != nil {
		return err
	}
	u := organization.NewUser{Username: r.PostFormValue("username"), Name: r.PostFormValue("name"), Password: r.PostFormValue("password"), OrgKey: org.Key}
	v := checkSignUp(u, org)
	if v.wrong() {
		return h.showSignUp(w, r, http.StatusBadRequest, v)
	}
	m, err := h.Organizations.SignUp(r.Context(), u)
	if gatehouse.KindOf(err) == gatehouse.Conflict {
		v.UsernameError = page.Sentence(gatehouse.MessageOf(err))
		return h.showSignUp(w, r, http.StatusConflict, v)
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

// checkSignUp says beside each field what is wrong with it, all at once.
func checkSignUp(u organization.NewUser, org *gatehouse.Organization) signUpView {
	v := signUpView{Name: u.Name, Username: u.Username}
	if len(u.Name) > 200 {
		v.NameError = "A name has at most 200 bytes."
	}
	username, err := gatehouse.CanonicalUsername(u.Username)
	if err != nil {
		v.UsernameError = page.Sentence(gatehouse.MessageOf(err))
	}
	if err := organization.CheckNewPassword(u.Password, organization.Names(username, u.Name, org)...); err != nil {
		v.PasswordError = page.Sentence(gatehouse.MessageOf(err))
	}
	return v
}
