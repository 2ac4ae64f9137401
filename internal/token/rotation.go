package token

import (
	"context"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Rotate makes the next key of each algorithm whose turn comes, when keys sign for a
// period each. It asks the store only when something is due, and of several nodes that
// call it one makes the key.
func (k *Keys) Rotate(ctx context.Context, period time.Duration) error {
	now := k.Now()
	held := k.loaded.Load().ring
	for _, algorithm := range held.Algorithms() {
		if !held.Due(algorithm, period, now) {
			continue
		}
		next, err := k.make(algorithm)
		if err != nil {
			return err
		}
		next = begins(next, now.Add(gatehouse.AheadOf(period)))
		err = k.Store.UpdateSigningKeys(ctx, func(ring gatehouse.KeyRing) ([]gatehouse.SealedKey, error) {
			if !ring.Due(algorithm, period, now) {
				return nil, nil
			}
			return []gatehouse.SealedKey{next}, nil
		})
		if err == nil {
			err = k.Reload(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// begins puts the moment off from which a new key signs.
func begins(key gatehouse.SealedKey, at time.Time) gatehouse.SealedKey {
	key.SignsAt, key.Until = at, gatehouse.UntilFor(at)
	return key
}

// RotateSoon lets the next key of each algorithm sign after a while, ahead of schedule: the
// one that is made already, or else a new one. Only the operator reaches it.
func (k *Keys) RotateSoon(ctx context.Context, ahead time.Duration) error {
	if ahead < gatehouse.MinKeyAhead {
		return gatehouse.Errorf(gatehouse.Invalid, "a new key must be known everywhere before it signs: let it begin after %v or more", gatehouse.MinKeyAhead)
	}
	ring, err := k.Store.SigningKeys(ctx)
	if err != nil {
		return err
	}
	at := k.Now().Add(ahead)
	for _, algorithm := range ring.Algorithms() {
		spare, err := k.make(algorithm)
		if err != nil {
			return err
		}
		err = k.Store.UpdateSigningKeys(ctx, func(ring gatehouse.KeyRing) ([]gatehouse.SealedKey, error) {
			next := ring.Ahead(algorithm, k.Now())
			if next == nil {
				return []gatehouse.SealedKey{begins(spare, at)}, nil
			}
			if next.SignsAt.After(at) {
				next.SignsAt = at
				return []gatehouse.SealedKey{*next}, nil
			}
			return nil, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Revoke ends a key, with every token that it signed, and lets another sign at once. Only
// the operator reaches it.
func (k *Keys) Revoke(ctx context.Context, id string) error {
	ring, err := k.Store.SigningKeys(ctx)
	if err != nil {
		return err
	}
	var spare gatehouse.SealedKey
	for _, key := range ring {
		if key.ID == id {
			if spare, err = k.make(key.Algorithm); err != nil {
				return err
			}
		}
	}
	return k.Store.UpdateSigningKeys(ctx, func(ring gatehouse.KeyRing) ([]gatehouse.SealedKey, error) {
		return ring.Revoke(id, spare, k.Now())
	})
}

// List returns all keys and the moment at which their states are to be told.
func (k *Keys) List(ctx context.Context) (gatehouse.KeyRing, time.Time, error) {
	ring, err := k.Store.SigningKeys(ctx)
	return ring, k.Now(), err
}

// KeysChanged reads the keys again and looks anew at every token that was verified with
// one that is no more.
func (t *Tokens) KeysChanged(ctx context.Context) error {
	err := t.Keys.Reload(ctx)
	t.Revoked.generation.Add(1)
	return err
}
