package server

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/db"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// outboundTimeout bounds a call from the first packet to the last byte of the answer.
const outboundTimeout = 10 * time.Second

// newOutbound returns what makes calls to addresses that strangers name: it asks the
// egress rule about the address that is dialled, follows no redirect, and uses no proxy of
// the environment. Whoever calls bounds what is read of an answer.
func newOutbound(rule *gatehouse.Egress) *http.Client {
	return &http.Client{
		Timeout: outboundTimeout,
		Transport: &http.Transport{
			DialContext: gateway.Dialer(rule).DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: outboundTimeout,
			MaxResponseHeaderBytes: 64 << 10, MaxIdleConns: 16, IdleConnTimeout: time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// protect keeps backends away from this server's own addresses, its database and its Redis.
func (s *Server) protect(ctx context.Context, c config.Config) error {
	for _, ls := range []listeners{s.atGateway, s.atPortal, s.atOps} {
		for _, l := range ls {
			c.BackendNetworks.Protect(l.addrPort())
		}
	}
	if s.redis != nil {
		addresses, err := s.redis.Addresses(ctx)
		if err != nil {
			return fmt.Errorf("the Redis's address, which backends must not have: %w", err)
		}
		c.BackendNetworks.Protect(addresses...)
	}
	if !db.IsPostgres(c.Database) {
		return nil
	}
	addresses, err := db.Addresses(ctx, c.Database)
	if err != nil {
		return fmt.Errorf("the database's address, which backends must not have: %w", err)
	}
	c.BackendNetworks.Protect(addresses...)
	return nil
}
