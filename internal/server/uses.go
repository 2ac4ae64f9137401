package server

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse"
)

// uses collects when consumer secrets and API keys were used, and how often grant types,
// and writes it down in batches, so that no token and no call waits for such a write. What a kill -9 loses
// is what was used in the last flushEvery.
type uses struct {
	store interface {
		UseSecrets(ctx context.Context, used map[string]time.Time) error
		UseAPIKeys(ctx context.Context, used map[string]time.Time) error
		UseGrants(ctx context.Context, used []gatehouse.GrantUse) error
	}
	log *slog.Logger
	now func() time.Time

	mu      sync.Mutex
	secrets map[string]time.Time
	apiKeys map[string]time.Time
	grants  map[grantOf]*gatehouse.GrantUse
}

type grantOf struct{ consumerKey, grant string }

const flushEvery = 10 * time.Second

// secret takes down that a secret, by id, was used now.
func (u *uses) secret(id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.secrets == nil {
		u.secrets = map[string]time.Time{}
	}
	u.secrets[id] = u.now()
}

// apiKey takes down that an API key, by id, was used now.
func (u *uses) apiKey(id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.apiKeys == nil {
		u.apiKeys = map[string]time.Time{}
	}
	u.apiKeys[id] = u.now()
}

// countedKeys takes down the use of each API key that is asked for.
type countedKeys struct {
	*Services
	uses *uses
}

func (c countedKeys) APIKey(ctx context.Context, key string) (*gatehouse.APIKey, *gatehouse.Client, error) {
	k, app, err := c.Services.APIKey(ctx, key)
	if err == nil && k.Live(c.uses.now()) {
		c.uses.apiKey(k.ID)
	}
	return k, app, err
}

// grant takes down that a consumer key used a grant type now.
func (u *uses) grant(consumerKey, grant string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.grants == nil {
		u.grants = map[grantOf]*gatehouse.GrantUse{}
	}
	use := u.grants[grantOf{consumerKey, grant}]
	if use == nil {
		use = &gatehouse.GrantUse{ConsumerKey: consumerKey, Grant: grant}
		u.grants[grantOf{consumerKey, grant}] = use
	}
	use.Uses++
	use.LastDay = gatehouse.Day(u.now())
}

// flush writes what was taken down. Uses of grants that could not be written are kept for
// the next time: their number counts.
func (u *uses) flush(ctx context.Context) {
	u.mu.Lock()
	secrets, apiKeys, grants := u.secrets, u.apiKeys, u.grants
	u.secrets, u.apiKeys, u.grants = nil, nil, nil
	u.mu.Unlock()
	if len(secrets) > 0 {
		if err := u.store.UseSecrets(ctx, secrets); err != nil {
			u.log.WarnContext(ctx, "the last use of consumer secrets was not written down", "secrets", len(secrets), "err", err)
		}
	}
	if len(apiKeys) > 0 {
		if err := u.store.UseAPIKeys(ctx, apiKeys); err != nil {
			u.log.WarnContext(ctx, "the last use of API keys was not written down", "keys", len(apiKeys), "err", err)
		}
	}
	if len(grants) == 0 {
		return
	}
	list := make([]gatehouse.GrantUse, 0, len(grants))
	for _, use := range grants {
		list = append(list, *use)
	}
	if err := u.store.UseGrants(ctx, list); err != nil {
		u.log.WarnContext(ctx, "uses of grant types were not written down: they are kept for the next time", "grants", len(grants), "err", err)
		u.restore(list)
	}
}

func (u *uses) restore(list []gatehouse.GrantUse) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.grants == nil {
		u.grants = map[grantOf]*gatehouse.GrantUse{}
	}
	for _, before := range list {
		at := grantOf{before.ConsumerKey, before.Grant}
		if use := u.grants[at]; use != nil {
			use.Uses += before.Uses
			continue
		}
		u.grants[at] = &before
	}
}
