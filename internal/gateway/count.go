package gateway

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse"
)

// counts holds how much each subject has had in the running window of its limit. There is
// no lock that all calls share: one for the calls of a subject, and one for a part of the
// subjects that is held while a counter is looked up.
//
// It remembers subjects until a minute after their window. They are APIs, resources,
// applications and subscriptions that there are, each once for each of its limits and
// condition groups, and 65,536 buckets of addresses for an API that asks for them: callers
// cannot make them more.
type counts struct {
	seed  maphash.Seed
	parts [64]part
}

type part struct {
	mu       sync.RWMutex
	swept    int64 // the minute since 1970 in which ended counters were last removed
	counters map[Subject]*counter
	_        [64]byte // keeps parts off each other's cache lines
}

// counter counts for one subject in one window.
type counter struct {
	mu         sync.Mutex
	window     gatehouse.Window
	begin, end int64 // of the running one, in Unix seconds
	used       int64 // what this node let through
	seen       int64 // what is known of all nodes together
	gone       bool  // it was removed
}

// lateness is how many seconds a call may be behind the others' clock. It reads the clock
// before it counts; when the next window has begun meanwhile, it counts there: were its
// own window to begin again, the limit would be passed.
const lateness = 60

// held are the counters of a call's limits. Every call locks them in the order of the
// levels and has one on each level, so no two calls wait for each other.
type held [maxLimits]*counter

// hold returns the counters of a call's limits, locked and in their windows of now. One that
// was removed between the look-up and the lock counts nothing: then all are looked up again.
func (c *counts) hold(limits *Limits, now int64) (h held) {
	for gone := true; gone; {
		for i := range limits.n {
			h[i] = c.part(&limits.list[i].Subject).counter(&limits.list[i].Subject, now)
		}
		gone = false
		for i := range limits.n {
			h[i].mu.Lock()
			gone = gone || h[i].gone
		}
		if gone {
			h.release(limits)
		}
	}
	for i := range limits.n {
		h[i].turn(limits.list[i].Allowance, now)
	}
	return h
}

func (h *held) release(limits *Limits) {
	for i := range limits.n {
		h[i].mu.Unlock()
	}
}

// take counts a call against all limits or, when one of them is used up, against none.
// It is exact: the counters of all limits are held together.
func (c *counts) take(limits *Limits, now time.Time) Quota {
	h := c.hold(limits, now.Unix())
	q := h.left(limits, now.Unix())
	if !q.Full {
		for i := range limits.n {
			if !limits.list[i].Bytes {
				h[i].used++
				h[i].seen++
			}
		}
		q.count()
	}
	h.release(limits)
	return q
}

// peek says what the limits leave, and counts nothing.
func (c *counts) peek(limits *Limits, now time.Time) Quota {
	h := c.hold(limits, now.Unix())
	defer h.release(limits)
	return h.left(limits, now.Unix())
}

// spend counts bytes that have passed for a call.
func (c *counts) spend(limits *Limits, bytes int64, now time.Time) {
	h := c.hold(limits, now.Unix())
	for i := range limits.n {
		if limits.list[i].Bytes {
			h[i].used += bytes
			h[i].seen += bytes
		}
	}
	h.release(limits)
}

// left finds the limit that leaves the fewest calls, the first one of several; one of
// bytes only where there is none of calls, or it is used up. A limit of bytes is used up
// once it was reached, so the call that passes it is the last one.
func (h *held) left(limits *Limits, now int64) (q Quota) {
	for i := range limits.n {
		l, c := &limits.list[i], h[i]
		left := max(l.Amount-max(c.used, c.seen), 0) // a limit that was lowered may have been passed
		full := left == 0 && !l.Lenient
		if full || q.Limit == 0 || q.bytes && !l.Bytes || left < q.Remaining && q.bytes == l.Bytes {
			q = Quota{Full: full, Level: l.Level, Limit: l.Amount, Remaining: left, Next: c.end, Wait: c.end - max(now, c.begin), bytes: l.Bytes}
		}
		if full {
			break
		}
	}
	return q
}

// count takes the call itself off what is left, when the limit is of calls.
func (q *Quota) count() {
	if !q.bytes {
		q.Remaining = max(q.Remaining-1, 0)
	}
}

// turn begins the window that now is in, unless the counter is in it or a late call may
// count in the one that it is in. Any other difference means that time went on, that the
// clock was set back, or that the tier has another window now.
func (c *counter) turn(a *Allowance, now int64) {
	if c.window == a.Window && now < c.end && now >= c.begin-lateness {
		return
	}
	c.window = a.Window
	c.begin, c.end = a.Window.At(now)
	c.used, c.seen = 0, 0
}

func (c *counts) part(of *Subject) *part {
	return &c.parts[maphash.String(c.seed, of.ID)%uint64(len(c.parts))]
}

// counter returns the counter of a subject.
func (p *part) counter(of *Subject, now int64) *counter {
	p.mu.RLock()
	c := p.counters[*of]
	p.mu.RUnlock()
	if c != nil {
		return c
	}
	return p.add(of, now)
}

// add makes the counter of a subject, and once in a minute removes those whose window has
// ended a minute ago or more: no call may still count there (lateness).
func (p *part) add(of *Subject, now int64) *counter {
	p.mu.Lock()
	defer p.mu.Unlock()
	if minute := now / 60; minute != p.swept {
		p.swept = minute
		for subject, c := range p.counters {
			c.mu.Lock()
			if c.end <= now-lateness {
				delete(p.counters, subject)
				c.gone = true
			}
			c.mu.Unlock()
		}
	}
	if p.counters == nil {
		p.counters = map[Subject]*counter{}
	}
	c := p.counters[*of]
	if c == nil {
		c = &counter{end: now} // in no window yet
		p.counters[*of] = c
	}
	return c
}
