package login

import (
	"sync"
	"time"

	"github.com/gatehouse/gatehouse"
)

// guesses counts what was tried and wrong, by who tried. It is bounded: where there are
// more who try than it can hold, it forgets half of them.
type guesses struct {
	mu sync.Mutex
	by map[string]*tries
}

type tries struct {
	n     int
	until time.Time
}

// maxGuessers bounds how many are remembered at a time.
const maxGuessers = 50_000

// over reports whether one of who has tried atMost times already, or more.
func (g *guesses) over(atMost int, now time.Time, who ...string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, w := range who {
		if t := g.by[w]; t != nil && now.Before(t.until) && t.n >= atMost {
			return true
		}
	}
	return false
}

// count adds a try that was wrong to each of who. It is forgotten when no code that waited
// then can still wait.
func (g *guesses) count(now time.Time, who ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.by) >= maxGuessers {
		for w, t := range g.by {
			if !now.Before(t.until) || len(g.by) > maxGuessers/2 {
				delete(g.by, w)
			}
		}
	}
	if g.by == nil {
		g.by = map[string]*tries{}
	}
	for _, w := range who {
		t := g.by[w]
		if t == nil || !now.Before(t.until) {
			t = &tries{until: now.Add(gatehouse.DeviceLifetime)}
			g.by[w] = t
		}
		t.n++
	}
}
