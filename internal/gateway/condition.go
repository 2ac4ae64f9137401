package gateway

import (
	"net/netip"
	"net/textproto"
	"net/url"
	"regexp"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// condition is a condition, compiled.
type condition struct {
	kind     gatehouse.ConditionKind
	name     string // of a header in its canonical form, of a parameter, of a claim
	pattern  *regexp.Regexp
	from, to netip.Addr
	invert   bool
}

func newCondition(c *gatehouse.Condition) (condition, error) {
	compiled := condition{kind: c.Kind, name: c.Name, invert: c.Invert}
	var err error
	if c.Kind == gatehouse.ByAddress {
		compiled.from, compiled.to, err = gatehouse.ParseRange(c.From, c.To)
		return compiled, err
	}
	if c.Kind == gatehouse.ByHeader {
		compiled.name = textproto.CanonicalMIMEHeaderKey(c.Name)
	}
	compiled.pattern, err = regexp.Compile(c.Pattern)
	return compiled, err
}

// holds reports whether a call is what the condition looks for, whether it is inverted or
// not. What a call does not have is not found.
func (c *condition) holds(f Facts, h *Head, by *gatehouse.Authorization) bool {
	switch c.kind {
	case gatehouse.ByAddress:
		address := f.Address()
		return address.Compare(c.from) >= 0 && address.Compare(c.to) <= 0 && address.BitLen() == c.from.BitLen()
	case gatehouse.ByHeader:
		for _, value := range h.Header[c.name] {
			if c.pattern.MatchString(value) {
				return true
			}
		}
	case gatehouse.ByQuery:
		return c.inQuery(h.Query)
	case gatehouse.ByClaim:
		return by != nil && c.pattern.MatchString(by.Claim(c.name))
	}
	return false
}

// inQuery looks at each value of the parameter. What cannot be decoded is looked at as it
// was sent: a backend may read it either way.
func (c *condition) inQuery(query string) bool {
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if unescaped(name) == c.name && c.pattern.MatchString(unescaped(value)) {
			return true
		}
	}
	return false
}

func unescaped(s string) string {
	if d, err := url.QueryUnescape(s); err == nil {
		return d
	}
	return s
}
