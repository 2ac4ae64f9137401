//go:build faults

package faults

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/gatehousetest"
)

// limit is how many calls the tier of these tests allows in a minute.
const limit = 60

// sharing starts two nodes that share a Redis, where the application has a limit.
func sharing(t *testing.T, redis *gatehousetest.RedisServer) (a, b *house) {
	t.Helper()
	dsn := gatehousetest.Postgres(t)
	a = furnish(t, "GATEHOUSE_DATABASE="+dsn, "GATEHOUSE_REDIS=redis://"+redis.Address)
	b = a.another(t, dsn, "GATEHOUSE_REDIS=redis://"+redis.Address)
	a.json(t, a.manage(t, "/api/am/admin/v4/throttling/policies/advanced", map[string]any{
		"policyName": "Sixty", "defaultLimit": map[string]any{"type": "REQUESTCOUNTLIMIT", "requestCount": map[string]any{"timeUnit": "min", "unitTime": 1, "requestCount": limit}},
	}), nil)
	r := a.manage(t, "/api/am/publisher/v4/apis/"+a.api, map[string]any{"apiThrottlingPolicy": "Sixty"})
	r.Method = http.MethodPut
	a.json(t, r, nil)
	return a, b
}

// minutes counts what passed, by the minute in which it was answered, and what was neither
// let through nor refused for the limit.
type minutes struct {
	mu     sync.Mutex
	passed map[int64]int
	other  []string
}

// knock calls on a node again and again until done, with a pause so that a minute holds
// many more calls than the limit and the machine has time for others.
func (m *minutes) knock(h *house, token string, done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-time.After(50 * time.Millisecond):
		}
		before := time.Now().Unix() / 60
		status := h.calls(token)
		after := time.Now().Unix() / 60
		m.mu.Lock()
		switch {
		case status == http.StatusOK && before == after:
			m.passed[after]++
		case status != http.StatusOK && status != http.StatusTooManyRequests:
			m.other = append(m.other, fmt.Sprint(status))
		}
		m.mu.Unlock()
	}
}

// R9: Redis is gone for a minute and back. Nobody is refused for it, two nodes let at most
// twice the limit through meanwhile, and exactly the limit in each whole minute before and after.
func TestR9RedisGone(t *testing.T) {
	redis := gatehousetest.Redis(t)
	a, b := sharing(t, redis)
	token := a.signIn(t).Access
	m := &minutes{passed: map[int64]int{}}
	done := make(chan struct{})
	var all sync.WaitGroup
	for _, h := range []*house{a, b} {
		for range 2 {
			all.Go(func() { m.knock(h, token, done) })
		}
	}
	turn := func() int64 { // the beginning of the next minute, and the number of the one that ended
		now := time.Now()
		next := now.Truncate(time.Minute).Add(time.Minute)
		<-time.After(next.Sub(now))
		return next.Unix()/60 - 1
	}
	turn()
	before := turn()
	redis.Kill()
	during := turn()
	redis.Start(t)
	turn() // in which it came back
	after := turn()
	close(done)
	all.Wait()
	none(t, "R9", "neither let through nor refused for the limit", m.other)
	over := m.passed[during]
	figures.add(t, "R9", "let through in a minute before, without and after Redis, of 60 on two nodes", fmt.Sprint(m.passed[before], ", ", over, ", ", m.passed[after]), "60, at most 120, 60",
		m.passed[before] <= limit && over <= 2*limit && m.passed[after] <= limit)
	// A call that passed across the turn of a minute is counted in neither.
	for when, n := range map[string]int{"before": m.passed[before], "after": m.passed[after]} {
		if n > limit || n < limit-8 {
			t.Errorf("%d calls passed in the minute %s, want %d", n, when, limit)
		}
	}
	if over > 2*limit || over < limit-8 {
		t.Errorf("%d calls passed without Redis, want %d to %d", over, limit, 2*limit)
	}
}

// R10: Redis is emptied, and restarted without data. What was revoked stays so: it is not
// Redis that knows.
func TestR10RedisEmptied(t *testing.T) {
	redis := gatehousetest.Redis(t)
	a, b := sharing(t, redis)
	revoked, rotated := a.signIn(t), a.signIn(t)
	if status, _ := a.ask(t, "/revoke", revokeForm(revoked.Access)); status != http.StatusOK {
		t.Fatalf("revoke: %d", status)
	}
	if status, _ := a.ask(t, "/token", refreshForm(rotated.Refresh)); status != http.StatusOK {
		t.Fatalf("refresh: %d", status)
	}
	var accepted atomic.Int64
	try := func() {
		for _, h := range []*house{a, b} {
			for until := time.Now().Add(time.Second); h == b && h.calls(revoked.Access) == http.StatusOK && time.Now().Before(until); {
				<-time.After(20 * time.Millisecond)
			}
			if h.calls(revoked.Access) == http.StatusOK {
				accepted.Add(1)
			}
		}
		if status, _ := b.ask(t, "/token", refreshForm(rotated.Refresh)); status == http.StatusOK {
			accepted.Add(1)
		}
	}
	try()
	redis.Flush(t)
	try()
	redis.Kill()
	redis.Start(t)
	try()
	figures.add(t, "R10", "dead tokens accepted when Redis was emptied and restarted", accepted.Load(), "0", accepted.Load() == 0)
	if accepted.Load() > 0 {
		t.Errorf("%d dead tokens were accepted", accepted.Load())
	}
}
