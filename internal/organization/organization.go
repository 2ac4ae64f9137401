// Package organization is what people do about people: organizations, their members
// and roles, passwords, and the check at every sign-in.
//
//	organization.go   organizations
//	member.go         members, roles, passwords
//	import.go         people who come from another system, with their passwords
//	authenticate.go   username and password to member, at the same cost for everybody
//	slowdown.go       wrong passwords slow down the next ones
//	tier.go deny.go   tiers of an organization's own, and whom it keeps out
//	issuer.go         issuers whose assertions an organization trusts
//	password.go       Argon2id, a bounded number at a time
//	foreign.go        hashes that other systems made
//	strength.go       which passwords may be set
//
// It does not own sessions (package login) nor tokens (packages token and tokenapi).
package organization

import (
	"context"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Service serves organizations and their people.
type Service struct {
	Store     Store
	Passwords *Passwords
	Now       func() time.Time

	attempts attempts
}

// Store keeps organizations and people.
type Store interface {
	CreateOrganization(ctx context.Context, o *gatehouse.Organization, first *gatehouse.Member, passwordHash string) error
	Organization(ctx context.Context, key string) (*gatehouse.Organization, error)
	Organizations(ctx context.Context) ([]gatehouse.Organization, error)
	UpdateOrganization(ctx context.Context, key string, rule func(*gatehouse.Organization) error) error
	DeleteOrganization(ctx context.Context, key string) error
	Roles(ctx context.Context, orgID string) ([]gatehouse.Role, error)

	CreateUser(ctx context.Context, m *gatehouse.Member, passwordHash string) error
	CreateMember(ctx context.Context, m *gatehouse.Member) error
	Credentials(ctx context.Context, username string) (*gatehouse.User, string, error)
	Member(ctx context.Context, orgID, userID string) (*gatehouse.Member, error)
	MemberByUsername(ctx context.Context, orgID, username string) (*gatehouse.Member, error)
	Members(ctx context.Context, orgID string, offset, limit int) ([]*gatehouse.Member, error)
	Memberships(ctx context.Context, userID string) ([]gatehouse.Organization, error)
	UpdateMember(ctx context.Context, orgID, userID string, rule func(*gatehouse.Member) error) error
	DeleteMember(ctx context.Context, org *gatehouse.Organization, userID string) error
	SetPassword(ctx context.Context, userID, passwordHash string) error
	ReplacePasswordHash(ctx context.Context, userID, before, after string) error

	CreateIssuer(ctx context.Context, t *gatehouse.TrustedIssuer, atMost int) error
	Issuers(ctx context.Context, orgID string) ([]gatehouse.TrustedIssuer, error)
	DeleteIssuer(ctx context.Context, orgID, id string) error

	Tiers(ctx context.Context, orgID string) (gatehouse.Tiers, error)
	CreateTier(ctx context.Context, org *gatehouse.Organization, t *gatehouse.Tier, rule func(own []gatehouse.Tier) error) error
	UpdateTier(ctx context.Context, org *gatehouse.Organization, id string, rule func(*gatehouse.Tier) error) error
	DeleteTier(ctx context.Context, org *gatehouse.Organization, id string, rule func(*gatehouse.Tier, gatehouse.TierUses) error) error
	DenyPolicies(ctx context.Context, orgID string) ([]gatehouse.DenyPolicy, error)
	CreateDenyPolicy(ctx context.Context, org *gatehouse.Organization, d *gatehouse.DenyPolicy, rule func(all []gatehouse.DenyPolicy) error) error
	SwitchDenyPolicy(ctx context.Context, org *gatehouse.Organization, id string, active bool) error
	DeleteDenyPolicy(ctx context.Context, org *gatehouse.Organization, id string) error
}

// CreateOrganization makes an organization. Only the operator reaches it, by the
// command line. It is a Conflict when the key is taken.
func (s *Service) CreateOrganization(ctx context.Context, key, name string) (*gatehouse.Organization, error) {
	o := s.newOrganization(key, name)
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if err := s.Store.CreateOrganization(ctx, o, nil, ""); err != nil {
		if gatehouse.KindOf(err) == gatehouse.Conflict {
			return nil, gatehouse.Errorf(gatehouse.Conflict, "there is an organization %s already: choose another key", key)
		}
		return nil, err
	}
	return o, nil
}

// Organization returns the organization with a key.
func (s *Service) Organization(ctx context.Context, key string) (*gatehouse.Organization, error) {
	if !gatehouse.ValidOrganizationKey(key) {
		return nil, gatehouse.Errorf(gatehouse.NotFound, "there is no such organization")
	}
	return s.Store.Organization(ctx, key)
}

// Organizations returns every organization, by key. Only the operator reaches it.
func (s *Service) Organizations(ctx context.Context) ([]gatehouse.Organization, error) {
	return s.Store.Organizations(ctx)
}

// UpdateOrganization applies change to an organization. Only the operator reaches it.
func (s *Service) UpdateOrganization(ctx context.Context, key string, change func(*gatehouse.Organization)) error {
	return s.Store.UpdateOrganization(ctx, key, func(o *gatehouse.Organization) error {
		change(o)
		return o.Validate()
	})
}

// DeleteOrganization removes an organization with all it owns; tokens issued in it end
// at once. Only the operator reaches it.
func (s *Service) DeleteOrganization(ctx context.Context, key string) error {
	if key == gatehouse.DefaultOrganization {
		return gatehouse.Errorf(gatehouse.Conflict, "the organization %s cannot be deleted", key)
	}
	return s.Store.DeleteOrganization(ctx, key)
}

// Bootstrap makes the organization "default" with the user "admin" when it is not there
// yet, both or neither. The password is asked for only then; when it is empty one is made
// up and returned.
func (s *Service) Bootstrap(ctx context.Context, password func() (string, error)) (madeUp string, err error) {
	_, err = s.Store.Organization(ctx, gatehouse.DefaultOrganization)
	if gatehouse.KindOf(err) != gatehouse.NotFound {
		return "", err
	}
	chosen, err := password()
	if err != nil {
		return "", err
	}
	if chosen == "" {
		madeUp = gatehouse.RandomText(20)
		chosen = madeUp
	}
	org := s.newOrganization(gatehouse.DefaultOrganization, "Default")
	admin, err := s.newMember(NewUser{Username: "admin", Name: "Administrator", Password: chosen, Roles: []gatehouse.Role{gatehouse.Admin}}, org)
	if err != nil {
		return "", err
	}
	hash, err := s.Passwords.Hash(ctx, chosen)
	if err != nil {
		return "", err
	}
	return madeUp, s.Store.CreateOrganization(ctx, org, admin, hash)
}

func (s *Service) newOrganization(key, name string) *gatehouse.Organization {
	now := s.Now()
	return &gatehouse.Organization{ID: gatehouse.NewID(now), Key: key, Name: name, CreatedAt: now, PasswordGrant: true, SignUp: true}
}
