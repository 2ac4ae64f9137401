package apistore

import (
	"context"
	"slices"
	"time"

	"github.com/gatehouse/gatehouse"
)

// NewKeys is what a developer says of keys to be made or changed. Zero fields mean the
// defaults.
type NewKeys struct {
	Type          gatehouse.KeyType
	Grants        []string
	Callbacks     []string
	Format        gatehouse.TokenFormat // empty leaves it as it is: at first, the application's
	Algorithm     string
	Access        time.Duration
	Refresh       time.Duration
	Grace         time.Duration
	RevokesBefore bool
	Metadata      gatehouse.ClientMetadata
}

func (n NewKeys) apply(k *gatehouse.Keys, org *gatehouse.Organization) error {
	k.Grants, k.Callbacks, k.Algorithm = n.Grants, n.Callbacks, n.Algorithm
	k.Access, k.Refresh, k.Grace, k.RevokesBefore = n.Access, n.Refresh, n.Grace, n.RevokesBefore
	k.Metadata = n.Metadata
	if len(k.Grants) == 0 {
		k.Grants = gatehouse.DefaultGrants
	}
	if n.Format != "" {
		k.Format = n.Format
	}
	if k.Algorithm == "" {
		k.Algorithm = "ES256"
	}
	if k.Access == 0 {
		k.Access = gatehouse.DefaultAccessLifetime
	}
	if k.Refresh == 0 {
		k.Refresh = gatehouse.DefaultRefreshLifetime
	}
	return k.Validate(org)
}

// newKeys makes keys for app with one secret, and returns the secret.
func (s *Service) newKeys(by *gatehouse.Member, app *gatehouse.Application, n NewKeys) (*gatehouse.Keys, string, error) {
	now := s.Now()
	k := &gatehouse.Keys{
		ConsumerKey: gatehouse.NewConsumerKey(), ApplicationID: app.ID, Type: n.Type, Format: app.TokenFormat, CreatedAt: now,
	}
	if k.Type == "" {
		k.Type = gatehouse.Production
	}
	if err := n.apply(k, &by.Organization); err != nil {
		return nil, "", err
	}
	if !k.Metadata.BySecret() {
		return k, "", nil
	}
	secret, kept := gatehouse.NewSecret("first", now, time.Time{})
	k.Secrets = []gatehouse.Secret{kept}
	return k, secret, nil
}

// GenerateKeys makes an application's keys of one type and returns them with their
// consumer secret, which nobody can show again. It is a Conflict when they exist.
func (s *Service) GenerateKeys(ctx context.Context, by *gatehouse.Member, applicationID string, n NewKeys) (*gatehouse.Keys, string, error) {
	app, err := s.Application(ctx, by, applicationID)
	if err != nil {
		return nil, "", err
	}
	k, secret, err := s.newKeys(by, app, n)
	if err != nil {
		return nil, "", err
	}
	if err := s.Store.Provision(ctx, nil, k, nil); err != nil {
		if gatehouse.KindOf(err) == gatehouse.Conflict {
			return nil, "", gatehouse.Errorf(gatehouse.Conflict, "%s has %s keys already: add a secret to them instead", app.Name, k.Type)
		}
		return nil, "", err
	}
	return k, secret, nil
}

// Keys returns an application's keys, by type.
func (s *Service) Keys(ctx context.Context, by *gatehouse.Member, applicationID string) ([]*gatehouse.Keys, error) {
	if _, err := s.Application(ctx, by, applicationID); err != nil {
		return nil, err
	}
	return s.Store.KeysOf(ctx, applicationID)
}

// KeysByType returns an application's keys of one type; NotFound when there are none.
func (s *Service) KeysByType(ctx context.Context, by *gatehouse.Member, applicationID string, t gatehouse.KeyType) (*gatehouse.Keys, error) {
	all, err := s.Keys(ctx, by, applicationID)
	if err != nil {
		return nil, err
	}
	for _, k := range all {
		if k.Type == t {
			return k, nil
		}
	}
	return nil, gatehouse.Errorf(gatehouse.NotFound, "the application has no %s keys: generate them first", t)
}

// UpdateKeys changes what an application's keys of one type may do.
func (s *Service) UpdateKeys(ctx context.Context, by *gatehouse.Member, applicationID string, n NewKeys) (*gatehouse.Keys, error) {
	k, err := s.KeysByType(ctx, by, applicationID, n.Type)
	if err != nil {
		return nil, err
	}
	err = s.Store.UpdateKeys(ctx, k.ConsumerKey, func(k *gatehouse.Keys) error {
		n := n
		n.Metadata = k.Metadata // the client's own to say
		return n.apply(k, &by.Organization)
	})
	if err != nil {
		return nil, err
	}
	return s.KeysByType(ctx, by, applicationID, n.Type)
}

// GrantUses returns how often keys of an application used each grant type that they ever
// used, some seconds late.
func (s *Service) GrantUses(ctx context.Context, by *gatehouse.Member, k *gatehouse.Keys) ([]gatehouse.GrantUse, error) {
	if _, err := s.Application(ctx, by, k.ApplicationID); err != nil {
		return nil, err
	}
	return s.Store.GrantUses(ctx, k.ConsumerKey)
}

// DeleteKeys removes an application's keys of one type; their tokens end at once.
func (s *Service) DeleteKeys(ctx context.Context, by *gatehouse.Member, applicationID string, t gatehouse.KeyType) error {
	k, err := s.KeysByType(ctx, by, applicationID, t)
	if err != nil {
		return err
	}
	return s.Store.DeleteKeys(ctx, k.ConsumerKey)
}

