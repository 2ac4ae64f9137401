package gateway

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/proof"
	"github.com/gatehouse/gatehouse/internal/wire"
)

// call is one call on its way. Calls are used again and again, each with a reverse
// proxy of its own that is bound to it, so that the decision reaches the proxy's hooks
// without a detour.
type call struct {
	gateway   *Gateway
	proxy     wire.Proxy
	w         http.ResponseWriter
	r         *http.Request
	requestID []string // the answer's X-Request-Id as it was before the call
	head      Head
	decision  Decision
	meter     *meter // nil when the call has no limit of bytes
	target    picked
	inside    bool      // among the calls in flight
	sent      *Endpoint // that the backend's request is written for
	patient   *patientBody
	began     time.Time
	status    int    // of the answer
	told      string // what the backend is told of the caller
	kept      kept   // by policies
}

func newCall(g *Gateway) *call {
	c := &call{gateway: g}
	c.proxy = wire.Proxy{
		Rewrite:        c.rewrite,
		ModifyResponse: c.answered,
		ErrorHandler:   c.failed,
		Transport:      c,
		BufferPool:     buffers{},
		Log:            g.Log,
	}
	return c
}

func (c *call) begin(w http.ResponseWriter, r *http.Request) {
	c.w, c.r, c.requestID, c.began = w, r, w.Header()["X-Request-Id"], c.gateway.Now()
}

// account takes down what came of the call, and tells the policies that ask. A browser's question about CORS is no call.
func (c *call) account() {
	if c.decision.Outcome == Preflight {
		return
	}
	s := seen{at: c.began, took: c.gateway.Now().Sub(c.began), status: c.status, method: c.r.Method, path: c.head.Path, decision: c.decision}
	if len(c.requestID) > 0 {
		s.id = c.requestID[0]
	}
	if s.path == "" { // it was no path
		s.path, _, _ = strings.Cut(c.r.RequestURI, "?")
	}
	c.gateway.usage.count(&s)
	c.gateway.recent.add(&s)
	if p := c.decision.policies; p != nil {
		for _, f := range p.finishers {
			f.finish(c)
		}
	}
}

// end lets go of everything the call held.
func (c *call) end() {
	c.w, c.r, c.requestID, c.head, c.decision, c.meter, c.target, c.sent, c.status, c.told, c.kept = nil, nil, nil, Head{}, Decision{}, nil, picked{}, nil, 0, "", kept{}
}

func (c *call) decide() {
	if refusal := c.head.read(c.r); refusal != nil {
		c.decision.Refusal = refusal
		return
	}
	c.head.Gateway = c.gateway.URL
	c.decision = Decide(c.gateway.current(), c, &c.head)
	if err := c.decision.Err; err != nil && c.r.Context().Err() == nil {
		c.gateway.Log.ErrorContext(c.r.Context(), "credentials cannot be checked", "api", c.decision.API.ID, "error", err)
	}
}

// Token and Client make a call the Facts of its own decision.

func (c *call) Token(token string) (*gatehouse.Authorization, error) {
	return c.gateway.Tokens.Verify(c.r.Context(), token)
}

func (c *call) Client(consumerKey string) (*gatehouse.Client, error) {
	return c.gateway.Clients.Client(c.r.Context(), consumerKey)
}

// Proof and Certificate look at the request itself, when the token is bound to a key.

func (c *call) Proof(token string) (string, error) {
	if c.gateway.Proofs == nil {
		return "", gatehouse.Errorf(gatehouse.Unauthenticated, "no proof can be checked here")
	}
	return c.gateway.Proofs.Check(c.r.Context(), c.r.Header["Dpop"], c.r.Method, c.head.Path, token)
}

// Address is whom the connection, or a trusted proxy, says it is.
func (c *call) Address() netip.Addr {
	address, _, _ := c.gateway.caller(c.r)
	parsed, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Addr{}
	}
	return parsed.Unmap().WithZone("")
}

func (c *call) Certificate() string { return proof.Thumbprint(proof.Certificate(c.r.TLS)) }

// Presented looks at the handshake alone: no header stands for it, whoever sets it.
func (c *call) Presented(of *certificates) *gatehouse.ClientCertificate {
	if c.r.TLS == nil {
		return nil
	}
	return of.match(c.r.TLS.PeerCertificates, c.gateway.Now())
}

func (c *call) APIKey(key string) (*gatehouse.APIKey, *gatehouse.Client, error) {
	return c.gateway.apiKey(c.r.Context(), key)
}

func (g *Gateway) apiKey(ctx context.Context, key string) (*gatehouse.APIKey, *gatehouse.Client, error) {
	k, client, err := g.APIKeys.APIKey(ctx, key)
	if err == nil && !k.Live(g.Now()) {
		err = errKeyEnded
	}
	return k, client, err
}

func (c *call) Internal(key string) (*gatehouse.Authorization, error) {
	return c.gateway.Tokens.VerifyInternal(key)
}

func (c *call) Person(orgKey, name, password string) (*gatehouse.Authorization, error) {
	return c.gateway.People.Person(c.r.Context(), orgKey, name, password, c.Address())
}

// errKeyEnded is a value: it is answered to whoever goes on with an old key.
var errKeyEnded error = &gatehouse.Error{Kind: gatehouse.Unauthenticated, Message: "the API key has ended", Err: gatehouse.ErrTokenExpired}

// Count counts by this node's clock.
func (c *call) Count(limits Limits) Quota {
	if c.gateway.Shared == nil {
		return c.gateway.counts.take(&limits, c.gateway.Now())
	}
	return c.gateway.countTogether(c.r.Context(), limits)
}

