//go:build faults

package faults

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/gatehousetest"
)

// revive starts the process again and tells how long the first token took.
func (h *house) revive(t *testing.T) time.Duration {
	t.Helper()
	h.Kill() // waits for the end of one that ended itself at a failpoint
	began := time.Now()
	h.Restart(t)
	h.client.CloseIdleConnections()
	h.signIn(t)
	return time.Since(began)
}

// R1: kill -9 at a random moment, with clients that remember.
func TestR1KilledWhileIssuing(t *testing.T) {
	rounds := 20
	if testing.Short() {
		rounds = 2
	}
	h := furnish(t)
	var all audit
	var wrong []string
	var first []time.Duration
	n := 0
	for range rounds {
		families, odd := h.work(t, 8, 20+rand.IntN(80), h.Kill)
		first = append(first, h.revive(t))
		all.add(h.check(t, families))
		wrong, n = append(wrong, odd...), n+len(families)
	}
	all.report(t, "R1")
	none(t, "R1", "answers but broken connections", wrong)
	slowest := percentile(first, 1)
	figures.add(t, "R1", fmt.Sprintf("slowest first token of %d starts, %d families", rounds, n), slowest.Round(time.Millisecond), "2s", slowest <= 2*time.Second)
}

// R2: kill -9 during refreshes; clients ask again with the token whose answer they did not
// get.
func TestR2KilledWhileRefreshing(t *testing.T) {
	sessions := 1000
	if testing.Short() {
		sessions = 50
	}
	h := furnish(t)
	h.sql(t, "UPDATE keys SET grace_s = 60 WHERE consumer_key = '"+h.key+"'")
	pairs := make([]tokens, sessions)
	h.each(sessions, func(i int) { pairs[i] = h.signIn(t) })
	var signedOut, twice []string
	kills, repeats := 0, 0
	for from := 0; from < sessions; {
		part := min(sessions-from, 20+rand.IntN(60))
		lost := h.refreshUntilKilled(t, pairs[from:], part)
		h.revive(t)
		kills, repeats = kills+1, repeats+len(lost)
		for _, i := range lost {
			before := pairs[from+i].Refresh
			status, got := h.ask(t, "/token", refreshForm(before))
			if status != http.StatusOK {
				signedOut = append(signedOut, fmt.Sprintf("%d %s", status, got.Error))
				continue
			}
			pairs[from+i] = got
			if _, again := h.ask(t, "/token", refreshForm(before)); again.Refresh != got.Refresh || again.Access != got.Access {
				twice = append(twice, "the same token gives another pair: "+again.Error)
			}
		}
		from += part
	}
	for i := range pairs {
		if status, got := h.ask(t, "/token", refreshForm(pairs[i].Refresh)); status != http.StatusOK {
			signedOut = append(signedOut, fmt.Sprintf("session %d: %d %s", i, status, got.Error))
		}
	}
	none(t, "R2", fmt.Sprintf("signed out, of %d sessions with %d kills and %d answers lost", sessions, kills, repeats), signedOut)
	none(t, "R2", "second families from one token", twice)
}

// refreshUntilKilled refreshes the first n sessions at once and kills the server amid. It
// puts the new pairs in the place of the old and returns whose answer was lost.
func (h *house) refreshUntilKilled(t *testing.T, pairs []tokens, n int) (lost []int) {
	var mu sync.Mutex
	var answered atomic.Int64
	h.each(n, func(i int) {
		status, got := h.ask(t, "/token", refreshForm(pairs[i].Refresh))
		if status == http.StatusOK {
			pairs[i] = got
			if answered.Add(1) == int64(n/2) {
				h.Kill()
			}
			return
		}
		mu.Lock()
		defer mu.Unlock()
		lost = append(lost, i)
	})
	h.Kill()
	return lost
}

// each calls do for 0 to n-1, eight at a time.
func (h *house) each(n int, do func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range 8 {
		wg.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// sql changes the embedded database behind the server's back.
func (h *house) sql(t *testing.T, statement string) {
	t.Helper()
	store, err := sql.Open("sqlite", "file:"+filepath.Join(h.Data, "gatehouse.db")+"?_pragma=busy_timeout(10000)")
	must(t, err)
	_, err = store.ExecContext(t.Context(), statement)
	must(t, err)
	must(t, store.Close())
}

// R3: killed between the commit and the answer, and right before the commit. What was
// acknowledged is there; a registration that was cut off is there whole or not at all.
func TestR3KilledAtTheWorstMoment(t *testing.T) {
	for _, place := range []string{"before-commit", "after-commit"} {
		t.Run(place, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "failpoint")
			h := furnish(t, "FAILPOINT="+file)
			h.Kill()
			rounds := 8
			if testing.Short() {
				rounds = 2
			}
			var all audit
			for n := range rounds {
				must(t, os.WriteFile(file, fmt.Appendf(nil, "%s %d", place, 10+7*n), 0o600))
				h.Restart(t)
				h.client.CloseIdleConnections()
				families, _ := h.work(t, 4, 1000, h.Kill)
				if _, err := os.Stat(file); err == nil {
					t.Fatal("the failpoint was not reached")
				}
				h.revive(t)
				all.add(h.check(t, families))
				h.Kill()
			}
			all.report(t, "R3 "+place)
			none(t, "R3 "+place, "half-written registrations", h.registrations(t, file, place))
		})
	}
}

// registrations lets each transaction of a registration be cut off, and registers again.
func (h *house) registrations(t *testing.T, file, place string) (halves []string) {
	for n := 1; n <= 3; n++ {
		must(t, os.WriteFile(file, fmt.Appendf(nil, "%s %d", place, n), 0o600))
		h.Restart(t)
		h.client.CloseIdleConnections()
		name := fmt.Sprint("client ", n)
		status, _, err := h.send(h.registration(t, name))
		_ = os.Remove(file)
		if err == nil {
			t.Logf("%s: a registration has fewer than %d transactions: %d", place, n, status)
			h.Kill()
			return halves
		}
		h.revive(t)
		before := *h
		h.key, h.secret = h.register(t, name)
		if status, got := h.ask(t, "/token", passwordForm("default")); status != http.StatusOK || got.Refresh == "" {
			halves = append(halves, fmt.Sprintf("%s: %d %s", name, status, got.Error))
		}
		h.key, h.secret = before.key, before.secret
		h.Kill()
	}
	return halves
}

// R31: revoked and rotated tokens that somebody kept aside stay dead behind a restart, and
// when another node takes over.
func TestR31DeadTokensStayDead(t *testing.T) {
	t.Run("restart", func(t *testing.T) {
		h := furnish(t)
		families, _ := h.work(t, 4, 150, h.Kill)
		h.revive(t)
		a := h.check(t, families)
		a.report(t, "R31 restart")
	})
	t.Run("fail-over", func(t *testing.T) {
		dsn := gatehousetest.Postgres(t)
		h := furnish(t, "GATEHOUSE_DATABASE="+dsn)
		b := h.another(t, dsn)
		families, _ := h.work(t, 4, 150, h.Kill)
		a := b.check(t, families)
		a.report(t, "R31 fail-over")
	})
}
