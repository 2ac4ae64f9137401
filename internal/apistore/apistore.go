// Package apistore is what a developer does in the API Store: find APIs, make
// applications and their keys, subscribe, get a token.
//
//	apistore.go       the catalogue
//	application.go    applications
//	keys.go           consumer keys and secrets, registration of clients
//	client.go         clients that register themselves
//	apikey.go         API keys
//	subscription.go   subscriptions, and everything at one press
//	call.go           why calls were answered as they were
//
// Every method takes the acting member, and what belongs to somebody else is answered
// like what is not there. It does not own publishing (package publisher).
package apistore

import (
	"context"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Service serves developers.
type Service struct {
	Store   Store
	Tokens  Tokens
	Gateway Gateway
	Now     func() time.Time
}

// Gateway knows what became of calls.
type Gateway interface {
	// Remember stores the calls that this node remembers, so that they are found.
	Remember(ctx context.Context) error
	// Count stores what this node has counted of calls.
	Count(ctx context.Context) error
	// Ask tells what would become of a call.
	Ask(ctx context.Context, q gatehouse.Question) (*gatehouse.Call, error)
}

// Store keeps what developers make.
type Store interface {
	APIs(ctx context.Context, org *gatehouse.Organization) ([]*gatehouse.API, error)
	API(ctx context.Context, orgID, id string) (*gatehouse.API, error)
	Document(ctx context.Context, orgID, id string) (string, error)
	Scopes(ctx context.Context, orgID string) ([]gatehouse.Scope, error)

	Provision(ctx context.Context, app *gatehouse.Application, keys *gatehouse.Keys, sub *gatehouse.Subscription) error
	Application(ctx context.Context, orgID, id string) (*gatehouse.Application, error)
	ApplicationByName(ctx context.Context, orgID, ownerID, name string) (*gatehouse.Application, error)
	Applications(ctx context.Context, orgID, ownerID string) ([]*gatehouse.Application, error)
	UpdateApplication(ctx context.Context, orgID, id string, rule func(*gatehouse.Application) error) error
	DeleteApplication(ctx context.Context, orgID, id string) error

	KeysOf(ctx context.Context, applicationID string) ([]*gatehouse.Keys, error)
	UpdateKeys(ctx context.Context, consumerKey string, rule func(*gatehouse.Keys) error) error
	DeleteKeys(ctx context.Context, consumerKey string) error
	DeleteSecret(ctx context.Context, consumerKey, id string) error
	Client(ctx context.Context, consumerKey string) (*gatehouse.Client, error)
	GrantUses(ctx context.Context, consumerKey string) ([]gatehouse.GrantUse, error)

	CreateAPIKey(ctx context.Context, k *gatehouse.APIKey, rule func(existing []*gatehouse.APIKey) error) error
	APIKeysOfApplication(ctx context.Context, orgID, applicationID string) ([]*gatehouse.APIKey, error)
	APIKeysOfAPI(ctx context.Context, orgID, apiID, ownerID string) ([]*gatehouse.APIKey, error)
	UpdateAPIKey(ctx context.Context, orgID, id string, rule func(*gatehouse.APIKey) error) error
	DeleteAPIKey(ctx context.Context, orgID, id string, rule func(*gatehouse.APIKey) error) error

	Subscription(ctx context.Context, orgID, id string) (*gatehouse.Subscription, error)
	SubscriptionsOf(ctx context.Context, applicationID string) ([]gatehouse.Subscription, error)
	SubscriptionsTo(ctx context.Context, orgID, apiID string) ([]gatehouse.Subscription, error)
	UpdateSubscription(ctx context.Context, orgID, id string, rule func(*gatehouse.Subscription) error) error
	DeleteSubscription(ctx context.Context, orgID, id string) error

	Call(ctx context.Context, id string) (*gatehouse.Call, error)
	CallsOf(ctx context.Context, applicationID string, limit int) ([]*gatehouse.Call, error)
	Usage(ctx context.Context, orgID, apiID, applicationID string, q gatehouse.UsageQuery) ([]gatehouse.Usage, error)
}

// Tokens issues access tokens.
type Tokens interface {
	Issue(ctx context.Context, c *gatehouse.Client, a *gatehouse.Authorization) (string, error)
}

// APIs returns the APIs that an organization's Store shows, by name and version: those
// whose name, description, tags or context hold every word of search. Anybody may look.
func (s *Service) APIs(ctx context.Context, org *gatehouse.Organization, search string) ([]*gatehouse.API, error) {
	all, err := s.Store.APIs(ctx, org)
	if err != nil {
		return nil, err
	}
	words := strings.Fields(strings.ToLower(search))
	var shown []*gatehouse.API
	for _, a := range all {
		if visible(a) && holdsAll(a, words) {
			shown = append(shown, a)
		}
	}
	return shown, nil
}

// visible reports whether the Store shows a.
func visible(a *gatehouse.API) bool {
	return a.State == gatehouse.Published || a.State == gatehouse.Prototyped || a.State == gatehouse.Deprecated
}

func holdsAll(a *gatehouse.API, words []string) bool {
	text := strings.ToLower(strings.Join(append([]string{a.Name, a.Version, a.Context, a.Description}, a.Tags...), " "))
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// API returns an API that an organization's Store shows. Anybody may look.
func (s *Service) API(ctx context.Context, org *gatehouse.Organization, id string) (*gatehouse.API, error) {
	a, err := s.Store.API(ctx, org.ID, id)
	if err == nil && !visible(a) {
		return nil, gatehouse.Errorf(gatehouse.NotFound, "there is no such API")
	}
	return a, err
}

// Document returns the OpenAPI document of an API that the Store shows.
func (s *Service) Document(ctx context.Context, org *gatehouse.Organization, id string) (string, error) {
	if _, err := s.API(ctx, org, id); err != nil {
		return "", err
	}
	return s.Store.Document(ctx, org.ID, id)
}

// ScopesOf returns the scopes that an API's resources name, each once, by name.
func (s *Service) ScopesOf(ctx context.Context, org *gatehouse.Organization, apis ...*gatehouse.API) ([]gatehouse.Scope, error) {
	all, err := s.Store.Scopes(ctx, org.ID)
	if err != nil {
		return nil, err
	}
	named := map[string]bool{}
	for _, a := range apis {
		for i := range a.Resources {
			for _, scope := range a.Resources[i].Scopes {
				named[scope] = true
			}
		}
	}
	var scopes []gatehouse.Scope
	for _, scope := range all {
		if named[scope.Name] {
			scopes = append(scopes, scope)
		}
	}
	return scopes, nil
}