func (c *call) refuse(with *Refusal) {
	c.decision.Refusal, c.status = with, with.Status
	c.decision.grpc = strings.HasPrefix(c.r.Header.Get("Content-Type"), "application/grpc")
	c.allowOrigin(c.w.Header())
	c.decision.write(c.w, c.gateway.URL)
}

// allowOrigin lets a page of another origin read the answer, where the API's settings do.
func (c *call) allowOrigin(h http.Header) {
	if k := c.cors(); k.open(h, c.r.Header["Origin"]) && k.exposed != "" {
		h.Set("Access-Control-Expose-Headers", k.exposed)
	}
}

// cors is what the API says of CORS, or what is done where there is none.
func (c *call) cors() *cors {
	if c.decision.cors == nil {
		return openCORS
	}
	return c.decision.cors
}

// forward sends the call to the backend. A body that is known to be too large is
// refused before the backend hears of it, one without a length when it turns out to be.
func (c *call) forward() {
	c.decision.Stage = StageAnswer
	if limit := c.gateway.MaxBody; limit > 0 {
		if c.r.ContentLength > limit {
			c.refuse(largeBody)
			return
		}
		if c.r.ContentLength < 0 {
			c.r.Body = http.MaxBytesReader(c.w, c.r.Body, limit)
		}
	}
	c.meterRequest()
	for _, p := range c.decision.policies.answerers {
		if p.answer(c) {
			return
		}
	}
	if !c.enter() {
		return
	}
	defer c.leave()
	if lasting(c.r) {
		defer c.last()()
	}
	c.proxy.ServeHTTP(c.w, c.r)
}

// rewrite turns the caller's request into the backend's. The path is the canonical one,
// to the letter, or made of its parts by a policy: what was authorised is what the backend
// reads.
func (c *call) rewrite(p *httputil.ProxyRequest) {
	to, rest := c.target, c.decision.Rest
	if t := c.decision.policies.template; t != nil {
		rest = t.path(c.decision.Resource, rest)
	}
	escaped := to.Path + rest
	if escaped == "" {
		escaped = "/"
	}
	path, err := url.PathUnescape(escaped)
	if err != nil {
		panic(err) // both parts were parsed before
	}
	_, query, _ := strings.Cut(c.r.RequestURI, "?")
	*p.Out.URL = url.URL{Scheme: to.Scheme, Host: to.Host, Path: path, RawPath: escaped, RawQuery: c.decision.security.query(query)}
	p.Out.Host = to.Host
	cleanRequest(p.Out.Header)
	c.decision.security.strip(p.Out.Header)
	c.gateway.introduce(c.r, p.Out.Header)
	for _, policy := range c.decision.policies.rewriters {
		policy.rewrite(c, p.Out)
	}
	wrapBody(p, c.decision.Backend.Tuning.Attempts > 1)
}

// answered removes from the backend's answer what is the gateway's to say, and sees that
// it arrives in the pieces in which it was sent. The reverse proxy does so by itself when
// the length is not known; for a short answer it would cost more than the answer.
func (c *call) answered(res *http.Response) error {
	cleanAnswer(res.Header, c.cors().off)
	if len(c.requestID) > 0 {
		delete(res.Header, "X-Request-Id")
	}
	if len(res.Trailer) > 0 {
		delete(res.Header, "Content-Length") // HTTP/1.1 has trailers in chunked bodies alone (RFC 9112, section 7.1.2)
	}
	c.proxy.FlushInterval = 0
	if res.ContentLength > int64(len(buffer{})) {
		c.proxy.FlushInterval = -1
	}
	for _, p := range c.decision.policies.responders {
		if err := p.respond(c, res); err != nil {
			return err
		}
	}
	if endless(res) {
		c.leave() // a stream waits for events, not for the backend
	}
	c.status = res.StatusCode
	c.settle(res)
	c.meterAnswer(res)
	c.stick(res.Header)
	c.keepRequestID()
	c.decision.Quota.head(res.Header)
	c.allowOrigin(res.Header)
	return nil
}

// keepRequestID sets the request id again: the reverse proxy clears all headers when it
// passes an interim answer on, 100 or 103.
func (c *call) keepRequestID() {
	if len(c.requestID) > 0 {
		c.w.Header()["X-Request-Id"] = c.requestID
	}
}

// clientLeft is written for a caller that can no longer read it; the log shows it.
const clientLeft = 499

// failed answers for a backend that did not.
func (c *call) failed(_ http.ResponseWriter, _ *http.Request, err error) {
	c.keepRequestID()
	if errors.Is(c.r.Context().Err(), context.Canceled) {
		c.status = clientLeft
		c.w.WriteHeader(clientLeft)
		return
	}
	refusal := refusalFor(err)
	if refusal.Status >= http.StatusInternalServerError {
		c.gateway.Log.WarnContext(c.r.Context(), "backend call failed", "api", c.decision.API.ID, "status", refusal.Status, "error", err)
	}
	c.refuse(refusal)
}

// refusalFor tells the ways apart in which a backend call fails.
func refusalFor(err error) *Refusal {
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		return refusal // by a policy
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return largeBody
	}
	if errors.Is(err, errIncomplete) {
		return incompleteBody
	}
	if errors.Is(err, errSignIn) {
		return noSignIn
	}
	if errors.Is(err, errForbiddenAddress) {
		return badAnswer
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() || errors.Is(err, context.Canceled) { // by a policy: the caller is there
		return backendTimeout
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return noConnection
	}
	return badAnswer
}

// buffers lends the reverse proxy what it copies with.
type buffers struct{}

type buffer [32 << 10]byte

var bufferPool = sync.Pool{New: func() any { return new(buffer) }}

func (buffers) Get() []byte  { return bufferPool.Get().(*buffer)[:] }
func (buffers) Put(b []byte) { bufferPool.Put((*buffer)(b)) }
