package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/cluster"
)

var errDown = errors.New("the feed does not answer")

// feed is a change feed in memory.
type feed struct {
	mu      sync.Mutex
	changes []gatehouse.Change
	err     error
	wake    chan error
}

func newFeed() *feed { return &feed{wake: make(chan error)} }

func (f *feed) append(noun gatehouse.Noun, ids ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range ids {
		f.changes = append(f.changes, gatehouse.Change{Sequence: int64(len(f.changes) + 1), Noun: noun, ID: id})
	}
}

func (f *feed) LastChange(context.Context) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int64(len(f.changes)), f.err
}

func (f *feed) Changes(_ context.Context, after int64, limit int) ([]gatehouse.Change, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	page := f.changes[after:]
	return slices.Clone(page[:min(limit, len(page))]), f.err
}

func (f *feed) WaitForChange(ctx context.Context) error {
	select {
	case err := <-f.wake:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// told is a subscriber that notes what it is told, and refuses an id once.
type told struct {
	noted  []string
	refuse string
}

func (t *told) about(noun string) func(context.Context, string) error {
	return func(_ context.Context, id string) error {
		if id == t.refuse {
			t.refuse = ""
			return errors.New("refused " + id)
		}
		t.noted = append(t.noted, noun+" "+id)
		return nil
	}
}

func (t *told) want(tt *testing.T, want ...string) {
	tt.Helper()
	if diff := cmp.Diff(want, t.noted); diff != "" {
		tt.Error(diff)
	}
	t.noted = nil
}

func TestSubscribersAreToldInOrder(t *testing.T) {
	f, to := newFeed(), &told{}
	f.append(gatehouse.APIChanged, "before the start")
	c := &cluster.Changes{Feed: f, Log: slog.New(slog.DiscardHandler)}
	c.Subscribe(gatehouse.APIChanged, to.about("api"))
	c.Subscribe(gatehouse.ClientChanged, to.about("client"))
	c.Subscribe(gatehouse.ClientChanged, to.about("also client"))
	must(t, c.Start(t.Context()))
	must(t, c.Sync(t.Context()))
	to.want(t)

	f.append(gatehouse.APIChanged, "1")
	f.append(gatehouse.ClientChanged, "2")
	f.append(gatehouse.ScopesChanged, "nobody asks")
	f.append(gatehouse.APIChanged, "3", "1")
	must(t, c.Sync(t.Context()))
	to.want(t, "api 1", "client 2", "also client 2", "api 3", "api 1")
	must(t, c.Sync(t.Context())) // each is told once
	to.want(t)
}

// What Sync finds is in force when it returns, however much it is.
func TestSyncReadsToTheEnd(t *testing.T) {
	for _, n := range []int{1, 499, 500, 501, 1700} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			f, to := newFeed(), &told{}
			c := &cluster.Changes{Feed: f}
			c.Subscribe(gatehouse.APIChanged, to.about("api"))
			must(t, c.Start(t.Context()))
			var want []string
			for i := range n {
				f.append(gatehouse.APIChanged, fmt.Sprint(i))
				want = append(want, fmt.Sprint("api ", i))
			}
			must(t, c.Sync(t.Context()))
			to.want(t, want...)
		})
	}
}

// A change whose subscriber fails is told again, with those behind it, and none is lost.
func TestAChangeThatFailsIsToldAgain(t *testing.T) {
	f, to := newFeed(), &told{refuse: "2"}
	c := &cluster.Changes{Feed: f}
	c.Subscribe(gatehouse.APIChanged, to.about("api"))
	must(t, c.Start(t.Context()))
	f.append(gatehouse.APIChanged, "1", "2", "3")
	if err := c.Sync(t.Context()); err == nil {
		t.Error("the failure is not told")
	}
	to.want(t, "api 1")
	must(t, c.Sync(t.Context()))
	to.want(t, "api 2", "api 3")

	f.append(gatehouse.APIChanged, "4")
	f.err = errDown
	if err := c.Sync(t.Context()); !errors.Is(err, errDown) {
		t.Errorf("a feed that does not answer gives %v", err)
	}
	f.err = nil
	must(t, c.Sync(t.Context()))
	to.want(t, "api 4")

	f.err = errDown
	if err := c.Start(t.Context()); !errors.Is(err, errDown) {
		t.Errorf("it starts without a feed: %v", err)
	}
}

// Whoever calls Sync, at once with others, finds its change in force when it returns.
func TestSyncAtOnce(t *testing.T) {
	f := newFeed()
	c := &cluster.Changes{Feed: f}
	var mu sync.Mutex
	seen := map[string]int{}
	c.Subscribe(gatehouse.APIChanged, func(_ context.Context, id string) error {
		mu.Lock()
		defer mu.Unlock()
		seen[id]++
		return nil
	})
	must(t, c.Start(t.Context()))
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			id := fmt.Sprint(i)
			f.append(gatehouse.APIChanged, id)
			if err := c.Sync(t.Context()); err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if seen[id] != 1 {
				t.Errorf("%s was told %d times", id, seen[id])
			}
		})
	}
	wg.Wait()
}

func TestTailSyncsWhenItIsWoken(t *testing.T) {
	f := newFeed()
	log := make(lines, 1)
	c := &cluster.Changes{Feed: f, Log: slog.New(slog.NewTextHandler(log, nil))}
	heard := make(chan string)
	c.Subscribe(gatehouse.APIChanged, func(_ context.Context, id string) error {
		heard <- id
		return nil
	})
	must(t, c.Start(t.Context()))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		c.Tail(ctx)
		close(ended)
	}()
	for _, id := range []string{"1", "2"} {
		f.append(gatehouse.APIChanged, id)
		f.wake <- nil
		if got := <-heard; got != id {
			t.Errorf("heard %s, want %s", got, id)
		}
	}
	f.wake <- errDown
	if line := <-log; !strings.Contains(line, "the change feed does not answer") {
		t.Errorf("the log says %q", line)
	}
	stop()
	<-ended
	if len(log) > 0 {
		t.Errorf("that it was stopped is logged: %s", <-log)
	}
}

// lines is a log that is read line by line.
type lines chan string

func (l lines) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
