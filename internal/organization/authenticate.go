package organization

import (
	"context"
	"net/netip"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// refused is the one answer to every sign-in that fails, whatever the reason.
func refused() error {
	return gatehouse.Errorf(gatehouse.Unauthenticated, "unknown user or wrong password")
}

// Authenticate proves who signs in to an organization, from an address, and returns the
// member. What follows the last @ of name is an organization key if there is such an
// organization, and must then be org's; else the whole name is the username.
//
// A wrong password, an unknown or disabled user, another organization's user, somebody
// who is slowed down after too many wrong passwords: all are the same Unauthenticated
// error and cost the same, one password hash. It is Unavailable when too many hashes are
// waiting. A hash that would not be made like this today is made anew.
func (s *Service) Authenticate(ctx context.Context, org *gatehouse.Organization, name, password string, from netip.Addr) (*gatehouse.Member, error) {
	if len(password) > gatehouse.MaxPassword {
		return nil, refused()
	}
	leave, err := s.Passwords.enter(ctx) // before the look-ups: who is one too many costs none
	if err != nil {
		return nil, err
	}
	defer leave()
	username, ours, err := s.resolve(ctx, org, name)
	if err != nil {
		return nil, err
	}
	m, hash, err := s.lookUp(ctx, org, username, ours)
	if err != nil {
		return nil, err
	}
	attempt, err := s.attempts.begin(ctx, username, from, s.Now)
	if err != nil {
		return nil, err
	}
	right := false
	defer func() { attempt.end(right, s.Now()) }()
	if hash == "" || m == nil || m.Disabled || attempt.slowed {
		hash = s.Passwords.decoy
	}
	right, err = s.Passwords.match(hash, password)
	if err != nil {
		return nil, err
	}
	if !right {
		return nil, refused()
	}
	return m, s.renew(ctx, m, hash, password)
}

// renew hashes a password anew, within its slot, when its hash is not made like today's.
// Nothing else changes: sessions and tokens stay.
func (s *Service) renew(ctx context.Context, m *gatehouse.Member, hash, password string) error {
	if isCurrent(hash) {
		return nil
	}
	better, err := s.Passwords.Hasher.Hash(password)
	if err != nil {
		return err
	}
	err = s.Store.ReplacePasswordHash(ctx, m.ID, hash, better)
	if gatehouse.KindOf(err) == gatehouse.Unavailable {
		return nil // the password is right, and the next sign-in does it
	}
	return err
}

// lookUp returns the member with a username in org and the hash of their password; nil and
// "" when there is none.
func (s *Service) lookUp(ctx context.Context, org *gatehouse.Organization, username string, ours bool) (*gatehouse.Member, string, error) {
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
