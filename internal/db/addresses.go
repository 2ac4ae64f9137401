package db

import (
	"context"
	"net"
	"net/netip"

	"github.com/jackc/pgx/v5/pgconn"
)

// Addresses returns the addresses of the PostgreSQL servers that a DSN names: no backend
// may have one of them.
func Addresses(ctx context.Context, dsn string) ([]netip.AddrPort, error) {
	c, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	hosts := []*pgconn.FallbackConfig{{Host: c.Host, Port: c.Port}}
	var addresses []netip.AddrPort
	for _, h := range append(hosts, c.Fallbacks...) {
		if h.Host == "" || h.Host[0] == '/' { // a socket of this machine
			continue
		}
		ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", h.Host)
		if err != nil {
			return nil, err
		}
		for _, ip := range ips {
			addresses = append(addresses, netip.AddrPortFrom(ip, h.Port))
		}
	}
	return addresses, nil
}
