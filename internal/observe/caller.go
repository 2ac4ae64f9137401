package observe

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the networks of the proxies in front of this server: they alone are believed
// when they say whom they speak for.
type Proxies []netip.Prefix

// Caller returns the address of whoever calls, as text. That is what the connection says,
// unless it comes from a trusted proxy: then it is the last of X-Forwarded-For that is not a
// trusted proxy's. It tells too whether the connection is such a proxy's.
func (p Proxies) Caller(r *http.Request) (address string, proxied bool) {
	if i := strings.LastIndexByte(r.RemoteAddr, ':'); i >= 0 {
		address = strings.Trim(r.RemoteAddr[:i], "[]")
		address, _, _ = strings.Cut(address, "%") // a zone means nothing elsewhere
	}
	if !p.trust(address) {
		return address, false
	}
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for _, hop := range slices.Backward(hops) {
		hop = strings.TrimSpace(hop)
		if _, err := netip.ParseAddr(hop); err != nil {
			break
		}
		if address = hop; !p.trust(hop) {
			break
		}
	}
	return address, true
}

// Address returns the same as an address, or the zero Addr when there is none.
func (p Proxies) Address(r *http.Request) netip.Addr {
	text, _ := p.Caller(r)
	address, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}
	}
	return address
}

func (p Proxies) trust(address string) bool {
	if len(p) == 0 {
		return false
	}
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	ip = ip.Unmap().WithZone("")
	return slices.ContainsFunc(p, func(n netip.Prefix) bool { return n.Contains(ip) })
}
