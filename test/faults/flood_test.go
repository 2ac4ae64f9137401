//go:build faults

package faults

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// R24: 200 sign-ins at once, while calls go through the gateway.
func TestR24SignInsInAFlood(t *testing.T) {
	h := furnish(t)
	h.Gateway = h.GatewayHTTP // handshakes would be most of the load, and half of it the clients'
	token := h.signIn(t).Access
	quiet := h.latencies(token, 300)
	before := h.peakMemory(t)
	var mu sync.Mutex
	var wg sync.WaitGroup
	answers := map[int]int{}
	var refused []time.Duration
	for range 200 {
		wg.Go(func() {
			began := time.Now()
			status, _ := h.ask(t, "/token", passwordForm("default"))
			mu.Lock()
			defer mu.Unlock()
			if answers[status]++; status != http.StatusOK {
				refused = append(refused, time.Since(began))
			}
		})
	}
	busy := h.latencies(token, 300)
	wg.Wait()
	p99, calm := percentile(busy, 0.99), percentile(quiet, 0.99)
	figures.add(t, "R24", "99th of calls in the flood", fmt.Sprint(p99.Round(10*time.Microsecond), " (before: ", calm.Round(10*time.Microsecond), ")"), "twice", p99 <= 2*calm)
	slowest := percentile(refused, 1)
	figures.add(t, "R24", fmt.Sprintf("slowest of the excess; answers: %v", answers), slowest.Round(time.Millisecond), "1s", slowest <= time.Second)
	grown := h.peakMemory(t) - before
	figures.add(t, "R24", "memory grown by, MiB", grown>>20, "128", grown < 128<<20)
	for status := range answers {
		if status != http.StatusOK && status != http.StatusServiceUnavailable && status != http.StatusTooManyRequests {
			t.Errorf("answered %d", status)
		}
	}
	if answers[http.StatusOK] == 0 || len(refused) == 0 {
		t.Errorf("the answers are %v: want some of each", answers)
	}
}

func (h *house) latencies(token string, n int) []time.Duration {
	var all []time.Duration
	for range n {
		began := time.Now()
		h.calls(token)
		all = append(all, time.Since(began))
	}
	return all
}

// peakMemory returns the most that the process ever held, in bytes.
func (h *house) peakMemory(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.PID()))
	must(t, err)
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	must(t, err)
	return kib << 10
}

// check 154: 150 pairs of sign-ins that fail, interleaved: of a user and of nobody, then of
// a user who is slowed down. The chance that the one takes longer than the other is told.
func TestCheck154TimesOfSignIns(t *testing.T) {
	h := furnish(t)
	took := func(name, word string) time.Duration {
		began := time.Now()
		status, _ := h.ask(t, "/token", url.Values{"grant_type": {"password"}, "username": {name}, "password": {word}}.Encode())
		if status != http.StatusBadRequest {
			t.Fatalf("%s: %d", name, status)
		}
		return time.Since(began)
	}
	var times [4][]time.Duration
	for i := range 150 {
		asks := [4]func() time.Duration{
			func() time.Duration { return took(username, "a wrong password") },
			func() time.Duration { return took("nobody@johnsorg", "a wrong password") },
			func() time.Duration { return took(username, password+"x") },
			func() time.Duration { return took(fmt.Sprintf("nobody%d@johnsorg", i), "a wrong password") },
		}
		for _, who := range rand.Perm(len(asks)) { // an order would be told apart, by what the one before left behind
			times[who] = append(times[who], asks[who]())
		}
	}
	user, nobody, slowed, fresh := times[0], times[1], times[2], times[3]
	for what, pair := range map[string][2][]time.Duration{"a user and nobody": {user, nobody}, "slowed down and not": {slowed, fresh}} {
		auc := above(pair[0], pair[1])
		figures.add(t, "154", "chance that "+what+" are told apart", fmt.Sprintf("%.3f", auc), "0.40 to 0.60", auc >= 0.4 && auc <= 0.6)
	}
}

// above returns the chance that one of a is longer than one of b.
func above(a, b []time.Duration) float64 {
	wins := 0.0
	for _, x := range a {
		for _, y := range b {
			switch {
			case x > y:
				wins++
			case x == y:
				wins += 0.5
			}
		}
	}
	return wins / float64(len(a)*len(b))
}
