package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// outboundTime bounds a request to an address that somebody else chose.
const outboundTime = 10 * time.Second

// newOutbound returns the client for requests to addresses that clients and issuers chose,
// like those of their keys. It reaches what backends may be (--backend-networks), asked
// about the very address that is dialled, follows no redirect and uses no proxy.
func newOutbound(egress *gatehouse.Egress) *http.Client {
	dialer := &net.Dialer{Timeout: outboundTime, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		addr, err := netip.ParseAddrPort(address)
		if err != nil || !egress.Allows(addr, gateway.Local) {
			return errors.New("the address is not among the allowed ones (--backend-networks)")
		}
		return nil
	}}
	return &http.Client{
		Timeout: outboundTime,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: outboundTime,
			MaxIdleConnsPerHost: 1, IdleConnTimeout: outboundTime, MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
