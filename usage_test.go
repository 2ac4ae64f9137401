package gatehouse

import (
	"testing"
	"time"
)

func TestQuantile(t *testing.T) {
	var l Latency
	if got := l.Quantile(0.5); got != 0 {
		t.Errorf("of no call: %v", got)
	}
	for i := range 100 {
		l.Observe(time.Duration(i+1) * time.Millisecond) // 1 to 100 ms
	}
	l.Observe(time.Hour)
	for q, want := range map[float64]time.Duration{0.01: 2 * time.Millisecond, 0.05: 10 * time.Millisecond, 0.5: 100 * time.Millisecond, 0.99: 100 * time.Millisecond, 1: 10 * time.Second} {
		if got := l.Quantile(q); got != want {
			t.Errorf("the quantile %v is %v, want %v", q, got, want)
		}
	}
}

func TestUsageQuery(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		q  UsageQuery
		ok bool
	}{
		"nothing said":                 {UsageQuery{}, true},
		"everything told apart":        {UsageQuery{Unit: UsageMinute, By: UsageColumns}, true},
		"another unit":                 {UsageQuery{Unit: "second"}, false},
		"another column":               {UsageQuery{By: []string{"calls; DROP TABLE usage"}}, false},
		"users by the hour":            {UsageQuery{By: []string{"user"}}, false},
		"the end before the beginning": {UsageQuery{From: now, To: now.Add(-time.Hour)}, false},
	} {
		err := tt.q.Validate(now)
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
		if tt.ok && !tt.q.From.Before(now) {
			t.Errorf("%s: from %v", name, tt.q.From)
		}
	}
}
