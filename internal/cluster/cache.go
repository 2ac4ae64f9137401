package cluster

import (
	"context"
	"hash/maphash"
	"sync"

	"github.com/gatehouse/gatehouse"
)

// Cache holds what Load gives, by key, until it is dropped. That there is nothing under
// a key is held too. It is bounded: a full shard forgets one entry that the map happens
// to yield.
type Cache[V any] struct {
	load     func(ctx context.Context, key string) (V, error)
	seed     maphash.Seed
	perShard int
	shards   [cacheShards]cacheShard[V]
}

const cacheShards = 64

type cacheShard[V any] struct {
	mu    sync.RWMutex
	drops uint64 // how often something was dropped: a load that began before is not kept
	by    map[string]cached[V]
}

type cached[V any] struct {
	value V
	err   error // NotFound, or nil
}

// NewCache returns a cache of up to size values.
func NewCache[V any](size int, load func(ctx context.Context, key string) (V, error)) *Cache[V] {
	c := &Cache[V]{load: load, seed: maphash.MakeSeed(), perShard: max(1, size/cacheShards)}
	for i := range c.shards {
		c.shards[i].by = map[string]cached[V]{}
	}
	return c
}

// Get returns what is under key, loading it when it is not held. A NotFound of the load
// is held like a value; other errors are not.
func (c *Cache[V]) Get(ctx context.Context, key string) (V, error) {
	s := c.shard(key)
	s.mu.RLock()
	held, ok := s.by[key]
	drops := s.drops
	s.mu.RUnlock()
	if ok {
		return held.value, held.err
	}
	value, err := c.load(ctx, key)
	if err == nil || gatehouse.KindOf(err) == gatehouse.NotFound {
		s.keep(key, cached[V]{value, err}, drops, c.perShard)
	}
	return value, err
}

// keep holds what a load gave, unless something was dropped while it ran: what it read
// may be older than the drop.
func (s *cacheShard[V]) keep(key string, v cached[V], drops uint64, limit int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.drops != drops {
		return
	}
	if len(s.by) >= limit {
		for other := range s.by {
			delete(s.by, other)
			break
		}
	}
	s.by[key] = v
}

// Drop forgets what is under key.
func (c *Cache[V]) Drop(key string) {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drops++
	delete(s.by, key)
}

func (c *Cache[V]) shard(key string) *cacheShard[V] {
	return &c.shards[maphash.String(c.seed, key)%cacheShards]
}
