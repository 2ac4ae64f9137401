package publisher

import (
	"context"

	"github.com/gatehouse/gatehouse"
)

// Usage returns how often an API of the organization was called, or all of its APIs when
// none is named.
func (s *Service) Usage(ctx context.Context, by *gatehouse.Member, apiID string, q gatehouse.UsageQuery) ([]gatehouse.Usage, error) {
	if err := mayCreate(by); err != nil {
		return nil, err
	}
	if apiID != "" {
		if _, err := s.API(ctx, by, apiID); err != nil {
			return nil, err
		}
	}
	if err := q.Validate(s.Now()); err != nil {
		return nil, err
	}
	if err := s.Gateway.Count(ctx); err != nil {
		return nil, err
	}
	return s.Store.Usage(ctx, by.Organization.ID, apiID, "", q)
}
