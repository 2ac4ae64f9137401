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

// WatchCounting shows whether this node counts calls for itself, because the Redis that
// all nodes share does not answer. Call it once.
func (m *Metrics) WatchCounting(apart func() bool) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "gatehouse_limits_counted_apart", Help: "1 while this node counts calls for itself, because Redis does not answer.",
	}, func() float64 {
		if apart() {
			return 1
		}
		return 0
	}))
}

// WatchLog shows how many lines of the log were dropped. Call it once.
func (m *Metrics) WatchLog(dropped func() uint64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "gatehouse_log_lines_dropped_total", Help: "Lines of the log that nobody took in time.",
	}, func() float64 { return float64(dropped()) }))
}

// WatchConnections shows how many connections an address of an interface holds, and how
// many it refused. Call it once for each address.
func (m *Metrics) WatchConnections(name, address string, open func() int64, refused func() uint64) {
	labels := prometheus.Labels{"interface": name, "address": address}
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "gatehouse_connections", Help: "Connections of clients.", ConstLabels: labels,
	}, func() float64 { return float64(open()) }), prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "gatehouse_connections_refused_total", Help: "Connections that were one too many (--max-connections).", ConstLabels: labels,
	}, func() float64 { return float64(refused()) }))
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
