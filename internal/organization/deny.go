package organization

import (
	"context"

	"github.com/gatehouse/gatehouse"
)

// DenyPolicies returns the deny policies of the acting member's organization, the oldest
// first.
func (s *Service) DenyPolicies(ctx context.Context, by *gatehouse.Member) ([]gatehouse.DenyPolicy, error) {
	if err := mayAdminister(by); err != nil {
		return nil, err
	}
	return s.Store.DenyPolicies(ctx, by.Organization.ID)
}

// Deny adds a deny policy. It is in force at the gateway of this node when Deny returns,
// and a Conflict when there is one for the same.
func (s *Service) Deny(ctx context.Context, by *gatehouse.Member, d gatehouse.DenyPolicy) (*gatehouse.DenyPolicy, error) {
	if err := mayAdminister(by); err != nil {
		return nil, err
	}
	if err := d.Canonical(by.Organization.Key); err != nil {
		return nil, err
	}
	d.CreatedAt = s.Now()
	d.ID, d.OrgID = gatehouse.NewID(d.CreatedAt), by.Organization.ID
	return &d, s.Store.CreateDenyPolicy(ctx, &by.Organization, &d, d.Add)
}

// SwitchDenyPolicy switches a deny policy on or off.
func (s *Service) SwitchDenyPolicy(ctx context.Context, by *gatehouse.Member, id string, active bool) error {
	if err := mayAdminister(by); err != nil {
		return err
	}
	return s.Store.SwitchDenyPolicy(ctx, &by.Organization, id, active)
}

// DeleteDenyPolicy removes a deny policy.
func (s *Service) DeleteDenyPolicy(ctx context.Context, by *gatehouse.Member, id string) error {
	if err := mayAdminister(by); err != nil {
		return err
	}
	return s.Store.DeleteDenyPolicy(ctx, &by.Organization, id)
}
