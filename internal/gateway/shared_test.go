package gateway

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

// board is a shared counter in memory, which may be out of reach.
type board struct {
	mu    sync.Mutex
	used  map[string]int64
	away  atomic.Bool
	asked atomic.Int64
}

func (s *board) Take(_ context.Context, counts []gatehouse.Count) (bool, error) {
	s.asked.Add(1)
	if s.away.Load() {
		return false, errors.New("out of reach")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	added := true
	for i := range counts {
		counts[i].Used = s.used[counts[i].Key]
		added = added && (counts[i].Most == 0 || counts[i].Used < counts[i].Most)
	}
	for i := range counts {
		if added {
			s.used[counts[i].Key] += counts[i].Add
		}
	}
	return added, nil
}

// nodes are gateways that share a counter; their clock is now.
func nodes(t *testing.T, n int, s *board, now *atomic.Int64, log *strings.Builder) []*Gateway {
	t.Helper()
	var all []*Gateway
	for range n {
		g := &Gateway{Shared: s, Log: slog.New(slog.NewTextHandler(log, nil)), Now: func() time.Time { return time.Unix(now.Load(), 0) }}
		g.once.Do(g.open)
		all = append(all, g)
	}
	return all
}

// Nodes that share a counter let as much through as one alone.
func TestNodesCountTogether(t *testing.T) {
	var now atomic.Int64
	now.Store(noon.Unix())
	s := &board{used: map[string]int64{}}
	limits := *three(1000, 100, 100, "app")
	limits.OrgKey = "johnsorg"
	var passed atomic.Int64
	var all sync.WaitGroup
	for _, g := range nodes(t, 3, s, &now, &strings.Builder{}) {
		for range 4 {
			all.Go(func() {
				for range 50 {
					if !g.countTogether(t.Context(), limits).Full {
						passed.Add(1)
					}
				}
			})
		}
	}
	all.Wait()
	if passed.Load() != 100 {
		t.Errorf("%d calls passed, want 100", passed.Load())
	}
	if asked := s.asked.Load(); asked > 150 {
		t.Errorf("the shared counter was asked %d times: what is known to be used up need not be asked", asked)
	}
	for key := range s.used {
		if !strings.HasPrefix(key, "gatehouse:{johnsorg}:") {
			t.Errorf("the key %s does not carry the organization", key)
		}
	}
}

// R9: while the shared counter is away every node counts for itself, from what it knew; it
// asks again within a second, and is exact again then. R10: an emptied counter lets no
// node pass its own limit.
func TestNodesGoOnWithoutTheSharedCounter(t *testing.T) {
	var now atomic.Int64
	now.Store(noon.Unix())
	var log strings.Builder
	s := &board{used: map[string]int64{}}
	both := nodes(t, 2, s, &now, &log)
	limits := *only(ApplicationLevel, "app", 10)
	pass := func(g *Gateway, calls int) (n int) {
		for range calls {
			if !g.countTogether(t.Context(), limits).Full {
				n++
			}
		}
		return n
	}
	if n := pass(both[0], 4) + pass(both[1], 2); n != 6 {
		t.Errorf("%d passed together", n)
	}
	s.away.Store(true)
	asked := s.asked.Load()
	if a, b := pass(both[0], 20), pass(both[1], 20); a != 6 || b != 4 { // the first knew of 4, the second of 6
		t.Errorf("%d and %d passed while it was away, want 6 and 4: no node goes beyond 10 with what it knew", a, b)
	}
	if got := s.asked.Load() - asked; got != 2 {
		t.Errorf("it was asked %d times while it was away, want once a node", got)
	}
	if !both[0].CountsApart() || strings.Count(log.String(), "does not answer") != 2 {
		t.Errorf("the log says %s", log.String())
	}
	s.away.Store(false)
	now.Add(60) // the next minute
	if n := pass(both[0], 8) + pass(both[1], 8); n != 10 {
		t.Errorf("%d passed when it was back, want 10", n)
	}
	if both[0].CountsApart() || both[1].CountsApart() || strings.Count(log.String(), "answers again") != 2 {
		t.Errorf("the log says %s", log.String())
	}
	clear(s.used)
	if n := pass(both[0], 20); n != 2 {
		t.Errorf("a node lets %d more calls through when the counter is emptied, want 2: it has had 8 of 10", n)
	}
}

func TestSpentBytesAreCountedTogether(t *testing.T) {
	var now atomic.Int64
	now.Store(noon.Unix())
	s := &board{used: map[string]int64{}}
	both := nodes(t, 2, s, &now, &strings.Builder{})
	var limits Limits
	limits.add(SubscriptionLevel, 0, "sub", newAllowance(gatehouse.Limit{Bytes: 100, Every: 1, Unit: gatehouse.PerMinute}, false))
	for i, want := range []bool{false, false, true, true} {
		g := both[i%2]
		if q := g.countTogether(t.Context(), limits); q.Full != want {
			t.Errorf("call %d: %+v", i, q)
		}
		g.spend(&limits, 60)
	}
}
