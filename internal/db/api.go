package db

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db/query"
)

func api(r query.API, orgKey string) (*gatehouse.API, error) {
	a := &gatehouse.API{
		ID: r.ID, OrgID: r.OrgID, OrgKey: orgKey, Name: r.Name, Version: r.Version, Context: r.Context,
		Description: r.Description, Provider: r.Provider, State: gatehouse.State(r.State),
		Production: r.Production, Sandbox: r.Sandbox, Approval: r.Approval, CreatedAt: moment(r.CreatedAt), UpdatedAt: moment(r.UpdatedAt),
	}
	var err error
	if a.Tiers, err = list[string](r.Tiers); err != nil {
		return nil, err
	}
	if a.Resources, err = list[gatehouse.Resource](r.Resources); err != nil {
		return nil, err
	}
	if a.Tags, err = list[string](r.Tags); err != nil {
		return nil, err
	}
	a.Settings, err = settings(r.Settings)
	return a, err
}

func settings(s string) (gatehouse.Settings, error) {
	var read gatehouse.Settings
	if err := json.Unmarshal([]byte(s), &read); err != nil {
		return read, fmt.Errorf("stored settings are damaged: %w", err)
	}
	return read, nil
}

// CreateAPI stores a new API with its definition. The rule sees the organization's
// APIs and scopes of now and may refuse; it runs in the same transaction, in which the
// tiers that the API names must be there too.
func (db *DB) CreateAPI(ctx context.Context, a *gatehouse.API, def gatehouse.Definition, rule func(apis []*gatehouse.API, scopes []gatehouse.Scope) error) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		apis, err := t.apis(ctx, a.OrgID, a.OrgKey)
		if err != nil {
			return err
		}
		scopes, err := t.scopes(ctx, a.OrgID)
		if err != nil {
			return err
		}
		if err := rule(apis, scopes); err != nil {
			return err
		}
		if err := t.checkTiers(ctx, a.OrgID, a.CheckTiers); err != nil {
			return err
		}
		err = t.CreateAPI(ctx, query.CreateAPIParams{
			ID: a.ID, OrgID: a.OrgID, Name: a.Name, NameKey: strings.ToLower(a.Name), Version: a.Version, Context: a.Context,
			Description: a.Description, Provider: a.Provider, State: string(a.State), Production: a.Production, Sandbox: a.Sandbox,
			Tiers: text(a.Tiers), Approval: a.Approval, Resources: text(a.Resources), Tags: text(a.Tags), Scopes: text(names(def.Scopes)),
			Definition: def.Document, Settings: jsonText(a.Settings), CreatedAt: micros(a.CreatedAt), UpdatedAt: micros(a.UpdatedAt),
		})
		if err != nil {
			return err
		}
		if err := t.putScopes(ctx, a.OrgID, def.Scopes); err != nil {
			return err
		}
		return t.changed(ctx, gatehouse.APIChanged, a.ID)
	})
	return db.explain(err, "API")
}

// UpdateAPI applies rule to an API and its definition and stores the outcome. Scopes
// that are new in the definition are made, and those that it leaves out go unless another
// API defines them; the rule sees the organization's of now.
func (db *DB) UpdateAPI(ctx context.Context, orgID, id string, rule func(a *gatehouse.API, def *gatehouse.Definition, scopes []gatehouse.Scope) error) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		r, err := t.APIByID(ctx, query.APIByIDParams{OrgID: orgID, ID: id})
		if err != nil {
			return err
		}
		a, err := api(r.API, r.OrgKey)
		if err != nil {
			return err
		}
		scopes, err := t.scopes(ctx, orgID)
		if err != nil {
			return err
		}
		defined, err := list[string](r.API.Scopes)
		if err != nil {
			return err
		}
		def := gatehouse.Definition{Document: r.API.Definition, Scopes: called(scopes, defined)}
		if err := rule(a, &def, scopes); err != nil {
			return err
		}
		if err := t.checkTiers(ctx, orgID, a.CheckTiers); err != nil {
			return err
		}
		err = t.UpdateAPI(ctx, query.UpdateAPIParams{
			ID: id, Description: a.Description, Provider: a.Provider, State: string(a.State), Production: a.Production, Sandbox: a.Sandbox,
			Tiers: text(a.Tiers), Approval: a.Approval, Resources: text(a.Resources), Tags: text(a.Tags), Scopes: text(names(def.Scopes)),
			Definition: def.Document, Settings: jsonText(a.Settings), UpdatedAt: micros(db.Now()),
		})
		if err != nil {
			return err
		}
		if err := t.putScopes(ctx, orgID, def.Scopes); err != nil {
			return err
		}
		if err := t.dropScopes(ctx, orgID, without(defined, names(def.Scopes))); err != nil {
			return err
		}
		if err := t.changed(ctx, gatehouse.APIChanged, id); err != nil {
			return err
		}
		return t.onlyDefault(ctx, a)
	})
	return db.explain(err, "API")
}

// onlyDefault takes from the other versions of a that they are the default version, once a
// is and is served. Before, the one that was goes on.
func (t *tx) onlyDefault(ctx context.Context, a *gatehouse.API) error {
	if !a.Settings.Default || !a.Served() {
		return nil
	}
	all, err := t.apis(ctx, a.OrgID, a.OrgKey)
	if err != nil {
		return err
	}
	for _, other := range all {
		if other.ID == a.ID || other.Context != a.Context || !other.Settings.Default {
			continue
		}
		other.Settings.Default = false
		if err := t.UpdateSettings(ctx, query.UpdateSettingsParams{ID: other.ID, Settings: jsonText(other.Settings)}); err != nil {
			return err
		}
		if err := t.changed(ctx, gatehouse.APIChanged, other.ID); err != nil {
			return err
		}
	}
	return nil
}

