package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse/internal/wire"
)

// poolKey is all that tells two pools of connections apart. APIs that call the same host
// in the same way share one.
type poolKey struct {
	origin      string // scheme and host
	connect     time.Duration
	firstByte   time.Duration
	ca          string
	certificate string
	key         string // of the certificate, in the clear: it stays in memory
	http2       bool
}

// pool is the connections to one host. The last line that leaves it closes the idle ones;
// those with a call on them end with it.
type pool struct {
	transport
	key   poolKey
	users int
}

// traced is net/http's transport, which tells the proxy of interim answers.
type traced struct{ *http.Transport }

// RoundTrip sends a request and returns the answer.
func (t traced) RoundTrip(r *http.Request) (*http.Response, error) {
	return t.Transport.RoundTrip(wire.Traced(r))
}

// transport is what speaks to the host.
type transport interface {
	http.RoundTripper
	CloseIdleConnections()
}

// pools are the pools of a node.
type pools struct {
	mu    sync.Mutex
	byKey map[poolKey]*pool
}

// join returns the pool for a key. Leave it in the end.
func (ps *pools) join(g *Gateway, key poolKey, roots *x509.CertPool) (*pool, error) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p := ps.byKey[key]
	if p == nil {
		transport, err := g.newTransport(&key, roots)
		if err != nil {
			return nil, err
		}
		p = &pool{transport: transport, key: key}
		if ps.byKey == nil {
			ps.byKey = map[poolKey]*pool{}
		}
		ps.byKey[key] = p
	}
	p.users++
	return p, nil
}

func (ps *pools) leave(p *pool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if p.users--; p.users > 0 {
		return
	}
	delete(ps.byKey, p.key)
	p.CloseIdleConnections() // from now on those that become idle are closed too
}

// newTransport makes the connections of a pool. It asks the egress rule about the very
// address that is dialled, so that no name can be made to point elsewhere after it was
// checked; for the same reason it uses no proxy of the environment. It does not touch
// encodings: what the backend sent is what the caller gets. Over TLS it may turn out that a
// backend speaks HTTP/2, so that is net/http's in any case.
func (g *Gateway) newTransport(key *poolKey, roots *x509.CertPool) (transport, error) {
	dialer := Dialer(g.Egress)
	dialer.Timeout = key.connect
	if g.OwnEngine && !key.http2 && strings.HasPrefix(key.origin, "http://") {
		return &wire.Transport{
			Dial:            dialer.DialContext,
			HeaderTimeout:   key.firstByte,
			ContinueTimeout: continueTimeout,
			IdleTimeout:     idleTimeout,
			MaxIdle:         maxIdlePerPool,
			MaxHeader:       maxAnswerHeader,
		}, nil
	}
	if roots == nil {
		roots = g.Roots
	}
	t := traced{&http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		TLSHandshakeTimeout:    2 * key.connect,
		ResponseHeaderTimeout:  key.firstByte,
		ExpectContinueTimeout:  continueTimeout,
		IdleConnTimeout:        idleTimeout,
		MaxIdleConnsPerHost:    maxIdlePerPool,
		MaxResponseHeaderBytes: maxAnswerHeader,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
	}}
	if key.certificate != "" {
		pair, err := tls.X509KeyPair([]byte(key.certificate), []byte(key.key))
		if err != nil {
			return nil, err
		}
		t.TLSClientConfig.Certificates = []tls.Certificate{pair}
	}
	if key.http2 {
		t.Protocols = new(http.Protocols)
		t.Protocols.SetHTTP2(true)
		t.Protocols.SetUnencryptedHTTP2(true)
	}
	return t, nil
}

// patience is how long a backend may take for the header of its answer.
func (g *Gateway) patience(b *Backend) time.Duration {
	if b.firstByte == 0 && g.BackendTimeout > 0 {
		return g.BackendTimeout
	}
	return time.Duration(b.Tuning.FirstByteTimeout)
}
