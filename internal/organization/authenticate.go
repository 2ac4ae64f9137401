package organization

import (
	"context"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// refused is the one answer to every sign-in that fails, whatever the reason.
func refused() error {
	return gatehouse.Errorf(gatehouse.Unauthenticated, "unknown user or wrong password")
}

// Authenticate proves who signs in to an organization and returns the member. What
// follows the last @ of name is an organization key if there is such an organization,
// and must then be org's; else the whole name is the username.
//
// A wrong password, an unknown or disabled user, another organization's user: all are
// the same Unauthenticated error and cost the same, one password hash. It is
// Unavailable when too many hashes are waiting.
func (s *Service) Authenticate(ctx context.Context, org *gatehouse.Organization, name, password string) (*gatehouse.Member, error) {
	if len(password) > gatehouse.MaxPassword {
		return nil, refused()
	}
	m, hash, err := s.lookUp(ctx, org, name)
	if err != nil {
		return nil, err
	}
	if hash == "" {
		hash = s.Passwords.decoy
	}
	ok, err := s.Passwords.Verify(ctx, hash, password)
	if err != nil {
		return nil, err
	}
	if !ok || m == nil || m.Disabled {
		return nil, refused()
	}
	return m, nil
}

// lookUp returns the member that name means in org and the hash of their password; nil
// and "" when there is none.
func (s *Service) lookUp(ctx context.Context, org *gatehouse.Organization, name string) (*gatehouse.Member, string, error) {
	username, ours, err := s.resolve(ctx, org, name)
	if err != nil {
		return nil, "", err
	}
	_, hash, err := s.Store.Credentials(ctx, username)
	if err != nil && gatehouse.KindOf(err) != gatehouse.NotFound {
		return nil, "", err
	}
	m, err := s.Store.MemberByUsername(ctx, org.ID, username)
	if gatehouse.KindOf(err) == gatehouse.NotFound || err == nil && !ours {
		return nil, hash, nil
	}
	return m, hash, err
}

// resolve splits name into the username and whether it may mean a member of org.
func (s *Service) resolve(ctx context.Context, org *gatehouse.Organization, name string) (username string, ours bool, err error) {
	username, ours = name, true
	if at := strings.LastIndexByte(name, '@'); at >= 0 && gatehouse.ValidOrganizationKey(name[at+1:]) {
		key := name[at+1:]
		_, err := s.Store.Organization(ctx, key)
		switch {
		case err == nil:
			username, ours = name[:at], key == org.Key
		case gatehouse.KindOf(err) != gatehouse.NotFound:
			return "", false, err
		}
	}
	canonical, err := gatehouse.CanonicalUsername(username)
	if err != nil {
		return "", false, nil
	}
	return canonical, ours, nil
}
