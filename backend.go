package gatehouse

import (
	"slices"
	"strings"
	"time"
)

// Backends are how the gateway calls what stands behind an API, by the type of the keys
// that a call is made with. The URL of each one's first target is the API's.
type Backends struct {
	Production Backend `json:"production,omitzero"`
	Sandbox    Backend `json:"sandbox,omitzero"`
}

// Backend is how the gateway calls a backend, beside the URL of its first target. The zero
// Backend has one target and the defaults.
type Backend struct {
	Balance  Balance         `json:"balance,omitempty"`
	Weight   int             `json:"weight,omitempty"` // of the first target; 0 means 1
	More     []Target        `json:"more,omitempty"`   // behind the first one
	Security BackendSecurity `json:"security,omitzero"`
	TLS      BackendTLS      `json:"tls,omitzero"`
	Tuning   Tuning          `json:"tuning,omitzero"`
}

// Target is one of the addresses of a backend.
type Target struct {
	URL    string `json:"url"`
	Weight int    `json:"weight,omitempty"` // its share when calls are spread, against the others'; 0 means 1
}

// Balance says which of several targets a call goes to, named as management clients do.
type Balance string

// The ways to choose a target.
const (
	OneTarget   Balance = ""             // there is one
	LoadBalance Balance = "load_balance" // in turn, each as often as its weight says
	Failover    Balance = "failover"     // the first that can be called, in the order of the list
)

// Sticky says what a caller's calls keep to one target by, as long as it can be called.
type Sticky string

// The ways to keep to a target.
const (
	NotSticky     Sticky = ""
	StickyCookie  Sticky = "cookie"  // a cookie that holds the target's number
	StickyAddress Sticky = "address" // the caller's IP address
	StickySubject Sticky = "subject" // the token's user or application; the address for a call without a token
)

// Tuning is how patient the gateway is with a backend. A value of zero means the default;
// durations are written as text, like 1m30s.
type Tuning struct {
	// Sticky keeps a caller's calls to one of the targets: cookie, address or subject.
	Sticky Sticky `json:"sticky,omitempty"`
	// ConnectTimeout is how long a connection may take to be made, 100ms to 30s; the TLS
	// handshake may take twice as long after it. Default 5s.
	ConnectTimeout Duration `json:"connectTimeout,omitzero"`
	// FirstByteTimeout is how long a target may take from the request to the header of its
	// answer: 100ms to what the operator allows (--max-backend-timeout). Default 30s.
	FirstByteTimeout Duration `json:"firstByteTimeout,omitzero"`
	// IdleTimeout is how long an answer may pause before it is cut off: 100ms to 1h. Event
	// streams, gRPC and upgraded connections may pause for as long as they like. Default 1m.
	IdleTimeout Duration `json:"idleTimeout,omitzero"`
	// InFlight is how many calls may wait for the backend at once on a node: 1 to 100,000.
	// Those above it are refused at once. Default 500: a caller that waits costs about 100 KB,
	// so that a backend which hangs takes 50 MB and not the node.
	InFlight int `json:"inFlight,omitempty"`
	// Attempts is how often a call may be tried, on other targets first: 1 to 5. Default 1
	// for one target, else 2. Only calls that cannot have had an effect are tried again.
	Attempts int `json:"attempts,omitempty"`
	// FailureStatuses are statuses, 500 to 599, that count as a failure of the target.
	// Default none: a status is an answer.
	FailureStatuses []int `json:"failureStatuses,omitempty"`
	// Breaker leaves a target alone that fails.
	Breaker Breaker `json:"breaker,omitzero"`
	// HealthCheck asks targets how they are.
	HealthCheck HealthCheck `json:"healthCheck,omitzero"`
	// HTTP2 speaks nothing but HTTP/2 to the targets: over TLS, or with prior knowledge on
	// http:// URLs (RFC 9113, section 3.3), as gRPC needs it.
	HTTP2 bool `json:"http2,omitempty"`
}

