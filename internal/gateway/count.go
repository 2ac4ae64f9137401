package gateway

import (
	"hash/maphash"
	"sync"
	"time"
)

// counts holds how many calls each subject has had in the running minute, the minute of
// the clock. There is no lock that all calls share: one for the calls of a subject, and
// one for a part of the subjects that is held while a counter is looked up.
//
// It remembers subjects that were called in the last minute in which their part was used.
// They are resources, applications and subscriptions that there are, so callers cannot
// make them more.
type counts struct {
	seed  maphash.Seed
	parts [64]part
}

type part struct {
	mu       sync.RWMutex
	minute   int64 // since 1970
	counters map[Subject]*counter
	_        [64]byte // keeps parts off each other's cache lines
}

type counter struct {
	mu   sync.Mutex
	used int64
}

// take counts a call against all limits or, when one of them is used up, against none.
// It is exact: the counters of all limits are held together. Every call locks them in the
// order of the levels and has one on each level, so no two calls wait for each other.
func (c *counts) take(limits *Limits, now time.Time) Quota { return c.look(limits, now, 1) }

// peek says what the limits leave, and counts nothing.
func (c *counts) peek(limits *Limits, now time.Time) Quota { return c.look(limits, now, 0) }

// look counts n calls, one or none.
func (c *counts) look(limits *Limits, now time.Time, n int64) Quota {
	seconds := now.Unix()
	minute := seconds / 60
	var held [levels]*counter
	for i := range limits {
		if limits[i].PerMinute > 0 {
			subject := &limits[i].Subject
			held[i] = c.part(subject).counter(subject, minute)
		}
	}
	for _, counter := range held {
		if counter != nil {
			counter.mu.Lock()
		}
	}
	q := Quota{Next: (minute + 1) * 60, Wait: (minute+1)*60 - seconds}
	if q.find(limits, &held); !q.Full {
		q.Remaining -= n
	}
	for _, counter := range held {
		if counter != nil {
			if !q.Full {
				counter.used += n
			}
			counter.mu.Unlock()
		}
	}
	return q
}

// find finds the limit that leaves the fewest calls, the first one of several.
func (q *Quota) find(limits *Limits, held *[levels]*counter) {
	for i, counter := range held {
		if counter == nil {
			continue
		}
		limit := limits[i].PerMinute
		left := max(limit-counter.used, 0) // a limit that was lowered may have been passed
		if q.Limit == 0 || left < q.Remaining {
			q.Level, q.Limit, q.Remaining = Level(i), limit, left
		}
	}
	q.Full = q.Remaining == 0
}

func (c *counts) part(of *Subject) *part {
	return &c.parts[maphash.String(c.seed, of.ID)%uint64(len(c.parts))]
}

// counter returns the counter of a subject for a minute.
func (p *part) counter(of *Subject, minute int64) *counter {
	p.mu.RLock()
	c, runs := p.counters[*of], p.runs(minute)
	p.mu.RUnlock()
	if c != nil && runs {
		return c
	}
	return p.add(of, minute)
}

// add makes the counter of a subject, and begins the minute, in which no subject has had
// a call, if no other call did so before.
func (p *part) add(of *Subject, minute int64) *counter {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.runs(minute) {
		p.minute, p.counters = minute, nil
	}
	if p.counters == nil {
		p.counters = map[Subject]*counter{}
	}
	c := p.counters[*of]
	if c == nil {
		c = &counter{}
		p.counters[*of] = c
	}
	return c
}

// runs reports whether calls of a minute are counted in the one that p has begun. A call
// that saw the clock just before the minute ended may come when the next has begun, and
// counts there: were it to begin its own minute again, the limit would be passed. Any
// other difference means that time went on, or that the clock was set.
func (p *part) runs(minute int64) bool {
	return p.minute == minute || p.minute == minute+1
}
