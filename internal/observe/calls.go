package observe

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse/gatehouse"
)

// callCounters count the calls of APIs, by class of status and by code of refusal, and by
// how long they took. They grow when usage is stored, so they are some seconds late.
type callCounters struct {
	calls *prometheus.CounterVec
	took  *prometheus.Desc

	mu    sync.Mutex
	total gatehouse.Usage
}

func newCallCounters() *callCounters {
	return &callCounters{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_api_calls_total", Help: "Calls of APIs, by class of status and by the gateway's code when it refused.",
		}, []string{"status", "code"}),
		took: prometheus.NewDesc("gatehouse_api_call_seconds", "How long calls of APIs took, until their answers had gone.", nil, nil),
	}
}

// Describe and Collect make it a prometheus.Collector.
func (c *callCounters) Describe(to chan<- *prometheus.Desc) {
	c.calls.Describe(to)
	to <- c.took
}

func (c *callCounters) Collect(to chan<- prometheus.Metric) {
	c.calls.Collect(to)
	c.mu.Lock()
	defer c.mu.Unlock()
	buckets, sum := map[float64]uint64{}, uint64(0)
	for i, bound := range gatehouse.LatencyBounds {
		sum += uint64(c.total.Latency[i])
		buckets[bound.Seconds()] = sum
	}
	to <- prometheus.MustNewConstHistogram(c.took, uint64(c.total.Calls), c.total.Took.Seconds(), buckets)
}

// CallsCounted adds usage to the counters of API calls.
func (m *Metrics) CallsCounted(used []gatehouse.Usage) {
	c := m.calls
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range used {
		c.calls.WithLabelValues(used[i].Class, used[i].Code).Add(float64(used[i].Calls))
		c.total.Add(&used[i])
	}
}
