package gateway

import (
	"errors"
	"net/netip"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// Outcome is what the gateway does with a call.
type Outcome uint8

// The outcomes.
const (
	Refuse    Outcome = iota // answer with the Decision's Refusal
	Preflight                // answer a browser's question about CORS
	Forward                  // send the call to the backend
)

// Head is what a decision needs to know of a request. It holds nothing of net/http, so
// that a decision can be asked for without a request.
type Head struct {
	Method        string
	Path          string // canonical
	Query         string // as it was sent
	Header        map[string][]string
	Authorization string // the header's value, empty if there was none
	Preflight     bool   // Origin and Access-Control-Request-Method were there
	Gateway       string // what the world calls the gateway: the beginning of APIs' URLs
}

// Facts are what a decision asks for beside the table.
type Facts interface {
	// Token returns what an access token says. An Unauthenticated error means that it
	// is not valid, with gatehouse.ErrTokenExpired in its chain if it was once.
	Token(token string) (*gatehouse.Authorization, error)
	// Client returns everything known of a consumer key; NotFound when it is gone.
	Client(consumerKey string) (*gatehouse.Client, error)
	// Proof returns the thumbprint of the key that the caller proves to hold for a
	// token. An Unauthenticated error means that there is no proof, or none that holds.
	Proof(token string) (string, error)
	// Address returns the address that the call comes from; the zero Addr when nobody knows.
	Address() netip.Addr
	// Certificate returns the thumbprint of the caller's TLS certificate, or nothing.
	Certificate() string
	// Presented returns by which of the API's certificates its caller is known, or nil.
	Presented(of *certificates) *gatehouse.ClientCertificate
	// APIKey returns what is known of an API key, and everything known of the application
	// whose subscriptions it uses, nil if there is none; NotFound when one of them is gone,
	// and an error with gatehouse.ErrTokenExpired in its chain when the key has ended.
	APIKey(key string) (*gatehouse.APIKey, *gatehouse.Client, error)
	// Internal returns what an internal key says; Unauthenticated when it is not valid.
	Internal(key string) (*gatehouse.Authorization, error)
	// Person returns what a member of an organization may do, proven by a password;
	// Unauthenticated when it is not theirs, Unavailable when too many are asked for.
	Person(orgKey, name, password string) (*gatehouse.Authorization, error)
	// Count counts the call against all limits, or against none when one of them is
	// used up, and returns what is left.
	Count(limits Limits) Quota
}

// Decision is what comes of a call, and why.
type Decision struct {
	Outcome Outcome
	Stage   Stage // the last that was reached: it refused, if the call was refused
	Refusal *Refusal
	Err     error  // why the facts could not be had; for the log
	Allow   string // the methods there are, for a preflight or a wrong method

	API           *gatehouse.API      // nil when the path belongs to none
	Rest          string              // the canonical path behind the API's base path
	Resource      *gatehouse.Resource // nil when none was found
	Authorization *gatehouse.Authorization
	Client        *gatehouse.Client
	Subscription  *gatehouse.Subscription // nil when the call needs none
	Backend       *Backend                // where to forward to
	Policy        string                  // the policy that refused, if one did
	Limits        Limits                  // that the call counts against
	Quota         Quota                   // what they leave

	policies *chain    // of the resource; nil when none was found
	subject  string    // of the resource's limit
	security *security // of the API; nil when the path belongs to none
	cors     *cors     // the same
	brought  string    // what sort of credential says who calls
	grpc     bool      // the caller reads refusals as gRPC writes them
}

// Decide says what comes of a call. It has no clock and no input or output of its own:
// the same table, facts and head give the same decision, whoever asks.
func Decide(t *Table, f Facts, h *Head) (d Decision) {
	d.Stage = StageAPI
	r, rest := t.find(h.Path)
	if r == nil || !r.api.Served() && !tries(f, h, r.api.ID) {
		d.Refusal = unknownAPI
		return d
	}
	d.API, d.Rest, d.security, d.cors = &r.api, rest, r.security, r.cors
	if r.api.State == gatehouse.Blocked {
		d.Refusal = blockedAPI
		return d
	}
	if !d.find(&r.resources, h) || d.Resource.Auth != gatehouse.AuthNone && !d.authorize(f, h) {
		return d
	}
	if d.permitted(t, r, f) && d.choose(r) && d.admitted(f, h) && d.within(t, r, f, h) {
		d.Outcome = Forward
	}
	return d
}

// refuse is false, for the checks to return.
func (d *Decision) refuse(with *Refusal) bool {
	d.Refusal = with
	return false
}

// find looks the resource up, and answers a preflight, which names no method of its
// own and brings no token.
func (d *Decision) find(resources *node, h *Head) bool {
	d.Stage = StageResource
	path := strings.TrimSuffix(d.Rest, "/")
	preflight := h.Preflight && h.Method == "OPTIONS" && !d.cors.off
	if !preflight {
		if found := resources.match(path, h.Method); found != nil {
			d.Resource, d.policies, d.subject = found.Resource, found.policies, found.subject
			return true
		}
	}
	switch d.Allow = resources.allowed(path); {
	case d.Allow == "":
		return d.refuse(unknownResource)
	case preflight:
		d.Outcome = Preflight
		return false
	}
	return d.refuse(wrongMethod)
}

// identify finds out who calls: what the token says, and what is known of the keys it
// was issued to.
func (d *Decision) identify(f Facts, token string) bool {
	d.Stage = StageToken
	authorization, err := f.Token(token)
	switch {
	case err == nil:
	case errors.Is(err, gatehouse.ErrTokenExpired):
		return d.refuse(expiredToken)
	case gatehouse.KindOf(err) == gatehouse.Unauthenticated:
		return d.refuse(invalidToken)
	default:
		d.Err = err
		return d.refuse(unclassified)
	}
	client, err := f.Client(authorization.ConsumerKey)
	switch {
	case err == nil:
	case gatehouse.KindOf(err) == gatehouse.NotFound:
		return d.refuse(invalidToken)
	default:
		d.Err = err
		return d.refuse(unclassified)
	}
	d.Authorization, d.Client = authorization, client
	return true
}

// ofKind checks that the resource is open to the kind of caller: an application, or a user.
func (d *Decision) ofKind() bool {
	wrong := d.Resource.Auth == gatehouse.AuthApplication && d.Authorization.For != gatehouse.ForApplication ||
		d.Resource.Auth == gatehouse.AuthUser && d.Authorization.For != gatehouse.ForUser
	return !wrong || d.refuse(wrongTokenType)
}

// subscribed checks that the caller is of the API's organization, and that its application
// may call the API. A prototype is there to be tried out and takes no subscriptions, so it
// needs none, nor does an API without subscriptions; one from another time still counts.
func (d *Decision) subscribed() bool {
	d.Stage = StageSubscription
	if d.Authorization.OrgKey != d.API.OrgKey {
		return d.refuse(notSubscribed)
	}
	s := d.Client.Subscription(d.API.ID)
	if d.Subscription = s; s == nil {
		return d.API.State == gatehouse.Prototyped || d.API.Subscriptionless() || d.refuse(notSubscribed)
	}
	switch s.State {
	case gatehouse.Unblocked:
		return true
	case gatehouse.ProductionBlocked:
		return d.Authorization.KeyType == gatehouse.Sandbox || d.refuse(blockedSubscription)
	case gatehouse.SubscriptionBlock:
		return d.refuse(blockedSubscription)
	}
	return d.refuse(inactiveSubscription)
}

// opened checks that the token holds one of the resource's scopes.
func (d *Decision) opened() bool {
	d.Stage = StageScope
	return d.Resource.OpenTo(d.Authorization.Scopes) || d.refuse(missingScope)
}

// choose picks the backend: the sandbox for a sandbox token, else production. It comes
// before the limits, so that a call which has no backend uses nothing up.
func (d *Decision) choose(r *route) bool {
	d.Stage = StageBackend
	sandbox := d.sandbox()
	if d.Backend = r.production; sandbox {
		d.Backend = r.sandbox
	}
	switch {
	case d.Backend != nil || d.policies.alone:
		return true
	case sandbox:
		return d.refuse(noSandbox)
	}
	return d.refuse(noProduction)
}

// sandbox reports whether the call goes to the sandbox.
func (d *Decision) sandbox() bool {
	return d.Authorization != nil && d.Authorization.KeyType == gatehouse.Sandbox
}

// maxToken bounds an access token, in bytes.
const maxToken = 8 << 10

// validToken reports whether token keeps to the grammar of b64token in RFC 6750,
// section 2.1, so that nothing else is ever hashed, parsed or looked up.
func validToken(token string) bool {
	if len(token) > maxToken {
		return false
	}
	if token = strings.TrimRight(token, "="); token == "" {
		return false
	}
	for i := range len(token) {
		if !inToken[token[i]] {
			return false
		}
	}
	return true
}

// inToken tells which bytes a token is made of, but for the = at its end.
var inToken = func() (table [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/") {
		table[c] = true
	}
	return table
}()
