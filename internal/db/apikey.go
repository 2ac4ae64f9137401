package db

import (
	"context"
	"database/sql"
	"net/netip"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db/query"
)

func apiKey(r query.APIKey, orgKey string) (*gatehouse.APIKey, error) {
	k := &gatehouse.APIKey{
		ID: r.ID, OrgID: r.OrgID, OrgKey: orgKey, OwnerID: r.OwnerID, Name: r.Name, Hash: r.Hash, Hint: r.Hint, Type: gatehouse.KeyType(r.Type),
		ApplicationID: r.ApplicationID.String, APIID: r.APIID.String,
		CreatedAt: moment(r.CreatedAt), ExpiresAt: moment(r.ExpiresAt), LastUsed: moment(r.LastUsedAt),
	}
	networks, err := list[string](r.Networks)
	if err != nil {
		return nil, err
	}
	if k.Referers, err = list[string](r.Referers); err != nil {
		return nil, err
	}
	k.Networks, err = tryEach(networks, netip.ParsePrefix)
	return k, err
}

// maybe writes an id that may be missing.
func maybe(id string) sql.NullString { return sql.NullString{String: id, Valid: id != ""} }

// CreateAPIKey stores an API key when the rule, which sees what the application has, or
// what the owner has for the API, allows it. It runs in the same transaction.
func (db *DB) CreateAPIKey(ctx context.Context, k *gatehouse.APIKey, rule func(existing []*gatehouse.APIKey) error) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		existing, err := t.apiKeys(ctx, k)
		if err != nil {
			return err
		}
		if err := rule(existing); err != nil {
			return err
		}
		var networks []string
		for _, n := range k.Networks {
			networks = append(networks, n.String())
		}
		err = t.CreateAPIKey(ctx, query.CreateAPIKeyParams{
			ID: k.ID, OrgID: k.OrgID, OwnerID: k.OwnerID, ApplicationID: maybe(k.ApplicationID), APIID: maybe(k.APIID), Type: string(k.Type), Name: k.Name,
			Hash: k.Hash, Hint: k.Hint, Networks: text(networks), Referers: text(k.Referers),
			CreatedAt: micros(k.CreatedAt), ExpiresAt: micros(k.ExpiresAt), LastUsedAt: micros(k.LastUsed),
		})
		if err != nil {
			return err
		}
		return t.changed(ctx, gatehouse.APIKeyChanged, k.Hash)
	})
	return db.explain(err, "API key")
}

// apiKeys returns the keys beside which k stands.
func (t *tx) apiKeys(ctx context.Context, k *gatehouse.APIKey) ([]*gatehouse.APIKey, error) {
	if k.APIID == "" {
		rows, err := t.APIKeysOfApplication(ctx, query.APIKeysOfApplicationParams{OrgID: k.OrgID, ApplicationID: maybe(k.ApplicationID)})
		if err != nil {
			return nil, err
		}
		return tryEach(rows, func(r query.APIKeysOfApplicationRow) (*gatehouse.APIKey, error) { return apiKey(r.APIKey, r.OrgKey) })
	}
	rows, err := t.APIKeysOfAPI(ctx, query.APIKeysOfAPIParams{OrgID: k.OrgID, APIID: maybe(k.APIID), OwnerID: k.OwnerID})
	if err != nil {
		return nil, err
	}
	return tryEach(rows, func(r query.APIKeysOfAPIRow) (*gatehouse.APIKey, error) { return apiKey(r.APIKey, r.OrgKey) })
}

// APIKeysOfApplication returns the API keys that use an application's subscriptions, the
// oldest first.
func (db *DB) APIKeysOfApplication(ctx context.Context, orgID, applicationID string) ([]*gatehouse.APIKey, error) {
	keys, err := (&tx{Queries: db.q}).apiKeys(ctx, &gatehouse.APIKey{OrgID: orgID, ApplicationID: applicationID})
	return keys, db.explain(err, "API key")
}

// APIKeysOfAPI returns the API keys that an owner has for one API, the oldest first.
func (db *DB) APIKeysOfAPI(ctx context.Context, orgID, apiID, ownerID string) ([]*gatehouse.APIKey, error) {
	keys, err := (&tx{Queries: db.q}).apiKeys(ctx, &gatehouse.APIKey{OrgID: orgID, APIID: apiID, OwnerID: ownerID})
	return keys, db.explain(err, "API key")
}

