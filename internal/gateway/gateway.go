// Package gateway takes calls from callers to the backends of the APIs they may use.
//
//	gateway.go     a call from beginning to end; the table in force and how it changes
//	canonical.go   the one spelling of a path
//	table.go       the compiled APIs, found by base path
//	match.go       the resources of one API, found by path template
//	decide.go      the decision: refuse, answer or forward, a pure function
//	scheme.go certificates.go     the credentials that an API looks at
//	rules.go       tiers and deny policies, compiled for each organization
//	denied.go      whom an organization keeps out
//	condition.go   the calls that a tier gives a limit of their own
//	limit.go       what a call counts against, and what is left of it
//	count.go       what is used of the running windows, counted on this node
//	shared.go      the same for all nodes together
//	meter.go       the bytes that pass, for limits of bytes
//	binding.go     whom a token may be used by, and for which API
//	metadata.go    what the gateway protects, and where tokens come from (RFC 9728)
//	policy.go      what is done to calls on their way; policy_*.go: one each
//	template.go    paths that policies make of a call's
//	explain.go     what each check of a decision saw
//	recent.go      the last calls of each application, for those who ask why
//	usage.go       how often what was called, until it is stored
//	graphql.go     what a GraphQL query asks for, how deep and how dear; policy_graphql.go: its limits
//	refusal.go     the gateway's own answers, in one table
//	answer.go      answers that no backend gave, on the way of those that one did
//	proxy.go       from the decision to the backend and back
//	stream.go      calls that last, and when they are cut
//	websocket.go   the messages of a WebSocket; policy_websocket.go: their limits
//	headers.go     what of a request and an answer passes
//	body.go        what of a request's body passes
//	buffer.go      a body that policies read before the backend does; json.go scans it
//	answers.go     backends' answers that the policy cache keeps; directives.go: Cache-Control
//	document.go    an API's OpenAPI document; schema.go: its schemas, and what it costs to check by them
//	backend.go     what stands behind an API, compiled
//	line.go        what this node holds to call it, from change to change
//	balance.go     which of its targets a call goes to
//	target.go      what is known of a target; healthcheck.go: asking it
//	attempt.go     how often a call is tried, and how long an answer may pause
//	signin.go      how a backend is shown who calls
//	pool.go        the connections to a host
//	egress.go      which addresses they may have
//
// It does not own tokens, keys or API definitions: it is handed what answers for them.
// It keeps none of them but the table, so what they answer must come from memory.
package gateway

import (
	"context"
	"crypto/x509"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/proof"
)

// APIs are the definitions the table is compiled from.
type APIs interface {
	KnownAPIs(ctx context.Context) ([]*gatehouse.API, error)
	KnownAPI(ctx context.Context, id string) (*gatehouse.API, error)
}

// Rules are the tiers and deny policies that organizations have of their own.
type Rules interface {
	AllRules(ctx context.Context) ([]*gatehouse.Rules, error)
	Rules(ctx context.Context, orgKey string) (*gatehouse.Rules, error)
}

// Tokens read access tokens.
type Tokens interface {
	// Verify returns what a token says; Unauthenticated when it is not valid, with
	// gatehouse.ErrTokenExpired in the chain if it was once.
	Verify(ctx context.Context, token string) (*gatehouse.Authorization, error)
	// VerifyInternal does the same with a key by which a publisher tries out the APIs that
	// are its audience.
	VerifyInternal(key string) (*gatehouse.Authorization, error)
	// Stands reports whether no revocation names what was true once.
	Stands(a *gatehouse.Authorization) bool
}

// Clients know consumer keys.
type Clients interface {
	Client(ctx context.Context, consumerKey string) (*gatehouse.Client, error)
}

// APIKeys know API keys.
type APIKeys interface {
	// APIKey returns what is known of a key, live or not, and of its application, if it has
	// one; NotFound when either is gone.
	APIKey(ctx context.Context, key string) (*gatehouse.APIKey, *gatehouse.Client, error)
}

// People prove who they are by a password.
type People interface {
	// Person returns what a member of an organization may do, who signs in from an address.
	// An Unauthenticated error does not tell why; Unavailable means that too many sign in.
	Person(ctx context.Context, orgKey, name, password string, from netip.Addr) (*gatehouse.Authorization, error)
}

// Gateway is the handler for calls of APIs. Fill it, call Load, then serve; Close it
// in the end.
type Gateway struct {
	APIs    APIs
	Rules   Rules // nil means that no organization has any
	Tokens  Tokens
	Clients Clients
	APIKeys APIKeys
	People  People
	// Signer signs what backends are told; nil means that no API may ask for it.
	Signer Signer

	// Shared counts calls for all nodes together; nil means that each counts for itself.
	Shared Shared
	// Salt is mixed into what the addresses of callers are counted under, the same on all
	// nodes and known to nobody else.
	Salt uint64

	// URL is what the world calls the gateway: the issuer of tokens, and the beginning of
	// the URLs that tokens are asked for.
	URL string
	// Proofs checks DPoP proofs; nil means that no token bound to a key is taken.
	Proofs *proof.DPoP
	// MutualTLS says that listeners ask for certificates.
	MutualTLS bool
	// Egress says which addresses backends may have.
	Egress *gatehouse.Egress
	// TrustedProxies are the networks of proxies before the gateway whose
	// X-Forwarded-For, -Proto and -Host are believed; everybody else's are dropped.
	TrustedProxies []netip.Prefix
	// MaxBody bounds a request's body, in bytes; 0 means no bound.
	MaxBody int64
	// BackendTimeout is how long a backend may take from the request to the header of
	// its answer, where its API does not say; 0 means 30 seconds.
	BackendTimeout time.Duration
	// Secrets opens what the gateway shows backends.
	Secrets Secrets
	// OwnEngine calls backends over plain HTTP with our own HTTP/1.1 and not with net/http's.
	OwnEngine bool
	// Roots are the authorities that backends' certificates must come from; nil means
	// those of the system.
	Roots *x509.CertPool

	Log *slog.Logger
	Now func() time.Time

	table   atomic.Pointer[Table]
	change  sync.Mutex // held while the table is replaced, so that no change is lost
	once    sync.Once
	lines   *lines
	retries atomic.Int64
	calls   sync.Pool // of *call
	counts  counts
	answers answers // that the policy cache keeps
	jwts    heldJWTs
	recent  recent
	usage   usage
	streams streams
	apart   atomic.Int64 // until when this node counts for itself, in Unix nanoseconds; 0 while Shared answers
}

