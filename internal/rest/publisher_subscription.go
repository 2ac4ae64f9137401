package rest

import (
	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/publisher"
)

// subscriberInfo is a subscription as the API's publisher sees it.
type subscriberInfo struct {
	SubscriptionID     string                      `json:"subscriptionId"`
	APIID              string                      `json:"apiId"`
	ApplicationInfo    subscribingAppInfo          `json:"applicationInfo"`
	ThrottlingPolicy   string                      `json:"throttlingPolicy"`
	SubscriptionStatus gatehouse.SubscriptionState `json:"subscriptionStatus"`
}

type subscribingAppInfo struct {
	ApplicationID string `json:"applicationId"`
	Name          string `json:"name"`
	Subscriber    string `json:"subscriber"` // the owner
	Description   string `json:"description"`
}

func newSubscriberInfo(s publisher.Subscriber) (subscriberInfo, error) {
	return subscriberInfo{
		SubscriptionID: s.Subscription.ID, APIID: s.Subscription.APIID, ThrottlingPolicy: s.Subscription.Tier, SubscriptionStatus: s.Subscription.State,
		ApplicationInfo: subscribingAppInfo{s.Application.ID, s.Application.Name, s.Application.Owner, s.Application.Description},
	}, nil
}

func (h *Handler) listSubscribers(r *request) (any, error) {
	id, err := r.parameter("apiId")
	if err != nil {
		return nil, err
	}
	all, err := h.Publisher.Subscribers(r.Context(), r.by, id)
	if err != nil {
		return nil, err
	}
	return page(r, all, newSubscriberInfo)
}

func (h *Handler) blockSubscription(r *request) (any, error) {
	state, err := r.parameter("blockState")
	if err != nil {
		return nil, err
	}
	return h.decide(r, gatehouse.SubscriptionState(state))
}

func (h *Handler) unblockSubscription(r *request) (any, error) {
	return h.decide(r, gatehouse.Unblocked)
}

func (h *Handler) decide(r *request, state gatehouse.SubscriptionState) (any, error) {
	id, err := r.parameter("subscriptionId")
	if err != nil {
		return nil, err
	}
	return nil, h.Publisher.Decide(r.Context(), r.by, id, state)
}
