package publisher

import (
	"context"
	"slices"

	"github.com/gatehouse/gatehouse"
)

// Subscriber is a subscription with the application that holds it.
type Subscriber struct {
	Subscription gatehouse.Subscription
	Application  *gatehouse.Application
}

// Subscribers returns who subscribes to an API, the oldest first.
func (s *Service) Subscribers(ctx context.Context, by *gatehouse.Member, apiID string) ([]Subscriber, error) {
	if _, err := s.API(ctx, by, apiID); err != nil {
		return nil, err
	}
	subs, err := s.Store.SubscriptionsTo(ctx, by.Organization.ID, apiID)
	if err != nil {
		return nil, err
	}
	subscribers := make([]Subscriber, len(subs))
	for i, sub := range subs {
		app, err := s.Store.Application(ctx, by.Organization.ID, sub.ApplicationID)
		if err != nil {
			return nil, err
		}
		subscribers[i] = Subscriber{Subscription: sub, Application: app}
	}
	return subscribers, nil
}

// Block sets whether a subscription opens its API: gatehouse.SubscriptionBlock,
// ProductionBlocked or Unblocked.
func (s *Service) Block(ctx context.Context, by *gatehouse.Member, subscriptionID string, state gatehouse.SubscriptionState) error {
	if !by.May(gatehouse.PublishAPIs) {
		return gatehouse.Errorf(gatehouse.Forbidden, "blocking subscriptions takes the role publisher")
	}
	allowed := []gatehouse.SubscriptionState{gatehouse.SubscriptionBlock, gatehouse.ProductionBlocked, gatehouse.Unblocked}
	if !slices.Contains(allowed, state) {
		return gatehouse.Errorf(gatehouse.Invalid, "%q is no state to set: use one of %v", state, allowed)
	}
	return s.Store.UpdateSubscription(ctx, by.Organization.ID, subscriptionID, func(sub *gatehouse.Subscription) error {
		sub.State = state
		return nil
	})
}