// Load compiles all APIs anew. An API that cannot be compiled is left out and logged.
// On an error the table that was in force stays so.
func (g *Gateway) Load(ctx context.Context) error {
	g.change.Lock()
	defer g.change.Unlock()
	apis, err := g.APIs.KnownAPIs(ctx)
	if err != nil {
		return fmt.Errorf("load APIs, the gateway serves what it had: %w", err)
	}
	table, err := NewTable(apis)
	if err != nil {
		g.Log.ErrorContext(ctx, "APIs left out of the gateway", "error", err)
	}
	table.salt = g.Salt
	if g.Rules != nil {
		all, err := g.Rules.AllRules(ctx)
		if err != nil {
			return fmt.Errorf("load rules, the gateway serves what it had: %w", err)
		}
		if table.rules, err = newRules(all); err != nil {
			g.Log.ErrorContext(ctx, "rules left out of the gateway", "error", err)
		}
	}
	g.put(table, nil)
	return nil
}

// ApplyRules takes up whatever changed of the rules of one organization. When it returns,
// calls that begin see the change. On an error the rules that were in force stay so.
func (g *Gateway) ApplyRules(ctx context.Context, orgKey string) error {
	g.change.Lock()
	defer g.change.Unlock()
	rules, err := g.Rules.Rules(ctx, orgKey)
	if err != nil {
		return fmt.Errorf("load the rules of %s, the gateway keeps what it had: %w", orgKey, err)
	}
	table, err := g.current().WithRules(rules)
	if err != nil {
		return fmt.Errorf("the gateway keeps the rules of %s as they were: %w", orgKey, err)
	}
	g.put(table, []string{}) // no API has changed
	return nil
}

// Apply takes up whatever changed of one API. When it returns, calls that begin see the
// change. On an error the table that was in force stays so.
func (g *Gateway) Apply(ctx context.Context, apiID string) error {
	g.change.Lock()
	defer g.change.Unlock()
	api, err := g.APIs.KnownAPI(ctx, apiID)
	switch {
	case gatehouse.KindOf(err) == gatehouse.NotFound:
		g.put(g.current().Without(apiID), []string{apiID})
		return nil
	case err != nil:
		return fmt.Errorf("load API %s, the gateway serves what it had: %w", apiID, err)
	}
	table, err := g.current().With(api)
	if err != nil {
		return fmt.Errorf("the gateway serves API %s as it was: %w", apiID, err)
	}
	g.put(table, []string{apiID})
	return nil
}

// put brings a table into force, and has what hangs on it follow. ids are the APIs that may
// have changed, nil for all.
func (g *Gateway) put(t *Table, ids []string) {
	g.once.Do(g.open)
	done := g.lines.takeUp(g, t, ids)
	g.table.Store(t)
	done()
	g.answers.sweep(t)
}

// current is the table in force; before the first Load it has no APIs.
func (g *Gateway) current() *Table {
	if t := g.table.Load(); t != nil {
		return t
	}
	return &Table{}
}

// Close ends the idle connections to backends, and what runs beside calls.
func (g *Gateway) Close() {
	g.once.Do(g.open)
	g.lines.close()
}

func (g *Gateway) open() {
	g.lines = newLines()
	g.calls.New = func() any { return newCall(g) }
	g.counts.seed, g.recent.seed, g.usage.seed = maphash.MakeSeed(), maphash.MakeSeed(), maphash.MakeSeed()
}

// ServeHTTP takes one call from beginning to end.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.once.Do(g.open)
	c := g.calls.Get().(*call)
	c.begin(w, r)
	over := false
	defer func() {
		c.account()
		if over { // not when a panic cuts the answer off: then it may be in use
			c.end()
			g.calls.Put(c)
		}
	}()
	switch c.decide(); c.decision.Outcome {
	case Forward:
		c.forward()
	case Preflight:
		c.cors().preflight(c.w, c.r.Header["Origin"], c.decision.Allow)
	default:
		c.refuse(c.decision.Refusal)
	}
	over = true
}

// maxTarget bounds a request target, in bytes: path and query.
const maxTarget = 16 << 10

// read fills in the head that is decided upon. What may be wrong with a request before
// it is known which API it means is refused here.
func (h *Head) read(r *http.Request) *Refusal {
	path, query, _ := strings.Cut(r.RequestURI, "?")
	authorization := r.Header["Authorization"]
	switch {
	case !slices.Contains(gatehouse.Methods, r.Method):
		return unknownMethod
	case len(r.RequestURI) > maxTarget:
		return longTarget
	case len(authorization) > 1:
		return badAuthorization
	}
	path, ok := canonical(path)
	if !ok || !validQuery(query) {
		return badTarget
	}
	*h = Head{Method: r.Method, Path: path, Query: query, Header: r.Header}
	if len(authorization) == 1 {
		h.Authorization = authorization[0]
	}
	h.Preflight = r.Method == "OPTIONS" && r.Header["Origin"] != nil && r.Header["Access-Control-Request-Method"] != nil
	return nil
}
