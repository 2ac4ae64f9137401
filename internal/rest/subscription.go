package rest

import (
	"github.com/gatehouse/gatehouse"
)

// subscriptionInfo is a subscription as the developer sees it.
type subscriptionInfo struct {
	SubscriptionID   string                      `json:"subscriptionId"`
	ApplicationID    string                      `json:"applicationId"`
	APIID            string                      `json:"apiId"`
	APIInfo          *storeAPIInfo               `json:"apiInfo"` // null when the Store does not show the API any more
	ApplicationInfo  subscribingAppInfo          `json:"applicationInfo"`
	ThrottlingPolicy string                      `json:"throttlingPolicy"`
	Status           gatehouse.SubscriptionState `json:"status"`
}

// subscriptionBody asks for a subscription.
type subscriptionBody struct {
	ApplicationID    string `json:"applicationId"`
	APIID            string `json:"apiId"`
	ThrottlingPolicy string `json:"throttlingPolicy"` // empty means the API's first tier
}

func (h *Handler) wireSubscription(r *request, sub *gatehouse.Subscription) (subscriptionInfo, error) {
	info := subscriptionInfo{
		SubscriptionID: sub.ID, ApplicationID: sub.ApplicationID, APIID: sub.APIID, ThrottlingPolicy: sub.Tier, Status: sub.State,
	}
	app, err := h.Store.Application(r.Context(), r.by, sub.ApplicationID)
	if err != nil {
		return info, err
	}
	info.ApplicationInfo = subscribingAppInfo{app.ID, app.Name, app.Owner, app.Description}
	a, err := h.Store.API(r.Context(), &r.by.Organization, sub.APIID)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return info, nil
	}
	if err != nil {
		return info, err
	}
	shown, err := newStoreAPIInfo(a)
	info.APIInfo = &shown
	return info, err
}

// listSubscriptions answers the subscriptions of an application, to an API, or all of
// one's own.
func (h *Handler) listSubscriptions(r *request) (any, error) {
	query := r.URL.Query()
	var all []gatehouse.Subscription
	var err error
	switch app, api := query.Get("applicationId"), query.Get("apiId"); {
	case app != "":
		all, err = h.subscriptionsOf(r, api, app)
	case api != "":
		all, err = h.Store.SubscriptionsTo(r.Context(), r.by, api)
	default:
		var apps []*gatehouse.Application
		if apps, err = h.Store.Applications(r.Context(), r.by); err != nil {
			return nil, err
		}
		ids := make([]string, len(apps))
		for i := range apps {
			ids[i] = apps[i].ID
		}
		all, err = h.subscriptionsOf(r, "", ids...)
	}
	if err != nil {
		return nil, err
	}
	return page(r, all, func(sub gatehouse.Subscription) (subscriptionInfo, error) { return h.wireSubscription(r, &sub) })
}

// subscriptionsOf returns the subscriptions of applications, to one API when it is named.
func (h *Handler) subscriptionsOf(r *request, apiID string, applications ...string) ([]gatehouse.Subscription, error) {
	var found []gatehouse.Subscription
	for _, id := range applications {
		subs, err := h.Store.Subscriptions(r.Context(), r.by, id)
		if err != nil {
			return nil, err
		}
		for _, sub := range subs {
			if apiID == "" || sub.APIID == apiID {
				found = append(found, sub)
			}
		}
	}
	return found, nil
}

func (h *Handler) subscribe(r *request) (any, error) {
	var body subscriptionBody
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	sub, err := h.Store.Subscribe(r.Context(), r.by, body.ApplicationID, body.APIID, body.ThrottlingPolicy)
	if err != nil {
		return nil, err
	}
	r.w.Header().Set("Location", storePrefix+"/subscriptions/"+sub.ID)
	return h.wireSubscription(r, sub)
}

func (h *Handler) getSubscription(r *request) (any, error) {
	sub, err := h.Store.Subscription(r.Context(), r.by, r.PathValue("subscriptionId"))
	if err != nil {
		return nil, err
	}
	return h.wireSubscription(r, sub)
}

func (h *Handler) unsubscribe(r *request) (any, error) {
	return nil, h.Store.Unsubscribe(r.Context(), r.by, r.PathValue("subscriptionId"))
}
