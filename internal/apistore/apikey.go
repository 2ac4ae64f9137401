package apistore

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
)

// NewAPIKey is what a developer says of an API key to be made.
type NewAPIKey struct {
	APIID         string // empty for a key of all APIs that the application subscribes to
	ApplicationID string // empty for a key of an API, until an application takes it up
	Type          gatehouse.KeyType
	Name          string
	Lifetime      time.Duration // 0 means that it has no end
	Networks      string        // where calls must come from, with commas between
	Referers      string        // pages that calls must come from, with commas between
}

// CreateAPIKey makes an API key and returns it with the key itself, which nobody can show
// again.
func (s *Service) CreateAPIKey(ctx context.Context, by *gatehouse.Member, n NewAPIKey) (string, *gatehouse.APIKey, error) {
	k := &gatehouse.APIKey{
		OrgID: by.Organization.ID, OrgKey: by.Organization.Key, OwnerID: by.ID, Name: n.Name, Type: n.Type, ApplicationID: n.ApplicationID, APIID: n.APIID,
	}
	if err := s.belongs(ctx, by, k); err != nil {
		return "", nil, err
	}
	now := s.Now()
	key := gatehouse.NewAPIKey(k, now)
	if n.Lifetime != 0 {
		k.ExpiresAt = now.Add(n.Lifetime)
	}
	if err := k.Restrict(n.Networks, n.Referers); err != nil {
		return "", nil, err
	}
	if err := k.Validate(now); err != nil {
		return "", nil, err
	}
	return key, k, s.Store.CreateAPIKey(ctx, k, func(existing []*gatehouse.APIKey) error { return room(k, existing) })
}

// room checks that there is room for k beside those that exist, and that its name is free.
func room(k *gatehouse.APIKey, existing []*gatehouse.APIKey) error {
	if len(existing) >= gatehouse.MaxAPIKeys {
		return gatehouse.Errorf(gatehouse.Conflict, "there are %d API keys already: revoke one first", len(existing))
	}
	taken := func(other *gatehouse.APIKey) bool {
		return strings.EqualFold(other.Name, k.Name) && other.Type == k.Type
	}
	if k.Name != "" && slices.ContainsFunc(existing, taken) {
		return gatehouse.Errorf(gatehouse.Conflict, "there is an API key %q already: choose another name", k.Name)
	}
	return nil
}

// belongs checks that the application and the API that a key names are the acting
// member's to use. The key belongs to the application's owner where there is one.
func (s *Service) belongs(ctx context.Context, by *gatehouse.Member, k *gatehouse.APIKey) error {
	if err := mayUseStore(by); err != nil {
		return err
	}
	if k.APIID != "" {
		if _, err := s.API(ctx, &by.Organization, k.APIID); err != nil {
			return err
		}
	}
	if k.ApplicationID == "" {
		return nil
	}
	app, err := s.Application(ctx, by, k.ApplicationID)
	if err == nil && k.APIID == "" {
		k.OwnerID = app.OwnerID
	}
	return err
}

// APIKeys returns the API keys that use an application's subscriptions and have a type,
// the oldest first.
func (s *Service) APIKeys(ctx context.Context, by *gatehouse.Member, applicationID string, t gatehouse.KeyType) ([]*gatehouse.APIKey, error) {
	if _, err := s.Application(ctx, by, applicationID); err != nil {
		return nil, err
	}
	all, err := s.Store.APIKeysOfApplication(ctx, by.Organization.ID, applicationID)
	return slices.DeleteFunc(all, func(k *gatehouse.APIKey) bool { return k.Type != t }), err
}

// APIKeysOf returns the acting member's API keys of one API, the oldest first, whether
// the Store still shows it or not.
func (s *Service) APIKeysOf(ctx context.Context, by *gatehouse.Member, apiID string) ([]*gatehouse.APIKey, error) {
	if err := mayUseStore(by); err != nil {
		return nil, err
	}
	return s.Store.APIKeysOfAPI(ctx, by.Organization.ID, apiID, by.ID)
}

// TakeUpAPIKey lets a key of an API use the subscriptions of one of the acting member's
// applications, or of none when applicationID is empty.
func (s *Service) TakeUpAPIKey(ctx context.Context, by *gatehouse.Member, apiID, id, applicationID string) error {
	if err := s.belongs(ctx, by, &gatehouse.APIKey{APIID: apiID, ApplicationID: applicationID}); err != nil {
		return err
	}
	return s.Store.UpdateAPIKey(ctx, by.Organization.ID, id, func(k *gatehouse.APIKey) error {
		if k.APIID != apiID || k.OwnerID != by.ID {
			return gatehouse.Errorf(gatehouse.NotFound, "there is no such API key")
		}
		k.ApplicationID = applicationID
		return nil
	})
}

// RevokeAPIKey removes an API key, by its id or by the key itself, from an application or
// from an API: the one that is not empty. The next call with it is refused.
func (s *Service) RevokeAPIKey(ctx context.Context, by *gatehouse.Member, applicationID, apiID, idOrKey string) error {
	keys, err := s.revocable(ctx, by, applicationID, apiID)
	if err != nil {
		return err
	}
	hash := gatehouse.HashToken(idOrKey)
	i := slices.IndexFunc(keys, func(k *gatehouse.APIKey) bool { return k.ID == idOrKey || k.Hash == hash })
	if i < 0 {
		return gatehouse.Errorf(gatehouse.NotFound, "there is no such API key")
	}
	return s.Store.DeleteAPIKey(ctx, by.Organization.ID, keys[i].ID, func(k *gatehouse.APIKey) error {
		if k.ApplicationID != keys[i].ApplicationID || k.OwnerID != keys[i].OwnerID {
			return gatehouse.Errorf(gatehouse.Conflict, "the API key was changed meanwhile: try again")
		}
		return nil
	})
}

func (s *Service) revocable(ctx context.Context, by *gatehouse.Member, applicationID, apiID string) ([]*gatehouse.APIKey, error) {
	if applicationID == "" {
		return s.APIKeysOf(ctx, by, apiID)
	}
	if _, err := s.Application(ctx, by, applicationID); err != nil {
		return nil, err
	}
	return s.Store.APIKeysOfApplication(ctx, by.Organization.ID, applicationID)
}
