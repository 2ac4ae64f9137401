package gateway

import (
	"net/netip"
	"slices"

	"github.com/gatehouse/gatehouse"
)

// ipAllowSettings says from which addresses calls may come: from those in allow, where there
// are any, and from none in deny. A call from elsewhere, or from an address that nobody knows,
// is answered with 403. It is the address of the connection, or what a trusted proxy says of
// it; what the caller says counts for nothing.
type ipAllowSettings struct {
	// Allow lists networks, like 203.0.113.0/24 or 2001:db8::/32, or single addresses.
	Allow []string `json:"allow,omitempty"`
	// Deny lists those among them that may not call. By itself it leaves everybody else in.
	Deny []string `json:"deny,omitempty"`
}

// maxNetworks bounds how many networks are looked through for each call.
const maxNetworks = 500

// ipAllow is the compiled form.
type ipAllow struct{ allow, deny []netip.Prefix }

func newIPAllow(s ipAllowSettings, _ place) (any, error) {
	if n := len(s.Allow) + len(s.Deny); n == 0 || n > maxNetworks {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "allow and deny list %d networks together: list 1 to %d", n, maxNetworks)
	}
	p := &ipAllow{}
	var err error
	if p.allow, err = networks(s.Allow); err != nil {
		return nil, err
	}
	p.deny, err = networks(s.Deny)
	return p, err
}

func networks(texts []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range texts {
		network, err := netip.ParsePrefix(text)
		if address, also := netip.ParseAddr(text); also == nil && address.Zone() == "" {
			network, err = netip.PrefixFrom(address, address.BitLen()), nil
		}
		switch {
		case err != nil:
			return nil, gatehouse.Errorf(gatehouse.Invalid, "%q is no network: write it like 203.0.113.0/24 or 2001:db8::/32", text)
		case network.Addr().Is4In6():
			return nil, gatehouse.Errorf(gatehouse.Invalid, "%q is an IPv4 network in disguise: write it like 203.0.113.0/24", text)
		case network != network.Masked():
			return nil, gatehouse.Errorf(gatehouse.Invalid, "%q has more bits than its length: write %s, or the address alone", text, network.Masked())
		}
		all = append(all, network)
	}
	return all, nil
}

func (p *ipAllow) admit(f Facts, _ *Head, _ *gatehouse.Authorization) *Refusal {
	address := f.Address()
	in := func(n netip.Prefix) bool { return n.Contains(address) }
	if !address.IsValid() || slices.ContainsFunc(p.deny, in) || len(p.allow) > 0 && !slices.ContainsFunc(p.allow, in) {
		return foreignAddress
	}
	return nil
}
