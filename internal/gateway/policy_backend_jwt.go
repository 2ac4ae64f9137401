package gateway

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse"
)

// backendJWTSettings tells the backend who calls, in the header X-JWT-Assertion: a JWT that
// the gateway signs with the keys that /jwks publishes, so that the backend need not trust the
// network. Its claims are iss, sub, iat and exp, and under http://wso2.org/claims/ subscriber,
// applicationid, applicationname, applicationtier, apiname, apicontext, version, tier, keytype,
// usertype and, for a user's token, enduser. A call without a token has none. What a caller
// sends under that name never passes.
type backendJWTSettings struct {
	// Algorithm is RS256 (SHA256withRSA) or ES256. By default RS256.
	Algorithm string `json:"algorithm,omitempty"`
	// Lifetime is how many seconds a JWT is good for, 60 to 3600, and no longer than the
	// token of the call. One is used for many calls of a token, so that few are signed. By
	// default 300.
	Lifetime int `json:"lifetime,omitempty"`
}

// Signer signs what backends are told of callers.
type Signer interface {
	// BackendJWT returns claims as a JWT that ends at a moment.
	BackendJWT(ctx context.Context, algorithm string, end time.Time, claims map[string]any) (string, error)
}

// Limits of backend JWTs.
const (
	backendJWTLifetime = 300     // seconds, by default
	maxBackendJWT      = 8 << 10 // bytes
	maxHeldJWTs        = 20_000
	claimDialect       = "http://wso2.org/claims/"
)

// backendJWT is the compiled form.
type backendJWT struct {
	algorithm string
	lifetime  time.Duration
}

func newBackendJWT(s backendJWTSettings, _ place) (any, error) {
	p := &backendJWT{algorithm: s.Algorithm, lifetime: time.Duration(s.Lifetime) * time.Second}
	if s.Algorithm == "" {
		p.algorithm = "RS256"
	}
	if s.Lifetime == 0 {
		p.lifetime = backendJWTLifetime * time.Second
	}
	switch {
	case !slices.Contains([]string{"RS256", "ES256"}, p.algorithm):
		return nil, gatehouse.Errorf(gatehouse.Invalid, "the algorithm is %q: use RS256 or ES256", p.algorithm)
	case p.lifetime < time.Minute || p.lifetime > time.Hour:
		return nil, gatehouse.Errorf(gatehouse.Invalid, "the lifetime is %d: use 60 to 3600 seconds", s.Lifetime)
	}
	return p, nil
}

// answer gets the JWT before the backend is called, because a call whose caller cannot
// be told of must not reach it.
func (p *backendJWT) answer(c *call) bool {
	if c.decision.Authorization == nil {
		return false
	}
	told, err := p.signed(c)
	if err != nil {
		if c.r.Context().Err() == nil {
			c.gateway.Log.ErrorContext(c.r.Context(), "the backend cannot be told who calls", "api", c.decision.API.ID, "error", err)
		}
		c.refuse(unclassified)
		return true
	}
	c.told = told
	return false
}

func (p *backendJWT) rewrite(c *call, out *http.Request) {
	if c.told != "" {
		out.Header["X-Jwt-Assertion"] = []string{c.told}
	}
}

// signed returns one that is held and still good for a fifth of its time, or a new one.
func (p *backendJWT) signed(c *call) (string, error) {
	d, now := &c.decision, c.gateway.Now()
	a := d.Authorization
	key := jwtKey{p, d.Client, d.Subscription, a.ID, a.Subject, a.Username, a.For, a.KeyType}
	held, keys := c.gateway.jwts.get(key, now)
	if held != "" {
		return held, nil
	}
	if c.gateway.Signer == nil {
		return "", gatehouse.Errorf(gatehouse.Unavailable, "nothing here signs backend JWTs")
	}
	end := now.Add(p.lifetime)
	if a.ExpiresAt.Before(end) {
		end = a.ExpiresAt
	}
	signed, err := c.gateway.Signer.BackendJWT(c.r.Context(), p.algorithm, end, d.claims(now, end))
	switch {
	case err != nil:
		return "", err
	case len(signed) > maxBackendJWT:
		return "", gatehouse.Errorf(gatehouse.TooLarge, "the backend JWT has %d bytes, more than %d", len(signed), maxBackendJWT)
	}
	c.gateway.jwts.put(key, heldJWT{signed, end.Add(-end.Sub(now) / 5)}, keys, now)
	return signed, nil
}

// claims are what the backend is told of a call that was let through. They are JSON in
// base64url when they are sent, so no name of anything can end the header.
func (d *Decision) claims(now, end time.Time) map[string]any {
	a, app := d.Authorization, gatehouse.Application{}
	if d.Client != nil { // a password and a certificate bring no application
		app = d.Client.Application
	}
	claims := map[string]any{"sub": a.Subject, "iat": now.Unix(), "exp": end.Unix()}
	for name, value := range map[string]string{
		"subscriber": app.Owner, "applicationid": app.ID, "applicationname": app.Name, "applicationtier": app.Tier,
		"apiname": d.API.Name, "apicontext": d.API.BasePath(), "version": d.API.Version,
		"keytype": string(a.KeyType), "usertype": string(a.For), "enduser": a.Username,
	} {
		if value != "" {
			claims[claimDialect+name] = value
		}
	}
	if d.Subscription != nil {
		claims[claimDialect+"tier"] = d.Subscription.Tier
	}
	return claims
}

// jwtKey is all that a backend JWT depends on. What was read again after a change has
// another address, so nothing old is said of it.
type jwtKey struct {
	policy       *backendJWT
	client       *gatehouse.Client
	subscription *gatehouse.Subscription
	token        string
	subject      string
	username     string
	user         gatehouse.TokenUser
	keyType      gatehouse.KeyType
}

// heldJWT is used until a moment before its end.
type heldJWT struct {
	text  string
	until time.Time
}

// heldJWTs are those that were signed, bounded in number.
type heldJWTs struct {
	mu   sync.RWMutex
	keys int // how often the signing keys changed
	by   map[jwtKey]heldJWT
}

// get returns a JWT that is held, and which keys sign now.
func (h *heldJWTs) get(key jwtKey, now time.Time) (text string, keys int) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if held, ok := h.by[key]; ok && now.Before(held.until) {
		text = held.text
	}
	return text, h.keys
}

// put holds a JWT, unless the keys changed while it was signed. To make room it drops
// those that are used no longer among a few that the map happens to yield, or else one of them.
func (h *heldJWTs) put(key jwtKey, held heldJWT, keys int, now time.Time) {
	const sample = 8
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.keys != keys {
		return
	}
	if h.by == nil {
		h.by = map[jwtKey]heldJWT{}
	}
	if len(h.by) >= maxHeldJWTs {
		seen, dropped := 0, false
		for other, o := range h.by {
			if seen++; !now.Before(o.until) || seen == sample && !dropped {
				delete(h.by, other)
				dropped = true
			}
			if seen == sample {
				break
			}
		}
	}
	h.by[key] = held
}

// KeysChanged forgets what was signed, because a key may have been revoked.
func (g *Gateway) KeysChanged() {
	h := &g.jwts
	h.mu.Lock()
	defer h.mu.Unlock()
	h.by = nil
	h.keys++
}
