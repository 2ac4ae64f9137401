package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"

	"github.com/gatehouse/gatehouse/internal/wire"
)

// speakOwn puts our own HTTP/1.1 on the listeners. net/http is left with the connections
// that speak HTTP/2.
func (ls listeners) speakOwn(log *slog.Logger) {
	for _, l := range ls {
		l.own = &wire.Server{Log: log}
	}
}

// serveOwn answers with our own HTTP/1.1, and has net/http answer on the connections that
// are handed on to it.
func (l *listener) serveOwn(failed chan<- error) {
	http2 := &handedOn{Listener: l.door, conns: make(chan net.Conn), closed: make(chan struct{})}
	l.own.Handler, l.own.HTTP2, l.own.ConnContext = l.server.Handler, http2.take, l.server.ConnContext
	l.own.HeadTimeout, l.own.IdleTimeout, l.own.MaxHead = l.server.ReadHeaderTimeout, l.server.IdleTimeout, l.server.MaxHeaderBytes
	if l.tls {
		l.server.TLSConfig.NextProtos = []string{"h2", "http/1.1"}
		l.own.TLS = l.server.TLSConfig.Clone() // net/http changes its own
	}
	for _, serve := range []func() error{
		func() error { return l.own.Serve(l.door) },
		func() error { return l.server.Serve(http2) },
	} {
		go func() {
			if err := serve(); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("%s: %w", l.url(), err)
			}
		}()
	}
}

// handedOn is a listener for connections that another one accepted.
type handedOn struct {
	net.Listener
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// take hands a connection on.
func (h *handedOn) take(c net.Conn) {
	select {
	case h.conns <- c:
	case <-h.closed:
		c.Close()
	}
}

// Accept returns the next connection.
func (h *handedOn) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Close ends the handing on; the listener that accepts is closed by its own server.
func (h *handedOn) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}