// Breaker says when a target is left alone, and for how long. Failures are connections
// that are not made, answers that do not come in time or are broken, and the statuses
// that are listed. Where there is one target, to leave it alone is to serve nobody: then
// there is a breaker only when something of it is set.
type Breaker struct {
	Off bool `json:"off,omitempty"`
	// Failures is how many in a row suspend a target, or how many within Window that are half
	// of its calls there: 1 to 1,000. Default 5.
	Failures int `json:"failures,omitempty"`
	// Window is 1s to 10m. Default 10s.
	Window Duration `json:"window,omitzero"`
	// Suspend is how long a target is left alone, 100ms to 1h. Then one call tries it: if it
	// fails too, the time doubles, up to MaxSuspend. Default 1s.
	Suspend Duration `json:"suspend,omitzero"`
	// MaxSuspend is Suspend to 1h. Default 10s, or Suspend when that is longer.
	MaxSuspend Duration `json:"maxSuspend,omitzero"`
}

// HealthCheck says how targets are asked how they are: a GET of Path on the target's host,
// without credentials, that must be answered with 200 to 399. Without a Path nobody asks.
type HealthCheck struct {
	Path string `json:"path,omitempty"`
	// Interval is from one check to the next, on each node: 1s to 10m. Default 10s.
	Interval Duration `json:"interval,omitzero"`
	// Timeout is 100ms to Interval. Default 2s, or Interval when that is shorter.
	Timeout Duration `json:"timeout,omitzero"`
	// Unhealthy is how many failures in a row take a target out: 1 to 100. Default 3.
	Unhealthy int `json:"unhealthy,omitempty"`
	// Healthy is how many answers in a row bring it back: 1 to 100. Default 2.
	Healthy int `json:"healthy,omitempty"`
}

// Limits of backends.
const (
	MaxTargets        = 20
	MaxWeight         = 100
	MaxInFlight       = 100_000
	MaxAttempts       = 5
	DefaultInFlight   = 500
	DefaultFirstByte  = 30 * time.Second
	longestSuspension = time.Hour
)

// WithDefaults returns b with a value for every setting that has a default.
func (b Backend) WithDefaults() Backend {
	def := func(d *Duration, value time.Duration) {
		if *d == 0 {
			*d = Duration(value)
		}
	}
	num := func(n *int, value int) {
		if *n == 0 {
			*n = value
		}
	}
	num(&b.Weight, 1)
	b.More = slices.Clone(b.More)
	for i := range b.More {
		num(&b.More[i].Weight, 1)
	}
	t := &b.Tuning
	def(&t.ConnectTimeout, 5*time.Second)
	def(&t.FirstByteTimeout, DefaultFirstByte)
	def(&t.IdleTimeout, time.Minute)
	num(&t.InFlight, DefaultInFlight)
	num(&t.Attempts, min(1+len(b.More), 2))
	if len(b.More) == 0 && t.Breaker == (Breaker{}) {
		t.Breaker.Off = true
	}
	num(&t.Breaker.Failures, 5)
	def(&t.Breaker.Window, 10*time.Second)
	def(&t.Breaker.Suspend, time.Second)
	def(&t.Breaker.MaxSuspend, max(10*time.Second, time.Duration(t.Breaker.Suspend)))
	def(&t.HealthCheck.Interval, 10*time.Second)
	def(&t.HealthCheck.Timeout, min(2*time.Second, time.Duration(t.HealthCheck.Interval)))
	num(&t.HealthCheck.Unhealthy, 3)
	num(&t.HealthCheck.Healthy, 2)
	return b
}

// validate checks the rules that backends keep.
func (b *Backends) validate() error {
	for _, one := range []*Backend{&b.Production, &b.Sandbox} {
		if err := one.validate(); err != nil {
			return err
		}
	}
	return nil
}

