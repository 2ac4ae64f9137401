// Package publisher is what a publisher does: draw up APIs from OpenAPI documents, say
// who may subscribe, and move them along their lifecycle.
//
//	publisher.go          the service: import, change, move, delete
//	changes.go            what a publisher says of an API beside its document
//	security.go           which credentials open an API, and its client certificates
//	backend.go            what is kept of backends' secrets, and sealing them
//	version.go            new versions of an API
//	subscription.go       who subscribes, and blocking them
//	call.go               why calls of an API were answered as they were
//	openapi.go            an OpenAPI document to an API; openapi_*.go: its parts
//	openapi_problem.go    every problem of a document, with line and column
//
// It does not own the gateway, which learns of changes by the change feed.
package publisher

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Service serves publishers.
type Service struct {
	Store Store
	// Check refuses an API whose settings the gateway could not serve.
	Check   func(*gatehouse.API) error
	Tokens  Tokens
	Gateway Gateway
	// Secrets seals what backends are shown; needed for APIs that have such secrets.
	Secrets Secrets
	Now     func() time.Time
}

// Tokens issues internal keys.
type Tokens interface {
	IssueInternal(a *gatehouse.Authorization) (string, error)
}

// Gateway knows what became of calls.
type Gateway interface {
	// Remember stores the calls that this node remembers, so that they are found.
	Remember(ctx context.Context) error
	// Count stores what this node has counted of calls.
	Count(ctx context.Context) error
}

// Store keeps APIs.
type Store interface {
	CreateAPI(ctx context.Context, a *gatehouse.API, def gatehouse.Definition, rule func(apis []*gatehouse.API, scopes []gatehouse.Scope) error) error
	UpdateAPI(ctx context.Context, orgID, id string, rule func(a *gatehouse.API, def *gatehouse.Definition, scopes []gatehouse.Scope) error) error
	MoveAPI(ctx context.Context, orgID, id string, rule func(a *gatehouse.API, before []*gatehouse.API) (carryOver bool, err error)) error
	DeleteAPI(ctx context.Context, orgID, id string, rule func(a *gatehouse.API, subscriptions int64) error) error
	API(ctx context.Context, orgID, id string) (*gatehouse.API, error)
	APIs(ctx context.Context, org *gatehouse.Organization) ([]*gatehouse.API, error)
	Document(ctx context.Context, orgID, id string) (string, error)
	Scopes(ctx context.Context, orgID string) ([]gatehouse.Scope, error)

	Application(ctx context.Context, orgID, id string) (*gatehouse.Application, error)
	Subscription(ctx context.Context, orgID, id string) (*gatehouse.Subscription, error)
	SubscriptionsTo(ctx context.Context, orgID, apiID string) ([]gatehouse.Subscription, error)
	UpdateSubscription(ctx context.Context, orgID, id string, rule func(*gatehouse.Subscription) error) error

	Call(ctx context.Context, id string) (*gatehouse.Call, error)
	CallsTo(ctx context.Context, orgKey, apiID string, limit int) ([]*gatehouse.Call, error)
	Usage(ctx context.Context, orgID, apiID, applicationID string, q gatehouse.UsageQuery) ([]gatehouse.Usage, error)
}

func mayCreate(by *gatehouse.Member) error {
	if !by.May(gatehouse.CreateAPIs) {
		return gatehouse.Errorf(gatehouse.Forbidden, "drawing up APIs takes the role creator or publisher: ask an administrator of your organization")
	}
	return nil
}

// Import draws up an API from an OpenAPI document, in state CREATED, and returns it with
// warnings about the document. A bad document is refused with every problem's line; the
// name and version, or the context, of another API are a Conflict. Nothing is half
// stored.
func (s *Service) Import(ctx context.Context, by *gatehouse.Member, document []byte, c Changes) (*gatehouse.API, []string, error) {
	if err := mayCreate(by); err != nil {
		return nil, nil, err
	}
	draft, err := ReadOpenAPI(document)
	if err != nil {
		return nil, nil, err
	}
	if err := draft.checkPolicies(s.Check); err != nil {
		return nil, nil, err
	}
	a := draft.API
	c.Apply(&a)
	def := gatehouse.Definition{Document: string(document), Scopes: draft.Scopes}
	if err := s.create(ctx, by, &a, def); err != nil {
		return nil, nil, err
	}
	return &a, draft.Warnings, nil
}

