package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db/query"
)

func keys(r query.Key) (*gatehouse.Keys, error) {
	k := &gatehouse.Keys{
		ConsumerKey: r.ConsumerKey, ApplicationID: r.ApplicationID, Type: gatehouse.KeyType(r.Type),
		Format: gatehouse.TokenFormat(r.Format), Algorithm: r.Algorithm,
		Access: seconds(r.AccessS), Refresh: seconds(r.RefreshS), Grace: seconds(r.GraceS),
		RevokesBefore: r.RevokesBefore, CreatedAt: moment(r.CreatedAt),
	}
	var err error
	if k.Grants, err = list[string](r.Grants); err != nil {
		return nil, err
	}
	if k.Callbacks, err = list[string](r.Callbacks); err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(r.Metadata), &k.Metadata); err != nil {
		return nil, fmt.Errorf("stored client metadata is damaged: %w", err)
	}
	return k, nil
}

func seconds(s int64) time.Duration { return time.Duration(s) * time.Second }

func secret(r query.Secret) gatehouse.Secret {
	return gatehouse.Secret{
		ID: r.ID, Name: r.Name, Hash: r.Hash, Hint: r.Hint,
		CreatedAt: moment(r.CreatedAt), ExpiresAt: moment(r.ExpiresAt), LastUsed: moment(r.LastUsedAt),
	}
}

// withSecrets reads keys with their secrets.
func (t *tx) withSecrets(ctx context.Context, r query.Key) (*gatehouse.Keys, error) {
	k, err := keys(r)
	if err != nil {
		return nil, err
	}
	rows, err := t.SecretsOf(ctx, k.ConsumerKey)
	k.Secrets = each(rows, secret)
	return k, err
}

func (t *tx) createKeys(ctx context.Context, k *gatehouse.Keys) error {
	err := t.CreateKeys(ctx, query.CreateKeysParams{
		ConsumerKey: k.ConsumerKey, ApplicationID: k.ApplicationID, Type: string(k.Type), Grants: text(k.Grants), Callbacks: text(k.Callbacks),
		Format: string(k.Format), Algorithm: k.Algorithm, AccessS: int64(k.Access / time.Second), RefreshS: int64(k.Refresh / time.Second),
		GraceS: int64(k.Grace / time.Second), RevokesBefore: k.RevokesBefore, Metadata: jsonText(k.Metadata), CreatedAt: micros(k.CreatedAt),
	})
	if err != nil {
		return err
	}
	for i := range k.Secrets {
		if err := t.createSecret(ctx, k.ConsumerKey, &k.Secrets[i]); err != nil {
			return err
		}
	}
	return t.changed(ctx, gatehouse.ClientChanged, k.ConsumerKey)
}

func (t *tx) createSecret(ctx context.Context, consumerKey string, s *gatehouse.Secret) error {
	return t.CreateSecret(ctx, query.CreateSecretParams{
		ID: s.ID, ConsumerKey: consumerKey, Name: s.Name, Hash: s.Hash, Hint: s.Hint,
		CreatedAt: micros(s.CreatedAt), ExpiresAt: micros(s.ExpiresAt), LastUsedAt: micros(s.LastUsed),
	})
}

// KeysOf returns the keys of an application with their secrets, by type.
func (db *DB) KeysOf(ctx context.Context, applicationID string) ([]*gatehouse.Keys, error) {
	rows, err := db.q.KeysOf(ctx, applicationID)
	if err != nil {
		return nil, db.explain(err, "consumer key")
	}
	all, err := tryEach(rows, func(r query.Key) (*gatehouse.Keys, error) {
		return (&tx{Queries: db.q}).withSecrets(ctx, r)
	})
	return all, db.explain(err, "consumer key")
}

// UpdateKeys applies rule to keys and stores the outcome, secrets that it adds to the
// list or takes off it included.
func (db *DB) UpdateKeys(ctx context.Context, consumerKey string, rule func(*gatehouse.Keys) error) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		r, err := t.KeysByConsumerKey(ctx, consumerKey)
		if err != nil {
			return err
		}
		k, err := t.withSecrets(ctx, r)
		if err != nil {
			return err
		}
		before := slices.Clone(k.Secrets)
		if err := rule(k); err != nil {
			return err
		}
		if err := t.replaceSecrets(ctx, consumerKey, before, k.Secrets); err != nil {
			return err
		}
		err = t.UpdateKeys(ctx, query.UpdateKeysParams{
			ConsumerKey: consumerKey, Grants: text(k.Grants), Callbacks: text(k.Callbacks), Format: string(k.Format), Algorithm: k.Algorithm,
			AccessS: int64(k.Access / time.Second), RefreshS: int64(k.Refresh / time.Second), GraceS: int64(k.Grace / time.Second), RevokesBefore: k.RevokesBefore, Metadata: jsonText(k.Metadata),
		})
		if err != nil {
			return err
		}
		return t.changed(ctx, gatehouse.ClientChanged, consumerKey)
	})
	return db.explain(err, "consumer key")
}

