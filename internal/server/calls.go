package server

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// Bounds of the calls that are kept for those who ask why: 72,000 of each node.
const (
	callsPerFlush = 100
	callsEvery    = 5 * time.Second
	callsKept     = time.Hour
)

// calls stores the calls that the gateway remembers: every few seconds, and whenever
// somebody looks. What a kill -9 loses is the last seconds.
type calls struct {
	*gateway.Gateway
	usage *usage
	store interface {
		CreateCalls(ctx context.Context, calls []gatehouse.Call) error
		PurgeCalls(ctx context.Context, before time.Time) error
	}
	log *slog.Logger

	mu sync.Mutex // so that whoever looks finds what somebody else is storing
}

// Remember stores what the gateway remembers.
func (c *calls) Remember(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	fresh := c.RecentCalls(callsPerFlush)
	if len(fresh) == 0 {
		return nil
	}
	return c.store.CreateCalls(ctx, fresh)
}

// Count stores what the gateway counted.
func (c *calls) Count(ctx context.Context) error { return c.usage.Flush(ctx) }

// flush is Remember for nobody in particular.
func (c *calls) flush(ctx context.Context) {
	if err := c.Remember(ctx); err != nil {
		c.log.WarnContext(ctx, "the last calls were not stored: nobody will find out why they were answered as they were", "err", err)
	}
}

// purge removes what is too old.
func (c *calls) purge(ctx context.Context) {
	if err := c.store.PurgeCalls(ctx, time.Now().Add(-callsKept)); err != nil {
		c.log.WarnContext(ctx, "old calls were not purged", "err", err)
	}
}

// Call returns a call by the X-Request-Id of its answer, for the operator.
func (s *Services) Call(ctx context.Context, id string) (*gatehouse.Call, error) {
	c, err := s.db.Call(ctx, id)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, gatehouse.ErrNoCall
	}
	return c, err
}

// Ask answers the operator what would become of a call, on a table that is compiled for
// it from the store. A JWT is taken as issued by whomever it names: that our key signed it
// is checked all the same.
func (s *Services) Ask(ctx context.Context, q gatehouse.Question, log *slog.Logger) (*gatehouse.Call, error) {
	if token, err := jwt.ParseSigned(q.Token, []jose.SignatureAlgorithm{jose.ES256, jose.RS256}); err == nil {
		var claims jwt.Claims
		if token.UnsafeClaimsWithoutVerification(&claims) == nil {
			s.tokens.Issuer = claims.Issuer
		}
	}
	if err := s.tokens.Keys.Load(ctx); err != nil {
		return nil, err
	}
	if err := s.tokens.Revoked.Load(ctx); err != nil {
		return nil, err
	}
	g := &gateway.Gateway{APIs: s.db, Rules: s.db, Tokens: s.tokens, Clients: s, APIKeys: s, URL: s.tokens.Issuer, Log: log, Now: time.Now}
	if err := g.Load(ctx); err != nil {
		return nil, err
	}
	return g.Ask(ctx, q)
}
