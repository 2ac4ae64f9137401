package gatehouse

import (
	"slices"
	"strings"
	"time"
)

// DenyPolicy keeps somebody from an organization's APIs, or everybody from one of them.
type DenyPolicy struct {
	ID    string
	OrgID string
	Kind  DenyKind
	// Value is whom: "/context" or "/context/version" of an API, "owner:name" of an
	// application, a username, an address, or "first-last" of a range of addresses.
	Value     string
	Invert    bool // everybody but these addresses
	Active    bool
	CreatedAt time.Time
}

// DenyKind is what a deny policy looks at.
type DenyKind string

// The kinds, named as management clients write them.
const (
	DenyAPI         DenyKind = "API"
	DenyApplication DenyKind = "APPLICATION"
	DenyUser        DenyKind = "USER"
	DenyAddress     DenyKind = "IP"
	DenyRange       DenyKind = "IPRANGE"
)

// DenyKinds are all kinds.
var DenyKinds = []DenyKind{DenyAPI, DenyApplication, DenyUser, DenyAddress, DenyRange}

// MaxDenyPolicies is how many deny policies an organization has at most.
const MaxDenyPolicies = 1000

// Rules are what the administrators of an organization say about calls: its own tiers and
// its deny policies.
type Rules struct {
	OrgKey string
	Tiers  []Tier
	Denied []DenyPolicy
}

// Canonical brings the value of a deny policy into the form in which it is compared, and
// checks the policy's rules. orgKey is the organization's: values may name it too.
func (d *DenyPolicy) Canonical(orgKey string) error {
	if d.Invert && d.Kind != DenyAddress && d.Kind != DenyRange {
		return Errorf(Invalid, "a deny policy for addresses can be inverted, one for %s cannot", d.Kind)
	}
	var err error
	switch d.Kind {
	case DenyAPI:
		d.Value, err = canonicalBase(strings.TrimPrefix(d.Value, "/t/"+orgKey))
	case DenyUser:
		d.Value, err = CanonicalUsername(strings.TrimSuffix(d.Value, "@"+orgKey))
	case DenyApplication:
		owner, name, ok := strings.Cut(d.Value, ":")
		if !ok || !applicationName.MatchString(name) {
			return Errorf(Invalid, "an application is written as owner:name, like john@johns.org:Newsreader")
		}
		owner, err = CanonicalUsername(strings.TrimSuffix(owner, "@"+orgKey))
		d.Value = owner + ":" + name
	case DenyAddress, DenyRange:
		d.Value, err = d.canonicalRange()
	default:
		return Errorf(Invalid, "%q is no kind of deny policy: use one of %v", d.Kind, DenyKinds)
	}
	return err
}

// canonicalBase checks a context, with or without a version behind it.
func canonicalBase(path string) (string, error) {
	path = strings.TrimSuffix(path, "/")
	version := path[strings.LastIndexByte(path, '/')+1:]
	if before := strings.TrimSuffix(path, "/"+version); apiContext.MatchString(path) || apiContext.MatchString(before) && apiVersion.MatchString(version) {
		return path, nil
	}
	return "", Errorf(Invalid, "an API is written as its context, or its context and version: /petstore or /petstore/1.0.0")
}

func (d *DenyPolicy) canonicalRange() (string, error) {
	first, last, err := ParseRange(d.Range())
	if err != nil {
		return "", err
	}
	if d.Kind == DenyAddress {
		if first != last {
			return "", Errorf(Invalid, "a deny policy of the kind %s names one address: use %s", DenyAddress, DenyRange)
		}
		return first.String(), nil
	}
	return first.String() + "-" + last.String(), nil
}

// Range returns the first and the last address of a policy for addresses, for ParseRange.
func (d *DenyPolicy) Range() (from, to string) {
	from, to, _ = strings.Cut(d.Value, "-")
	return from, to
}

// Add checks that d may stand beside the policies that there are.
func (d *DenyPolicy) Add(to []DenyPolicy) error {
	if len(to) >= MaxDenyPolicies {
		return Errorf(Conflict, "an organization has at most %d deny policies: delete one first", MaxDenyPolicies)
	}
	same := func(o DenyPolicy) bool { return o.Kind == d.Kind && o.Value == d.Value && o.Invert == d.Invert }
	if slices.ContainsFunc(to, same) {
		return Errorf(Conflict, "there is a deny policy for this %s already: switch it on", d.Kind)
	}
	return nil
}
