package organization

import (
	"context"
	"slices"

	"github.com/gatehouse/gatehouse"
)

// NewUser is a user to be made, as a member of an organization.
type NewUser struct {
	Username string
	Name     string
	Password string
	OrgKey   string
	Roles    []gatehouse.Role
}

// CreateUser makes a user and a member of an organization. Only the operator reaches
// it. A user who exists already becomes a member too, when the password is theirs:
// people are known once. It is a Conflict when they are a member, or it is not.
func (s *Service) CreateUser(ctx context.Context, u NewUser) (*gatehouse.Member, error) {
	org, err := s.Store.Organization(ctx, u.OrgKey)
	if err != nil {
		return nil, orgUnknown(err, u.OrgKey)
	}
	m, err := s.newMember(u, org)
	if err != nil {
		return nil, err
	}
	existing, hash, err := s.Store.Credentials(ctx, m.Username)
	switch {
	case gatehouse.KindOf(err) == gatehouse.NotFound:
		return m, s.create(ctx, m, u.Password)
	case err != nil:
		return nil, err
	}
	ok, err := s.Passwords.Verify(ctx, hash, u.Password)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, gatehouse.Errorf(gatehouse.Conflict, "the user %s exists already, with another password: give theirs to make them a member of %s", m.Username, u.OrgKey)
	}
	m.User = *existing
	if err := s.Store.CreateMember(ctx, m); err != nil {
		if gatehouse.KindOf(err) == gatehouse.Conflict {
			return nil, gatehouse.Errorf(gatehouse.Conflict, "%s is a member of %s already", m.Username, u.OrgKey)
		}
		return nil, err
	}
	return m, nil
}

func (s *Service) newMember(u NewUser, org *gatehouse.Organization) (*gatehouse.Member, error) {
	m, err := s.unproven(u, org)
	if err != nil {
		return nil, err
	}
	return m, CheckNewPassword(u.Password, Names(m.Username, u.Name, org)...)
}

// unproven is newMember without a look at the password.
func (s *Service) unproven(u NewUser, org *gatehouse.Organization) (*gatehouse.Member, error) {
	username, err := gatehouse.CanonicalUsername(u.Username)
	if err != nil {
		return nil, err
	}
	if err := gatehouse.CheckName("a user", u.Name); err != nil {
		return nil, err
	}
	for _, r := range u.Roles {
		if !gatehouse.ValidRole(r) {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "%q cannot be a role: use 1 to 100 letters, digits and ._/-", r)
		}
	}
	now := s.Now()
	user := gatehouse.User{ID: gatehouse.NewID(now), Username: username, Name: u.Name, CreatedAt: now}
	return &gatehouse.Member{User: user, Organization: *org, Roles: unique(u.Roles), JoinedAt: now}, nil
}

func (s *Service) create(ctx context.Context, m *gatehouse.Member, password string) error {
	hash, err := s.Passwords.Hash(ctx, password)
	if err != nil {
		return err
	}
	return s.Store.CreateUser(ctx, m, hash)
}

// SignUp makes a visitor of an organization's API Store a user with the role
// subscriber. It is Forbidden where the organization does not allow it, and a Conflict
// when the username is taken.
func (s *Service) SignUp(ctx context.Context, u NewUser) (*gatehouse.Member, error) {
	org, err := s.Organization(ctx, u.OrgKey)
	if err != nil {
		return nil, err
	}
	if !org.SignUp {
		return nil, gatehouse.Errorf(gatehouse.Forbidden, "%s does not let visitors sign up: ask one of its administrators", org.Name)
	}
	u.Roles = []gatehouse.Role{gatehouse.Subscriber}
	m, err := s.newMember(u, org)
	if err != nil {
		return nil, err
	}
	if err := s.create(ctx, m, u.Password); err != nil {
		if gatehouse.KindOf(err) == gatehouse.Conflict {
			return nil, gatehouse.Errorf(gatehouse.Conflict, "the username %s is taken: sign in, or choose another", m.Username)
		}
		return nil, err
	}
	return m, nil
}

// Member returns a user as a member of an organization, with the roles of now.
func (s *Service) Member(ctx context.Context, orgID, userID string) (*gatehouse.Member, error) {
	return s.Store.Member(ctx, orgID, userID)
}

