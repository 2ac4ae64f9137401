package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/wire"
)

// Limits of connections. There is no limit on how long an answer takes: streams and
// WebSockets last. The pace that clients must keep is in pace.go.
const (
	maxTarget     = 16 << 10 // bytes of a request's path and query; beyond it 414
	maxHead       = 64 << 10 // bytes of a request's line and headers; beyond it 431
	headTimeout   = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	shutdownLimit = 20 * time.Second // after the drain: 25 s in all, if it is not set, where Kubernetes kills after 30
)

// listener is one address that answers.
type listener struct {
	*door
	server  *http.Server
	own     *wire.Server // our own HTTP/1.1; nil when server speaks it
	leaving atomic.Bool  // clients are told not to come back on their connections
}

// url returns the address really bound, as a client on this machine would write it.
func (l *listener) url() string {
	addr := l.addrPort()
	host := addr.Addr().String()
	if addr.Addr().IsUnspecified() {
		host = "127.0.0.1"
	}
	scheme := "http"
	if l.tls {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, strconv.Itoa(int(addr.Port())))
}

// addrPort returns the address really bound.
func (l *listener) addrPort() netip.AddrPort {
	addr := l.Addr().(*net.TCPAddr).AddrPort() // listen opens no other kind
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
}

// listeners are all addresses of one interface.
type listeners []*listener

// listen binds the addresses of the setting called name, each for so many connections
// at most (0 means any number). Nothing is answered before
// serve; on an error nothing stays bound.
func listen(ctx context.Context, name string, list []config.Listener, most int, cert *certificate, log *slog.Logger) (listeners, error) {
	var ls listeners
	for _, l := range list {
		bound, err := new(net.ListenConfig).Listen(ctx, "tcp", l.Addr)
		if err != nil {
			ls.close()
			return nil, fmt.Errorf("%s %s: %w", name, l, err)
		}
		d := &door{Listener: bound, tls: l.TLS, most: int64(most), pace: pace{body: bodyPatience, take: takePatience}}
		ls = append(ls, &listener{door: d, server: newHTTPServer(l.TLS, cert, log)})
	}
	return ls, nil
}

// newHTTPServer returns a server with the limits. HTTP/2 is spoken everywhere: over TLS
// by negotiation, without it to clients that begin with it, as gRPC clients do.
func newHTTPServer(overTLS bool, cert *certificate, log *slog.Logger) *http.Server {
	s := &http.Server{
		ReadHeaderTimeout: headTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHead,
		ConnContext:       inContext,
		// What net/http logs are strangers' broken handshakes.
		ErrorLog:  slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		Protocols: new(http.Protocols),
	}
	s.Protocols.SetHTTP1(true)
	if overTLS {
		s.Protocols.SetHTTP2(true)
		s.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: cert.get}
	} else {
		s.Protocols.SetUnencryptedHTTP2(true)
	}
	return s
}

// askForCertificates makes clients over TLS present a certificate if they have one (RFC
// 8705). Whoever presents one has proven its key; whether it is believed is asked where
// it counts.
func (ls listeners) askForCertificates() {
	for _, l := range ls {
		if l.tls {
			l.server.TLSConfig.ClientAuth = tls.RequestClientCert
		}
	}
}

// serve answers on every address with h until shutdown. The errors of addresses that
// fail by themselves arrive on failed.
func (ls listeners) serve(h http.Handler, failed chan<- error) {
	for _, l := range ls {
		l.server.Handler = limitTarget(l.farewell(l.pace.handler(h)))
		if l.own != nil {
			l.serveOwn(failed)
			continue
		}
		go func() {
			var err error
			if l.tls {
				err = l.server.ServeTLS(l.door, "", "")
			} else {
				err = l.server.Serve(l.door)
			}
			if !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("%s: %w", l.url(), err)
			}
		}()
	}
}

// limitTarget refuses long request targets with 414. It cannot stand before net/http's
// own limit of the whole head: a target beyond that is answered with 431 there, and the
// connection closed.
func limitTarget(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.RequestURI) > maxTarget {
			w.Header().Set("Connection", "close")
			http.Error(w, fmt.Sprintf("the path and query are longer than %d bytes: send large values in the body", maxTarget), http.StatusRequestURITooLong)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// farewell tells clients, once the listener is leaving, that their connection ends with
// this answer. On HTTP/2 net/http makes GOAWAY of it. A handshake has its own use of the
// header.
func (l *listener) farewell(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if l.leaving.Load() && r.Header["Upgrade"] == nil {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// drain goes on accepting and answering for a while, and lets every answer end its
// connection. A load balancer that asks whether this node is ready sends to others
// meanwhile; a client that keeps a connection open learns with an answer that it ends,
// and not by a reset. Connections on which nothing was asked all the while remain for
// shutdown.
func (ls listeners) drain(while time.Duration) {
	for _, l := range ls {
		l.leaving.Store(true)
	}
	if while > 0 && len(ls) > 0 {
		time.Sleep(while)
	}
}

// shutdown stops accepting at once, lets running requests end within the limit, and
// then cuts them. Connections that were handed over, like WebSockets, are not waited
// for.
func (ls listeners) shutdown(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ended := make(chan error, len(ls))
	for _, l := range ls {
		go func() {
			err := l.server.Shutdown(ctx)
			if l.own != nil {
				err = errors.Join(err, l.own.Shutdown(ctx))
			}
			if err != nil {
				l.cut()
				err = fmt.Errorf("%s: requests still ran after %v and were cut", l.url(), limit)
			}
			ended <- err
		}()
	}
	var errs []error
	for range ls {
		errs = append(errs, <-ended)
	}
	return errors.Join(errs...)
}

// cut ends all connections at once.
func (l *listener) cut() {
	l.server.Close()
	if l.own != nil {
		l.own.Close()
	}
}

// close unbinds addresses that were never served.
func (ls listeners) close() {
	for _, l := range ls {
		l.Listener.Close()
	}
}
