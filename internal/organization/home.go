package organization

import (
	"context"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// Home returns the organization that somebody signs in to when nothing but their name
// tells: the one whose key follows the last @, else "default" if they are a member of
// it or of none, else the first of theirs by key. It proves nothing; Authenticate does.
func (s *Service) Home(ctx context.Context, name string) (*gatehouse.Organization, error) {
	if at := strings.LastIndexByte(name, '@'); at >= 0 {
		org, err := s.Organization(ctx, name[at+1:])
		if gatehouse.KindOf(err) != gatehouse.NotFound {
			return org, err
		}
	}
	home, err := s.Store.Organization(ctx, gatehouse.DefaultOrganization)
	if err != nil {
		return nil, err
	}
	username, err := gatehouse.CanonicalUsername(name)
	if err != nil {
		return home, nil
	}
	u, _, err := s.Store.Credentials(ctx, username)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return home, nil
	}
	if err != nil {
		return nil, err
	}
	theirs, err := s.Store.Memberships(ctx, u.ID)
	if err != nil || len(theirs) == 0 {
		return home, err
	}
	for i := range theirs {
		if theirs[i].Key == home.Key {
			return home, nil
		}
	}
	return &theirs[0], nil
}
