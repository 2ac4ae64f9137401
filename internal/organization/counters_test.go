package organization

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// A flood of unknown names does not grow the memory without an end, and who is asked for is
// remembered.
func TestCountersAreBounded(t *testing.T) {
	var cs counters
	kept := cs.get(key{account: "kept"}, 1, time.Hour)
	for i := range maxCounters + 1000 {
		cs.get(key{account: fmt.Sprint(i)}, 1, time.Hour)
		if i%1000 == 0 && cs.get(key{account: "kept"}, 1, time.Hour) != kept {
			t.Fatal("what was asked for is forgotten")
		}
	}
	if len(cs.by) != maxCounters || cs.order.Len() != maxCounters {
		t.Errorf("%d counters, want %d", len(cs.by), maxCounters)
	}
}

// check 153: ten of a burst begin, the others wait, and are slowed down when those fail.
func TestTenOfABurstBegin(t *testing.T) {
	var a attempts
	now := time.Now()
	var begun []*attempt
	for range 10 {
		one, wait := a.try("john", netip.Addr{}, now)
		if wait != nil || one.slowed {
			t.Fatal("an attempt does not begin")
		}
		begun = append(begun, one)
	}
	if _, wait := a.try("john", netip.Addr{}, now); wait == nil {
		t.Fatal("the eleventh begins")
	}
	for _, one := range begun {
		one.end(false, now)
	}
	if one, wait := a.try("john", netip.Addr{}, now); wait != nil || !one.slowed {
		t.Error("after ten failures the next is not slowed down")
	}
}

// fails lets an attempt fail, when it may begin.
func (a *attempts) fails(account string, from netip.Addr, now time.Time) (begun bool) {
	one, _ := a.try(account, from, now)
	one.end(false, now)
	return !one.slowed
}

// check 153: the delay doubles from a second on, and attempts within it add nothing to it.
func TestTheDelayDoubles(t *testing.T) {
	var a attempts
	now := time.Now()
	for range 10 {
		a.fails("john", netip.Addr{}, now)
	}
	for _, delay := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256} {
		now = now.Add(delay*time.Second - time.Millisecond)
		if a.fails("john", netip.Addr{}, now) {
			t.Fatalf("an attempt begins before %d s are over", delay)
		}
		now = now.Add(time.Millisecond)
		if !a.fails("john", netip.Addr{}, now) {
			t.Fatalf("none begins after %d s", delay)
		}
	}
}

// check 153: whoever tries every second for a week is never kept out for longer than a
// quarter of an hour, and gets some 140 tries a day.
func TestAnAttackersWeek(t *testing.T) {
	var a attempts
	now := time.Now()
	last, tries := now, 0
	for range 7 * 24 * 3600 {
		now = now.Add(time.Second)
		if !a.fails("john", netip.Addr{}, now) {
			continue
		}
		if now.Sub(last) > slowest {
			t.Fatalf("kept out for %v", now.Sub(last))
		}
		last = now
		tries++
	}
	if tries > 7*150 {
		t.Errorf("%d tries in a week", tries)
	}
}

// A failure is forgiven every quarter of an hour.
func TestFailuresAreForgiven(t *testing.T) {
	var a attempts
	now := time.Now()
	for range 100 {
		if !a.fails("john", netip.Addr{}, now) {
			t.Fatal("four failures an hour slow down")
		}
		now = now.Add(accountForgive)
	}
}

// check 131: one customer's IPv6 addresses are one, however they are written.
func TestAddressesAreCountedByTheirNetwork(t *testing.T) {
	for _, same := range [][2]string{
		{"192.0.2.1", "::ffff:192.0.2.1"}, {"2001:db8::1", "2001:db8::ffff:0:0:2"}, {"fe80::1%eth0", "fe80::2%eth1"},
	} {
		if a, b := network(netip.MustParseAddr(same[0])), network(netip.MustParseAddr(same[1])); a != b {
			t.Errorf("%s and %s are counted as %s and %s", same[0], same[1], a, b)
		}
	}
	for _, other := range [][2]string{{"192.0.2.1", "192.0.2.2"}, {"2001:db8::1", "2001:db8:0:1::1"}} {
		if network(netip.MustParseAddr(other[0])) == network(netip.MustParseAddr(other[1])) {
			t.Errorf("%v are counted as one", other)
		}
	}
}
