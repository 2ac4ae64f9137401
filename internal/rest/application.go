package rest

import (
	"cmp"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
)

// applicationInfo is an application.
type applicationInfo struct {
	ApplicationID      string                `json:"applicationId"`
	Name               string                `json:"name"`
	Description        string                `json:"description"`
	ThrottlingPolicy   string                `json:"throttlingPolicy"`
	TokenType          gatehouse.TokenFormat `json:"tokenType"`
	Status             string                `json:"status"` // APPROVED
	Owner              string                `json:"owner"`
	Groups             []string              `json:"groups"`
	GroupID            string                `json:"groupId"`
	Attributes         map[string]string     `json:"attributes"`
	SubscriptionCount  int                   `json:"subscriptionCount"`
	SubscriptionScopes []scopeInfo           `json:"subscriptionScopes"` // of the APIs it subscribes to; in an answer about one application
	CreatedTime        string                `json:"createdTime"`
}

func newApplicationInfo(app *gatehouse.Application) (applicationInfo, error) {
	return applicationInfo{
		ApplicationID: app.ID, Name: app.Name, Description: app.Description, ThrottlingPolicy: app.Tier, TokenType: app.TokenFormat,
		Status: "APPROVED", Owner: app.Owner, Groups: []string{}, Attributes: map[string]string{}, SubscriptionScopes: []scopeInfo{}, CreatedTime: millis(app.CreatedAt),
	}, nil
}

// applicationBody is what a developer says of an application. Whose it is, is not
// theirs to say.
type applicationBody struct {
	Name             string                `json:"name"`
	ThrottlingPolicy string                `json:"throttlingPolicy"`
	Description      string                `json:"description"`
	TokenType        gatehouse.TokenFormat `json:"tokenType"`
}

func (r *request) newApplication() (apistore.NewApplication, error) {
	var body applicationBody
	err := r.decode(&body)
	return apistore.NewApplication{Name: body.Name, Description: body.Description, Tier: body.ThrottlingPolicy, TokenFormat: body.TokenType}, err
}

func (h *Handler) listApplications(r *request) (any, error) {
	all, err := h.Store.Applications(r.Context(), r.by)
	if err != nil {
		return nil, err
	}
	return h.applications(r, all)
}

func (h *Handler) listAllApplications(r *request) (any, error) {
	all, err := h.Store.AllApplications(r.Context(), r.by)
	if err != nil {
		return nil, err
	}
	return h.applications(r, all)
}

// applications answers those that the parameters query (a part of the name), name and
// user (an owner) ask for.
func (h *Handler) applications(r *request, all []*gatehouse.Application) (any, error) {
	query := r.URL.Query()
	part, name, user := strings.ToLower(query.Get("query")), query.Get("name"), query.Get("user")
	found := slices.DeleteFunc(all, func(app *gatehouse.Application) bool {
		return !strings.Contains(strings.ToLower(app.Name), part) || name != "" && app.Name != name || user != "" && !strings.EqualFold(app.Owner, user)
	})
	return page(r, found, func(app *gatehouse.Application) (applicationInfo, error) {
		info, err := newApplicationInfo(app)
		if err != nil {
			return info, err
		}
		subs, err := h.Store.Subscriptions(r.Context(), r.by, app.ID)
		info.SubscriptionCount = len(subs)
		return info, err
	})
}

// wireApplication writes an application with the scopes of what it subscribes to.
func (h *Handler) wireApplication(r *request, app *gatehouse.Application) (any, error) {
	info, err := newApplicationInfo(app)
	if err != nil {
		return nil, err
	}
	subs, err := h.Store.Subscriptions(r.Context(), r.by, app.ID)
	if err != nil {
		return nil, err
	}
	info.SubscriptionCount = len(subs)
	var apis []*gatehouse.API
	for _, sub := range subs {
		a, err := h.Store.API(r.Context(), &r.by.Organization, sub.APIID)
		if gatehouse.KindOf(err) == gatehouse.NotFound {
			continue // blocked or retired meanwhile
		}
		if err != nil {
			return nil, err
		}
		apis = append(apis, a)
	}
	scopes, err := h.Store.ScopesOf(r.Context(), &r.by.Organization, apis...)
	if err != nil {
		return nil, err
	}
	info.SubscriptionScopes = newScopeInfos(scopes)
	return info, nil
}

func (h *Handler) createApplication(r *request) (any, error) {
	n, err := r.newApplication()
	if err != nil {
		return nil, err
	}
	app, err := h.Store.CreateApplication(r.Context(), r.by, n)
	if err != nil {
		return nil, err
	}
	r.w.Header().Set("Location", storePrefix+"/applications/"+app.ID)
	return h.wireApplication(r, app)
}

func (h *Handler) getApplication(r *request) (any, error) {
	app, err := h.Store.Application(r.Context(), r.by, r.PathValue("applicationId"))
	if err != nil {
		return nil, err
	}
	return h.wireApplication(r, app)
}

func (h *Handler) updateApplication(r *request) (any, error) {
	n, err := r.newApplication()
	if err != nil {
		return nil, err
	}
	id := r.PathValue("applicationId")
	app, err := h.Store.Application(r.Context(), r.by, id)
	if err != nil {
		return nil, err
	}
	n.Tier, n.TokenFormat = cmp.Or(n.Tier, app.Tier), cmp.Or(n.TokenFormat, app.TokenFormat)
	if app, err = h.Store.UpdateApplication(r.Context(), r.by, id, n); err != nil {
		return nil, err
	}
	return h.wireApplication(r, app)
}

func (h *Handler) deleteApplication(r *request) (any, error) {
	return nil, h.Store.DeleteApplication(r.Context(), r.by, r.PathValue("applicationId"))
}

// deleteAnyApplication is deleteApplication for administrators alone, whatever the
// token says.
func (h *Handler) deleteAnyApplication(r *request) (any, error) {
	if !r.by.May(gatehouse.Administer) {
		return nil, gatehouse.Errorf(gatehouse.Forbidden, "only administrators delete everybody's applications")
	}
	return h.deleteApplication(r)
}
