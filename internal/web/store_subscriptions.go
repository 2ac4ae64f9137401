package web

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
	"github.com/gatehouse/gatehouse/internal/page"
)

// subscriptionsView is My Subscriptions: all applications on the left, one of them on
// the right.
type subscriptionsView struct {
	Member *gatehouse.Member
	CSRF   string
	Now    time.Time

	Applications []*gatehouse.Application
	Application  *gatehouse.Application // nil when there is none
	KeyType      gatehouse.KeyType
	Keys         *gatehouse.Keys // nil when there are none of the type
	TokenURL     string
	Request      page.Sample
	Header       page.Sample
	Subscribed   []subscribedAPI

	Uses      []gatehouse.GrantUse
	Form      keysForm
	FormError string

	Secret string // made by this press; it stands in one element of this one answer
	Error  string
}

// subscribedAPI is a subscription with its API, which is nil when it is gone.
type subscribedAPI struct {
	Subscription gatehouse.Subscription
	API          *gatehouse.API
	Href         string
}

// keysPath is the page of an application's keys of one type.
func keysPath(applicationID string, t gatehouse.KeyType) string {
	return "/subscriptions/" + url.PathEscape(applicationID) + "?env=" + url.QueryEscape(string(t))
}

func (h *Handler) subscriptions(v *visit) error {
	view, err := h.subscriptionsView(v)
	if err != nil {
		return err
	}
	return h.showSubscriptions(v, http.StatusOK, view)
}

func (h *Handler) showSubscriptions(v *visit, status int, view *subscriptionsView) error {
	return v.show(status, "My Subscriptions", page.Store, "/subscriptions", subscriptionsBody(view))
}

// subscriptionsView reads the page of the application in the path, else of the first.
func (h *Handler) subscriptionsView(v *visit) (*subscriptionsView, error) {
	ctx := v.r.Context()
	t, err := gatehouse.ParseKeyType(v.r.FormValue("env"))
	if err != nil {
		return nil, err
	}
	view := &subscriptionsView{Member: v.Member, CSRF: v.CSRF, Now: h.Now(), KeyType: t, TokenURL: h.GatewayURL + "/token"}
	if view.Applications, err = h.Store.Applications(ctx, v.Member); err != nil {
		return nil, err
	}
	if id := v.r.PathValue("app"); id != "" {
		view.Application, err = h.Store.Application(ctx, v.Member, id)
	} else if len(view.Applications) > 0 {
		view.Application = view.Applications[0]
	}
	if err != nil || view.Application == nil {
		return view, err
	}
	return view, h.fillApplication(v, view)
}

// fillApplication reads the keys and subscriptions of the view's application.
func (h *Handler) fillApplication(v *visit, view *subscriptionsView) error {
	ctx := v.r.Context()
	keys, err := h.Store.KeysByType(ctx, v.Member, view.Application.ID, view.KeyType)
	if err != nil && gatehouse.KindOf(err) != gatehouse.NotFound {
		return err
	}
	if view.Subscribed, err = h.subscribedTo(v, view.Application.ID); err != nil {
		return err
	}
	if keys == nil {
		return nil
	}
	scopes, err := h.scopesOf(v, view.Subscribed)
	if err != nil {
		return err
	}
	names := reachable(scopes, v.Member)
	view.Keys, view.Form = keys, keysFormOf(keys)
	if view.Uses, err = h.Store.GrantUses(ctx, v.Member, keys); err != nil {
		return err
	}
	view.Request, view.Header = h.passwordRequest(keys, v.Member, names), h.headerRequest(keys, v.Member, names)
	return nil
}

func (h *Handler) subscribedTo(v *visit, applicationID string) ([]subscribedAPI, error) {
	subs, err := h.Store.Subscriptions(v.r.Context(), v.Member, applicationID)
	if err != nil {
		return nil, err
	}
	subscribed := make([]subscribedAPI, len(subs))
	for i, sub := range subs {
		a, err := h.Store.API(v.r.Context(), v.Org, sub.APIID)
		if err != nil && gatehouse.KindOf(err) != gatehouse.NotFound {
			return nil, err
		}
		if gatehouse.KindOf(err) == gatehouse.NotFound {
			a = nil
		}
		subscribed[i] = subscribedAPI{Subscription: sub, API: a, Href: v.apiPath(sub.APIID)}
	}
	return subscribed, nil
}

// scopesOf returns the scopes that the APIs of an application name.
func (h *Handler) scopesOf(v *visit, subscribed []subscribedAPI) ([]gatehouse.Scope, error) {
	var apis []*gatehouse.API
	for _, s := range subscribed {
		if s.API != nil {
			apis = append(apis, s.API)
		}
	}
	if len(apis) == 0 {
		return nil, nil
	}
	return h.Store.ScopesOf(v.r.Context(), v.Org, apis...)
}

// reachable returns the names of the scopes that a member may hold.
func reachable(scopes []gatehouse.Scope, m *gatehouse.Member) []string {
	var names []string
	for i := range scopes {
		if scopes[i].OpenTo(m.Roles) {
			names = append(names, scopes[i].Name)
		}
	}
	return names
}

func (h *Handler) unsubscribe(v *visit) error {
	if err := h.Store.Unsubscribe(v.r.Context(), v.Member, v.r.PostFormValue("subscription")); err != nil {
		return err
	}
	t, err := gatehouse.ParseKeyType(v.r.FormValue("env"))
	if err != nil {
		return err
	}
	return v.redirect(keysPath(v.r.PathValue("app"), t) + "&done=unsubscribed")
}

// newApplicationView is the page to make an application.
type newApplicationView struct {
	CSRF  string
	Ask   apistore.NewApplication
	Tiers []gatehouse.Tier
	Error string
}

func (h *Handler) newApplication(v *visit) error {
	return h.showNewApplication(v, http.StatusOK, newApplicationView{CSRF: v.CSRF})
}

func (h *Handler) showNewApplication(v *visit, status int, view newApplicationView) error {
	tiers, err := h.Organizations.Tiers(v.r.Context(), v.Org)
	if err != nil {
		return err
	}
	view.Tiers = tiers[gatehouse.ApplicationTier]
	return v.show(status, "New application", page.Store, "/subscriptions", newApplicationBody(view))
}

func (h *Handler) createApplication(v *visit) error {
	ask := apistore.NewApplication{
		Name: v.r.PostFormValue("name"), Description: v.r.PostFormValue("description"),
		Tier: v.r.PostFormValue("tier"), TokenFormat: gatehouse.TokenFormat(v.r.PostFormValue("format")),
	}
	app, err := h.Store.CreateApplication(v.r.Context(), v.Member, ask)
	if message, ok := said(err); ok {
		view := newApplicationView{CSRF: v.CSRF, Ask: ask, Error: message}
		return h.showNewApplication(v, http.StatusConflict, view)
	}
	if err != nil {
		return err
	}
	return v.redirect(keysPath(app.ID, gatehouse.Production) + "&done=application")
}

func (v newApplicationView) tiers() []page.Option {
	var options []page.Option
	for _, t := range slices.Backward(v.Tiers) {
		options = append(options, page.Option{Value: t.Name, Label: t.Name + ": " + t.Description})
	}
	return options
}
