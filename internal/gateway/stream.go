package gateway

import (
	"context"
	"crypto/x509"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse"
)

// streams are the calls that last: WebSockets, event streams, gRPC. A call is let through
// once; what lasts is looked at again, by the same decision, when something has changed
// that may have ended its right: its token, its subscription, its API.
type streams struct {
	changed atomic.Bool
	mu      sync.Mutex
	open    map[*stream]struct{}
}

// stream is one of them.
type stream struct {
	head    Head
	address netip.Addr
	chain   []*x509.Certificate      // of its caller
	person  *gatehouse.Authorization // of whoever signed in by a password
	cut     context.CancelFunc
}

// recheckEvery is how soon a change cuts the streams that it concerns.
const recheckEvery = 250 * time.Millisecond

// lasting reports whether r opens a stream, which must not outlive its right.
func lasting(r *http.Request) bool {
	return r.Header["Upgrade"] != nil || strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") ||
		strings.Contains(r.Header.Get("Accept"), "text/event-stream")
}

// last ties a call that lasts to its right: it ends with its token, and is looked at again
// after changes. The call that is returned lets go of it.
func (c *call) last() (release func()) {
	end := gatehouse.EndOfTime
	if a := c.decision.Authorization; a != nil {
		end = a.ExpiresAt
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), end.Sub(c.gateway.Now()))
	c.r = c.r.WithContext(ctx)
	s := &stream{head: c.head, address: c.Address(), cut: cancel}
	if c.r.TLS != nil {
		s.chain = c.r.TLS.PeerCertificates
	}
	if c.decision.brought == "password" {
		s.person = c.decision.Authorization
	}
	open := &c.gateway.streams
	open.mu.Lock()
	defer open.mu.Unlock()
	if open.open == nil {
		open.open = map[*stream]struct{}{}
	}
	open.open[s] = struct{}{}
	return func() {
		cancel()
		open.mu.Lock()
		defer open.mu.Unlock()
		delete(open.open, s)
	}
}

// Changed tells that streams may have lost their right.
func (g *Gateway) Changed() { g.streams.changed.Store(true) }

// Watch looks at the open streams again after changes, until ctx ends.
func (g *Gateway) Watch(ctx context.Context) {
	tick := time.NewTicker(recheckEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			g.recheck(ctx)
		}
	}
}

// recheck cuts the streams that would not be let through now. What cannot be found out at
// the moment cuts nothing: it is found out the next time.
func (g *Gateway) recheck(ctx context.Context) {
	if !g.streams.changed.Swap(false) {
		return
	}
	g.streams.mu.Lock()
	open := make([]*stream, 0, len(g.streams.open))
	for s := range g.streams.open {
		open = append(open, s)
	}
	g.streams.mu.Unlock()
	for _, s := range open {
		d := Decide(g.current(), &supposed{ctx: ctx, gateway: g, address: s.address, began: s}, &s.head)
		switch {
		case d.Err != nil:
			g.Changed()
		case d.Outcome != Forward:
			s.cut()
		}
	}
}
