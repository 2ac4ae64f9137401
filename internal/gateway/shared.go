package gateway

import (
	"context"
	"strconv"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Shared counts for all nodes together.
type Shared interface {
	// Take adds to all counts or, when one of them has its most already, to none; it
	// reports which, and fills in what each of them had before.
	Take(ctx context.Context, counts []gatehouse.Count) (added bool, err error)
}

// apartFor is how long a node counts for itself before it asks again, when the shared
// counter has failed. One call asks; the others do not wait for it.
const apartFor = time.Second

// countTogether counts a call for all nodes together. What this node knows to be used up
// is refused without asking; what it learns is kept, so that a node which has to count
// for itself goes on from there. Beside the limit of the shared counter each node keeps
// the limit by itself, so n nodes never let more than n times as much through.
func (g *Gateway) countTogether(ctx context.Context, limits Limits) Quota {
	now := g.Now()
	if !g.together(now) {
		return g.counts.take(&limits, now)
	}
	if q := g.counts.peek(&limits, now); q.Full {
		return q
	}
	counts := limits.shared(now.Unix())
	added, err := g.Shared.Take(context.WithoutCancel(ctx), counts)
	g.answered(ctx, err)
	if err != nil {
		return g.counts.take(&limits, now)
	}
	return g.counts.learn(&limits, counts, added, now)
}

// spend counts bytes that have passed.
func (g *Gateway) spend(limits *Limits, bytes int64) {
	now := g.Now()
	if g.Shared == nil || !g.together(now) {
		g.counts.spend(limits, bytes, now)
		return
	}
	counts := limits.shared(now.Unix())
	for i := range counts {
		counts[i].Add, counts[i].Most = bytes, 0
	}
	_, err := g.Shared.Take(context.Background(), counts)
	g.answered(context.Background(), err)
	if err != nil {
		g.counts.spend(limits, bytes, now)
		return
	}
	g.counts.learn(limits, counts, true, now)
}

// together reports whether the shared counter is to be asked.
func (g *Gateway) together(now time.Time) bool {
	until := g.apart.Load()
	return until == 0 || now.UnixNano() >= until && g.apart.CompareAndSwap(until, now.Add(apartFor).UnixNano())
}

// answered takes down whether the shared counter has answered, and logs when that changes.
func (g *Gateway) answered(ctx context.Context, err error) {
	if err == nil {
		if g.apart.Load() != 0 && g.apart.Swap(0) != 0 {
			g.Log.InfoContext(ctx, "the shared counter answers again: calls are counted for all nodes together")
		}
		return
	}
	if g.apart.Swap(g.Now().Add(apartFor).UnixNano()) == 0 {
		g.Log.ErrorContext(ctx, "the shared counter does not answer: this node counts calls for itself", "error", err)
	}
}

// CountsApart reports whether this node counts for itself because the shared counter does
// not answer.
func (g *Gateway) CountsApart() bool { return g.apart.Load() != 0 }

// shared returns what a call adds to, for the shared counter. A key names the window by
// its beginning, as this node's clock has it, and is good for until a minute after its
// end. All keys of a call carry the organization's between braces, so that Redis Cluster
// keeps them in one place.
func (l *Limits) shared(now int64) []gatehouse.Count {
	counts := make([]gatehouse.Count, l.n)
	for i := range counts {
		limit := &l.list[i]
		begin, end := limit.Window.At(now)
		c := &counts[i]
		key := append(make([]byte, 0, 128), "gatehouse:{"...)
		key = append(append(key, l.OrgKey...), "}:"...)
		for _, number := range []int64{int64(limit.Level), int64(limit.Group), limit.Window.Seconds, limit.Window.Months, begin} {
			key = append(strconv.AppendInt(key, number, 10), ':')
		}
		c.Key, c.Seconds = string(append(key, limit.ID...)), end-now+lateness
		if !limit.Lenient {
			c.Most = limit.Amount
		}
		if !limit.Bytes {
			c.Add = 1
		}
	}
	return counts
}

// learn takes over what the shared counter has said, and returns what is left of it.
func (c *counts) learn(limits *Limits, counts []gatehouse.Count, added bool, now time.Time) Quota {
	h := c.hold(limits, now.Unix())
	defer h.release(limits)
	for i := range counts {
		h[i].seen = max(h[i].seen, counts[i].Used)
	}
	q := h.left(limits, now.Unix())
	if q.Full = !added; q.Full {
		return q
	}
	for i := range counts {
		h[i].used += counts[i].Add
		h[i].seen = max(h[i].seen, counts[i].Used+counts[i].Add)
	}
	q.count()
	return q
}
