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
	conn  *conn
	hints *hints // of the proxy that the handler is

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
	case hintsKey{}:
		return c.hints
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
	c.atEnd(e)
	return func() bool { return c.forget(e) }
}

// atEnd has something done at the end, at once if that has come.
func (c *requestContext) atEnd(e *ending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		go e.do()
		return
	}
	c.after = append(c.after, e)
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

// until is something that is done when a context ends, unless it is taken back.
type until struct {
	own  *requestContext // nil when it is another kind of context
	stop func() bool     // nil when that never ends
}

// whenEnded is context.AfterFunc, cheaper for the context of a request.
func whenEnded(ctx context.Context, e *ending) until {
	if own, ok := ctx.(*requestContext); ok {
		own.atEnd(e)
		return until{own: own}
	}
	own, _ := ctx.Value(contextKey{}).(*requestContext)
	switch done := ctx.Done(); {
	case done == nil:
		return until{}
	case own != nil && done == own.Done(): // only values were added
		own.atEnd(e)
		return until{own: own}
	}
	return until{stop: context.AfterFunc(ctx, e.do)}
}

// over takes it back, and reports whether it has not begun.
func (u *until) over(e *ending) bool {
	switch {
	case u.own != nil:
		return u.own.forget(e)
	case u.stop != nil:
		return u.stop()
	}
	return true
}
