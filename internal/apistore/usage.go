package apistore

import (
	"context"

	"github.com/gatehouse/gatehouse"
)

// Usage returns how often an application of the acting member called which APIs of its
// organization.
func (s *Service) Usage(ctx context.Context, by *gatehouse.Member, applicationID string, q gatehouse.UsageQuery) ([]gatehouse.Usage, error) {
	if _, err := s.Application(ctx, by, applicationID); err != nil {
		return nil, err
	}
	if err := q.Validate(s.Now()); err != nil {
		return nil, err
	}
	if err := s.Gateway.Count(ctx); err != nil {
		return nil, err
	}
	return s.Store.Usage(ctx, by.Organization.ID, "", applicationID, q)
}
