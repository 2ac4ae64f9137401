package apistore

import (
	"context"

	"github.com/gatehouse/gatehouse"
)

// Subscribe gives an application of the acting member the right to call an API.
func (s *Service) Subscribe(ctx context.Context, by *gatehouse.Member, applicationID, apiID, tier string) (*gatehouse.Subscription, error) {
	app, err := s.Application(ctx, by, applicationID)
	if err != nil {
		return nil, err
	}
	sub, err := s.newSubscription(ctx, by, app, apiID, tier)
	if err != nil {
		return nil, err
	}
	if err := s.Store.Provision(ctx, nil, nil, sub); err != nil {
		return nil, err
	}
	return sub, nil
}

// newSubscription makes a subscription of app; an empty tier means the API's first.
func (s *Service) newSubscription(ctx context.Context, by *gatehouse.Member, app *gatehouse.Application, apiID, tier string) (*gatehouse.Subscription, error) {
	a, err := s.API(ctx, &by.Organization, apiID)
	if err != nil {
		return nil, err
	}
	if tier == "" && len(a.Tiers) > 0 {
		tier = a.Tiers[0]
	}
	now := s.Now()
	sub := &gatehouse.Subscription{
		ID: gatehouse.NewID(now), OrgID: by.Organization.ID, ApplicationID: app.ID, APIID: apiID, Tier: tier, CreatedAt: now,
	}
	sub.Subscribe(a)
	return sub, sub.Validate(a)
}

// Subscription returns a subscription of one of the acting member's applications.
func (s *Service) Subscription(ctx context.Context, by *gatehouse.Member, id string) (*gatehouse.Subscription, error) {
	sub, err := s.Store.Subscription(ctx, by.Organization.ID, id)
	if err != nil {
		return nil, err
	}
	if _, err := s.Application(ctx, by, sub.ApplicationID); err != nil {
		return nil, gatehouse.Errorf(gatehouse.NotFound, "there is no such subscription")
	}
	return sub, nil
}

// Subscriptions returns an application's subscriptions, the oldest first.
func (s *Service) Subscriptions(ctx context.Context, by *gatehouse.Member, applicationID string) ([]gatehouse.Subscription, error) {
	if _, err := s.Application(ctx, by, applicationID); err != nil {
		return nil, err
	}
	return s.Store.SubscriptionsOf(ctx, applicationID)
}

// SubscriptionsTo returns the subscriptions of the acting member's applications to an
// API, the oldest first.
func (s *Service) SubscriptionsTo(ctx context.Context, by *gatehouse.Member, apiID string) ([]gatehouse.Subscription, error) {
	apps, err := s.Applications(ctx, by)
	if err != nil {
		return nil, err
	}
	mine := map[string]bool{}
	for _, app := range apps {
		mine[app.ID] = true
	}
	all, err := s.Store.SubscriptionsTo(ctx, by.Organization.ID, apiID)
	var subs []gatehouse.Subscription
	for _, sub := range all {
		if mine[sub.ApplicationID] {
			subs = append(subs, sub)
		}
	}
	return subs, err
}

// Unsubscribe removes a subscription; the next call finds it gone.
func (s *Service) Unsubscribe(ctx context.Context, by *gatehouse.Member, id string) error {
	if _, err := s.Subscription(ctx, by, id); err != nil {
		return err
	}
	return s.Store.DeleteSubscription(ctx, by.Organization.ID, id)
}

// Start is what one press of "Subscribe and get a token" asks for.
type Start struct {
	APIID         string
	ApplicationID string // empty means the default application, made if there is none
	Type          gatehouse.KeyType
	Tier          string
}

// Started is what it gives.
type Started struct {
	Application  *gatehouse.Application
	Subscription *gatehouse.Subscription // may wait for approval
	Keys         *gatehouse.Keys
	Secret       string // of the keys, when they were made now; it cannot be shown again
	Token        string
	Says         *gatehouse.Authorization
}

