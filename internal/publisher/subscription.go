package publisher

import (
	"context"

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

// Decide moves a subscription to a state: approved or unblocked, rejected, blocked. It is
// in force at the gateway of this node when Decide returns.
func (s *Service) Decide(ctx context.Context, by *gatehouse.Member, subscriptionID string, state gatehouse.SubscriptionState) error {
	if !by.May(gatehouse.PublishAPIs) {
		return gatehouse.Errorf(gatehouse.Forbidden, "deciding about subscriptions takes the role publisher")
	}
	return s.Store.UpdateSubscription(ctx, by.Organization.ID, subscriptionID, func(sub *gatehouse.Subscription) error {
		return sub.Decide(state)
	})
}
