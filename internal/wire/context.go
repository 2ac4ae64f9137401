package wire

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// requestContext is the context of a request. It ends when the client has left, or the
// handler has returned. What it costs, only those who wait for its end pay.
type requestContext struct {
	conn *conn

	mu    sync.Mutex
	err   error
	done  chan struct{}
	after []*ending
}

// ending is what to do when the context ends.
type ending struct{ do func() }

// contextKey finds a requestContext below contexts that only add values.
type contextKey struct{}

// Deadline: there is none.
func (*requestContext) Deadline() (time.Time, bool) { return time.Time{}, false }

// Value finds what net/http's server has its handlers find.
func (c *requestContext) Value(key any) any {
	switch key {
	case contextKey{}:
		return c
	case http.ServerContextKey:
		return &c.conn.server.face
	case http.LocalAddrContextKey:
		return c.conn.rwc.LocalAddr()
	}
	return c.conn.ctx.Value(key)
}

// Done is closed at the end.
func (c *requestContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.err != nil {
			close(c.done)
		}
	}
	return c.done
}

// Err is nil until the end.
func (c *requestContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// AfterFunc has the context package's functions do without a goroutine that waits.
func (c *requestContext) AfterFunc(f func()) (stop func() bool) {
	e := &ending{f}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		go f()
		return func() bool { return false }
	}
	c.after = append(c.after, e)
	return func() bool { return c.forget(e) }
}

// forget takes back what was to be done, unless it has begun.
func (c *requestContext) forget(e *ending) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, other := range c.after {
		if other == e {
			last := len(c.after) - 1
			c.after[i], c.after[last] = c.after[last], nil
			c.after = c.after[:last]
			return true
		}
	}
	return false
}

// end ends the context.
func (c *requestContext) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = context.Canceled
	if c.done != nil {
		close(c.done)
	}
	for _, e := range c.after {
		go e.do()
	}
	c.after = nil
}

// atEnd is context.AfterFunc, cheaper for the context of a request to which only values
// were added. For a context that never ends it returns nil.
func atEnd(ctx context.Context, f func()) (stop func() bool) {
	own, _ := ctx.Value(contextKey{}).(*requestContext)
	if own != nil && (ctx == context.Context(own) || ctx.Done() == own.Done()) {
		return own.AfterFunc(f)
	}
	if ctx.Done() == nil {
		return nil
	}
	return context.AfterFunc(ctx, f)
}
