package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse"
)

// lines are what a node holds to call backends, beside the table: a table is compiled
// anew with each change of an API, while a line stays as long as its backend is called
// alike, and what is known of a target as long as its address is there.
type lines struct {
	mu    sync.Mutex
	byAPI map[string][2]*line // by the id of the API: production, sandbox
	pools pools
	ends  context.Context // with the gateway
	stop  context.CancelFunc
}

// line is what a node holds to call one backend.
type line struct {
	settings *gatehouse.Backend // with defaults
	api, org string
	keyType  gatehouse.KeyType
	same     string // Backend.same
	targets  []*target
	broken   error        // why it cannot be called: a secret that does not open
	signIn   *signIn      // nil when the backend does not ask who calls
	failures map[int]bool // statuses that count as one
	limit    int64
	inFlight *atomic.Int64 // shared with the lines before it, whose calls still run
	budget   atomic.Int64  // for attempts after the first, in tenths

	mu         sync.Mutex // held while a target is chosen
	stopChecks context.CancelFunc
}

// Budget of attempts after the first: each call earns a tenth of one, and no more than
// ten are saved up. A backend that fails altogether gets a tenth more requests, not twice
// as many.
const (
	attemptCost = 10
	maxBudget   = 10 * attemptCost
)

func newLines() *lines {
	ls := &lines{byAPI: map[string][2]*line{}}
	ls.ends, ls.stop = context.WithCancel(context.Background())
	return ls
}

// takeUp gives each backend of a table that is about to come into force its line, and
// returns what to do when it is: end the lines that nobody needs any more. ids are the
// APIs that may have changed; nil means all.
func (ls *lines) takeUp(g *Gateway, t *Table, ids []string) (done func()) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	routes := map[string]*route{}
	if ids == nil {
		for id := range ls.byAPI {
			ids = append(ids, id)
		}
		for _, d := range t.organizations {
			for _, r := range d.versions.routes {
				if _, held := ls.byAPI[r.api.ID]; !held {
					ids = append(ids, r.api.ID)
				}
				routes[r.api.ID] = r
			}
		}
	} else {
		for _, id := range ids {
			routes[id] = t.routeOf(id)
		}
	}
	var over []*line
	for _, id := range ids {
		over = append(over, ls.follow(g, id, routes[id])...)
	}
	return func() {
		for _, l := range over {
			ls.end(l)
		}
	}
}

// follow brings the lines of one API up to date and returns those that are over. r is nil
// for an API that is gone.
func (ls *lines) follow(g *Gateway, id string, r *route) (over []*line) {
	var now [2]*Backend
	if r != nil {
		now = [2]*Backend{r.production, r.sandbox}
	}
	held := ls.byAPI[id]
	for i, keyType := range []gatehouse.KeyType{gatehouse.Production, gatehouse.Sandbox} {
		b, old := now[i], held[i]
		if b != nil && old != nil && old.same == b.same && old.broken == nil {
			b.live = old
			continue
		}
		if old != nil {
			over = append(over, old)
		}
		if held[i] = nil; b != nil {
			held[i] = ls.open(g, &r.api, keyType, b, old)
			b.live = held[i]
		}
	}
	if held == [2]*line{} {
		delete(ls.byAPI, id)
	} else {
		ls.byAPI[id] = held
	}
	return over
}

// open makes a line. What is known of targets, and the calls in flight, come from the one
// before it.
func (ls *lines) open(g *Gateway, api *gatehouse.API, keyType gatehouse.KeyType, b *Backend, old *line) *line {
	l := &line{settings: &b.Backend, api: api.ID, org: api.OrgKey, keyType: keyType, same: b.same, limit: int64(b.Tuning.InFlight), inFlight: new(atomic.Int64)}
	l.budget.Store(maxBudget)
	if len(b.Tuning.FailureStatuses) > 0 {
		l.failures = map[int]bool{}
		for _, status := range b.Tuning.FailureStatuses {
			l.failures[status] = true
		}
	}
	known := map[string]*target{}
	if old != nil {
		l.inFlight = old.inFlight
		for _, t := range old.targets {
			known[t.String()] = t
		}
	}
	if l.broken = l.connect(g, b, known, ls); l.broken != nil {
		g.Log.Error("a backend cannot be called", "api", api.ID, "keys", keyType, "error", l.broken)
	}
	l.watch(ls.ends, g.Log)
	return l
}

