package wire

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Server serves HTTP/1.1 and 1.0. All fields but Handler and Log may be left empty; the
// limits then are those of the constants below.
type Server struct {
	Handler http.Handler
	Log     *slog.Logger

	// TLS makes connections secure; nil leaves them as they are.
	TLS *tls.Config
	// HTTP2 takes connections that speak HTTP/2: by agreement over TLS, without it those
	// that begin with its preface (RFC 9113, section 3.3).
	HTTP2 func(net.Conn)
	// ConnContext adds to the context of a connection's requests.
	ConnContext func(context.Context, net.Conn) context.Context

	HeadTimeout time.Duration // for a head, and for a handshake
	IdleTimeout time.Duration // between two requests
	MaxHead     int           // bytes

	face     http.Server // what handlers find under http.ServerContextKey
	date     date
	left     atomic.Bool
	mu       sync.Mutex
	conns    map[*conn]struct{}
	doors    map[net.Listener]struct{}
	watching bool
}

// Limits of a Server that sets none.
const (
	defaultHeadTimeout = 10 * time.Second
	defaultIdleTimeout = 2 * time.Minute
	defaultMaxHead     = 64 << 10

	freshFor = 5 * time.Second // for the first byte, once the server is leaving
)

// Serve accepts connections until Shutdown or Close, and then returns
// http.ErrServerClosed.
func (s *Server) Serve(l net.Listener) error {
	if !s.open(l) {
		return http.ErrServerClosed
	}
	defer s.shut(l)
	for wait := time.Duration(0); ; {
		rwc, err := l.Accept()
		if err != nil {
			if s.leaving() {
				return http.ErrServerClosed
			}
			if passing, ok := errors.AsType[net.Error](err); !ok || !passing.Timeout() && !outOfFiles(err) {
				return err
			}
			wait = min(max(2*wait, 5*time.Millisecond), time.Second)
			s.Log.Warn("a connection was not accepted; the next one is waited for", "error", err)
			time.Sleep(wait)
			continue
		}
		wait = 0
		s.take(rwc)
	}
}

// open takes a listener down, with the limits that nobody set.
func (s *Server) open(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil {
		s.conns, s.doors = map[*conn]struct{}{}, map[net.Listener]struct{}{}
		s.HeadTimeout = cmp.Or(s.HeadTimeout, defaultHeadTimeout)
		s.IdleTimeout = cmp.Or(s.IdleTimeout, defaultIdleTimeout)
		s.MaxHead = cmp.Or(s.MaxHead, defaultMaxHead)
	}
	s.doors[l] = struct{}{}
	return !s.leaving()
}

func (s *Server) shut(l net.Listener) {
	l.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.doors, l)
}

// take serves a connection.
func (s *Server) take(rwc net.Conn) {
	c := &conn{server: s, plain: rwc, rwc: rwc, ctx: context.Background(), remote: rwc.RemoteAddr().String(), opened: time.Now(), in: newInput(rwc), header: make(http.Header, 8), deadline: patience{conn: rwc}}
	if s.ConnContext != nil {
		c.ctx = s.ConnContext(c.ctx, rwc)
	}
	s.mu.Lock()
	s.conns[c] = struct{}{}
	if !s.watching {
		s.watching = true
		go s.watch()
	}
	s.mu.Unlock()
	go c.serve()
}

// forget lets go of a connection that has ended or belongs to somebody else.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// leaving reports whether connections end with the answers that are on their way.
func (s *Server) leaving() bool { return s.left.Load() }

// Shutdown stops accepting, closes connections on which nothing is asked, and waits until
// the others have ended, or ctx has. Connections that were handed over are not waited for.
func (s *Server) Shutdown(ctx context.Context) error {
	s.leave()
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		if s.closeIdle() {
			return nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// Close closes everything at once.
func (s *Server) Close() error {
	s.leave()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.plain.Close()
	}
	return nil
}

func (s *Server) leave() {
	s.left.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.doors {
		l.Close()
	}
}

// closeIdle closes the connections on which nothing is asked, and reports whether there are
// no others. A new one is given a moment: its first request may be on its way.
func (s *Server) closeIdle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		old := time.Since(c.opened) > freshFor
		if c.state.CompareAndSwap(idle, gone) || old && c.state.CompareAndSwap(fresh, gone) {
			c.plain.Close()
		}
	}
	return len(s.conns) == 0
}