// AddSecret gives keys another consumer secret beside the ones they have, and returns
// it. A zero expires means that it has no end.
func (s *Service) AddSecret(ctx context.Context, by *gatehouse.Member, applicationID string, t gatehouse.KeyType, name string, expires time.Time) (string, *gatehouse.Secret, error) {
	k, err := s.KeysByType(ctx, by, applicationID, t)
	if err != nil {
		return "", nil, err
	}
	now := s.Now()
	if !expires.IsZero() && !expires.After(now) {
		return "", nil, gatehouse.Errorf(gatehouse.Invalid, "a secret must expire in the future")
	}
	if err := gatehouse.CheckName("a secret", name); err != nil {
		return "", nil, err
	}
	secret, kept := gatehouse.NewSecret(name, now, expires)
	err = s.Store.UpdateKeys(ctx, k.ConsumerKey, func(k *gatehouse.Keys) error {
		if len(k.Secrets) >= gatehouse.MaxSecrets {
			return gatehouse.Errorf(gatehouse.Conflict, "these keys have %d secrets: revoke one first", len(k.Secrets))
		}
		k.Secrets = append([]gatehouse.Secret{kept}, k.Secrets...)
		return nil
	})
	return secret, &kept, err
}

// RevokeSecret removes one consumer secret, and every token its consumer key was issued
// ends at once.
func (s *Service) RevokeSecret(ctx context.Context, by *gatehouse.Member, applicationID string, t gatehouse.KeyType, id string) error {
	k, err := s.KeysByType(ctx, by, applicationID, t)
	if err != nil {
		return err
	}
	return s.Store.DeleteSecret(ctx, k.ConsumerKey, id)
}

// Register makes the acting member's application with a name, if there is none, and
// returns its PRODUCTION keys with a consumer secret of their own. Registering the same
// name again adds a secret and breaks none; when there is no room for one more, the
// secret that was not used for the longest time makes room.
func (s *Service) Register(ctx context.Context, by *gatehouse.Member, app NewApplication, n NewKeys) (*gatehouse.Keys, string, error) {
	existing, err := s.Store.ApplicationByName(ctx, by.Organization.ID, by.ID, app.Name)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		k, secret, err := s.registerNew(ctx, by, app, n)
		if gatehouse.KindOf(err) != gatehouse.Conflict {
			return k, secret, err
		}
		// Another registration of the same name came first.
		existing, err = s.Store.ApplicationByName(ctx, by.Organization.ID, by.ID, app.Name)
		if err != nil {
			return nil, "", err
		}
	} else if err != nil {
		return nil, "", err
	}
	return s.registerAgain(ctx, by, existing, n)
}

// registerAgain gives the keys of an application that exists another secret, and makes
// them where there are none.
func (s *Service) registerAgain(ctx context.Context, by *gatehouse.Member, existing *gatehouse.Application, n NewKeys) (*gatehouse.Keys, string, error) {
	k, err := s.KeysByType(ctx, by, existing.ID, gatehouse.Production)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return s.GenerateKeys(ctx, by, existing.ID, n)
	}
	if err != nil {
		return nil, "", err
	}
	secret, kept := gatehouse.NewSecret("registration", s.Now(), time.Time{})
	err = s.Store.UpdateKeys(ctx, k.ConsumerKey, func(k *gatehouse.Keys) error {
		if len(k.Secrets) >= gatehouse.MaxSecrets {
			i := slices.IndexFunc(k.Secrets, func(s gatehouse.Secret) bool { return s.ID == idlest(k.Secrets).ID })
			k.Secrets = slices.Delete(k.Secrets, i, i+1)
		}
		k.Secrets = append([]gatehouse.Secret{kept}, k.Secrets...)
		return nil
	})
	return k, secret, err
}

func (s *Service) registerNew(ctx context.Context, by *gatehouse.Member, n NewApplication, nk NewKeys) (*gatehouse.Keys, string, error) {
	app, err := s.newApplication(by, n)
	if err != nil {
		return nil, "", err
	}
	k, secret, err := s.newKeys(by, app, nk)
	if err != nil {
		return nil, "", err
	}
	return k, secret, s.Store.Provision(ctx, app, k, nil)
}

// idlest returns the secret that was not used for the longest time.
func idlest(secrets []gatehouse.Secret) gatehouse.Secret {
	return slices.MinFunc(secrets, func(a, b gatehouse.Secret) int {
		return lastSeen(a).Compare(lastSeen(b))
	})
}

func lastSeen(s gatehouse.Secret) time.Time {
	if s.LastUsed.IsZero() {
		return s.CreatedAt
	}
	return s.LastUsed
}

// AccessToken issues an access token for an application of the acting member: for the
// application itself, with those of the asked scopes that its owner's roles allow. A
// zero lifetime means the keys' own.
func (s *Service) AccessToken(ctx context.Context, by *gatehouse.Member, applicationID string, t gatehouse.KeyType, scopes []string, lifetime time.Duration) (string, *gatehouse.Authorization, error) {
	k, err := s.KeysByType(ctx, by, applicationID, t)
	if err != nil {
		return "", nil, err
	}
	if lifetime != 0 {
		longer := *k
		longer.Access = lifetime
		if err := longer.Validate(&by.Organization); err != nil {
			return "", nil, err
		}
	}
	c, err := s.Store.Client(ctx, k.ConsumerKey)
	if err != nil {
		return "", nil, err
	}
	known, err := s.Store.Scopes(ctx, by.Organization.ID)
	if err != nil {
		return "", nil, err
	}
	a := c.Authorize(nil, gatehouse.Narrow(scopes, gatehouse.Known(known), c.Owner.Roles), s.Now())
	if lifetime != 0 {
		a.Lives(lifetime)
	}
	token, err := s.Tokens.Issue(ctx, c, a)
	return token, a, err
}
