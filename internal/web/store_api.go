package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/page"
	"github.com/gatehouse/gatehouse/internal/publisher"
)

// storeAPIView is an API's page in the Store.
type storeAPIView struct {
	API    *gatehouse.API
	Org    *gatehouse.Organization
	Path   string // of this page
	Home   string
	CSRF   string
	Base   string // URL of the API at the gateway
	Sample page.Sample

	Tiers        gatehouse.Tiers
	Foreign      bool // the reader is signed in to another organization
	Tier         string
	KeyType      gatehouse.KeyType
	Applications []page.Option
	Application  string
	Locked       []gatehouse.Scope // those that no role of the reader's opens
	Held         []held            // subscriptions of the reader's applications

	Error   string
	Started *startedView // after Subscribe and get a token
}

// held is a subscription that one of the reader's applications has.
type held struct{ Application, Tier string }

func (h *Handler) storeAPI(v *visit) error {
	view, err := h.apiView(v)
	if err != nil {
		return err
	}
	return h.showAPI(v, http.StatusOK, view)
}

func (h *Handler) showAPI(v *visit, status int, view *storeAPIView) error {
	return v.show(status, view.API.Name+" "+view.API.Version, page.Store, view.Home, storeAPIBody(view))
}

// storeDefinition serves the OpenAPI document for those who call the API, as a file: it leads
// to the gateway, and tells nothing of what is behind it.
func (h *Handler) storeDefinition(v *visit) error {
	ctx, id := v.r.Context(), v.r.PathValue("id")
	a, err := h.Store.API(ctx, v.Org, id)
	if err != nil {
		return err
	}
	document, err := h.Store.Document(ctx, v.Org, id)
	if err != nil {
		return err
	}
	if document == "" {
		return gatehouse.Errorf(gatehouse.NotFound, "this API was drawn up without an OpenAPI document")
	}
	public, err := publisher.DocumentFor([]byte(document), h.GatewayURL+a.BasePath())
	if err != nil {
		return err
	}
	header := v.w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Content-Disposition", `attachment; filename="openapi.json"`)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	header.Set("Cache-Control", "no-store")
	_, err = v.w.Write(public)
	return err
}

// apiView reads what the page shows. The choice of tier, keys and application comes
// from the request, so that it survives sign-up.
func (h *Handler) apiView(v *visit) (*storeAPIView, error) {
	ctx := v.r.Context()
	a, err := h.Store.API(ctx, v.Org, v.r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	view := &storeAPIView{
		API: a, Org: v.Org, Path: v.apiPath(a.ID), Home: page.StorePath(v.Org, v.Member), CSRF: v.CSRF,
		Base:    h.GatewayURL + a.BasePath(),
		Foreign: v.Member != nil && v.Member.Organization.ID != v.Org.ID,
		Tier:    v.r.FormValue("tier"), KeyType: gatehouse.KeyType(v.r.FormValue("env")), Application: v.r.FormValue("application"),
	}
	if view.Tiers, err = h.Organizations.Tiers(ctx, v.Org); err != nil {
		return nil, err
	}
	view.choose()
	if err := h.reach(v, view); err != nil {
		return nil, err
	}
	if v.Member.May(gatehouse.UseStore) && !view.Foreign {
		err = h.applicationsFor(ctx, v.Member, view)
	}
	if view.Applications == nil {
		view.Applications = []page.Option{{Value: "", Label: gatehouse.DefaultApplication + " (made for you)"}}
	}
	return view, err
}

// reach tells which scopes the reader's roles open, and makes the sample of one of
// these. A visitor may yet get any role.
func (h *Handler) reach(v *visit, view *storeAPIView) error {
	scopes, err := h.Store.ScopesOf(v.r.Context(), v.Org, view.API)
	if err != nil {
		return err
	}
	var open []string
	for _, s := range scopes {
		if v.Member == nil || s.OpenTo(v.Member.Roles) {
			open = append(open, s.Name)
		} else {
			view.Locked = append(view.Locked, s)
		}
	}
	view.Sample = h.call(view.API, open)
	return nil
}

// locked says what the reader's token will not open, and who could change that.
func (v *storeAPIView) locked() string {
	var parts []string
	for _, s := range v.Locked {
		parts = append(parts, s.Name+" needs "+roleNames(s.Roles))
	}
	return strings.Join(parts, ", ") + ". An administrator of " + v.Org.Name + " gives roles."
}

// choose fills in what the reader did not say: a tier in the middle, and the sandbox
// where there is one.
func (v *storeAPIView) choose() {
	if !slices.Contains(v.API.Tiers, v.Tier) && len(v.API.Tiers) > 0 {
		v.Tier = v.API.Tiers[0]
		if slices.Contains(v.API.Tiers, "Silver") {
			v.Tier = "Silver"
		}
	}
	offered := v.keyTypes()
	if !slices.ContainsFunc(offered, func(o page.Option) bool { return o.Value == string(v.KeyType) }) {
		v.KeyType = gatehouse.KeyType(offered[0].Value)
	}
}

// keyTypes are the environments that have a backend.
func (v *storeAPIView) keyTypes() []page.Option {
	var offered []page.Option
	if v.API.Sandbox != "" {
		offered = append(offered, page.Option{Value: string(gatehouse.Sandbox), Label: "Sandbox"})
	}
	if v.API.Production != "" || v.API.Sandbox == "" {
		offered = append(offered, page.Option{Value: string(gatehouse.Production), Label: "Production"})
	}
	return offered
}

// applicationsFor lists the reader's applications and which of them subscribe already.
func (h *Handler) applicationsFor(ctx context.Context, m *gatehouse.Member, view *storeAPIView) error {
	apps, err := h.Store.Applications(ctx, m)
	if err != nil {
		return err
	}
	subs, err := h.Store.SubscriptionsTo(ctx, m, view.API.ID)
	if err != nil {
		return err
	}
	named := map[string]string{}
	hasDefault := false
	for _, app := range apps {
		named[app.ID] = app.Name
		hasDefault = hasDefault || app.Name == gatehouse.DefaultApplication
		view.Applications = append(view.Applications, page.Option{Value: app.ID, Label: app.Name})
	}
	if !hasDefault {
		view.Applications = append([]page.Option{{Value: "", Label: gatehouse.DefaultApplication + " (made for you)"}}, view.Applications...)
	}
	for i := range subs {
		view.Held = append(view.Held, held{named[subs[i].ApplicationID], subs[i].Tier})
	}
	return nil
}

// choice is the query that brings the reader's choice back after sign-up.
func (v *storeAPIView) choice() string {
	return url.Values{"tier": {v.Tier}, "env": {string(v.KeyType)}}.Encode()
}

func (v *storeAPIView) tiers() []page.TierCard {
	var cards []page.TierCard
	for _, name := range v.API.Tiers {
		if t, ok := gatehouse.FindTier(v.Tiers[gatehouse.SubscriptionTier], name); ok {
			cards = append(cards, page.TierCard{Tier: t, Checked: name == v.Tier})
		}
	}
	return cards
}

// rest is the description after its first line, which stands in the head.
func (v *storeAPIView) rest() string {
	text := strings.TrimSpace(v.API.Description)
	line, rest, _ := strings.Cut(text, "\n")
	if firstLine(text) != line {
		return text
	}
	return strings.TrimSpace(rest)
}
