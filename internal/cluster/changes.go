// Package cluster is what the nodes of a cluster tell each other. One node alone is a
// cluster of one.
//
//	changes.go   tails the change feed, in the order of the commits
//	cache.go     bounded caches that the feed keeps true
//	redis.go     a Redis that all nodes share, where there is one
//	count_redis.go     counts there, all or none in one step
//
// It does not own the feed's table (package db), nor what a change means: subscribers
// read again what it names.
package cluster

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Changes tells subscribers what changed in the store, whichever node changed it.
type Changes struct {
	Feed Feed
	Log  *slog.Logger

	mu          sync.Mutex
	last        int64
	subscribers map[gatehouse.Noun][]func(ctx context.Context, id string) error
}

// Feed is the change feed of the store.
type Feed interface {
	LastChange(ctx context.Context) (int64, error)
	Changes(ctx context.Context, after int64, limit int) ([]gatehouse.Change, error)
	WaitForChange(ctx context.Context) error
}

// page is how many changes are read at a time.
const page = 500

// Subscribe calls f for each change of a noun from Start on. A change is told once f
// returns nil: on an error it is told again later, with those behind it.
func (c *Changes) Subscribe(noun gatehouse.Noun, f func(ctx context.Context, id string) error) {
	if c.subscribers == nil {
		c.subscribers = map[gatehouse.Noun][]func(context.Context, string) error{}
	}
	c.subscribers[noun] = append(c.subscribers[noun], f)
}

// Start takes the feed's end of now as the beginning. What subscribers load afterwards
// holds everything before it.
func (c *Changes) Start(ctx context.Context) error {
	last, err := c.Feed.LastChange(ctx)
	c.last = last
	return err
}

// Sync tells subscribers every change that is committed when it is called, before it
// returns. It is called after each change of this node, so that a change is in force
// here when it is acknowledged.
func (c *Changes) Sync(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		changes, err := c.Feed.Changes(ctx, c.last, page)
		if err != nil {
			return err
		}
		for _, change := range changes {
			for _, f := range c.subscribers[change.Noun] {
				if err := f(ctx, change.ID); err != nil {
					return err
				}
			}
			c.last = change.Sequence
		}
		if len(changes) < page {
			return nil
		}
	}
}

// Tail syncs whenever another node may have changed something, until ctx ends.
func (c *Changes) Tail(ctx context.Context) {
	for ctx.Err() == nil {
		err := c.Feed.WaitForChange(ctx)
		if err == nil {
			err = c.Sync(ctx)
		}
		if err == nil || ctx.Err() != nil {
			continue
		}
		c.Log.WarnContext(ctx, "the change feed does not answer; what this node holds may be old", "err", err)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}
