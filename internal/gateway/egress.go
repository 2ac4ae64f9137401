package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/wire"
)

// Limits of the connections to backends.
const (
	dialTimeout       = 5 * time.Second
	handshakeTimeout  = 10 * time.Second
	defaultTimeout    = 30 * time.Second // for the header of the answer
	continueTimeout   = time.Second      // for 100 Continue, then the body is sent anyhow
	idleTimeout       = 90 * time.Second
	maxIdle           = 4096
	maxIdlePerBackend = 256
	maxAnswerHeader   = 1 << 20 // bytes
)

// errForbiddenAddress is in the chain of the error for a backend that has an address
// it may not have.
var errForbiddenAddress = errors.New("the backend's address is not among the allowed ones (--backend-networks)")

// transport is the pools of connections to all backends. It asks the egress rule about the
// very address that is dialled, so that no name can be made to point elsewhere after it was
// checked; for the same reason it uses no proxy of the environment. It does not touch
// encodings: what the backend sent is what the caller gets.
type transport struct {
	http *http.Transport
	own  *wire.Transport // for plain HTTP; nil when the other one speaks it too
}

func (g *Gateway) newTransport() transport {
	dialer := Dialer(g.Egress)
	timeout := g.BackendTimeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	t := transport{http: &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: g.Roots},
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		TLSHandshakeTimeout:    handshakeTimeout,
		ResponseHeaderTimeout:  timeout,
		ExpectContinueTimeout:  continueTimeout,
		IdleConnTimeout:        idleTimeout,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdlePerBackend,
		MaxResponseHeaderBytes: maxAnswerHeader,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
	}}
	if g.OwnEngine {
		t.own = &wire.Transport{
			Dial:            dialer.DialContext,
			HeaderTimeout:   timeout,
			ContinueTimeout: continueTimeout,
			IdleTimeout:     idleTimeout,
			MaxIdle:         maxIdlePerBackend,
			MaxHeader:       maxAnswerHeader,
		}
	}
	return t
}

// RoundTrip sends a request to its backend. Over TLS it may turn out that a backend speaks
// HTTP/2, so that is net/http's.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.own != nil && r.URL.Scheme == "http" {
		return t.own.RoundTrip(r)
	}
	return t.http.RoundTrip(r)
}

func (t transport) closeIdle() {
	t.http.CloseIdleConnections()
	if t.own != nil {
		t.own.CloseIdleConnections()
	}
}

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