// Start subscribes an application to an API, makes its keys if there are none, all in
// one transaction, and issues a token with the scopes of that API which the owner may
// hold. What exists already is used.
func (s *Service) Start(ctx context.Context, by *gatehouse.Member, ask Start) (*Started, error) {
	if err := mayUseStore(by); err != nil {
		return nil, err
	}
	a, err := s.API(ctx, &by.Organization, ask.APIID)
	if err != nil {
		return nil, err
	}
	got, err := s.provision(ctx, by, ask)
	if err != nil {
		return nil, err
	}
	scopes, err := s.ScopesOf(ctx, &by.Organization, a)
	if err != nil {
		return nil, err
	}
	asked := make([]string, len(scopes))
	for i := range scopes {
		asked[i] = scopes[i].Name
	}
	got.Token, got.Says, err = s.AccessToken(ctx, by, got.Application.ID, got.Keys.Type, asked, 0)
	return got, err
}

// provision makes what ask needs and is not there yet, in one transaction. When another
// press of the same button comes first, what that made is used.
func (s *Service) provision(ctx context.Context, by *gatehouse.Member, ask Start) (*Started, error) {
	got, err := s.tryProvision(ctx, by, ask)
	for tries := 1; tries < 3 && gatehouse.KindOf(err) == gatehouse.Conflict; tries++ {
		got, err = s.tryProvision(ctx, by, ask)
	}
	return got, err
}

func (s *Service) tryProvision(ctx context.Context, by *gatehouse.Member, ask Start) (*Started, error) {
	var got Started
	var newApp *gatehouse.Application
	var newKeys *gatehouse.Keys
	var newSub *gatehouse.Subscription
	app, err := s.startingApplication(ctx, by, ask.ApplicationID)
	switch {
	case gatehouse.KindOf(err) == gatehouse.NotFound && ask.ApplicationID == "":
		if newApp, err = s.newApplication(by, NewApplication{Name: gatehouse.DefaultApplication}); err != nil {
			return nil, err
		}
		app = newApp
	case err != nil:
		return nil, err
	}
	got.Application = app
	if got.Keys, err = s.existingKeys(ctx, app.ID, ask.Type); err != nil {
		return nil, err
	}
	if got.Keys == nil {
		if newKeys, got.Secret, err = s.newKeys(by, app, NewKeys{Type: ask.Type}); err != nil {
			return nil, err
		}
		got.Keys = newKeys
	}
	subs, err := s.Store.SubscriptionsOf(ctx, app.ID)
	if err != nil {
		return nil, err
	}
	if got.Subscription = subscriptionTo(subs, ask.APIID); got.Subscription == nil {
		if newSub, err = s.newSubscription(ctx, by, app, ask.APIID, ask.Tier); err != nil {
			return nil, err
		}
		got.Subscription = newSub
	}
	if newApp == nil && newKeys == nil && newSub == nil {
		return &got, nil
	}
	return &got, s.Store.Provision(ctx, newApp, newKeys, newSub)
}

func (s *Service) startingApplication(ctx context.Context, by *gatehouse.Member, id string) (*gatehouse.Application, error) {
	if id == "" {
		return s.Store.ApplicationByName(ctx, by.Organization.ID, by.ID, gatehouse.DefaultApplication)
	}
	return s.Application(ctx, by, id)
}

// existingKeys returns an application's keys of one type, nil when there are none.
func (s *Service) existingKeys(ctx context.Context, applicationID string, t gatehouse.KeyType) (*gatehouse.Keys, error) {
	all, err := s.Store.KeysOf(ctx, applicationID)
	for _, k := range all {
		if k.Type == t || t == "" && k.Type == gatehouse.Production {
			return k, nil
		}
	}
	return nil, err
}

// subscriptionTo returns the subscription to an API among subs, or nil.
func subscriptionTo(subs []gatehouse.Subscription, apiID string) *gatehouse.Subscription {
	for i := range subs {
		if subs[i].APIID == apiID {
			return &subs[i]
		}
	}
	return nil
}
