package gateway

import (
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse"
)

// recent remembers the last calls of each application, and of each API the last ones for
// which no application could be made out, so that a caller who calls much drives nobody
// else's out. It is bounded, and split so that callers rarely meet.
type recent struct {
	seed  maphash.Seed
	parts [16]recentPart
}

// Bounds of what is remembered: 1,024 subjects, some 16 MiB at most.
const (
	ringsPerPart = 64
	callsPerRing = 24
)

type recentPart struct {
	mu    sync.Mutex
	rings map[string]*ring // by whose calls they are
}

// ring holds the last calls of one subject.
type ring struct {
	mu    sync.Mutex
	calls [callsPerRing]seen
	next  int // how many there have been
	taken int // how many of them were taken
}

// seen is a call that is over.
type seen struct {
	id           string
	at           time.Time
	took         time.Duration
	status       int
	method, path string
	decision     Decision
}

// maxSeenPath bounds what is remembered of a path, in bytes.
const maxSeenPath = 1024

// add remembers a call.
func (r *recent) add(s *seen) {
	key := s.subject()
	part := &r.parts[maphash.String(r.seed, key)%uint64(len(r.parts))]
	ring := part.ring(key)
	ring.mu.Lock()
	remembered := &ring.calls[ring.next%callsPerRing]
	*remembered = *s
	remembered.path = strings.Clone(s.path[:min(len(s.path), maxSeenPath)]) // not the whole head that it is a part of
	ring.next++
	ring.mu.Unlock()
}

// subject is whose call it was: the application's, else the API's; calls of no API are
// remembered together.
func (s *seen) subject() string {
	switch d := &s.decision; {
	case d.Client != nil:
		return d.Client.Application.ID
	case d.API != nil:
		return d.API.ID
	}
	return ""
}

// ring finds the calls of a subject. A part that is full forgets some other subject.
func (p *recentPart) ring(key string) *ring {
	p.mu.Lock()
	defer p.mu.Unlock()
	if found := p.rings[key]; found != nil {
		return found
	}
	if p.rings == nil {
		p.rings = map[string]*ring{}
	}
	if len(p.rings) >= ringsPerPart {
		for other := range p.rings {
			delete(p.rings, other)
			break
		}
	}
	made := &ring{}
	p.rings[key] = made
	return made
}

// take returns calls that were not taken before, no more than limit, and no more of one
// subject than of another while there is not room for all. Of each subject the newest are
// taken, refused ones first; what is left out is not taken later.
func (r *recent) take(limit int) []gatehouse.Call {
	var fresh [][]seen
	for i := range r.parts {
		p := &r.parts[i]
		p.mu.Lock()
		for _, ring := range p.rings {
			if calls := ring.take(); len(calls) > 0 {
				fresh = append(fresh, calls)
			}
		}
		p.mu.Unlock()
	}
	var taken []gatehouse.Call
	for i := 0; len(taken) < limit; i++ {
		more := false
		for _, calls := range fresh {
			if i < len(calls) && len(taken) < limit {
				taken, more = append(taken, calls[i].call()), true
			}
		}
		if !more {
			break
		}
	}
	return taken
}

// take returns the calls that were not taken before: refused ones, then the others, the
// newest first.
func (r *ring) take() []seen {
	r.mu.Lock()
	defer r.mu.Unlock()
	var calls []seen
	for i := r.next - 1; i >= max(r.taken, r.next-callsPerRing); i-- {
		calls = append(calls, r.calls[i%callsPerRing])
	}
	r.taken = r.next
	slices.SortStableFunc(calls, func(a, b seen) int { return b.refused() - a.refused() })
	return calls
}

func (s *seen) refused() int {
	if s.decision.Refusal != nil {
		return 1
	}
	return 0
}

// call is what is told of s.
func (s *seen) call() gatehouse.Call {
	d := &s.decision
	c := gatehouse.Call{
		ID: s.id, At: s.at, Took: s.took, Status: s.status, Method: s.method, Path: tellable(s.path),
		OrgKey: orgOf(s.path), Steps: d.Explain(s.status),
	}
	if d.Refusal != nil {
		c.Code = d.Refusal.Code
	}
	if d.API != nil {
		c.APIID, c.API, c.OrgKey = d.API.ID, d.API.Name+" "+d.API.Version, d.API.OrgKey
	}
	if d.Client != nil {
		c.ApplicationID, c.Application = d.Client.Application.ID, d.Client.Application.Name
	}
	if d.Authorization != nil {
		c.User = d.Authorization.Username
		c.OrgKey = d.Authorization.OrgKey // whose business it is, when the API is another's
	}
	return c
}

// maxTold is how much is told of a segment of a path, in bytes. A longer one may be a token
// that somebody put there.
const maxTold = 40

// tellable is what is told of a path: nothing that could be a credential.
func tellable(path string) string {
	path = path[:min(len(path), maxSeenPath)]
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if len(s) > maxTold {
			segments[i] = s[:8] + "…"
		}
	}
	return strings.Join(segments, "/")
}

// orgOf returns the key of the organization that a path names.
func orgOf(path string) string {
	if tenant, ok := strings.CutPrefix(path, "/t/"); ok {
		key, _, _ := strings.Cut(tenant, "/")
		if gatehouse.ValidOrganizationKey(key) {
			return key
		}
	}
	return gatehouse.DefaultOrganization
}

// RecentCalls returns calls that it has not returned before, up to limit: the newest of
// each application.
func (g *Gateway) RecentCalls(limit int) []gatehouse.Call {
	g.once.Do(g.open)
	return g.recent.take(limit)
}
