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
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/wire"
)

// Limits of connections. There is no limit on how long an answer takes: streams and
// WebSockets last. Handlers that read a body of a bounded size set a deadline of their
// own.
const (
	maxTarget     = 16 << 10 // bytes of a request's path and query; beyond it 414
	maxHead       = 64 << 10 // bytes of a request's line and headers; beyond it 431
	headTimeout   = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	shutdownLimit = 30 * time.Second
)

// listener is one address that answers.
type listener struct {
	net.Listener
	tls    bool
	server *http.Server
	own    *wire.Server // our own HTTP/1.1; nil when server speaks it
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

// listen binds the addresses of the setting called name. Nothing is answered before
// serve; on an error nothing stays bound.
func listen(ctx context.Context, name string, list []config.Listener, cert *certificate, log *slog.Logger) (listeners, error) {
	var ls listeners
	for _, l := range list {
		bound, err := new(net.ListenConfig).Listen(ctx, "tcp", l.Addr)
		if err != nil {
			ls.close()
			return nil, fmt.Errorf("%s %s: %w", name, l, err)
		}
		ls = append(ls, &listener{Listener: bound, tls: l.TLS, server: newHTTPServer(l.TLS, cert, log)})
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
		l.server.Handler = limitTarget(h)
		if l.own != nil {
			l.serveOwn(failed)
			continue
		}
		go func() {
			var err error
			if l.tls {
				err = l.server.ServeTLS(l.Listener, "", "")
			} else {
				err = l.server.Serve(l.Listener)
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
