package apistore

import (
	"context"

	"github.com/gatehouse/gatehouse"
)

// NewApplication is what a developer says of an application to be made or changed.
type NewApplication struct {
	Name        string
	Description string
	Tier        string                // empty means Unlimited
	TokenFormat gatehouse.TokenFormat // empty means JWT
}

func (n NewApplication) apply(app *gatehouse.Application) error {
	app.Name, app.Description, app.Tier, app.TokenFormat = n.Name, n.Description, n.Tier, n.TokenFormat
	if app.Tier == "" {
		app.Tier = gatehouse.Unlimited
	}
	if app.TokenFormat == "" {
		app.TokenFormat = gatehouse.FormatJWT
	}
	return app.Validate()
}

func mayUseStore(by *gatehouse.Member) error {
	if !by.May(gatehouse.UseStore) {
		return gatehouse.Errorf(gatehouse.Forbidden, "using the API Store takes the role subscriber: ask an administrator of your organization")
	}
	return nil
}

// CreateApplication makes an application of the acting member.
func (s *Service) CreateApplication(ctx context.Context, by *gatehouse.Member, n NewApplication) (*gatehouse.Application, error) {
	app, err := s.newApplication(by, n)
	if err != nil {
		return nil, err
	}
	if err := s.Store.Provision(ctx, app, nil, nil); err != nil {
		if gatehouse.KindOf(err) == gatehouse.Conflict {
			return nil, gatehouse.Errorf(gatehouse.Conflict, "you have an application called %s already: choose another name", n.Name)
		}
		return nil, err
	}
	return app, nil
}

func (s *Service) newApplication(by *gatehouse.Member, n NewApplication) (*gatehouse.Application, error) {
	if err := mayUseStore(by); err != nil {
		return nil, err
	}
	now := s.Now()
	app := &gatehouse.Application{
		ID: gatehouse.NewID(now), OrgID: by.Organization.ID, OwnerID: by.ID, Owner: by.Username, CreatedAt: now,
	}
	return app, n.apply(app)
}

// Applications returns the acting member's applications, the oldest first.
func (s *Service) Applications(ctx context.Context, by *gatehouse.Member) ([]*gatehouse.Application, error) {
	if err := mayUseStore(by); err != nil {
		return nil, err
	}
	return s.Store.Applications(ctx, by.Organization.ID, by.ID)
}

// AllApplications returns everybody's applications in the organization of an
// administrator, the oldest first.
func (s *Service) AllApplications(ctx context.Context, by *gatehouse.Member) ([]*gatehouse.Application, error) {
	if !by.May(gatehouse.Administer) {
		return nil, gatehouse.Errorf(gatehouse.Forbidden, "only administrators see everybody's applications")
	}
	return s.Store.Applications(ctx, by.Organization.ID, "")
}

// Application returns an application of the acting member; administrators reach
// everybody's in their organization.
func (s *Service) Application(ctx context.Context, by *gatehouse.Member, id string) (*gatehouse.Application, error) {
	if err := mayUseStore(by); err != nil {
		return nil, err
	}
	app, err := s.Store.Application(ctx, by.Organization.ID, id)
	if err == nil && app.OwnerID != by.ID && !by.May(gatehouse.Administer) {
		return nil, gatehouse.Errorf(gatehouse.NotFound, "there is no such application")
	}
	return app, err
}

// UpdateApplication changes an application of the acting member.
func (s *Service) UpdateApplication(ctx context.Context, by *gatehouse.Member, id string, n NewApplication) (*gatehouse.Application, error) {
	if _, err := s.Application(ctx, by, id); err != nil {
		return nil, err
	}
	err := s.Store.UpdateApplication(ctx, by.Organization.ID, id, n.apply)
	if err != nil {
		return nil, err
	}
	return s.Application(ctx, by, id)
}

// DeleteApplication removes an application with its keys and subscriptions; its tokens
// end at once.
func (s *Service) DeleteApplication(ctx context.Context, by *gatehouse.Member, id string) error {
	if _, err := s.Application(ctx, by, id); err != nil {
		return err
	}
	return s.Store.DeleteApplication(ctx, by.Organization.ID, id)
}
