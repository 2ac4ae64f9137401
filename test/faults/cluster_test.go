//go:build faults

package faults

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/gatehousetest"
)

// pair starts two nodes on one PostgreSQL.
func pair(t *testing.T) (a, b *house) {
	dsn := gatehousetest.Postgres(t)
	a = furnish(t, "GATEHOUSE_DATABASE="+dsn)
	return a, a.another(t, dsn)
}

// R14: what is revoked on one node is refused there when it has answered, and on another
// within a second.
func TestR14RevokedOnAnotherNode(t *testing.T) {
	a, b := pair(t)
	rounds := 100
	if testing.Short() {
		rounds = 10
	}
	var late []time.Duration
	var accepted []string
	for i := range rounds {
		got := a.signIn(t)
		if status := b.calls(got.Access); status != http.StatusOK {
			t.Fatalf("the other node answers %d", status)
		}
		if status, _ := a.ask(t, "/revoke", revokeForm(got.Access)); status != http.StatusOK {
			t.Fatalf("revoke: %d", status)
		}
		acknowledged := time.Now()
		if status := a.calls(got.Access); status != http.StatusUnauthorized {
			accepted = append(accepted, fmt.Sprintf("round %d: %d", i, status))
		}
		for b.calls(got.Access) == http.StatusOK {
			if time.Since(acknowledged) > 10*time.Second {
				t.Fatal("never refused")
			}
			<-time.After(20 * time.Millisecond)
		}
		late = append(late, time.Since(acknowledged))
	}
	none(t, "R14", "accepted where it was revoked", accepted)
	p99 := percentile(late, 0.99)
	figures.add(t, "R14", fmt.Sprintf("99th of %d on the other node", rounds), p99.Round(time.Millisecond), "1s", p99 <= time.Second)
	if p99 > time.Second {
		t.Errorf("late: %v", p99)
	}
}

// R26: a rotation under load refuses nobody; a revoked key ends its tokens within a second
// on every node.
func TestR26SigningKeysUnderLoad(t *testing.T) {
	a, b := pair(t)
	bad := signer(t, a)
	old := a.signIn(t)
	var failures []string
	var mu sync.Mutex
	var checked atomic.Int64
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				status, got := a.ask(t, "/token", "grant_type=client_credentials")
				here, there, before := a.calls(got.Access), b.calls(got.Access), b.calls(old.Access)
				checked.Add(3)
				if status != http.StatusOK || here != http.StatusOK || there != http.StatusOK || before != http.StatusOK {
					mu.Lock()
					failures = append(failures, fmt.Sprint(status, here, there, before))
					mu.Unlock()
				}
			}
		})
	}
	for range 2 {
		a.Command(t, "", "keys", "rotate", "--ahead", "2s")
		<-time.After(4 * time.Second)
	}
	close(done)
	wg.Wait()
	none(t, "R26", fmt.Sprintf("refused during two rotations, of %d calls", checked.Load()), failures)
	if now := signer(t, a); now == bad {
		t.Error("the key has not changed")
	}

	bad = signer(t, a)
	held := a.signIn(t)
	for _, node := range []*house{a, b} {
		if status := node.calls(held.Access); status != http.StatusOK {
			t.Fatalf("before: %d", status)
		}
	}
	a.Command(t, "", "keys", "revoke", bad)
	revoked := time.Now()
	for a.calls(held.Access) == http.StatusOK || b.calls(held.Access) == http.StatusOK {
		if time.Since(revoked) > 10*time.Second {
			t.Fatal("never refused")
		}
		<-time.After(10 * time.Millisecond)
	}
	took := time.Since(revoked)
	figures.add(t, "R26", "the bad key's tokens refused on both nodes after", took.Round(time.Millisecond), "1s", took <= time.Second)
	if took > time.Second {
		t.Errorf("late: %v", took)
	}
	if status, next := a.ask(t, "/token", refreshForm(held.Refresh)); status != http.StatusOK || a.calls(next.Access) != http.StatusOK {
		t.Errorf("a refresh after the emergency: %d %s", status, next.Error)
	}
}

// signer returns the id of the key that signs now.
func signer(t *testing.T, h *house) string {
	t.Helper()
	var keys []struct{ ID, State string }
	must(t, json.Unmarshal([]byte(h.Command(t, "", "keys", "list", "--output", "json")), &keys))
	for _, k := range keys {
		if k.State == "signs" {
			return k.ID
		}
	}
	t.Fatalf("no key signs: %v", keys)
	return ""
}