// Create draws up an API without a document, in state CREATED.
func (s *Service) Create(ctx context.Context, by *gatehouse.Member, a gatehouse.API, scopes []gatehouse.Scope) (*gatehouse.API, error) {
	if err := mayCreate(by); err != nil {
		return nil, err
	}
	return &a, s.create(ctx, by, &a, gatehouse.Definition{Scopes: scopes})
}

func (s *Service) create(ctx context.Context, by *gatehouse.Member, a *gatehouse.API, def gatehouse.Definition) error {
	now := s.Now()
	a.ID, a.OrgID, a.OrgKey = gatehouse.NewID(now), by.Organization.ID, by.Organization.Key
	a.Provider, a.State, a.CreatedAt, a.UpdatedAt = by.Username, gatehouse.Created, now, now
	a.Context = strings.TrimSuffix(a.Context, "/{version}") // where it stands anyhow
	if len(a.Tiers) == 0 {
		for _, t := range gatehouse.SubscriptionTiers {
			a.Tiers = append(a.Tiers, t.Name)
		}
	}
	if err := s.valid(a, &def); err != nil {
		return err
	}
	return s.Store.CreateAPI(ctx, a, def, func(apis []*gatehouse.API, scopes []gatehouse.Scope) error {
		if err := clash(a, apis); err != nil {
			return err
		}
		return agree(def.Scopes, scopes, by)
	})
}

// clash refuses an API whose name and version, or whose context, is another's.
func clash(a *gatehouse.API, apis []*gatehouse.API) error {
	for _, other := range apis {
		sameName := strings.EqualFold(other.Name, a.Name)
		switch {
		case sameName && other.Version == a.Version:
			return gatehouse.Errorf(gatehouse.Conflict, "there is an API %s %s already: choose another version", other.Name, other.Version)
		case sameName && other.Context != a.Context:
			return gatehouse.Errorf(gatehouse.Conflict, "API %s has the context %s, which its versions share", other.Name, other.Context)
		case !sameName && other.Context == a.Context:
			return gatehouse.Errorf(gatehouse.Conflict, "the context %s belongs to API %s: choose another", other.Context, other.Name)
		case other.Path() == a.Path():
			return gatehouse.Errorf(gatehouse.Conflict, "API %s %s is at %s already: choose another context or version", other.Name, other.Version, other.Path())
		case !sameName && other.DefaultPath() == a.DefaultPath():
			return gatehouse.Errorf(gatehouse.Conflict, "the default version of API %s is at %s: choose another context", other.Name, other.DefaultPath())
		}
	}
	return nil
}

// agree checks each scope that a document defines, and that it is bound to the same
// roles as the organization's scope of that name, if there is one: a scope opens every
// API that names it, so one document must not widen it for the others.
func agree(defined, existing []gatehouse.Scope, by *gatehouse.Member) error {
	for i := range defined {
		d := &defined[i]
		if err := d.Validate(); err != nil {
			return err
		}
		for _, e := range existing {
			if e.Name == d.Name && !sameRoles(e.Roles, d.Roles) {
				return gatehouse.Errorf(gatehouse.Conflict,
					"the scope %s exists in %s, bound to %v: bind it to the same roles, or give this API's scope another name", e.Name, by.Organization.Key, e.Roles)
			}
		}
	}
	return nil
}

func sameRoles(a, b []gatehouse.Role) bool {
	sorted := func(roles []gatehouse.Role) []gatehouse.Role {
		s := slices.Clone(roles)
		slices.Sort(s)
		return slices.Compact(s)
	}
	return slices.Equal(sorted(a), sorted(b))
}

// APIs returns the organization's APIs in every state, by name and version.
func (s *Service) APIs(ctx context.Context, by *gatehouse.Member) ([]*gatehouse.API, error) {
	if err := mayCreate(by); err != nil {
		return nil, err
	}
	return s.Store.APIs(ctx, &by.Organization)
}

