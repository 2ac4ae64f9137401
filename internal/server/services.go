package server

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
	"github.com/gatehouse/gatehouse/internal/cluster"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/db"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/organization"
	"github.com/gatehouse/gatehouse/internal/publisher"
	"github.com/gatehouse/gatehouse/internal/token"
)

// Sizes of what a node holds in memory, in entries.
const (
	heldTokens  = 100_000
	heldClients = 50_000
	heldScopes  = 5_000 // organizations whose scopes are held
	heldAPIKeys = 50_000
	heldPeople  = 10_000 // who signed in at the gateway a moment ago
)

// Services are what people do, on an open store: all that a command line needs, and what
// a Server puts entry points around.
type Services struct {
	Organization *organization.Service
	Publisher    *publisher.Service
	APIStore     *apistore.Service

	db      *db.DB
	tokens  *token.Tokens
	changes *cluster.Changes
	clients *cluster.Cache[*gatehouse.Client]
	scopes  *cluster.Cache[[]gatehouse.Scope]
	apiKeys *cluster.Cache[*gatehouse.APIKey] // by the hash of the key
	apps    *cluster.Cache[*gatehouse.Client] // applications with their subscriptions, for API keys
	people  *people
}

// OpenServices opens the data folder and the store and wires the services to them. A
// server may run on the same store: it learns of what they change.
func OpenServices(ctx context.Context, c config.Config, log *slog.Logger) (*Services, error) {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	key, err := masterKey(c.Data)
	if err != nil {
		return nil, err
	}
	dsn := c.Database
	if !db.IsPostgres(dsn) {
		dsn = filepath.Join(c.Data, "gatehouse.db")
	}
	data, err := db.Open(ctx, dsn)
	if err != nil {
		return nil, err
	}
	passwords, err := organization.NewPasswords(c.HashWorkers, c.HashQueue)
	if err != nil {
		return nil, errors.Join(err, data.Close())
	}
	tokens := &token.Tokens{
		Keys:    &token.Keys{Store: data, MasterKey: key, Now: time.Now},
		Revoked: &token.Revoked{Store: data, Now: time.Now},
		Store:   data,
		Cache:   token.NewCache(heldTokens),
		Now:     time.Now,
	}
	s := &Services{
		Organization: &organization.Service{Store: data, Passwords: passwords, Now: time.Now},
		Publisher:    &publisher.Service{Store: data, Check: checkAPI(c.MaxBackendTimeout), Tokens: tokens, Secrets: vault{key}, Now: time.Now},
		APIStore:     &apistore.Service{Store: data, Tokens: tokens, Now: time.Now},
		db:           data,
		tokens:       tokens,
		changes:      &cluster.Changes{Feed: data, Log: log},
		clients:      cluster.NewCache(heldClients, data.Client),
		scopes:       cluster.NewCache(heldScopes, data.Scopes),
		apiKeys:      cluster.NewCache(heldAPIKeys, data.APIKey),
		apps:         cluster.NewCache(heldClients, data.ApplicationClient),
	}
	s.people = newPeople(s.Organization, s, heldPeople, time.Now)
	tokens.Rights = s
	return s, nil
}

// derive returns a key for one purpose, the same on every node with the master key.
func (s *Services) derive(purpose string) []byte {
	mac := hmac.New(sha256.New, s.tokens.Keys.MasterKey[:])
	mac.Write([]byte(purpose))
	return mac.Sum(nil)
}

// SigningKeys returns the keys that sign tokens, for the operator.
func (s *Services) SigningKeys() *token.Keys { return s.tokens.Keys }

// Close closes the store.
func (s *Services) Close() error { return s.db.Close() }

// Client returns what is known of a consumer key, from memory where it is held.
func (s *Services) Client(ctx context.Context, consumerKey string) (*gatehouse.Client, error) {
	return s.clients.Get(ctx, consumerKey)
}

// Scopes returns the scopes of an organization, from memory where they are held.
func (s *Services) Scopes(ctx context.Context, orgID string) ([]gatehouse.Scope, error) {
	return s.scopes.Get(ctx, orgID)
}