// APIKey returns the API key with a hash, whatever its organization.
func (db *DB) APIKey(ctx context.Context, hash string) (*gatehouse.APIKey, error) {
	r, err := db.q.APIKeyByHash(ctx, hash)
	if err != nil {
		return nil, db.explain(err, "API key")
	}
	return apiKey(r.APIKey, r.OrgKey)
}

// UpdateAPIKey applies rule to an API key and stores which application it uses then.
func (db *DB) UpdateAPIKey(ctx context.Context, orgID, id string, rule func(*gatehouse.APIKey) error) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		k, err := t.apiKey(ctx, orgID, id)
		if err != nil {
			return err
		}
		if err := rule(k); err != nil {
			return err
		}
		if err := t.AssociateAPIKey(ctx, query.AssociateAPIKeyParams{ID: id, ApplicationID: maybe(k.ApplicationID)}); err != nil {
			return err
		}
		return t.changed(ctx, gatehouse.APIKeyChanged, k.Hash)
	})
	return db.explain(err, "API key")
}

func (t *tx) apiKey(ctx context.Context, orgID, id string) (*gatehouse.APIKey, error) {
	r, err := t.APIKeyByID(ctx, query.APIKeyByIDParams{OrgID: orgID, ID: id})
	if err != nil {
		return nil, err
	}
	return apiKey(r.APIKey, r.OrgKey)
}

// DeleteAPIKey removes an API key when the rule allows it; the next call finds it gone.
func (db *DB) DeleteAPIKey(ctx context.Context, orgID, id string, rule func(*gatehouse.APIKey) error) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		k, err := t.apiKey(ctx, orgID, id)
		if err != nil {
			return err
		}
		if err := rule(k); err != nil {
			return err
		}
		rows, err := t.DeleteAPIKey(ctx, query.DeleteAPIKeyParams{OrgID: orgID, ID: id})
		if err := one(rows, err, "API key"); err != nil {
			return err
		}
		return t.changed(ctx, gatehouse.APIKeyChanged, k.Hash)
	})
	return db.explain(err, "API key")
}

// UseAPIKeys notes when API keys, by id, were last used.
func (db *DB) UseAPIKeys(ctx context.Context, used map[string]time.Time) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		for id, at := range used {
			if err := t.UseAPIKey(ctx, query.UseAPIKeyParams{ID: id, LastUsedAt: micros(at)}); err != nil {
				return err
			}
		}
		return nil
	})
	return db.explain(err, "API key")
}

// ApplicationClient returns everything that hangs on an application: what its API keys
// may call.
func (db *DB) ApplicationClient(ctx context.Context, applicationID string) (*gatehouse.Client, error) {
	r, err := db.q.ApplicationWithOrganization(ctx, applicationID)
	if err != nil {
		return nil, db.explain(err, "application")
	}
	c := &gatehouse.Client{Application: *application(r.Application, r.Username), Organization: organization(r.Organization)}
	c.ApplicationID = applicationID
	c.Owner = gatehouse.Member{User: gatehouse.User{ID: c.Application.OwnerID, Username: c.Application.Owner}, Organization: c.Organization}
	subs, err := db.q.SubscriptionsOfApplication(ctx, applicationID)
	c.Subscriptions = each(subs, subscription)
	return c, db.explain(err, "application")
}

// memberGone announces what of a member's is gone with them: API keys that no application
// has taken up, and their applications where those go too.
func (t *tx) memberGone(ctx context.Context, orgID, userID string) error {
	hashes, err := t.DeleteLooseAPIKeys(ctx, query.DeleteLooseAPIKeysParams{OrgID: orgID, OwnerID: userID})
	if err != nil {
		return err
	}
	if err := t.changed(ctx, gatehouse.APIKeyChanged, hashes...); err != nil {
		return err
	}
	return t.applicationsOf(ctx, orgID, userID)
}

// applicationsOf announces the applications of an owner; of everybody for no owner.
func (t *tx) applicationsOf(ctx context.Context, orgID, ownerID string) error {
	apps, err := t.ApplicationsOf(ctx, query.ApplicationsOfParams{OrgID: orgID, OwnerID: ownerID})
	if err != nil {
		return err
	}
	return t.changed(ctx, gatehouse.ApplicationChanged, each(apps, func(r query.ApplicationsOfRow) string { return r.Application.ID })...)
}