// Members returns a page of the acting member's organization.
func (s *Service) Members(ctx context.Context, by *gatehouse.Member, offset, limit int) ([]*gatehouse.Member, error) {
	if !by.May(gatehouse.Administer) {
		return nil, gatehouse.Errorf(gatehouse.Forbidden, "only administrators see the members of an organization")
	}
	return s.Store.Members(ctx, by.Organization.ID, offset, limit)
}

// OrganizationMembers returns a page of an organization's members. Only the operator
// reaches it.
func (s *Service) OrganizationMembers(ctx context.Context, orgKey string, offset, limit int) ([]*gatehouse.Member, error) {
	org, err := s.Store.Organization(ctx, orgKey)
	if err != nil {
		return nil, orgUnknown(err, orgKey)
	}
	return s.Store.Members(ctx, org.ID, offset, limit)
}

// Memberships returns the organizations the acting member belongs to, by key.
func (s *Service) Memberships(ctx context.Context, by *gatehouse.Member) ([]gatehouse.Organization, error) {
	return s.Store.Memberships(ctx, by.ID)
}

// SetRoles gives a user the roles that they hold in an organization from now on. Only
// the operator reaches it.
func (s *Service) SetRoles(ctx context.Context, orgKey, username string, roles []gatehouse.Role) error {
	m, err := s.find(ctx, orgKey, username)
	if err != nil {
		return err
	}
	for _, r := range roles {
		if !gatehouse.ValidRole(r) {
			return gatehouse.Errorf(gatehouse.Invalid, "%q cannot be a role", r)
		}
	}
	return s.Store.UpdateMember(ctx, m.Organization.ID, m.ID, func(m *gatehouse.Member) error {
		m.Roles = unique(roles)
		return nil
	})
}

// RemoveMember removes a user from an organization; tokens that speak for them there
// end at once. Only the operator reaches it.
func (s *Service) RemoveMember(ctx context.Context, orgKey, username string) error {
	m, err := s.find(ctx, orgKey, username)
	if err != nil {
		return err
	}
	return s.Store.DeleteMember(ctx, &m.Organization, m.ID)
}

// SetPassword gives a user a new password; their sessions and every token that speaks
// for them end at once. Only the operator reaches it.
func (s *Service) SetPassword(ctx context.Context, username, password string) error {
	canonical, err := gatehouse.CanonicalUsername(username)
	if err != nil {
		return err
	}
	u, _, err := s.Store.Credentials(ctx, canonical)
	if err != nil {
		return err
	}
	return s.changePassword(ctx, u, password)
}

// ChangePassword does the same for the acting member, who proves the old one.
func (s *Service) ChangePassword(ctx context.Context, by *gatehouse.Member, old, password string) error {
	u, hash, err := s.Store.Credentials(ctx, by.Username)
	if err != nil {
		return err
	}
	ok, err := s.Passwords.Verify(ctx, hash, old)
	if err != nil {
		return err
	}
	if !ok {
		return gatehouse.Errorf(gatehouse.Invalid, "the old password is not right")
	}
	return s.changePassword(ctx, u, password)
}

func (s *Service) changePassword(ctx context.Context, u *gatehouse.User, password string) error {
	orgs, err := s.Store.Memberships(ctx, u.ID)
	if err != nil {
		return err
	}
	names := Names(u.Username, u.Name)
	for i := range orgs {
		names = append(names, Names("", "", &orgs[i])...)
	}
	if err := CheckNewPassword(password, names...); err != nil {
		return err
	}
	hash, err := s.Passwords.Hash(ctx, password)
	if err != nil {
		return err
	}
	return s.Store.SetPassword(ctx, u.ID, hash)
}

func (s *Service) find(ctx context.Context, orgKey, username string) (*gatehouse.Member, error) {
	org, err := s.Store.Organization(ctx, orgKey)
	if err != nil {
		return nil, orgUnknown(err, orgKey)
	}
	canonical, err := gatehouse.CanonicalUsername(username)
	if err != nil {
		return nil, err
	}
	m, err := s.Store.MemberByUsername(ctx, org.ID, canonical)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, gatehouse.Errorf(gatehouse.NotFound, "organization %s has no member %s", orgKey, canonical)
	}
	return m, err
}

func orgUnknown(err error, key string) error {
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return gatehouse.Errorf(gatehouse.NotFound, "there is no organization %s", key)
	}
	return err
}

func unique(roles []gatehouse.Role) []gatehouse.Role {
	sorted := slices.Clone(roles)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}
