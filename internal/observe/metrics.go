package observe

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the counters of one process. Labels take values from lists of ours
// alone, never from requests: a visitor can neither grow them nor write into them.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	issued   *prometheus.CounterVec
	refused  *prometheus.CounterVec
	calls    *callCounters
}

// NewMetrics returns counters at nothing, with those of the process and of Go beside.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_requests_total", Help: "Requests answered, by interface and class of status.",
		}, []string{"interface", "status"}),
		issued: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_tokens_issued_total", Help: "Access tokens issued, by grant.",
		}, []string{"grant"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_token_refusals_total", Help: "Token requests refused, by the error code of RFC 6749.",
		}, []string{"error"}),
	}
	m.calls = newCallCounters()
	m.registry.MustRegister(m.requests, m.issued, m.refused, m.calls,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// TokenIssued counts an access token by the grant that gave it.
func (m *Metrics) TokenIssued(grant string) { m.issued.WithLabelValues(grant).Inc() }

// TokenRefused counts a refused token request by its error code.
func (m *Metrics) TokenRefused(code string) { m.refused.WithLabelValues(code).Inc() }

// WatchHashQueue shows how many sign-ins wait for a password worker. Call it once.
func (m *Metrics) WatchHashQueue(waiting func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "gatehouse_password_hash_queue", Help: "Sign-ins that wait for a password worker.",
	}, func() float64 { return float64(waiting()) }))
}

// Backends tells how backends are: how many targets are in each state, how many calls wait
// for them, and how many attempts were made after a first one.
type Backends interface {
	Counts() (targets map[string]int, inFlight, retries int64)
}

// WatchBackends shows how backends are. States are all that a target may be in. Call it
// once.
func (m *Metrics) WatchBackends(states []string, b Backends) {
	m.registry.MustRegister(&backendsCollector{
		states: states, backends: b,
		targets:  prometheus.NewDesc("gatehouse_backend_targets", "Addresses of backends, by state.", []string{"state"}, nil),
		inFlight: prometheus.NewDesc("gatehouse_backend_calls_in_flight", "Calls that wait for a backend.", nil, nil),
		retries:  prometheus.NewDesc("gatehouse_backend_retries_total", "Attempts of calls after the first one.", nil, nil),
	})
}

type backendsCollector struct {
	states                     []string
	backends                   Backends
	targets, inFlight, retries *prometheus.Desc
}

func (c *backendsCollector) Describe(out chan<- *prometheus.Desc) {
	out <- c.targets
	out <- c.inFlight
	out <- c.retries
}

func (c *backendsCollector) Collect(out chan<- prometheus.Metric) {
	targets, inFlight, retries := c.backends.Counts()
	for _, state := range c.states {
		out <- prometheus.MustNewConstMetric(c.targets, prometheus.GaugeValue, float64(targets[state]), state)
	}
	out <- prometheus.MustNewConstMetric(c.inFlight, prometheus.GaugeValue, float64(inFlight))
	out <- prometheus.MustNewConstMetric(c.retries, prometheus.CounterValue, float64(retries))
}

// StatusCounters count the answers of one interface by class of status, 1xx to 5xx.
// They are looked up once so that counting a request is one addition.
type StatusCounters [5]prometheus.Counter

// Interface returns the counters of an interface: "gateway", "portal" or "ops".
func (m *Metrics) Interface(name string) StatusCounters {
	var s StatusCounters
	for i, class := range []string{"1xx", "2xx", "3xx", "4xx", "5xx"} {
		s[i] = m.requests.WithLabelValues(name, class)
	}
	return s
}

func (s *StatusCounters) count(status int) {
	if class := status/100 - 1; class >= 0 && class < len(s) && s[class] != nil {
		s[class].Inc()
	}
}

func (m *Metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
