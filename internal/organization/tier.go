package organization

import (
	"context"

	"github.com/gatehouse/gatehouse"
)

func mayAdminister(by *gatehouse.Member) error {
	if !by.May(gatehouse.Administer) {
		return gatehouse.Errorf(gatehouse.Forbidden, "tiers and deny policies take the role admin")
	}
	return nil
}

// Tiers returns all tiers of an organization. Anybody may look, as at the APIs that offer
// them.
func (s *Service) Tiers(ctx context.Context, org *gatehouse.Organization) (gatehouse.Tiers, error) {
	return s.Store.Tiers(ctx, org.ID)
}

// CreateTier makes a tier of the acting member's organization. It is a Conflict when there
// is one of that name, its own or built in.
func (s *Service) CreateTier(ctx context.Context, by *gatehouse.Member, t gatehouse.Tier) (*gatehouse.Tier, error) {
	if err := mayAdminister(by); err != nil {
		return nil, err
	}
	t.CreatedAt = s.Now()
	t.ID, t.OrgID = gatehouse.NewID(t.CreatedAt), by.Organization.ID
	if err := t.Validate(); err != nil {
		return nil, err
	}
	return &t, s.Store.CreateTier(ctx, &by.Organization, &t, t.Add)
}

// UpdateTier changes a tier's texts and terms; its name and level stay. What was counted
// stays counted, unless the limit's window is another one now.
func (s *Service) UpdateTier(ctx context.Context, by *gatehouse.Member, id string, to gatehouse.Tier) (*gatehouse.Tier, error) {
	if err := mayAdminister(by); err != nil {
		return nil, err
	}
	var changed gatehouse.Tier
	err := s.Store.UpdateTier(ctx, &by.Organization, id, func(t *gatehouse.Tier) error {
		if to.Level != t.Level {
			return gatehouse.Errorf(gatehouse.NotFound, "there is no such tier")
		}
		if to.Name != "" && to.Name != t.Name {
			return gatehouse.Errorf(gatehouse.Invalid, "a tier's name never changes: it is %q", t.Name)
		}
		t.DisplayName, t.Description, t.Terms = to.DisplayName, to.Description, to.Terms
		changed = *t
		return t.Validate()
	})
	return &changed, err
}

// DeleteTier removes a tier. It is a Conflict while something uses it.
func (s *Service) DeleteTier(ctx context.Context, by *gatehouse.Member, level gatehouse.TierLevel, id string) error {
	if err := mayAdminister(by); err != nil {
		return err
	}
	return s.Store.DeleteTier(ctx, &by.Organization, id, func(t *gatehouse.Tier, uses gatehouse.TierUses) error {
		if t.Level != level {
			return gatehouse.Errorf(gatehouse.NotFound, "there is no such tier")
		}
		return t.Deletable(uses)
	})
}
