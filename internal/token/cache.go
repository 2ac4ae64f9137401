package token

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Cache holds tokens that were verified, by the hash of their text, so that a signature
// is checked once. It is bounded, and split so that callers rarely meet.
type Cache struct {
	perShard int
	shards   [cacheShards]cacheShard
}

const cacheShards = 64

type cacheShard struct {
	mu sync.RWMutex
	by map[[sha256.Size]byte]*entry
}

// entry is one verified token.
type entry struct {
	authorization *gatehouse.Authorization
	key           string        // that signed it; empty for an opaque token
	generation    atomic.Uint64 // of the revocations it was last checked against
	rights        uint64        // generation of scopes and roles that an opaque token was narrowed to
}

// NewCache returns a cache for up to size tokens.
func NewCache(size int) *Cache {
	c := &Cache{perShard: max(1, size/cacheShards)}
	for i := range c.shards {
		c.shards[i].by = map[[sha256.Size]byte]*entry{}
	}
	return c
}

func (c *Cache) get(hash [sha256.Size]byte) *entry {
	s := &c.shards[hash[0]%cacheShards]
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.by[hash]
}

func (c *Cache) put(hash [sha256.Size]byte, e *entry, now time.Time) {
	s := &c.shards[hash[0]%cacheShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.by) >= c.perShard {
		s.evict(now)
	}
	s.by[hash] = e
}

// evict makes room: of a few entries that the map happens to yield it drops those that
// have ended, or the one that ends first.
func (s *cacheShard) evict(now time.Time) {
	const sample = 8
	var victim [sha256.Size]byte
	var soonest time.Time
	seen, dropped := 0, false
	for hash, e := range s.by {
		end := e.authorization.ExpiresAt
		if !now.Before(end) {
			delete(s.by, hash)
			dropped = true
		} else if soonest.IsZero() || end.Before(soonest) {
			victim, soonest = hash, end
		}
		if seen++; seen == sample {
			break
		}
	}
	if !dropped {
		delete(s.by, victim)
	}
}

// stands reports whether no revocation names the token, and its key is there still. It
// looks only when there was a revocation since it last did.
func (t *Tokens) stands(e *entry) bool {
	generation := t.Revoked.generation.Load()
	if e.generation.Load() == generation {
		return true
	}
	if t.Revoked.names(e.authorization) || e.key != "" && !t.Keys.holds(e.key) {
		return false
	}
	e.generation.Store(generation)
	return true
}