// DeleteAPI removes an API, its subscriptions, and the scopes that no other API
// defines. The rule sees the API and how many subscriptions it has.
func (db *DB) DeleteAPI(ctx context.Context, orgID, id string, rule func(a *gatehouse.API, subscriptions int64) error) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		r, err := t.APIByID(ctx, query.APIByIDParams{OrgID: orgID, ID: id})
		if err != nil {
			return err
		}
		a, err := api(r.API, r.OrgKey)
		if err != nil {
			return err
		}
		subscriptions, err := t.CountSubscriptionsToAPI(ctx, id)
		if err != nil {
			return err
		}
		if err := rule(a, subscriptions); err != nil {
			return err
		}
		clients, err := t.KeysSubscribedTo(ctx, id)
		if err != nil {
			return err
		}
		apps, err := t.ApplicationsSubscribedTo(ctx, id)
		if err != nil {
			return err
		}
		rows, err := t.DeleteAPI(ctx, query.DeleteAPIParams{OrgID: orgID, ID: id})
		if err := one(rows, err, "API"); err != nil {
			return err
		}
		defined, err := list[string](r.API.Scopes)
		if err != nil {
			return err
		}
		if err := t.dropScopes(ctx, orgID, defined); err != nil {
			return err
		}
		if err := t.changed(ctx, gatehouse.ClientChanged, clients...); err != nil {
			return err
		}
		if err := t.changed(ctx, gatehouse.ApplicationChanged, apps...); err != nil {
			return err
		}
		return t.changed(ctx, gatehouse.APIChanged, id)
	})
	return db.explain(err, "API")
}

// API returns an API of an organization.
func (db *DB) API(ctx context.Context, orgID, id string) (*gatehouse.API, error) {
	r, err := db.q.APIByID(ctx, query.APIByIDParams{OrgID: orgID, ID: id})
	if err != nil {
		return nil, db.explain(err, "API")
	}
	return api(r.API, r.OrgKey)
}

// APIs returns every API of an organization, by name and version.
func (db *DB) APIs(ctx context.Context, org *gatehouse.Organization) ([]*gatehouse.API, error) {
	apis, err := (&tx{Queries: db.q}).apis(ctx, org.ID, org.Key)
	return apis, db.explain(err, "API")
}

func (t *tx) apis(ctx context.Context, orgID, orgKey string) ([]*gatehouse.API, error) {
	rows, err := t.APIsOf(ctx, orgID)
	if err != nil {
		return nil, err
	}
	return tryEach(rows, func(r query.APIsOfRow) (*gatehouse.API, error) {
		return api(query.API{
			ID: r.ID, OrgID: r.OrgID, Name: r.Name, Version: r.Version, Context: r.Context, Description: r.Description,
			Provider: r.Provider, State: r.State, Production: r.Production, Sandbox: r.Sandbox, Tiers: r.Tiers, Approval: r.Approval,
			Resources: r.Resources, Tags: r.Tags, Settings: r.Settings, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
		}, orgKey)
	})
}

// Document returns the OpenAPI document an API was drawn up from.
func (db *DB) Document(ctx context.Context, orgID, id string) (string, error) {
	document, err := db.q.DefinitionOf(ctx, query.DefinitionOfParams{OrgID: orgID, ID: id})
	return document, db.explain(err, "API")
}

// KnownAPI returns an API when the gateway knows it, whatever its organization; it is
// NotFound when it is gone or retired.
func (db *DB) KnownAPI(ctx context.Context, id string) (*gatehouse.API, error) {
	r, err := db.q.KnownAPI(ctx, id)
	if err != nil {
		return nil, db.explain(err, "API")
	}
	a, err := api(r.API, r.OrgKey)
	if err == nil && a.Has(gatehouse.ValidatePolicy) {
		a.Document = r.API.Definition
	}
	return a, err
}

// KnownAPIs returns every API that the gateway knows, with what it needs of them: the
// documents of a few.
func (db *DB) KnownAPIs(ctx context.Context) ([]*gatehouse.API, error) {
	rows, err := db.q.KnownAPIs(ctx)
	if err != nil {
		return nil, db.explain(err, "API")
	}
	return tryEach(rows, func(r query.KnownAPIsRow) (*gatehouse.API, error) {
		resources, err := list[gatehouse.Resource](r.Resources)
		if err != nil {
			return nil, err
		}
		tiers, err := list[string](r.Tiers)
		if err != nil {
			return nil, err
		}
		set, err := settings(r.Settings)
		a := &gatehouse.API{
			ID: r.ID, OrgID: r.OrgID, OrgKey: r.OrgKey, Name: r.Name, Version: r.Version, Context: r.Context,
			State: gatehouse.State(r.State), Production: r.Production, Sandbox: r.Sandbox, Tiers: tiers, Resources: resources, Settings: set,
		}
		if err == nil && a.Has(gatehouse.ValidatePolicy) {
			a.Document, err = db.Document(ctx, a.OrgID, a.ID)
		}
		return a, err
	})
}
