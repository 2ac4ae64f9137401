package observe

import "github.com/prometheus/client_golang/prometheus"

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
