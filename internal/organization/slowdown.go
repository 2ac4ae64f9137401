package organization

import (
	"container/list"
	"context"
	"net/netip"
	"sync"
	"time"
)

// How wrong passwords slow down (docs/decisions/0013-slow-down.md). So many may fail without
// a delay; one is forgiven after each while; beyond, each delays the next attempt by twice
// as long as the one before, a second at first and slowest at most.
const (
	accountFree    = 10
	accountForgive = 15 * time.Minute
	addressFree    = 50
	addressForgive = 30 * time.Second
	slowest        = 15 * time.Minute

	// maxCounters bounds what is remembered of accounts, of addresses, and of who signed
	// in from where: what was longest not asked for is forgotten.
	maxCounters = 100_000
)

// attempts counts wrong passwords by account, whether there is one or not, and by address,
// on this node. Who signed in from an address before is counted there by themselves: what
// strangers do from elsewhere does not keep them out. The zero value is ready.
type attempts struct {
	mu        sync.Mutex
	accounts  counters
	addresses counters
	known     counters // an account at an address that it signed in from
}

// attempt is one that may be checked, or is slowed down.
type attempt struct {
	of      *attempts
	counts  []*counter
	account string
	from    netip.Addr
	slowed  bool // refuse it, whatever the password
}

// begin lets an attempt begin, before anything is hashed: attempts that run count as
// failures until they end, so that a burst of them is not checked at once. It waits while
// only their end can tell.
func (a *attempts) begin(ctx context.Context, account string, from netip.Addr, now func() time.Time) (*attempt, error) {
	from = network(from)
	for {
		t, wait := a.try(account, from, now())
		if wait == nil {
			return t, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, errBusy
		}
	}
}

func (a *attempts) try(account string, from netip.Addr, now time.Time) (*attempt, <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := &attempt{of: a, account: account, from: from}
	counts := a.counts(account, from)
	for _, c := range counts {
		if c.delayed(now) {
			t.slowed = true
			return t, nil
		}
	}
	for _, c := range counts {
		if c.full(now) {
			return nil, c.ended
		}
	}
	for _, c := range counts {
		c.begin()
	}
	t.counts = counts
	return t, nil
}

// counts returns what counts an attempt. An account without a name is none.
func (a *attempts) counts(account string, from netip.Addr) []*counter {
	if c := a.known.find(key{account, from}); c != nil {
		return []*counter{c}
	}
	var all []*counter
	if from.IsValid() {
		all = append(all, a.addresses.get(key{"", from}, addressFree, addressForgive))
	}
	if account != "" {
		all = append(all, a.accounts.get(key{account, netip.Addr{}}, accountFree, accountForgive))
	}
	return all
}

// end tells what came of an attempt.
func (t *attempt) end(right bool, now time.Time) {
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	for _, c := range t.counts {
		c.end(right, now)
	}
	if right && t.from.IsValid() {
		t.of.known.get(key{t.account, t.from}, accountFree, accountForgive)
	}
}

// network returns what addresses are counted by: all of an IPv6 /64 is one customer's.
func network(from netip.Addr) netip.Addr {
	from = from.Unmap().WithZone("")
	if !from.Is6() {
		return from
	}
	return netip.PrefixFrom(from, 64).Masked().Addr()
}

// counter counts the failures of one account or address.
type counter struct {
	key      key
	free     int
	forgive  time.Duration
	failures int
	since    time.Time // of the last failure, or the last that was forgiven
	next     time.Time // no attempt before
	running  int
	ended    chan struct{} // closed when a running attempt ends
}

// delayed reports whether no attempt may begin yet.
func (c *counter) delayed(now time.Time) bool { return now.Before(c.next) }

// full reports whether an attempt must wait for those that run.
func (c *counter) full(now time.Time) bool {
	c.decay(now)
	return c.running > 0 && c.failures+c.running >= c.free
}

// decay forgives.
func (c *counter) decay(now time.Time) {
	for c.failures > 0 && now.Sub(c.since) >= c.forgive {
		c.failures--
		c.since = c.since.Add(c.forgive)
	}
}

func (c *counter) begin() {
	if c.running++; c.ended == nil {
		c.ended = make(chan struct{})
	}
}

func (c *counter) end(right bool, now time.Time) {
	c.running--
	close(c.ended)
	if c.ended = nil; c.running > 0 {
		c.ended = make(chan struct{})
	}
	if right {
		return
	}
	if c.decay(now); c.failures == 0 {
		c.since = now
	}
	beyond := c.failures + 1 - c.free
	if beyond < 0 {
		c.failures++
		return
	}
	delay := time.Second << beyond
	if delay < slowest {
		c.failures++ // no further: what took an hour to earn must not take days to lose
	}
	c.next = now.Add(min(delay, slowest))
}

// key names what is counted: an account, an address, or the one at the other.
type key struct {
	account string
	from    netip.Addr
}

// counters is a bounded set of counters. The zero value is empty.
type counters struct {
	by    map[key]*list.Element
	order list.List // of *counter, the last asked for in front
}

func (cs *counters) find(k key) *counter {
	e := cs.by[k]
	if e == nil {
		return nil
	}
	cs.order.MoveToFront(e)
	return e.Value.(*counter)
}

func (cs *counters) get(k key, free int, forgive time.Duration) *counter {
	if c := cs.find(k); c != nil {
		return c
	}
	if cs.by == nil {
		cs.by = map[key]*list.Element{}
	}
	if len(cs.by) >= maxCounters {
		oldest := cs.order.Back()
		delete(cs.by, cs.order.Remove(oldest).(*counter).key)
	}
	c := &counter{key: k, free: free, forgive: forgive}
	cs.by[k] = cs.order.PushFront(c)
	return c
}
