package apistore

import (
	"context"

	"github.com/gatehouse/gatehouse"
)

// MaxCalls is how many calls are shown at most.
const MaxCalls = 100

// Calls returns the last calls that an application of the acting member made, the newest
// first.
func (s *Service) Calls(ctx context.Context, by *gatehouse.Member, applicationID string) ([]*gatehouse.Call, error) {
	if _, err := s.Application(ctx, by, applicationID); err != nil {
		return nil, err
	}
	if err := s.Gateway.Remember(ctx); err != nil {
		return nil, err
	}
	return s.Store.CallsOf(ctx, applicationID, MaxCalls)
}

// Call returns a call that an application of the acting member made, by the X-Request-Id
// of its answer.
func (s *Service) Call(ctx context.Context, by *gatehouse.Member, id string) (*gatehouse.Call, error) {
	if err := mayUseStore(by); err != nil {
		return nil, err
	}
	if err := s.Gateway.Remember(ctx); err != nil {
		return nil, err
	}
	c, err := s.Store.Call(ctx, id)
	if err != nil {
		return nil, noCall(err)
	}
	if _, err := s.Application(ctx, by, c.ApplicationID); err != nil {
		return nil, noCall(err)
	}
	return c, nil
}

// noCall makes one answer of a call that is not there and of one that is another's.
func noCall(err error) error {
	if gatehouse.KindOf(err) != gatehouse.NotFound {
		return err
	}
	return gatehouse.ErrNoCall
}

// Explain tells what would become of a call that nobody makes. A token in it must be one
// of the acting member's applications, or the member may draw up APIs.
func (s *Service) Explain(ctx context.Context, by *gatehouse.Member, q gatehouse.Question) (*gatehouse.Call, error) {
	if err := mayUseStore(by); err != nil {
		return nil, err
	}
	c, err := s.Gateway.Ask(ctx, q)
	if err != nil {
		return nil, err
	}
	if c.ApplicationID != "" {
		_, err := s.Application(ctx, by, c.ApplicationID)
		if err != nil && !(gatehouse.KindOf(err) == gatehouse.NotFound && c.OrgKey == by.Organization.Key && by.May(gatehouse.CreateAPIs)) {
			return nil, gatehouse.Errorf(gatehouse.Forbidden, "the token belongs to an application of somebody else")
		}
	}
	return c, nil
}
