package organization

import (
	"context"

	"github.com/gatehouse/gatehouse"
)

// ImportedUser is a user who comes from another system, with the hash of the password
// that they have there.
type ImportedUser struct {
	Username string
	Name     string
	Hash     string // of a kind that foreign.go reads
	Salt     string // of a WSO2 user store, where Hash is the digest in its column alone
	OrgKey   string
	Roles    []gatehouse.Role
}

// ImportUser makes a user who keeps the password of another system, as a member of an
// organization. Only the operator reaches it. A user who exists already is a Conflict:
// whoever wrote the file does not prove to be them.
func (s *Service) ImportUser(ctx context.Context, u ImportedUser) error {
	org, err := s.Store.Organization(ctx, u.OrgKey)
	if err != nil {
		return orgUnknown(err, u.OrgKey)
	}
	hash := u.Hash
	if u.Salt != "" {
		hash = wso2Prefix + u.Salt + "$" + u.Hash
	}
	if _, err := readHash(hash); err != nil {
		return err
	}
	m, err := s.unproven(NewUser{Username: u.Username, Name: u.Name, Roles: u.Roles}, org)
	if err != nil {
		return err
	}
	err = s.Store.CreateUser(ctx, m, hash)
	if gatehouse.KindOf(err) == gatehouse.Conflict {
		return gatehouse.Errorf(gatehouse.Conflict, "the user %s exists already", m.Username)
	}
	return err
}
