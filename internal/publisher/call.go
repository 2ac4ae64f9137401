package publisher

import (
	"context"

	"github.com/gatehouse/gatehouse"
)

// MaxCalls is how many calls are shown at most.
const MaxCalls = 100

// Calls returns the last calls of an API, the newest first.
func (s *Service) Calls(ctx context.Context, by *gatehouse.Member, apiID string) ([]*gatehouse.Call, error) {
	if _, err := s.API(ctx, by, apiID); err != nil {
		return nil, err
	}
	if err := s.Gateway.Remember(ctx); err != nil {
		return nil, err
	}
	return s.Store.CallsTo(ctx, by.Organization.Key, apiID, MaxCalls)
}

// Call returns a call of one of the organization's APIs, or one to a path of the
// organization where there is no API, by the X-Request-Id of its answer.
func (s *Service) Call(ctx context.Context, by *gatehouse.Member, id string) (*gatehouse.Call, error) {
	if err := mayCreate(by); err != nil {
		return nil, err
	}
	if err := s.Gateway.Remember(ctx); err != nil {
		return nil, err
	}
	c, err := s.Store.Call(ctx, id)
	if gatehouse.KindOf(err) == gatehouse.NotFound || err == nil && c.OrgKey != by.Organization.Key {
		return nil, gatehouse.ErrNoCall
	}
	return c, err
}
