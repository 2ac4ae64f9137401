package gatehouse

import (
	"slices"
	"time"
)

// Usage is how often something was called in a stretch of time, and how long it took.
type Usage struct {
	UsageKey
	Calls   int64
	Took    time.Duration // of all calls together, until their answers had gone
	Latency Latency
}

// UsageKey is what was called, by whom, when, and with what outcome. In sums over several
// of them the fields that differ are empty.
type UsageKey struct {
	At            time.Time // when the stretch begins
	OrgID         string    // of the API
	APIID         string
	ApplicationID string // empty when nobody could be made out
	UserID        string // empty for an application's own token
	Method        string // of the resource; empty when no resource was found
	Template      string
	Class         string // of the status: 2xx, 4xx
	Code          string // of a refusal of the gateway's
}

// LatencyBounds are the upper ends of the classes of Latency, which has one more for what
// took longer.
var LatencyBounds = [...]time.Duration{
	1 * time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second,
}

// Latency counts calls by how long they took.
type Latency [len(LatencyBounds) + 1]int64

// Observe counts a call.
func (l *Latency) Observe(took time.Duration) {
	i := 0
	for i < len(LatencyBounds) && took > LatencyBounds[i] {
		i++
	}
	l[i]++
}

// Quantile returns a time in which a share q of the calls was over: the upper end of the
// class that holds the quantile, and 10 seconds for what took longer.
func (l *Latency) Quantile(q float64) time.Duration {
	var all, sum int64
	for _, n := range l {
		all += n
	}
	for i, n := range l {
		if sum += n; sum > 0 && float64(sum) >= q*float64(all) {
			return LatencyBounds[min(i, len(LatencyBounds)-1)]
		}
	}
	return 0
}

// Add adds other's calls to u.
func (u *Usage) Add(other *Usage) {
	u.Calls += other.Calls
	u.Took += other.Took
	for i := range u.Latency {
		u.Latency[i] += other.Latency[i]
	}
}

// UsageUnit is how long the stretches are that usage is kept by.
type UsageUnit string

// The units. Hours and days tell no users apart.
const (
	UsageMinute UsageUnit = "minute" // kept for 3 hours
	UsageHour   UsageUnit = "hour"   // kept for 35 days
	UsageDay    UsageUnit = "day"    // kept for 400 days
)

// UsageSpan is how long the stretches of a unit are, and how long they are kept.
type UsageSpan struct {
	Unit         UsageUnit
	Length, Kept time.Duration
}

// UsageSpans are those of all units.
var UsageSpans = []UsageSpan{
	{UsageMinute, time.Minute, 3 * time.Hour},
	{UsageHour, time.Hour, 35 * 24 * time.Hour},
	{UsageDay, 24 * time.Hour, 400 * 24 * time.Hour},
}

// UsageQuery asks for usage.
type UsageQuery struct {
	Unit     UsageUnit
	From, To time.Time // of the beginnings of stretches, To not included
	By       []string  // what to tell apart, of UsageColumns; the rest is summed up
}

// UsageColumns are what usage can be told apart by.
var UsageColumns = []string{"time", "api", "application", "user", "resource", "class", "code"}

// MaxUsageRows bounds the answer to a query.
const MaxUsageRows = 10_000

// Validate checks a query, filling in what is left out: the last day by hours.
func (q *UsageQuery) Validate(now time.Time) error {
	if q.Unit == "" {
		q.Unit = UsageHour
	}
	i := slices.IndexFunc(UsageSpans, func(s UsageSpan) bool { return s.Unit == q.Unit })
	if i < 0 {
		return Errorf(Invalid, "%q is no unit of usage: use minute, hour or day", q.Unit)
	}
	if q.To.IsZero() {
		q.To = now.Add(time.Minute)
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-min(UsageSpans[i].Kept, 24*UsageSpans[i].Length))
	}
	if !q.From.Before(q.To) {
		return Errorf(Invalid, "the time from must be before the time to")
	}
	slices.Sort(q.By)
	q.By = slices.Compact(q.By)
	for _, by := range q.By {
		if !slices.Contains(UsageColumns, by) {
			return Errorf(Invalid, "usage cannot be told apart by %q: use some of %v", by, UsageColumns)
		}
	}
	if q.Unit != UsageMinute && slices.Contains(q.By, "user") {
		return Errorf(Invalid, "users are told apart by the minute alone: use the unit minute")
	}
	return nil
}