// replaceSecrets creates and deletes what tells two lists of secrets apart.
func (t *tx) replaceSecrets(ctx context.Context, consumerKey string, before, after []gatehouse.Secret) error {
	in := func(secrets []gatehouse.Secret, id string) bool {
		return slices.ContainsFunc(secrets, func(s gatehouse.Secret) bool { return s.ID == id })
	}
	for i := range after {
		if in(before, after[i].ID) {
			continue
		}
		if err := t.createSecret(ctx, consumerKey, &after[i]); err != nil {
			return err
		}
	}
	for _, s := range before {
		if in(after, s.ID) {
			continue
		}
		if _, err := t.DeleteSecret(ctx, query.DeleteSecretParams{ConsumerKey: consumerKey, ID: s.ID}); err != nil {
			return err
		}
	}
	return nil
}

// DeleteKeys removes keys and revokes every token that was issued to them.
func (db *DB) DeleteKeys(ctx context.Context, consumerKey string) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		rows, err := t.DeleteKeys(ctx, consumerKey)
		if err := one(rows, err, "consumer key"); err != nil {
			return err
		}
		return t.revokeKeys(ctx, consumerKey)
	})
	return db.explain(err, "consumer key")
}

// DeleteSecret removes one consumer secret and revokes every token that was issued to
// its consumer key: tokens do not tell which secret asked for them.
func (db *DB) DeleteSecret(ctx context.Context, consumerKey, id string) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		rows, err := t.DeleteSecret(ctx, query.DeleteSecretParams{ConsumerKey: consumerKey, ID: id})
		if err := one(rows, err, "consumer secret"); err != nil {
			return err
		}
		return t.revokeKeys(ctx, consumerKey)
	})
	return db.explain(err, "consumer secret")
}

func (t *tx) revokeKeys(ctx context.Context, consumerKey string) error {
	if err := t.revoke(ctx, gatehouse.RevokeAll(gatehouse.RevokedKeys, consumerKey, t.db.Now())); err != nil {
		return err
	}
	return t.changed(ctx, gatehouse.ClientChanged, consumerKey)
}

// UseSecrets notes when secrets, by id, were last used.
func (db *DB) UseSecrets(ctx context.Context, used map[string]time.Time) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		for id, at := range used {
			if err := t.UseSecret(ctx, query.UseSecretParams{ID: id, LastUsedAt: micros(at)}); err != nil {
				return err
			}
		}
		return nil
	})
	return db.explain(err, "consumer secret")
}

// Client returns everything that hangs on a consumer key.
func (db *DB) Client(ctx context.Context, consumerKey string) (*gatehouse.Client, error) {
	c, err := (&tx{Queries: db.q}).client(ctx, consumerKey)
	return c, db.explain(err, "consumer key")
}

func (t *tx) client(ctx context.Context, consumerKey string) (*gatehouse.Client, error) {
	row, err := t.KeysByConsumerKey(ctx, consumerKey)
	if err != nil {
		return nil, err
	}
	k, err := t.withSecrets(ctx, row)
	if err != nil {
		return nil, err
	}
	r, err := t.ApplicationOfKeys(ctx, consumerKey)
	if err != nil {
		return nil, err
	}
	c := &gatehouse.Client{Keys: *k, Application: *application(r.Application, r.Username), Organization: organization(r.Organization)}
	owner, err := t.MemberByID(ctx, query.MemberByIDParams{OrgID: c.Organization.ID, UserID: c.Application.OwnerID})
	switch {
	case errors.Is(err, sql.ErrNoRows): // the owner left the organization: the application has no roles
		c.Owner = gatehouse.Member{User: gatehouse.User{ID: c.Application.OwnerID, Username: c.Application.Owner}, Organization: c.Organization}
	case err != nil:
		return nil, err
	default:
		m, err := member(owner.User, owner.Organization, owner.Roles, owner.JoinedAt)
		if err != nil {
			return nil, err
		}
		c.Owner = *m
	}
	subs, err := t.SubscriptionsOfApplication(ctx, c.ApplicationID)
	c.Subscriptions = each(subs, subscription)
	return c, err
}