// connect opens the secrets and joins the pools.
func (l *line) connect(g *Gateway, b *Backend, known map[string]*target, ls *lines) error {
	open := func(s gatehouse.BackendSecret) (string, error) {
		if g.Secrets == nil {
			return "", errors.New("there is nothing to open secrets with")
		}
		return s.Open(func(sealed string) (string, error) { return g.Secrets.Open(b.orgID, sealed) })
	}
	key := poolKey{connect: time.Duration(b.Tuning.ConnectTimeout), firstByte: g.patience(b), ca: b.TLS.CA, certificate: b.TLS.Certificate, http2: b.Tuning.HTTP2}
	var broken error
	if key.certificate != "" {
		if key.key, broken = open(b.TLS.Key); broken != nil {
			broken = fmt.Errorf("the key of the certificate: %w", broken)
			key.certificate = ""
		}
	}
	for i := range b.targets {
		e := &b.targets[i]
		key.origin = e.Scheme + "://" + e.Host
		p, err := ls.pools.join(g, key, b.roots)
		if err != nil {
			return err
		}
		t := &target{Endpoint: *e, pool: p, health: &health{}}
		if before := known[t.String()]; before != nil {
			t.health, t.turn = before.health, before.turn
		}
		l.targets = append(l.targets, t)
	}
	var err error
	if l.signIn, err = ls.newSignIn(g, b, open); broken == nil {
		broken = err
	}
	return broken
}

// end stops a line's checks and leaves its pools. Calls that run end by themselves.
func (ls *lines) end(l *line) {
	l.stopChecks()
	for _, t := range l.targets {
		ls.pools.leave(t.pool)
	}
	if l.signIn != nil && l.signIn.tokens != nil {
		ls.pools.leave(l.signIn.tokens.pool)
	}
}

// close ends all lines.
func (ls *lines) close() {
	ls.stop()
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for id, both := range ls.byAPI {
		for _, l := range both {
			if l != nil {
				ls.end(l)
			}
		}
		delete(ls.byAPI, id)
	}
}

// earn adds what a call earns to the budget.
func (l *line) earn() {
	if b := l.budget.Load(); b < maxBudget {
		l.budget.Add(1) // a race adds a few tenths too many: they are capped at the next call
	}
}

// spend takes one more attempt from the budget, if there is one in it.
func (l *line) spend() bool {
	for {
		b := l.budget.Load()
		if b < attemptCost {
			return false
		}
		if l.budget.CompareAndSwap(b, b-attemptCost) {
			return true
		}
	}
}

// TargetStatus is what this node knows of a target.
type TargetStatus struct {
	Organization string            `json:"organization"`
	API          string            `json:"api"` // id
	KeyType      gatehouse.KeyType `json:"keyType"`
	Target       string            `json:"target"`
	State        string            `json:"state"` // one of TargetStates
	Until        *time.Time        `json:"until,omitempty"`
	InFlight     int64             `json:"inFlight"` // calls of the whole backend
}

// Targets returns the targets of all backends.
func (g *Gateway) Targets() []TargetStatus {
	g.once.Do(g.open)
	g.lines.mu.Lock()
	defer g.lines.mu.Unlock()
	all := []TargetStatus{}
	for id, both := range g.lines.byAPI {
		for _, l := range both {
			if l == nil {
				continue
			}
			for _, t := range l.targets {
				s := TargetStatus{Organization: l.org, API: id, KeyType: l.keyType, Target: t.String(), InFlight: l.inFlight.Load()}
				var until time.Time
				if s.State, until = t.health.state(); !until.IsZero() {
					s.Until = &until
				}
				all = append(all, s)
			}
		}
	}
	return all
}

// Counts returns how many targets are in each state, how many calls wait for backends, and
// how many attempts were made after a first one.
func (g *Gateway) Counts() (targets map[string]int, inFlight, retries int64) {
	g.once.Do(g.open)
	g.lines.mu.Lock()
	defer g.lines.mu.Unlock()
	targets = map[string]int{}
	for _, both := range g.lines.byAPI {
		for _, l := range both {
			if l == nil {
				continue
			}
			inFlight += l.inFlight.Load()
			for _, t := range l.targets {
				state, _ := t.health.state()
				targets[state]++
			}
		}
	}
	return targets, inFlight, g.retries.Load()
}

// watch has the targets checked, if the settings ask for it, until the line ends.
func (l *line) watch(ends context.Context, log *slog.Logger) {
	ctx, stop := context.WithCancel(ends)
	l.stopChecks = stop
	for _, t := range l.targets {
		if l.settings.Tuning.HealthCheck.Path == "" {
			t.health.unchecked()
			continue
		}
		go l.check(ctx, t, log)
	}
}