// APIKey returns what is known of an API key, and of the application whose subscriptions
// it uses, from memory where it is held.
func (s *Services) APIKey(ctx context.Context, key string) (*gatehouse.APIKey, *gatehouse.Client, error) {
	k, err := s.apiKeys.Get(ctx, gatehouse.HashToken(key))
	if err != nil || k.ApplicationID == "" {
		return k, nil, err
	}
	app, err := s.apps.Get(ctx, k.ApplicationID)
	return k, app, err
}

// Narrow returns what the user that a speaks for may hold now of a's scopes.
func (s *Services) Narrow(ctx context.Context, a *gatehouse.Authorization) ([]string, error) {
	c, err := s.Client(ctx, a.ConsumerKey)
	if err != nil {
		return nil, err
	}
	m, err := s.Organization.Member(ctx, c.Organization.ID, a.Subject)
	if err != nil {
		return nil, err
	}
	known, err := s.Scopes(ctx, c.Organization.ID)
	return gatehouse.Narrow(a.Scopes, gatehouse.Known(known), m.Roles), err
}

// Acting returns the member that an access token acts as: its user, or the owner of the
// application that it was issued to.
func (s *Services) Acting(ctx context.Context, a *gatehouse.Authorization) (*gatehouse.Member, error) {
	c, err := s.Client(ctx, a.ConsumerKey)
	if err != nil {
		return nil, err
	}
	if a.For == gatehouse.ForApplication {
		return &c.Owner, nil
	}
	return s.Organization.Member(ctx, c.Organization.ID, a.Subject)
}

// follow keeps what this node holds in memory true: each change of the store, whoever
// made it, drops or reads again what it names, and has calls that last looked at again,
// which may have lost their right.
func (s *Services) follow(ctx context.Context, log *slog.Logger, g *gateway.Gateway) error {
	drop := func(f func(string)) func(context.Context, string) error {
		return func(_ context.Context, id string) error {
			f(id)
			return nil
		}
	}
	s.changes.Subscribe(gatehouse.ClientChanged, drop(s.clients.Drop))
	s.changes.Subscribe(gatehouse.ScopesChanged, drop(func(org string) {
		s.scopes.Drop(org)
		s.tokens.RightsChanged() // after the drop: who reads from now on reads the new ones
		s.people.drop("")
	}))
	s.changes.Subscribe(gatehouse.RolesChanged, drop(func(string) { s.tokens.RightsChanged() }))
	s.changes.Subscribe(gatehouse.APIKeyChanged, drop(s.apiKeys.Drop))
	s.changes.Subscribe(gatehouse.ApplicationChanged, drop(s.apps.Drop))
	s.changes.Subscribe(gatehouse.MemberChanged, drop(s.people.drop))
	s.changes.Subscribe(gatehouse.TokensRevoked, s.tokens.Revoked.Apply)
	s.changes.Subscribe(gatehouse.KeysRotated, func(ctx context.Context, _ string) error { return s.tokens.KeysChanged(ctx) })
	s.changes.Subscribe(gatehouse.APIChanged, g.Apply)
	s.changes.Subscribe(gatehouse.RulesChanged, g.ApplyRules)
	for _, noun := range []gatehouse.Noun{
		gatehouse.APIChanged, gatehouse.RulesChanged, gatehouse.ClientChanged, gatehouse.TokensRevoked, gatehouse.KeysRotated, gatehouse.ScopesChanged, gatehouse.RolesChanged,
		gatehouse.APIKeyChanged, gatehouse.ApplicationChanged,
	} {
		s.changes.Subscribe(noun, drop(func(string) { g.Changed() }))
	}
	if err := s.changes.Start(ctx); err != nil {
		return err
	}
	if err := errors.Join(s.tokens.Revoked.Load(ctx), s.tokens.Keys.Load(ctx)); err != nil {
		return err
	}
	s.db.OnChange = func(ctx context.Context) {
		if err := s.changes.Sync(context.WithoutCancel(ctx)); err != nil {
			log.WarnContext(ctx, "a change is stored and not in force here yet; it is tried again", "err", err)
		}
	}
	return nil
}
