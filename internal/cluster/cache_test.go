package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/cluster"
)

// source is what a cache loads from: it counts, and answers with the error of a key or
// with how often the key was loaded.
type source struct {
	mu    sync.Mutex
	loads map[string]int
	errs  map[string]error
}

func newSource() *source { return &source{loads: map[string]int{}, errs: map[string]error{}} }

func (s *source) load(_ context.Context, key string) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads[key]++
	return s.loads[key], s.errs[key]
}

func TestCacheLoadsOnce(t *testing.T) {
	s := newSource()
	absent := gatehouse.Errorf(gatehouse.NotFound, "there is no such thing")
	s.errs["absent"], s.errs["down"], s.errs["odd"] = absent, gatehouse.Errorf(gatehouse.Unavailable, "down"), errors.New("odd")
	c := cluster.NewCache(1000, s.load)
	for key, row := range map[string]struct {
		loads int
		kind  gatehouse.Kind
		ok    bool
	}{
		"present": {1, 0, true},
		"absent":  {1, gatehouse.NotFound, false}, // that there is nothing is held too
		"down":    {3, gatehouse.Unavailable, false},
		"odd":     {3, gatehouse.Internal, false},
	} {
		t.Run(key, func(t *testing.T) {
			for range 3 {
				v, err := c.Get(t.Context(), key)
				if (err == nil) != row.ok || err != nil && gatehouse.KindOf(err) != row.kind || row.ok && v != 1 {
					t.Errorf("got %d, %v", v, err)
				}
			}
			if s.loads[key] != row.loads {
				t.Errorf("loaded %d times, want %d", s.loads[key], row.loads)
			}
		})
	}
	s.errs["absent"] = nil // it was made
	c.Drop("absent")
	if v, err := c.Get(t.Context(), "absent"); err != nil || v != 2 {
		t.Errorf("after the drop: %d, %v", v, err)
	}
	c.Drop("never held")
	if v, _ := c.Get(t.Context(), "present"); v != 1 {
		t.Error("another key's drop dropped it")
	}
}

// What a load read may be older than a drop that came while it ran: it is given to who
// asked, and not held.
func TestADropDuringALoad(t *testing.T) {
	loading, dropped := make(chan struct{}), make(chan struct{})
	loads := 0
	c := cluster.NewCache(1000, func(context.Context, string) (int, error) {
		loads++
		if loads == 1 {
			close(loading)
			<-dropped
		}
		return loads, nil
	})
	go func() {
		<-loading
		c.Drop("key")
		close(dropped)
	}()
	for _, want := range []int{1, 2, 2} {
		if v, err := c.Get(t.Context(), "key"); err != nil || v != want {
			t.Errorf("got %d, %v, want %d", v, err, want)
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	for _, size := range []int{0, 64, 640} {
		s := newSource()
		c := cluster.NewCache(size, s.load)
		bound := max(size, 64)
		for i := range 10 * bound {
			if _, err := c.Get(t.Context(), fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		if got := c.Len(); got > bound {
			t.Errorf("a cache for %d holds %d", size, got)
		}
	}
}

func TestCacheAtOnce(t *testing.T) {
	s := newSource()
	c := cluster.NewCache(100, s.load)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 2000 {
				key := fmt.Sprint(i % 150)
				if i%7 == 0 {
					c.Drop(key)
				}
				if _, err := c.Get(t.Context(), key); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkGet(b *testing.B) {
	c := cluster.NewCache(1000, newSource().load)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Get(b.Context(), "key"); err != nil {
			b.Fatal(err)
		}
	}
}
