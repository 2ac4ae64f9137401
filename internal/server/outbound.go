package server

import (
	"net/http"
	"time"

	"github.com/gatehouse/gatehouse"
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
