package gateway

import (
	"net/netip"
	"slices"
	"sort"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// denied is whom an organization keeps out. The zero value keeps nobody out, and costs no
// look-up.
type denied struct {
	apis         map[string]bool           // contexts, alone or with the version behind them
	applications map[ownedApplication]bool // by owner and name
	users        map[string]bool           // by username
	addresses    []addressRange            // sorted; none touches another
}

type ownedApplication struct{ owner, name string }

// addressRange is all addresses from one to another, both of it, in the order of netip:
// IPv4 comes before IPv6.
type addressRange struct{ from, to netip.Addr }

// The first and the last address that there are.
var (
	firstAddress = netip.IPv4Unspecified()
	lastAddress  = netip.AddrFrom16([16]byte(slices.Repeat([]byte{0xff}, 16)))
)

// newDenied compiles deny policies; those that are switched off are not among them.
func newDenied(policies []gatehouse.DenyPolicy) (denied, error) {
	var d denied
	for i := range policies {
		p := &policies[i]
		switch p.Kind {
		case gatehouse.DenyAPI:
			d.apis = with(d.apis, p.Value)
		case gatehouse.DenyUser:
			d.users = with(d.users, p.Value)
		case gatehouse.DenyApplication:
			owner, name, _ := strings.Cut(p.Value, ":")
			d.applications = with(d.applications, ownedApplication{owner, name})
		default:
			from, to, err := gatehouse.ParseRange(p.Range())
			if err != nil {
				return d, err
			}
			d.addresses = append(d.addresses, ranges(from, to, p.Invert)...)
		}
	}
	d.addresses = merged(d.addresses)
	return d, nil
}

func with[K comparable](set map[K]bool, key K) map[K]bool {
	if set == nil {
		set = map[K]bool{}
	}
	set[key] = true
	return set
}

// ranges returns the addresses from one to another, or all but these.
func ranges(from, to netip.Addr, invert bool) []addressRange {
	if !invert {
		return []addressRange{{from, to}}
	}
	var others []addressRange
	if before := from.Prev(); before.IsValid() {
		others = append(others, addressRange{firstAddress, before})
	} else if from.Is6() {
		others = append(others, addressRange{firstAddress, netip.AddrFrom4([4]byte{255, 255, 255, 255})})
	}
	if after := to.Next(); after.IsValid() {
		others = append(others, addressRange{after, lastAddress})
	} else if to.Is4() {
		others = append(others, addressRange{netip.IPv6Unspecified(), lastAddress})
	}
	return others
}

// merged sorts ranges and puts those together that meet.
func merged(all []addressRange) []addressRange {
	slices.SortFunc(all, func(a, b addressRange) int { return a.from.Compare(b.from) })
	var kept []addressRange
	for _, r := range all {
		if last := len(kept) - 1; last >= 0 && r.from.Compare(kept[last].to) <= 0 {
			if kept[last].to.Less(r.to) {
				kept[last].to = r.to
			}
			continue
		}
		kept = append(kept, r)
	}
	return kept
}

// permitted checks that no deny policy keeps the call out.
func (d *Decision) permitted(t *Table, r *route, f Facts) bool {
	d.Stage = StageDenied
	if len(t.rules) == 0 {
		return true
	}
	rules := &t.rulesOf(d.API.OrgKey).denied
	out := rules.apis[d.API.Context] || rules.apis[r.base] || rules.keepsOut(d) ||
		len(rules.addresses) > 0 && rules.holds(f.Address())
	return !out || d.refuse(deniedCall)
}

// keepsOut reports whether the call's application or user is kept out. An application that
// speaks for itself speaks for its owner.
func (n *denied) keepsOut(d *Decision) bool {
	if d.Client != nil && len(n.applications) > 0 {
		if a := &d.Client.Application; n.applications[ownedApplication{a.Owner, a.Name}] {
			return true
		}
	}
	switch {
	case len(n.users) == 0 || d.Authorization == nil:
		return false
	case d.Authorization.For == gatehouse.ForUser:
		return n.users[strings.TrimSuffix(strings.TrimSuffix(d.Authorization.Username, d.API.OrgKey), "@")]
	}
	return d.Client != nil && n.users[d.Client.Owner.Username]
}

// holds reports whether an address is in one of the ranges.
func (n *denied) holds(address netip.Addr) bool {
	i := sort.Search(len(n.addresses), func(i int) bool { return n.addresses[i].to.Compare(address) >= 0 })
	return i < len(n.addresses) && n.addresses[i].from.Compare(address) <= 0
}