func (b *Backend) validate() error {
	switch {
	case b.Balance != OneTarget && b.Balance != LoadBalance && b.Balance != Failover:
		return Errorf(Invalid, "%q is no way to choose a target: use %s or %s", b.Balance, LoadBalance, Failover)
	case b.Balance == OneTarget && len(b.More) > 0:
		return Errorf(Invalid, "a backend with several targets needs %s or %s", LoadBalance, Failover)
	case len(b.More) >= MaxTargets:
		return Errorf(Invalid, "a backend has at most %d targets, this one has %d", MaxTargets, len(b.More)+1)
	}
	for _, t := range append([]Target{{Weight: b.Weight}}, b.More...) {
		if err := validEndpoint(t.URL); err != nil {
			return err
		}
		if t.Weight < 0 || t.Weight > MaxWeight {
			return Errorf(Invalid, "the weight of a target is 1 to %d, not %d", MaxWeight, t.Weight)
		}
	}
	for i, t := range b.More {
		if t.URL == "" {
			return Errorf(Invalid, "target %d of a backend has no URL", i+2)
		}
	}
	if err := b.Security.validate(); err != nil {
		return err
	}
	if err := b.TLS.validate(); err != nil {
		return err
	}
	return b.Tuning.validate()
}

func (t *Tuning) validate() error {
	if !slices.Contains([]Sticky{NotSticky, StickyCookie, StickyAddress, StickySubject}, t.Sticky) {
		return Errorf(Invalid, "sticky %q is unknown: use %s, %s or %s", t.Sticky, StickyCookie, StickyAddress, StickySubject)
	}
	for _, n := range []struct {
		name       string
		value, max int
	}{
		{"inFlight", t.InFlight, MaxInFlight}, {"attempts", t.Attempts, MaxAttempts}, {"breaker.failures", t.Breaker.Failures, 1000},
		{"healthCheck.unhealthy", t.HealthCheck.Unhealthy, 100}, {"healthCheck.healthy", t.HealthCheck.Healthy, 100},
	} {
		if n.value < 0 || n.value > n.max {
			return Errorf(Invalid, "%s is 1 to %d, not %d", n.name, n.max, n.value)
		}
	}
	for _, status := range t.FailureStatuses {
		if status < 500 || status > 599 {
			return Errorf(Invalid, "failureStatuses are 500 to 599: %d is none of them", status)
		}
	}
	full := Backend{Tuning: *t}.WithDefaults().Tuning
	for _, d := range []struct {
		name     string
		value    Duration
		min, max time.Duration
	}{
		{"connectTimeout", full.ConnectTimeout, 100 * time.Millisecond, 30 * time.Second},
		{"firstByteTimeout", full.FirstByteTimeout, 100 * time.Millisecond, time.Hour},
		{"idleTimeout", full.IdleTimeout, 100 * time.Millisecond, time.Hour},
		{"breaker.window", full.Breaker.Window, time.Second, 10 * time.Minute},
		{"breaker.suspend", full.Breaker.Suspend, 100 * time.Millisecond, longestSuspension},
		{"breaker.maxSuspend", full.Breaker.MaxSuspend, time.Duration(full.Breaker.Suspend), longestSuspension},
		{"healthCheck.interval", full.HealthCheck.Interval, time.Second, 10 * time.Minute},
		{"healthCheck.timeout", full.HealthCheck.Timeout, 100 * time.Millisecond, time.Duration(full.HealthCheck.Interval)},
	} {
		if value := time.Duration(d.value); value < d.min || value > d.max {
			return Errorf(Invalid, "%s is %v to %v, not %v", d.name, d.min, d.max, value)
		}
	}
	path := t.HealthCheck.Path
	if path != "" && (path[0] != '/' || len(path) > 1000 || strings.ContainsFunc(path, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '#' })) {
		return Errorf(Invalid, "healthCheck.path begins with / and is a path and query as they stand in a URL")
	}
	return nil
}

// Within checks that no backend is waited for longer than an operator allows.
func (b *Backends) Within(longest time.Duration) error {
	for _, one := range []*Backend{&b.Production, &b.Sandbox} {
		if wait := time.Duration(one.Tuning.FirstByteTimeout); wait > longest {
			return Errorf(Invalid, "a backend may take up to %v for its answer here, not %v: ask the operator (--max-backend-timeout)", longest, wait)
		}
	}
	return nil
}
