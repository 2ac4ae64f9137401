package gateway

import (
	"hash/fnv"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/gatehouse/gatehouse"
)

// targetCookie holds the number of the target that a caller's calls keep to. A caller may
// write any number into it and so choose among the API's own targets, nothing else.
const targetCookie = "gatehouse-target"

// picked is the target that a call, or one attempt of it, is sent to.
type picked struct {
	*target
	number int
	trial  bool // of a target that was suspended
}

// pick chooses a target that may be called, but for those that were tried (a set of
// bits). ok is false when there is none; wait is when there may be one again, 0 when that
// is not known.
func (l *line) pick(c *call, tried uint32) (p picked, ok bool, wait time.Duration) {
	now := c.gateway.Now()
	if len(l.targets) == 1 {
		return l.only(now)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var can uint32
	for i, t := range l.targets {
		ready, after := t.health.ready(now)
		switch {
		case tried&(1<<i) != 0:
		case ready:
			can |= 1 << i
		case after > 0 && (wait == 0 || after < wait):
			wait = after
		}
	}
	for can != 0 {
		i := l.choose(c, can)
		if trial, ok := l.targets[i].health.begin(now); ok {
			return picked{l.targets[i], i, trial}, true, 0
		}
		can &^= 1 << i
	}
	return picked{}, false, wait
}

func (l *line) only(now time.Time) (picked, bool, time.Duration) {
	t := l.targets[0]
	if ready, wait := t.health.ready(now); !ready {
		return picked{}, false, wait
	}
	trial, ok := t.health.begin(now)
	return picked{t, 0, trial}, ok, 0
}

// choose returns one of a set of targets that is not empty.
func (l *line) choose(c *call, can uint32) int {
	if l.settings.Balance == gatehouse.Failover {
		return first(can)
	}
	switch l.settings.Tuning.Sticky {
	case gatehouse.StickyCookie:
		if i, ok := cookieTarget(c.r, len(l.targets)); ok && can&(1<<i) != 0 {
			return i
		}
	case gatehouse.StickyAddress:
		return l.nearest(c.Address().String(), can)
	case gatehouse.StickySubject:
		return l.nearest(subject(c), can)
	}
	return l.next(can)
}

func first(can uint32) int {
	i := 0
	for can&1 == 0 {
		can >>= 1
		i++
	}
	return i
}

// next is the smooth weighted round robin: of each run of as many calls as the weights
// add up to, every target gets exactly its weight, spread over the run.
func (l *line) next(can uint32) int {
	best, total := -1, 0
	for i, t := range l.targets {
		if can&(1<<i) == 0 {
			continue
		}
		t.turn += t.weight
		total += t.weight
		if best < 0 || t.turn > l.targets[best].turn {
			best = i
		}
	}
	l.targets[best].turn -= total
	return best
}

// nearest maps a key to a target, the same on every node. A target that goes moves its
// own callers alone (rendezvous hashing, by weight).
func (l *line) nearest(key string, can uint32) int {
	best, highest := -1, math.Inf(-1)
	for i, t := range l.targets {
		if can&(1<<i) == 0 {
			continue
		}
		h := fnv.New64a()
		h.Write([]byte(key + "\n" + t.String()))
		share := (float64(mix(h.Sum64())>>11) + 0.5) / (1 << 53) // between 0 and 1
		if score := -float64(t.weight) / math.Log(share); score > highest {
			best, highest = i, score
		}
	}
	return best
}

// mix spreads what differs in a few bits over all of them.
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// subject is whom a call's target is found by: the user, the application where no user
// speaks, the address where there is no token.
func subject(c *call) string {
	switch a := c.decision.Authorization; {
	case a == nil:
		return c.Address().String()
	case a.Subject != "":
		return "user " + a.Subject
	default:
		return "application " + a.ConsumerKey
	}
}

// cookieTarget reads the number of a target; a number that there is not is none.
func cookieTarget(r *http.Request, targets int) (int, bool) {
	cookie, err := r.Cookie(targetCookie)
	if err != nil {
		return 0, false
	}
	i, err := strconv.Atoi(cookie.Value)
	return i, err == nil && i >= 0 && i < targets
}

// stick has the caller come back to the target that answered, if one did.
func (c *call) stick(h http.Header) {
	if c.target.target == nil {
		return
	}
	l := c.decision.Backend.live
	if l.settings.Tuning.Sticky != gatehouse.StickyCookie || len(l.targets) == 1 || l.settings.Balance == gatehouse.Failover {
		return
	}
	if i, ok := cookieTarget(c.r, len(l.targets)); ok && i == c.target.number {
		return
	}
	_, proto, _ := c.gateway.caller(c.r)
	cookie := http.Cookie{
		Name: targetCookie, Value: strconv.Itoa(c.target.number), Path: c.head.Path[:len(c.head.Path)-len(c.decision.Rest)],
		HttpOnly: true, Secure: proto == "https", SameSite: http.SameSiteLaxMode,
	}
	h.Add("Set-Cookie", cookie.String())
}
