package db_test

import (
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/gatehousetest"
)

// Checks 64 and 86: whatever is good once is used once, at once and by every process.
func TestWhatIsUsedOnce(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		a, b := open(t, dsn), open(t, dsn)
		now := time.Now()
		var mu sync.Mutex
		uses := map[gatehouse.Kind]int{}
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				node := a
				if i%2 == 1 {
					node = b
				}
				err := node.UseOnce(t.Context(), "hash", now.Add(time.Minute))
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					uses[gatehouse.Internal]++
				} else {
					uses[gatehouse.KindOf(err)]++
				}
			})
		}
		wg.Wait()
		if uses[gatehouse.Internal] != 1 || uses[gatehouse.Conflict] != 19 {
			t.Errorf("uses by kind of error: %v", uses)
		}
		if err := a.UseOnce(t.Context(), "ended", now.Add(-time.Minute)); err != nil {
			t.Fatal(err)
		}
		if err := a.PurgeUsed(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := a.UseOnce(t.Context(), "ended", now.Add(time.Minute)); err != nil {
			t.Errorf("what has ended is kept: %v", err)
		}
		if err := b.UseOnce(t.Context(), "hash", now); gatehouse.KindOf(err) != gatehouse.Conflict {
			t.Errorf("what has not ended was forgotten: %v", err)
		}
	})
}
