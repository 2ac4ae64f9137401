package gateway

import (
	"encoding/binary"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Level is what calls are counted for.
type Level uint8

// The levels, in the order in which their refusals are promised.
const (
	APILevel               Level = iota // the calls of one API by everybody
	CapacityLevel                       // the calls that an API's backends of one type get
	ResourceLevel                       // the calls of one resource by everybody
	ApplicationLevel                    // the calls of one application, with all its tokens and of all APIs
	SubscriptionLevel                   // the calls of one API by one application
	AddressLevel                        // the calls of one API, without a token, from one address
	SubscriptionBurstLevel              // the same as SubscriptionLevel, for a shorter time
	ApplicationBurstLevel               // the same as ApplicationLevel, for a shorter time
	levels                 = iota
)

// Subject is whose calls are counted. It is made of what was found, never of what was
// sent, so no spelling of a path and no other token leads to another subject.
type Subject struct {
	Level Level
	Group uint32 // of conditions, from 1; the type of backend; the address's bucket
	ID    string // of the API, the resource, the application or the subscription
}

// Limit is what a subject may have, and in which time.
type Limit struct {
	Subject
	*Allowance
}

// Allowance is a limit of a tier, compiled. All calls on the tier share it.
type Allowance struct {
	Amount  int64 // calls, or bytes; at least 1
	Bytes   bool
	Lenient bool // calls beyond it are let through, and counted
	Window  gatehouse.Window
}

// maxLimits is how many limits one call may have: of its API or resource, of the backends,
// of its application with the burst, and of its subscription with the burst.
const maxLimits = 6

// Limits are all that a call counts against, in the order of their levels.
type Limits struct {
	OrgKey string // whose subjects they are

	list [maxLimits]Limit
	n    int
}

// All returns the limits.
func (l *Limits) All() []Limit { return l.list[:l.n] }

// add adds a limit, unless a is nil.
func (l *Limits) add(level Level, group uint32, id string, a *Allowance) {
	if a != nil {
		l.list[l.n] = Limit{Subject{level, group, id}, a}
		l.n++
	}
}

// Quota is what the limits of a call leave of their windows.
type Quota struct {
	Full      bool  // a limit is used up; the call was not counted
	Level     Level // of the limit that leaves the fewest calls
	Limit     int64 // of that level, 0 when the call has no limit
	Remaining int64
	Next      int64 // when the next window begins, in Unix seconds
	Wait      int64 // seconds until then, at least 1

	bytes bool // the limit is of bytes
}

// within finds the limits and counts the call. It is the last check, so whatever is let
// through is counted and nothing else is. A call that has no limits is not counted.
func (d *Decision) within(t *Table, r *route, f Facts, h *Head) bool {
	d.Stage = StageTiers
	rules := t.rulesOf(d.API.OrgKey)
	if tier := d.API.Settings.Tier; tier != "" {
		d.advanced(rules, f, h, tier, Subject{Level: APILevel, ID: d.API.ID})
	}
	capacity, group := r.productionCapacity, uint32(0)
	if d.sandbox() {
		capacity, group = r.sandboxCapacity, 1
	}
	d.Limits.add(CapacityLevel, group, d.API.ID, capacity)
	if tier := d.Resource.Tier; tier != "" && d.API.Settings.Tier == "" {
		d.advanced(rules, f, h, tier, Subject{Level: ResourceLevel, ID: d.subject})
	}
	d.ofCaller(t, rules, f)
	if d.Limits.n == 0 {
		return true
	}
	d.Limits.OrgKey = d.API.OrgKey
	d.Quota = f.Count(d.Limits)
	return !d.Quota.Full || d.refuse(overLimit[d.Quota.Level])
}

// advanced adds the limit that an advanced tier has for the call.
func (d *Decision) advanced(rules *rules, f Facts, h *Head, name string, of Subject) {
	if t := rules.advanced.of(name); t != nil {
		group, allowance := t.choose(f, h, d.Authorization)
		d.Limits.add(of.Level, group, of.ID, allowance)
	}
}

// ofCaller adds the limits that depend on who calls.
func (d *Decision) ofCaller(t *Table, rules *rules, f Facts) {
	l := &d.Limits
	if d.Client == nil {
		if d.API.Settings.LimitAddresses {
			l.add(AddressLevel, t.bucket(f.Address()), d.API.ID, rules.unauthenticated)
		}
		return
	}
	a := &d.Client.Application
	application := rules.application.of(a.Tier)
	if application != nil {
		l.add(ApplicationLevel, 0, a.ID, application.limit)
	}
	if s := d.Subscription; s != nil {
		if t := rules.subscription.of(s.Tier); t != nil {
			l.add(SubscriptionLevel, 0, s.ID, t.limit)
			l.add(SubscriptionBurstLevel, 0, s.ID, t.burst)
		}
	}
	if application != nil {
		l.add(ApplicationBurstLevel, 0, a.ID, application.burst)
	}
}

// buckets is how many counters the addresses share that call an API without a token: so
// many callers may come, and memory stays bounded. Two addresses in one bucket share its
// limit.
const buckets = 1 << 16

// bucket returns the bucket of an address, the same on every node. All of an IPv6 /64 is
// one customer's (RFC 4291, section 2.5.1), so it is one address. The salt keeps callers
// from choosing addresses that share a bucket with somebody else's.
func (t *Table) bucket(address netip.Addr) uint32 {
	const offset, prime = 14695981039346656037, 1099511628211 // FNV-1a, 64 bits
	var bytes [16]byte
	binary.BigEndian.PutUint64(bytes[8:], t.salt)
	if address.Is6() {
		whole := address.As16()
		copy(bytes[:8], whole[:8])
	} else if address.Is4() {
		whole := address.As4()
		copy(bytes[:4], whole[:])
	}
	hash := uint64(offset)
	for range 2 { // twice, so that the salt is mixed into all of it
		for _, b := range bytes {
			hash = (hash ^ uint64(b)) * prime
		}
	}
	return uint32(hash>>32^hash) % buckets
}

// head tells the caller what is left, in the fields of draft-ietf-httpapi-ratelimit-headers-06
// with the rest of the window in seconds, in the place of whatever the backend says of
// limits of its own. It says nothing when the call has no limit.
func (q *Quota) head(h http.Header) {
	if q.Limit == 0 {
		return
	}
	values := []string{strconv.FormatInt(q.Limit, 10), strconv.FormatInt(q.Remaining, 10), strconv.FormatInt(q.Wait, 10)}
	h["Ratelimit-Limit"] = values[0:1:1]
	h["Ratelimit-Remaining"] = values[1:2:2]
	h["Ratelimit-Reset"] = values[2:3:3]
}

// tell returns a refusal's body with the time from which calls are let through again,
// written as clients of the platform know it.
func (q *Quota) tell(body []byte) []byte {
	next := time.Unix(q.Next, 0).UTC().Format("2006-Jan-02 15:04:05-0700 MST")
	told := make([]byte, 0, len(body)+64)
	told = append(told, body[:len(body)-len("}\n")]...)
	return append(told, `,"nextAccessTime":"`+next+`"}`+"\n"...)
}
