package gateway

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Limits of the connections to backends.
const (
	dialTimeout     = 5 * time.Second
	continueTimeout = time.Second // for 100 Continue, then the body is sent anyhow
	idleTimeout     = 90 * time.Second
	maxIdlePerPool  = 256
	maxAnswerHeader = 1 << 20 // bytes
)

// errForbiddenAddress is in the chain of the error for a backend that has an address
// it may not have.
var errForbiddenAddress = errors.New("the backend's address is not among the allowed ones (--backend-networks)")

// Dialer returns what makes every outbound connection: it asks the rule about the very
// address that is dialled, between the socket and the connection. Without a rule there is
// no connection.
func Dialer(rule *gatehouse.Egress) *net.Dialer {
	return &net.Dialer{Timeout: dialTimeout, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		addr, err := netip.ParseAddrPort(address)
		if err != nil || rule == nil || !rule.Allows(addr, local) {
			return errForbiddenAddress
		}
		return nil
	}}
}

// local reports whether ip is an address of this machine. When that cannot be found
// out, it may be.
func local(ip netip.Addr) bool {
	if ip.IsLoopback() {
		return true
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	for _, a := range addrs {
		if network, ok := a.(*net.IPNet); ok {
			if own, ok := netip.AddrFromSlice(network.IP); ok && own.Unmap() == ip {
				return true
			}
		}
	}
	return false
}
