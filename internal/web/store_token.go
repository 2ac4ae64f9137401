package web

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/page"
)

// tokenView is the page to get a token, and the one that shows it.
type tokenView struct {
	CSRF        string
	Application *gatehouse.Application
	KeyType     gatehouse.KeyType
	Keys        *gatehouse.Keys // nil when there are none
	Scopes      []page.ScopePick
	Lifetime    string // seconds; empty means the keys' own
	Request     page.Sample
	Error       string

	Token string // made by this press; it stands in one element of this one answer
	Says  *gatehouse.Authorization
	Left  time.Duration
	Run   *page.Sample // a call to the first API that the application subscribes to
}

// lifetimes are the choices of how long a token is good for.
var lifetimes = []page.Option{{Value: "", Label: "As long as the keys say"}, {Value: "900", Label: "15 minutes"}, {Value: "3600", Label: "1 hour"}, {Value: "86400", Label: "1 day"}}

func (h *Handler) tokenForm(v *visit) error {
	view, err := h.tokenView(v)
	if err != nil {
		return err
	}
	return h.showToken(v, http.StatusOK, view)
}

func (h *Handler) showToken(v *visit, status int, view *tokenView) error {
	return v.show(status, "Get a token", page.Store, "/subscriptions", tokenBody(view))
}

func (h *Handler) tokenView(v *visit) (*tokenView, error) {
	ctx := v.r.Context()
	t, err := gatehouse.ParseKeyType(v.r.FormValue("env"))
	if err != nil {
		return nil, err
	}
	app, err := h.Store.Application(ctx, v.Member, v.r.PathValue("app"))
	if err != nil {
		return nil, err
	}
	view := &tokenView{CSRF: v.CSRF, Application: app, KeyType: t, Lifetime: v.r.PostFormValue("lifetime")}
	view.Keys, err = h.Store.KeysByType(ctx, v.Member, app.ID, t)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		view.Keys = nil
		return view, nil
	}
	if err != nil {
		return nil, err
	}
	return view, h.fillToken(v, view)
}

// fillToken reads what a token of the application may do.
func (h *Handler) fillToken(v *visit, view *tokenView) error {
	subscribed, err := h.subscribedTo(v, view.Application.ID)
	if err != nil {
		return err
	}
	scopes, err := h.scopesOf(v, subscribed)
	if err != nil {
		return err
	}
	for _, s := range scopes {
		pick := page.ScopePick{Scope: s, Checked: true}
		if !s.OpenTo(v.Member.Roles) {
			pick.Locked = "Needs " + roleNames(s.Roles) + ". Ask an administrator."
		}
		view.Scopes = append(view.Scopes, pick)
	}
	for _, s := range subscribed {
		if s.API != nil && view.Run == nil {
			run := h.call(s.API, reachable(scopes, v.Member))
			view.Run = &run
		}
	}
	view.Request = h.clientRequest(view.Keys.ConsumerKey, reachable(scopes, v.Member))
	return nil
}

// roleNames lists roles of which one will do.
func roleNames(roles []gatehouse.Role) string {
	names := "the role " + string(roles[0])
	for _, r := range roles[1:] {
		names += " or " + string(r)
	}
	return names
}

// getToken issues a token for the application itself. Its answer shows the token; the
// page that is loaded next does not.
func (h *Handler) getToken(v *visit) error {
	view, err := h.tokenView(v)
	if err != nil {
		return err
	}
	var lifetime time.Duration
	if view.Lifetime != "" {
		seconds, err := strconv.ParseInt(view.Lifetime, 10, 32)
		if err != nil || seconds <= 0 {
			return gatehouse.Errorf(gatehouse.Invalid, "a token's lifetime is a number of seconds")
		}
		lifetime = time.Duration(seconds) * time.Second
	}
	token, says, err := h.Store.AccessToken(v.r.Context(), v.Member, view.Application.ID, view.KeyType, v.r.PostForm["scope"], lifetime)
	if message, ok := said(err); ok {
		view.Error = message
		return h.showToken(v, http.StatusConflict, view)
	}
	if err != nil {
		return err
	}
	view.Token, view.Says, view.Left = token, says, time.Duration(says.ExpiresIn(h.Now()))*time.Second
	return h.showToken(v, http.StatusOK, view)
}
