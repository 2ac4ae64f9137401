package gateway

import (
	"container/list"
	"hash/maphash"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Limits of what a node keeps of the backends' answers, for all APIs together.
const (
	maxAnswers     = 50_000
	maxAnswerBytes = 64 << 20
	maxVariants    = 8   // that differ by the headers that the answer names in Vary
	answerCost     = 512 // bytes that an answer takes beside its text
)

// answers are the backends' answers that this node keeps, for the policy cache. When there
// is no room, those go first that were asked for least recently.
type answers struct {
	mu      sync.Mutex
	shelves map[shelf]map[variant][]*stored
	recent  list.List // of *stored, the one asked for last at the front
	bytes   int
	flights map[flight]chan struct{} // calls to backends that others wait for
	changes [256]uint64              // how often shelves were cleared, by a hash of theirs
	seed    maphash.Seed
}

// shelf is a path of an API as it was compiled, so that nothing is found any more when the
// API changes.
type shelf struct {
	api     *gatehouse.API
	sandbox bool
	path    string // behind the API's base path
}

// variant tells the answers on a shelf apart.
type variant struct {
	query string
	who   string // whom the answer is for; empty for everybody
}

type flight struct {
	shelf
	variant
}

// stored is an answer. It is never changed, so whoever found it may read it.
type stored struct {
	shelf
	variant
	varies []string   // the headers named by Vary
	values [][]string // of the request that was answered
	pass   bool       // it is no answer: the last one was not for keeping

	status   int
	header   http.Header
	body     []byte
	at       time.Time     // when it arrived
	age      time.Duration // that it had then
	lifetime time.Duration
	always   bool // it must be revalidated however young it is

	place *list.Element
}

func (s *stored) size() int {
	n := answerCost + len(s.path) + len(s.query) + len(s.who) + len(s.body)
	for _, h := range []http.Header{s.header, {"": slices.Concat(s.values...)}} {
		for name, values := range h {
			n += len(name) + len(strings.Join(values, "")) + 16*len(values)
		}
	}
	return n
}

// matches reports whether a request has the headers of the one that was answered.
func (s *stored) matches(h http.Header) bool {
	for i, name := range s.varies {
		if !slices.Equal(h[name], s.values[i]) {
			return false
		}
	}
	return true
}

// find returns an answer to a request with header h. changes tells put whether the shelf
// was cleared since.
func (a *answers) find(on shelf, h http.Header, variants ...variant) (found *stored, changes uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	changes = a.changes[a.hash(on)]
	for _, v := range variants {
		for _, s := range a.shelves[on][v] {
			if s.matches(h) {
				a.recent.MoveToFront(s.place)
				return s, changes
			}
		}
	}
	return nil, changes
}

// hash must be called with the lock held.
func (a *answers) hash(on shelf) uint8 {
	if a.seed == (maphash.Seed{}) {
		a.seed = maphash.MakeSeed()
	}
	return uint8(maphash.String(a.seed, on.path))
}

// put keeps an answer, in the place of one that the same requests would find. It does not
// if the shelf was cleared after the request was sent: then it may be of the time before.
func (a *answers) put(s *stored, changes uint64) {
	size := s.size()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.changes[a.hash(s.shelf)] != changes {
		return
	}
	if a.shelves == nil {
		a.shelves = map[shelf]map[variant][]*stored{}
	}
	for _, other := range slices.Clone(a.shelves[s.shelf][s.variant]) {
		if !slices.Equal(other.varies, s.varies) || slices.EqualFunc(other.values, s.values, slices.Equal) {
			a.remove(other)
		}
	}
	if variants := a.shelves[s.shelf][s.variant]; len(variants) >= maxVariants {
		a.remove(variants[0])
	}
	for a.recent.Len() >= maxAnswers || a.recent.Len() > 0 && a.bytes+size > maxAnswerBytes {
		a.remove(a.recent.Back().Value.(*stored))
	}
	if a.shelves[s.shelf] == nil {
		a.shelves[s.shelf] = map[variant][]*stored{}
	}
	a.shelves[s.shelf][s.variant] = append(a.shelves[s.shelf][s.variant], s)
	s.place = a.recent.PushFront(s)
	a.bytes += size
}

// remove must be called with the lock held.
func (a *answers) remove(s *stored) {
	a.recent.Remove(s.place)
	a.bytes -= s.size()
	on := a.shelves[s.shelf]
	on[s.variant] = slices.DeleteFunc(on[s.variant], func(other *stored) bool { return other == s })
	if len(on[s.variant]) == 0 {
		delete(on, s.variant)
	}
	if len(on) == 0 {
		delete(a.shelves, s.shelf)
	}
}

// forget clears a shelf.
func (a *answers) forget(on shelf) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.changes[a.hash(on)]++
	for _, variants := range a.shelves[on] {
		for _, s := range slices.Clone(variants) {
			a.remove(s)
		}
	}
}

// sweep drops the answers of APIs that are no longer served as they were.
func (a *answers) sweep(t *Table) {
	a.mu.Lock()
	defer a.mu.Unlock()
	gone := map[*gatehouse.API]bool{}
	for e := a.recent.Front(); e != nil; {
		s := e.Value.(*stored)
		e = e.Next()
		if _, known := gone[s.api]; !known {
			r, _ := t.find(s.api.BasePath())
			gone[s.api] = r == nil || &r.api != s.api
		}
		if gone[s.api] {
			a.remove(s)
		}
	}
}

// lead reports whether the caller is the first to call the backend for something. It calls
// done when others need no longer wait; they wait for the channel.
func (a *answers) lead(f flight) (wait <-chan struct{}, done func(), first bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if running, ok := a.flights[f]; ok {
		return running, nil, false
	}
	if a.flights == nil {
		a.flights = map[flight]chan struct{}{}
	}
	running := make(chan struct{})
	a.flights[f] = running
	return nil, sync.OnceFunc(func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.flights, f)
		close(running)
	}), true
}
