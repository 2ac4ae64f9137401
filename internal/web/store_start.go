package web

import (
	"net/http"
	"net/url"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
)

// startedView is what one press of Subscribe and get a token gave. It is the answer to
// the press and stands nowhere else: loading the page again shows neither.
type startedView struct {
	Got  *apistore.Started
	Left int64 // seconds that the token is good for

}

// storeStart does everything at one press. Visitors sign up first; their choice is kept.
func (h *Handler) storeStart(v *visit) error {
	view, err := h.apiView(v)
	if err != nil {
		return err
	}
	if v.Member == nil {
		return v.redirect(signUpFor(v, view))
	}
	got, err := h.Store.Start(v.r.Context(), v.Member, apistore.Start{
		APIID: view.API.ID, ApplicationID: view.Application, Type: view.KeyType, Tier: view.Tier,
	})
	if message, ok := said(err); ok {
		view.Error = message
		return h.showAPI(v, http.StatusConflict, view)
	}
	if err != nil {
		return err
	}
	view.Started = &startedView{Got: got, Left: got.Says.ExpiresIn(h.Now())}
	return h.showAPI(v, http.StatusOK, view)
}

// signUpFor leads to sign-up, or to sign-in where visitors cannot make an account, and
// back to the page with the choice made.
func signUpFor(v *visit, view *storeAPIView) string {
	door := "/signup"
	if !v.Org.SignUp {
		door = "/login"
	}
	query := url.Values{"next": {view.Path + "?" + view.choice()}}
	if v.Org.Key != gatehouse.DefaultOrganization {
		query.Set("o", v.Org.Key)
	}
	return door + "?" + query.Encode()
}
