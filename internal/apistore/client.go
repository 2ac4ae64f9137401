package apistore

import (
	"context"
	"crypto/subtle"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
)

// NewClient is what a client says of itself when it is registered or changed.
type NewClient struct {
	Name      string // of its application; empty means one that is made up
	Grants    []string
	Callbacks []string
	Metadata  gatehouse.ClientMetadata
	Secret    string // of a change: the one it has, when it says so
}

// Registration is a client as it is registered.
type Registration struct {
	Keys   *gatehouse.Keys
	Name   string
	Secret string // a consumer secret that was made just now; empty otherwise
	Token  string // opens the registration; a hash of it is kept
}

func (n *NewClient) keys() NewKeys {
	return NewKeys{Type: gatehouse.Production, Grants: n.Grants, Callbacks: n.Callbacks, Metadata: n.Metadata}
}

// RegisterClient makes an application of the acting member with keys for a client. It
// may ask for no scope that its owner could not hold.
func (s *Service) RegisterClient(ctx context.Context, by *gatehouse.Member, n NewClient) (*Registration, error) {
	if err := s.mayRegister(ctx, by, &n); err != nil {
		return nil, err
	}
	r := &Registration{Token: "ghreg_" + gatehouse.RandomText(43), Name: n.Name}
	n.Metadata.RegistrationHash = gatehouse.HashToken(r.Token)
	if r.Name == "" {
		r.Name = "Client " + gatehouse.RandomText(8)
	}
	app, err := s.newApplication(by, NewApplication{Name: r.Name})
	if err != nil {
		return nil, err
	}
	if r.Keys, r.Secret, err = s.newKeys(by, app, n.keys()); err != nil {
		return nil, err
	}
	err = s.Store.Provision(ctx, app, r.Keys, nil)
	if gatehouse.KindOf(err) == gatehouse.Conflict { // names need not be unique to clients
		app.Name = strings.TrimSpace(r.Name[:min(len(r.Name), 80)]) + " " + r.Keys.ConsumerKey[:8]
		if err := app.Validate(); err != nil {
			return nil, err
		}
		err = s.Store.Provision(ctx, app, r.Keys, nil)
	}
	return r, err
}

// mayRegister checks the rules of registration: whoever registers uses the Store, and
// scopes that the client names exist and are open to its owner.
func (s *Service) mayRegister(ctx context.Context, by *gatehouse.Member, n *NewClient) error {
	if err := mayUseStore(by); err != nil {
		return err
	}
	if n.Metadata.Scope == "" {
		return nil
	}
	asked, err := gatehouse.ParseScopes(n.Metadata.Scope)
	if err != nil {
		return err
	}
	known, err := s.Store.Scopes(ctx, by.Organization.ID)
	if err != nil {
		return err
	}
	lookUp := gatehouse.Known(known)
	for _, name := range asked {
		if scope := lookUp(name); strings.HasPrefix(name, "apim:") && (scope == nil || !scope.OpenTo(by.Roles)) {
			return gatehouse.Errorf(gatehouse.Invalid, "the scope %s is not open to whoever registers this client", name)
		}
	}
	return nil
}

// registered returns the client that a registration access token opens. No such client,
// another client's token and an owner who is gone are one answer.
func (s *Service) registered(ctx context.Context, consumerKey, token string) (*gatehouse.Client, error) {
	refused := gatehouse.Errorf(gatehouse.Unauthenticated, "this token does not open the registration of this client")
	c, err := s.Store.Client(ctx, consumerKey)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, refused
	}
	if err != nil {
		return nil, err
	}
	hash := c.Metadata.RegistrationHash
	if subtle.ConstantTimeCompare([]byte(hash), []byte(gatehouse.HashToken(token))) != 1 || c.Owner.Disabled {
		return nil, refused
	}
	return c, nil
}

// RegisteredClient returns the client that a registration access token opens.
func (s *Service) RegisteredClient(ctx context.Context, consumerKey, token string) (*Registration, error) {
	c, err := s.registered(ctx, consumerKey, token)
	if err != nil {
		return nil, err
	}
	return &Registration{Keys: &c.Keys, Name: c.Application.Name, Token: token}, nil
}

// UpdateClient replaces what a client says of itself. A client that needs a secret from
// now on and has none gets one. The name of its application stays.
func (s *Service) UpdateClient(ctx context.Context, consumerKey, token string, n NewClient) (*Registration, error) {
	c, err := s.registered(ctx, consumerKey, token)
	if err != nil {
		return nil, err
	}
	if err := s.mayRegister(ctx, &c.Owner, &n); err != nil {
		return nil, err
	}
	now := s.Now()
	if n.Secret != "" && c.Matches(n.Secret, now) == nil {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "the client_secret is not this client's")
	}
	r := &Registration{Name: c.Application.Name, Token: token}
	err = s.Store.UpdateKeys(ctx, consumerKey, func(k *gatehouse.Keys) error {
		n.Metadata.RegistrationHash, n.Metadata.PublicPassword = k.Metadata.RegistrationHash, k.Metadata.PublicPassword
		changed := n.keys()
		changed.Algorithm, changed.Access, changed.Refresh, changed.Grace, changed.RevokesBefore = k.Algorithm, k.Access, k.Refresh, k.Grace, k.RevokesBefore
		if err := changed.apply(k, &c.Organization); err != nil {
			return err
		}
		if k.Metadata.BySecret() && len(k.Secrets) == 0 {
			secret, kept := gatehouse.NewSecret("registration", now, time.Time{})
			r.Secret, k.Secrets = secret, []gatehouse.Secret{kept}
		}
		r.Keys = k
		return nil
	})
	return r, err
}

// DeleteClient removes a client, and its application when nothing else hangs on it. Its
// tokens end at once.
func (s *Service) DeleteClient(ctx context.Context, consumerKey, token string) error {
	c, err := s.registered(ctx, consumerKey, token)
	if err != nil {
		return err
	}
	all, err := s.Store.KeysOf(ctx, c.ApplicationID)
	if err != nil {
		return err
	}
	if len(all) > 1 {
		return s.Store.DeleteKeys(ctx, consumerKey)
	}
	return s.Store.DeleteApplication(ctx, c.Organization.ID, c.ApplicationID)
}
