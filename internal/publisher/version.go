package publisher

import (
	"context"
	"slices"

	"github.com/gatehouse/gatehouse"
)

// Takeover is what becomes of the older versions when a new one is published. The zero
// Takeover carries their subscriptions over, and leaves the versions as they are.
type Takeover struct {
	Deprecate   bool // older versions that are published are deprecated
	Resubscribe bool // nobody is subscribed to the new version who did not ask
}

// Do moves an API along its lifecycle; when it returns, the gateway of this node does
// as the new state says.
func (s *Service) Do(ctx context.Context, by *gatehouse.Member, id string, action gatehouse.Action) (*gatehouse.API, error) {
	return s.Move(ctx, by, id, action, Takeover{})
}

// Move is Do, and says what becomes of the older versions when a new one is published, all
// in one transaction.
func (s *Service) Move(ctx context.Context, by *gatehouse.Member, id string, action gatehouse.Action, older Takeover) (*gatehouse.API, error) {
	if !by.May(gatehouse.PublishAPIs) {
		return nil, gatehouse.Errorf(gatehouse.Forbidden, "moving an API along its lifecycle takes the role publisher")
	}
	var moved *gatehouse.API
	err := s.Store.MoveAPI(ctx, by.Organization.ID, id, func(a *gatehouse.API, before []*gatehouse.API) (carryOver bool, err error) {
		moved = a
		if err := a.Do(action); err != nil {
			return false, err
		}
		if err := s.valid(a, &gatehouse.Definition{Document: a.Document}); err != nil || action != gatehouse.Publish {
			return false, err
		}
		for _, other := range before {
			if older.Deprecate && other.State == gatehouse.Published {
				if err := other.Do(gatehouse.Deprecate); err != nil {
					return false, err
				}
			}
		}
		return !older.Resubscribe && !a.Subscriptionless(), nil
	})
	return moved, err
}

// Copy draws up a new version of an API, in state CREATED: everything is that of the one
// that is copied, but for the version. standard makes it the default version once it is
// served. It is a Conflict when the version is there.
func (s *Service) Copy(ctx context.Context, by *gatehouse.Member, id, version string, standard bool) (*gatehouse.API, error) {
	original, err := s.API(ctx, by, id)
	if err != nil {
		return nil, err
	}
	document, err := s.Store.Document(ctx, by.Organization.ID, id)
	if err != nil {
		return nil, err
	}
	known, err := s.Store.Scopes(ctx, by.Organization.ID)
	if err != nil {
		return nil, err
	}
	def := gatehouse.Definition{Document: document}
	for _, scope := range known {
		if slices.ContainsFunc(original.Resources, func(r gatehouse.Resource) bool { return slices.Contains(r.Scopes, scope.Name) }) {
			def.Scopes = append(def.Scopes, scope)
		}
	}
	a := *original
	a.Version, a.Settings.Default = version, standard
	return &a, s.create(ctx, by, &a, def)
}
