package wire

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Transport carries requests to HTTP/1.1 backends. Whoever calls RoundTrip writes the
// request and reads the answer; no goroutine waits on idle connections. It follows no
// redirect, keeps no cookie, decodes nothing and adds no header but those that frame a
// message. Of a httptrace.ClientTrace it calls WroteRequest and Got1xxResponse. Fill it
// before the first call.
type Transport struct {
	// Dial opens connections: whether an address may be called is asked there.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// TLS is for https. HTTP/2 is never agreed upon.
	TLS *tls.Config

	HandshakeTimeout time.Duration // 10 s when it is 0
	HeaderTimeout    time.Duration // from the request's end to the answer's header; 0 means no limit
	ContinueTimeout  time.Duration // for 100 Continue, then the body is sent anyhow; 1 s when it is 0
	IdleTimeout      time.Duration // of a connection between two requests; 90 s when it is 0
	MaxIdle          int           // connections of one host between two requests; 64 when it is 0
	MaxHeader        int           // bytes of an answer's header; 1 MiB when it is 0

	mu      sync.Mutex
	hosts   map[host]*stack
	sweeper *time.Timer // runs while there are idle connections
	closing bool        // until the next request
}

// host is where connections go.
type host struct{ scheme, address string }

// stack is the idle connections to one host, the one used last on top.
type stack struct{ conns []*upstream }

// Defaults of a Transport.
const (
	defaultHandshake = 10 * time.Second
	defaultContinue  = time.Second
	defaultIdle      = 90 * time.Second
	defaultMaxIdle   = 64
	defaultMaxHeader = 1 << 20
)

// RoundTrip sends a request and returns the answer as soon as its header is there. A
// connection that had been idle may turn out to have ended; then the request is sent again,
// if nothing can have come of it.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	to, err := destination(r)
	if err != nil {
		closeBody(r)
		return nil, err
	}
	ctx := r.Context()
	for {
		if ctx.Err() != nil {
			closeBody(r)
			return nil, context.Cause(ctx)
		}
		u := t.idle(to)
		if u == nil {
			if u, err = t.dial(ctx, to); err != nil {
				closeBody(r)
				return nil, err
			}
		}
		res, err := u.exchange(ctx, r)
		switch {
		case err == nil:
			return res, nil
		case ctx.Err() != nil:
			closeBody(r)
			return nil, context.Cause(ctx)
		case !u.mayRepeat(r):
			closeBody(r)
			return nil, err
		}
	}
}

// destination is where a request goes.
func destination(r *http.Request) (host, error) {
	to := host{r.URL.Scheme, r.URL.Host}
	port := ""
	switch to.scheme {
	case "http":
		port = "80"
	case "https":
		port = "443"
	default:
		return host{}, errors.New("a backend's URL must begin with http:// or https://")
	}
	if r.URL.Port() == "" {
		to.address = net.JoinHostPort(r.URL.Hostname(), port)
	}
	return to, nil
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		r.Body.Close()
	}
}

// dial opens a connection.
func (t *Transport) dial(ctx context.Context, to host) (*upstream, error) {
	c, err := t.Dial(ctx, "tcp", to.address)
	if err != nil {
		return nil, err
	}
	u := &upstream{transport: t, host: to, rwc: c, raw: rawConn(c)}
	if to.scheme == "https" {
		config := &tls.Config{}
		if t.TLS != nil {
			config = t.TLS.Clone()
		}
		config.NextProtos = []string{"http/1.1"}
		if config.ServerName == "" {
			config.ServerName, _, _ = net.SplitHostPort(to.address)
		}
		secure := tls.Client(c, config)
		limited, cancel := context.WithTimeout(ctx, cmp.Or(t.HandshakeTimeout, defaultHandshake))
		defer cancel()
		if err := secure.HandshakeContext(limited); err != nil {
			c.Close()
			return nil, err
		}
		state := secure.ConnectionState()
		u.rwc, u.tls = secure, &state
	}
	u.in, u.deadline = newInput(u.rwc), patience{conn: u.rwc}
	u.abort.do, u.pausing = u.close, u.pause
	return u, nil
}

// idle takes an idle connection to a host, nil when there is none. One that the backend has
// closed, or on which it has said something unasked, is of no use: what it said would be
// taken for the answer.
func (t *Transport) idle(to host) *upstream {
	for {
		u := t.pop(to)
		if u == nil || u.raw == nil || peek(u.raw, false) == silent {
			return u
		}
		u.close()
	}
}

func (t *Transport) pop(to host) *upstream {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closing = false
	s := t.hosts[to]
	if s == nil || len(s.conns) == 0 {
		return nil
	}
	last := len(s.conns) - 1
	u := s.conns[last]
	s.conns[last] = nil
	s.conns = s.conns[:last]
	return u
}

// keep makes a connection idle.
func (t *Transport) keep(u *upstream) {
	u.reused, u.since = true, time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.hosts[u.host]
	if s == nil {
		if t.hosts == nil {
			t.hosts = map[host]*stack{}
		}
		s = &stack{}
		t.hosts[u.host] = s
	}
	if t.closing || len(s.conns) >= cmp.Or(t.MaxIdle, defaultMaxIdle) {
		u.close()
		return
	}
	s.conns = append(s.conns, u)
	if t.sweeper == nil {
		t.sweeper = time.AfterFunc(cmp.Or(t.IdleTimeout, defaultIdle), t.sweep)
	}
}

// sweep closes what has been idle for too long.
func (t *Transport) sweep() {
	t.mu.Lock()
	defer t.mu.Unlock()
	patience := cmp.Or(t.IdleTimeout, defaultIdle)
	left := false
	for to, s := range t.hosts {
		old := 0
		for old < len(s.conns) && time.Since(s.conns[old].since) >= patience {
			s.conns[old].close()
			old++
		}
		s.conns = append(s.conns[:0:0], s.conns[old:]...)
		if len(s.conns) == 0 {
			delete(t.hosts, to)
		}
		left = left || len(s.conns) > 0
	}
	if t.sweeper = nil; left {
		t.sweeper = time.AfterFunc(patience/2, t.sweep)
	}
}

// CloseIdleConnections closes the idle connections, and those that become idle before the
// next request.
func (t *Transport) CloseIdleConnections() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closing = true
	for _, s := range t.hosts {
		for _, u := range s.conns {
			u.close()
		}
	}
	t.hosts = nil
	if t.sweeper != nil {
		t.sweeper.Stop()
		t.sweeper = nil
	}
}

// mayRepeat reports whether a request that failed on u is sent once more: nothing of an
// answer was read from a connection that had been idle, and either nothing was written or
// it is a request that does no harm twice (RFC 9110, section 9.2.2) and has no body.
func (u *upstream) mayRepeat(r *http.Request) bool {
	if !u.reused || u.heard {
		return false
	}
	if r.Body == nil || r.Body == http.NoBody {
		return !u.said || idempotent(r.Method)
	}
	return false
}

func idempotent(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE":
		return true
	}
	return false
}

// errLargeAnswer is for an answer whose header is too large.
var errLargeAnswer = errors.New("the header of the backend's answer is too large")

// broken makes a backend's hang-up an error of its own: io.EOF would look like an end.
func broken(err error) error {
	if err == io.EOF {
		return errors.New("the backend closed the connection without an answer")
	}
	return err
}