// API returns one of the organization's APIs.
func (s *Service) API(ctx context.Context, by *gatehouse.Member, id string) (*gatehouse.API, error) {
	if err := mayCreate(by); err != nil {
		return nil, err
	}
	return s.Store.API(ctx, by.Organization.ID, id)
}

// Document returns the OpenAPI document an API was drawn up from.
func (s *Service) Document(ctx context.Context, by *gatehouse.Member, id string) (string, error) {
	if err := mayCreate(by); err != nil {
		return "", err
	}
	return s.Store.Document(ctx, by.Organization.ID, id)
}

// Scopes returns the organization's scopes, by name.
func (s *Service) Scopes(ctx context.Context, by *gatehouse.Member) ([]gatehouse.Scope, error) {
	if err := mayCreate(by); err != nil {
		return nil, err
	}
	return s.Store.Scopes(ctx, by.Organization.ID)
}

// Update changes an API. Changing one that is served is publishing, and takes that
// right.
func (s *Service) Update(ctx context.Context, by *gatehouse.Member, id string, c Changes) (*gatehouse.API, error) {
	return s.update(ctx, by, id, func(a *gatehouse.API, _ *gatehouse.Definition, _ []gatehouse.Scope) error {
		c.Apply(a)
		return nil
	})
}

// UpdateDocument replaces an API's OpenAPI document, its resources and scopes. Its name,
// version and context stay, and so do the policies of each place where the document lists none.
func (s *Service) UpdateDocument(ctx context.Context, by *gatehouse.Member, id string, document []byte) (*gatehouse.API, error) {
	draft, err := ReadOpenAPI(document)
	if err != nil {
		return nil, err
	}
	if err := draft.checkPolicies(s.Check); err != nil {
		return nil, err
	}
	return s.update(ctx, by, id, func(a *gatehouse.API, def *gatehouse.Definition, scopes []gatehouse.Scope) error {
		if policies := draft.API.Settings.Policies; policies != nil {
			a.Settings.Policies = policies
		}
		a.Resources = withPolicies(draft.API.Resources, a.Resources)
		*def = gatehouse.Definition{Document: string(document), Scopes: draft.Scopes}
		return agree(def.Scopes, scopes, by)
	})
}

func (s *Service) update(ctx context.Context, by *gatehouse.Member, id string, rule func(*gatehouse.API, *gatehouse.Definition, []gatehouse.Scope) error) (*gatehouse.API, error) {
	if err := mayCreate(by); err != nil {
		return nil, err
	}
	var changed *gatehouse.API
	err := s.Store.UpdateAPI(ctx, by.Organization.ID, id, func(a *gatehouse.API, def *gatehouse.Definition, scopes []gatehouse.Scope) error {
		if a.Served() && !by.May(gatehouse.PublishAPIs) {
			return gatehouse.Errorf(gatehouse.Forbidden, "API %s is %s: changing it takes the role publisher", a.Name, a.State)
		}
		changed = a
		if err := rule(a, def, scopes); err != nil {
			return err
		}
		return s.valid(a, def)
	})
	return changed, err
}

// valid checks the rules of an API, and that the gateway can serve it. Then its secrets are
// sealed: what is stored holds none in the clear.
func (s *Service) valid(a *gatehouse.API, def *gatehouse.Definition) error {
	if err := a.Validate(); err != nil {
		return err
	}
	served := *a
	served.Document = def.Document
	if err := s.Check(&served); err != nil {
		return err
	}
	return s.seal(a)
}

// Delete removes an API. It is a Conflict while somebody subscribes to it and it is not
// retired.
func (s *Service) Delete(ctx context.Context, by *gatehouse.Member, id string) error {
	if err := mayCreate(by); err != nil {
		return err
	}
	return s.Store.DeleteAPI(ctx, by.Organization.ID, id, func(a *gatehouse.API, subscriptions int64) error {
		if a.Served() && !by.May(gatehouse.PublishAPIs) {
			return gatehouse.Errorf(gatehouse.Forbidden, "API %s is %s: deleting it takes the role publisher", a.Name, a.State)
		}
		if subscriptions > 0 && a.State != gatehouse.Retired {
			return gatehouse.Errorf(gatehouse.Conflict, "API %s %s has %d subscriptions: deprecate and retire it first", a.Name, a.Version, subscriptions)
		}
		return nil
	})
}
