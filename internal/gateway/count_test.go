package gateway

import (
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

func newCounts() *counts { return &counts{seed: maphash.MakeSeed()} }

func only(level Level, id string, perMinute int64) *Limits {
	var l Limits
	l.add(level, 0, id, aMinute(perMinute))
	return &l
}

// aMinute is a limit of calls in a minute.
func aMinute(calls int64) *Allowance {
	return newAllowance(gatehouse.Limit{Calls: calls, Every: 1, Unit: gatehouse.PerMinute}, false)
}

// three is a limit on each of three levels.
func three(resource, application, subscription int64, id string) *Limits {
	l := only(ResourceLevel, "resource", resource)
	l.add(ApplicationLevel, 0, id, aMinute(application))
	l.add(SubscriptionLevel, 0, id, aMinute(subscription))
	return l
}

func TestALimitOfNLetsNThrough(t *testing.T) {
	c, limits := newCounts(), only(ApplicationLevel, "app", 10)
	for call := int64(1); call <= 12; call++ {
		q := c.take(limits, noon)
		if q.Full != (call > 10) || q.Remaining != max(10-call, 0) || q.Limit != 10 {
			t.Errorf("call %d: %+v", call, q)
		}
	}
	if q := c.take(only(ApplicationLevel, "other", 10), noon); q.Remaining != 9 {
		t.Errorf("another application: %+v", q)
	}
}

func TestTheMinuteIsThatOfTheClock(t *testing.T) {
	for name, tt := range map[string]struct {
		first, second time.Duration // since noon, when the only call of the minute and when another comes
		full          bool
		wait          int64
	}{
		"the same minute":                       {0, 59*time.Second + 999*time.Millisecond, true, 1},
		"half a minute later":                   {10 * time.Second, 40 * time.Second, true, 20},
		"the next minute":                       {59 * time.Second, 60 * time.Second, false, 60},
		"much later":                            {0, 90 * time.Minute, false, 60},
		"a late call of the minute before":      {60 * time.Second, 59 * time.Second, true, 60},
		"the clock was set back by two minutes": {2 * time.Minute, 0, false, 60},
	} {
		t.Run(name, func(t *testing.T) {
			c, limits := newCounts(), only(SubscriptionLevel, "sub", 1)
			if q := c.take(limits, noon.Add(tt.first)); q.Full {
				t.Fatal("the first call is refused")
			}
			if q := c.take(limits, noon.Add(tt.second)); q.Full != tt.full || q.Wait != tt.wait {
				t.Errorf("%+v", q)
			}
		})
	}
}

func TestCountersAreForgottenAfterTheMinute(t *testing.T) {
	c := newCounts()
	for minute := range 5 {
		for i := range 10_000 {
			c.take(only(SubscriptionLevel, fmt.Sprint(minute, "-", i), 1), noon.Add(time.Duration(minute)*time.Minute))
		}
	}
	kept := 0
	for i := range c.parts {
		kept += len(c.parts[i].counters)
	}
	if kept != 20_000 {
		t.Errorf("%d counters are kept, want those of this minute and of the last one", kept)
	}
}

// All calls come at once: two applications, each with a subscription, to one resource.
// Whatever limit ends first, exactly as many calls pass as it allows, and a call that is
// refused by one limit takes nothing from the others.
func TestLimitsAreExactWhenAllCallAtOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		resource, application, subscription int64
		pass, left                          int64 // how many pass in all; what is left of the resource then
	}{
		"the resource ends first":      {50_000, 30_000, 99_000, 50_000, 0},
		"the applications end first":   {99_000, 30_000, 40_000, 60_000, 39_000},
		"the subscriptions end first":  {99_000, 40_000, 20_000, 40_000, 59_000},
		"all end at once":              {60_000, 30_000, 30_000, 60_000, 0},
		"resource and one application": {30_000, 30_000, 30_000, 30_000, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCounts()
			var passed [2]atomic.Int64
			var all sync.WaitGroup
			start := make(chan struct{})
			for i := range 4000 {
				app := i % len(passed)
				limits := three(tt.resource, tt.application, tt.subscription, fmt.Sprint(app))
				all.Go(func() {
					<-start
					for range 50 {
						if !c.take(limits, noon).Full {
							passed[app].Add(1)
						}
					}
				})
			}
			close(start)
			all.Wait()
			if got := passed[0].Load() + passed[1].Load(); got != tt.pass {
				t.Errorf("%d calls passed, want %d", got, tt.pass)
			}
			for i := range passed {
				if got := passed[i].Load(); got > min(tt.application, tt.subscription) {
					t.Errorf("application %d: %d calls passed", i, got)
				}
			}
			resource := only(ResourceLevel, "resource", tt.resource)
			for range tt.left {
				if c.take(resource, noon).Full {
					t.Fatal("refused calls used the resource up")
				}
			}
			if !c.take(resource, noon).Full {
				t.Error("the resource lets more through than its limit")
			}
		})
	}
}

// Calls go on while the minute turns: none of the two lets more through than the limit.
func TestLimitsAreExactWhenTheMinuteTurns(t *testing.T) {
	c, limits := newCounts(), only(ApplicationLevel, "app", 100)
	var passed, clock atomic.Int64
	var all sync.WaitGroup
	for range 4000 {
		all.Go(func() {
			tick := (clock.Add(1) - 1) * 120 / 4000 // the first half of the calls in one minute, the rest in the next
			if !c.take(limits, noon.Add(time.Duration(tick)*time.Second)).Full {
				passed.Add(1)
			}
		})
	}
	all.Wait()
	if got := passed.Load(); got > 200 || got < 100 {
		t.Errorf("%d calls passed in two minutes, want at most 100 in each", got)
	}
}

func BenchmarkCountAtOnce(b *testing.B) {
	for name, limits := range map[string]*Limits{
		"subscription": only(SubscriptionLevel, "sub", 1<<62),
		"all":          three(1<<62, 1<<62, 1<<62, "id"),
	} {
		b.Run(name, func(b *testing.B) {
			c := newCounts()
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					c.take(limits, noon)
				}
			})
		})
	}
}
