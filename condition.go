package gatehouse

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// ConditionGroup gives the calls that meet all its conditions a limit of their own. Of
// several groups the first that a call meets counts.
type ConditionGroup struct {
	Description string      `json:"description,omitempty"`
	Conditions  []Condition `json:"conditions"`
	Limit       Limit       `json:"limit"`
}

// Condition is something that a call meets or not.
type Condition struct {
	Kind    ConditionKind `json:"kind"`
	Name    string        `json:"name,omitempty"`    // of the header, the query parameter or the claim
	Pattern string        `json:"pattern,omitempty"` // a regular expression (RE2) that is found in a value
	From    string        `json:"from,omitempty"`    // the first address, and the last
	To      string        `json:"to,omitempty"`
	Invert  bool          `json:"invert,omitempty"` // the other calls meet it
}

// ConditionKind is what a condition looks at.
type ConditionKind string

// The kinds.
const (
	ByAddress ConditionKind = "address" // of the caller
	ByHeader  ConditionKind = "header"
	ByQuery   ConditionKind = "query"
	ByClaim   ConditionKind = "claim" // of the access token
)

// Claims are the claims of access tokens that conditions may look at, by the names that
// they have in JWTs.
var Claims = []string{"sub", "username", "client_id", "azp", "scope", "org", "keytype", "aut", "aud"}

// Claim returns what a says under one of the Claims.
func (a *Authorization) Claim(name string) string {
	switch name {
	case "sub":
		return a.Subject
	case "username":
		return a.Username
	case "client_id", "azp":
		return a.ConsumerKey
	case "scope":
		return strings.Join(a.Scopes, " ")
	case "org":
		return a.OrgKey
	case "keytype":
		return string(a.KeyType)
	case "aut":
		return string(a.For)
	case "aud":
		return strings.Join(a.Audience, " ")
	}
	return ""
}

var headerToken = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$") // RFC 9110, section 5.6.2

func (g *ConditionGroup) validate() error {
	if n := len(g.Conditions); n == 0 || n > MaxConditions {
		return Errorf(Invalid, "a condition group has 1 to %d conditions, this one has %d", MaxConditions, n)
	}
	if err := checkDescription(g.Description); err != nil {
		return err
	}
	if g.Limit.None() {
		return Errorf(Invalid, "a condition group needs a limit of its own")
	}
	for i := range g.Conditions {
		if err := g.Conditions[i].validate(); err != nil {
			return err
		}
	}
	return g.Limit.Validate()
}

func (c *Condition) validate() error {
	switch c.Kind {
	case ByAddress:
		_, _, err := ParseRange(c.From, c.To)
		return err
	case ByHeader:
		if !headerToken.MatchString(c.Name) {
			return Errorf(Invalid, "%q cannot be the name of a header", c.Name)
		}
	case ByQuery:
		if c.Name == "" || !validText(c.Name, MaxName) {
			return Errorf(Invalid, "%q cannot be the name of a query parameter", c.Name)
		}
	case ByClaim:
		if !slices.Contains(Claims, c.Name) {
			return Errorf(Invalid, "no access token has the claim %q: use one of %s", c.Name, strings.Join(Claims, ", "))
		}
	default:
		return Errorf(Invalid, "%q is no kind of condition: use one of %s, %s, %s, %s", c.Kind, ByAddress, ByHeader, ByQuery, ByClaim)
	}
	if len(c.Pattern) > MaxPattern {
		return Errorf(Invalid, "the pattern of a condition has at most %d bytes", MaxPattern)
	}
	if _, err := regexp.Compile(c.Pattern); err != nil {
		return Errorf(Invalid, "the pattern %q is no regular expression of the RE2 syntax: %v", c.Pattern, err)
	}
	return nil
}

// ParseRange reads the first and the last address of a range, both of it. An empty last
// one means the first alone, or all of the network when from is a CIDR.
func ParseRange(from, to string) (first, last netip.Addr, err error) {
	if network, err := netip.ParsePrefix(from); err == nil && to == "" {
		first, last = bounds(network.Masked())
	} else if first, err = netip.ParseAddr(from); err != nil {
		return first, last, Errorf(Invalid, "%q is no IP address", from)
	} else if last = first; to != "" {
		if last, err = netip.ParseAddr(to); err != nil {
			return first, last, Errorf(Invalid, "%q is no IP address", to)
		}
	}
	first, last = first.Unmap(), last.Unmap()
	if first.Zone() != "" || last.Zone() != "" || first.Is4() != last.Is4() || last.Less(first) {
		return first, last, Errorf(Invalid, "a range of addresses goes from a lower to a higher one, both IPv4 or both IPv6: %q to %q is none", from, to)
	}
	return first, last, nil
}

// bounds returns the first and the last address of a network.
func bounds(network netip.Prefix) (first, last netip.Addr) {
	first = network.Addr()
	bytes := first.AsSlice()
	for bit := network.Bits(); bit < first.BitLen(); bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ = netip.AddrFromSlice(bytes)
	return first, last
}
