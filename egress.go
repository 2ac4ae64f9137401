package gatehouse

import (
	"net/netip"
	"slices"
	"strings"
)

// Egress is the rule of --backend-networks: which addresses backends and other
// outbound calls may reach. It is asked about the address that is dialled, after the
// name was resolved, so that no name can be made to point elsewhere.
type Egress struct {
	public bool           // public addresses only
	only   []netip.Prefix // when not empty, these alone
	own    []netip.AddrPort
}

// ParseEgress reads "private", "public" or a comma-separated list of CIDRs.
func ParseEgress(s string) (*Egress, error) {
	switch s {
	case "private":
		return &Egress{}, nil
	case "public":
		return &Egress{public: true}, nil
	}
	var e Egress
	for text := range strings.SplitSeq(s, ",") {
		prefix, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil || prefix.Addr().Is4In6() { // a mapped address is compared as IPv4, so it would match none
			return nil, Errorf(Invalid, "%q is no network: use private, public or CIDRs like 10.1.0.0/16,192.168.7.0/24", text)
		}
		e.only = append(e.only, prefix.Masked())
	}
	return &e, nil
}

// Protect adds addresses that no backend may have: this server's own listeners, its
// database and its Redis. An unspecified address stands for every address of this
// machine with that port. Call it before the rule is used.
func (e *Egress) Protect(own ...netip.AddrPort) { e.own = append(e.own, own...) }

// Allows reports whether an outbound call may be made to addr.
func (e *Egress) Allows(addr netip.AddrPort, local func(netip.Addr) bool) bool {
	ip := addr.Addr().Unmap().WithZone("")
	if ip.IsUnspecified() || ip.IsMulticast() || ip.IsLinkLocalUnicast() || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return false
	}
	for _, own := range e.own {
		if own.Port() == addr.Port() && (own.Addr().Unmap() == ip || own.Addr().IsUnspecified() && local(ip)) {
			return false
		}
	}
	if len(e.only) > 0 {
		return slices.ContainsFunc(e.only, func(p netip.Prefix) bool { return p.Contains(ip) })
	}
	return !e.public || public(ip)
}

// notPublic are the special-purpose networks of RFC 6890 that netip has no name for.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("2001::/23"),
	netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("3fff::/20"),
}

// unicast6 is all of IPv6 that was given out for global unicast (RFC 4291, section
// 2.4): beside it are translators, and old ways to write an IPv4 address.
var unicast6 = netip.MustParsePrefix("2000::/3")

func public(ip netip.Addr) bool {
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && (ip.Is4() || unicast6.Contains(ip)) &&
		!slices.ContainsFunc(notPublic, func(p netip.Prefix) bool { return p.Contains(ip) })
}
