package gateway

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

// model counts in the slowest way: it remembers each call that passed.
type model struct{ passed []passed }

type passed struct {
	at       time.Time
	subjects []Subject
}

// windowOf names the window of a moment by what a calendar shows.
func windowOf(l gatehouse.Limit, t time.Time) string {
	t = t.UTC()
	switch every := int(l.Every); l.Unit {
	case gatehouse.PerMonth:
		return fmt.Sprint((t.Year()*12 + int(t.Month()) - 1 - 1970*12) / every)
	case gatehouse.PerDay:
		return fmt.Sprint(int(t.Sub(time.Unix(0, 0)).Hours()/24) / every)
	default:
		units := map[gatehouse.Unit]time.Duration{gatehouse.PerSecond: time.Second, gatehouse.PerMinute: time.Minute, gatehouse.PerHour: time.Hour}
		return t.Truncate(time.Duration(every) * units[l.Unit]).String() // aligned, as long as it divides a day
	}
}

func (m *model) take(limits map[Subject]gatehouse.Limit, at time.Time) bool {
	for subject, limit := range limits {
		used := int64(0)
		for _, p := range m.passed {
			for _, s := range p.subjects {
				if s == subject && windowOf(limit, p.at) == windowOf(limit, at) {
					used++
				}
			}
		}
		if used >= limit.Calls {
			return false
		}
	}
	var subjects []Subject
	for s := range limits {
		subjects = append(subjects, s)
	}
	m.passed = append(m.passed, passed{at, subjects})
	return true
}

// Whatever limits calls have and whenever they come, the same ones pass as in the model.
func TestCountsAgainstAModel(t *testing.T) {
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 7))
		limits := map[string]gatehouse.Limit{} // by subject, so that each subject has one
		spans := []gatehouse.Limit{
			{Every: 1, Unit: gatehouse.PerSecond}, {Every: 10, Unit: gatehouse.PerSecond}, {Every: 1, Unit: gatehouse.PerMinute}, {Every: 5, Unit: gatehouse.PerMinute},
			{Every: 1, Unit: gatehouse.PerHour}, {Every: 6, Unit: gatehouse.PerHour}, {Every: 1, Unit: gatehouse.PerDay}, {Every: 3, Unit: gatehouse.PerDay},
			{Every: 1, Unit: gatehouse.PerMonth}, {Every: 5, Unit: gatehouse.PerMonth},
		}
		c, m, now := newCounts(), &model{}, time.Date(2026, 2, 27, 23, 59, 50, 0, time.UTC)
		for call := range 300 {
			now = now.Add(time.Duration(random.ExpFloat64() * float64([]time.Duration{time.Second / 3, 20 * time.Second, time.Hour, 24 * time.Hour}[random.UintN(4)])))
			var taken Limits
			modelled := map[Subject]gatehouse.Limit{}
			for _, level := range []Level{APILevel, ApplicationLevel, SubscriptionLevel, ApplicationBurstLevel} {
				if random.UintN(3) == 0 {
					continue
				}
				s := Subject{Level: level, ID: fmt.Sprint(random.UintN(2))}
				key := fmt.Sprint(s)
				l, ok := limits[key]
				if !ok {
					l = spans[random.UintN(uint(len(spans)))]
					l.Calls = 1 + random.Int64N(6)
					limits[key] = l
				}
				taken.add(level, 0, s.ID, newAllowance(l, false))
				modelled[s] = l
			}
			q := c.take(&taken, now)
			if want := m.take(modelled, now); q.Full == want {
				t.Fatalf("seed %d, call %d at %v: refused %v, the model lets it through: %v; %v", seed, call, now, q.Full, want, modelled)
			}
		}
	}
}

func TestWindows(t *testing.T) {
	at := time.Date(2028, 2, 29, 23, 59, 59, 0, time.UTC)
	for _, tt := range []struct {
		limit      gatehouse.Limit
		begin, end string
	}{
		{gatehouse.Limit{Every: 1, Unit: gatehouse.PerSecond}, "2028-02-29 23:59:59", "2028-03-01 00:00:00"},
		{gatehouse.Limit{Every: 1, Unit: gatehouse.PerMinute}, "2028-02-29 23:59:00", "2028-03-01 00:00:00"},
		{gatehouse.Limit{Every: 15, Unit: gatehouse.PerMinute}, "2028-02-29 23:45:00", "2028-03-01 00:00:00"},
		{gatehouse.Limit{Every: 1, Unit: gatehouse.PerHour}, "2028-02-29 23:00:00", "2028-03-01 00:00:00"},
		{gatehouse.Limit{Every: 1, Unit: gatehouse.PerDay}, "2028-02-29 00:00:00", "2028-03-01 00:00:00"},
		{gatehouse.Limit{Every: 1, Unit: gatehouse.PerMonth}, "2028-02-01 00:00:00", "2028-03-01 00:00:00"},
		{gatehouse.Limit{Every: 3, Unit: gatehouse.PerMonth}, "2028-01-01 00:00:00", "2028-04-01 00:00:00"},
		{gatehouse.Limit{Every: 12, Unit: gatehouse.PerMonth}, "2028-01-01 00:00:00", "2029-01-01 00:00:00"},
	} {
		begin, end := tt.limit.Window().At(at.Unix())
		got := []string{time.Unix(begin, 0).UTC().Format(time.DateTime), time.Unix(end, 0).UTC().Format(time.DateTime)}
		if got[0] != tt.begin || got[1] != tt.end {
			t.Errorf("%d %s: %v, want %s to %s", tt.limit.Every, tt.limit.Unit, got, tt.begin, tt.end)
		}
	}
}

// A tier whose window changes begins anew; one whose limit changes keeps what was counted.
func TestATierThatChanges(t *testing.T) {
	c := newCounts()
	take := func(l gatehouse.Limit) Quota {
		var limits Limits
		limits.add(ApplicationLevel, 0, "app", newAllowance(l, false))
		return c.take(&limits, noon)
	}
	for range 3 {
		take(threeAMinute)
	}
	if q := take(gatehouse.Limit{Calls: 4, Every: 1, Unit: gatehouse.PerMinute}); q.Full || q.Remaining != 0 {
		t.Errorf("a raised limit: %+v", q)
	}
	if q := take(twoAMinute); !q.Full {
		t.Errorf("a lowered limit: %+v", q)
	}
	if q := take(gatehouse.Limit{Calls: 4, Every: 1, Unit: gatehouse.PerHour}); q.Full || q.Remaining != 3 {
		t.Errorf("another window: %+v", q)
	}
}
