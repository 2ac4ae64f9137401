//go:build faults

package faults

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/gatehousetest"
)

// R24: 200 sign-ins at once, while calls go through the gateway. Who signs in is a process of
// its own: in one with the calls they would wait for each other, and not for the server.
func TestR24SignInsInAFlood(t *testing.T) {
	h := furnish(t)
	h.Gateway = h.GatewayHTTP // handshakes would be most of the load, and half of it the clients'
	h.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 200}}
	token := h.signIn(t).Access
	before := h.peakMemory(t)
	begin := h.flood(t)
	calm := h.paced(token, ended(func() { <-time.After(2 * time.Second) }))
	var got flooded
	busy := h.paced(token, ended(func() { got = begin() }))
	for _, p := range []float64{0.5, 0.95, 0.99, 1} {
		was, is := percentile(calm, p), percentile(busy, p)
		figures.add(t, "R24", fmt.Sprintf("%vth of %d calls in the flood", 100*p, len(busy)), fmt.Sprint(is.Round(10*time.Microsecond), " (before: ", was.Round(10*time.Microsecond), ")"), "twice", is <= 2*was)
	}
	slowest := percentile(got.Refused, 1)
	figures.add(t, "R24", fmt.Sprintf("slowest of the excess; answers: %v", got.Answers), slowest.Round(time.Millisecond), "1s", slowest <= time.Second)
	grown := h.peakMemory(t) - before
	figures.add(t, "R24", "memory grown by, MiB", grown>>20, "128", grown < 128<<20)
	for status := range got.Answers {
		if status != http.StatusOK && status != http.StatusServiceUnavailable && status != http.StatusTooManyRequests {
			t.Errorf("answered %d", status)
		}
	}
	if got.Answers[http.StatusOK] == 0 || len(got.Refused) == 0 {
		t.Errorf("the answers are %v: want some of each", got.Answers)
	}
}

// pace is how often a call is due, answered or not what came before.
const pace = 2 * time.Millisecond

// paced calls at a steady pace until something ends. How long a call takes is counted from
// when it was due: what holds up one call holds up those behind it.
func (h *house) paced(token string, end <-chan struct{}) []time.Duration {
	var mu sync.Mutex
	var calls sync.WaitGroup
	var took []time.Duration
	defer calls.Wait()
	for due := time.Now(); ; due = due.Add(pace) {
		select {
		case <-end:
			calls.Wait()
			return took
		case <-time.After(time.Until(due)):
		}
		calls.Go(func() {
			h.calls(token)
			mu.Lock()
			defer mu.Unlock()
			took = append(took, time.Since(due))
		})
	}
}

// ended runs f and tells when it has.
func ended(f func()) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		f()
		close(done)
	}()
	return done
}

// flooded is what came of a flood.
type flooded struct {
	Answers map[int]int
	Refused []time.Duration // how long a refusal took
}

// floodVariable makes TestFlood sign in: where, and with which keys.
const floodVariable = "GATEHOUSE_FAULTS_FLOOD"

// flood starts a process that will sign in 200 times at once when begin is called, which
// returns what came of it.
func (h *house) flood(t *testing.T) (begin func() flooded) {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.Command(self, "-test.run=^TestFlood$")
	cmd.Env = append(os.Environ(), floodVariable+"="+h.Gateway+" "+h.key+" "+h.secret)
	cmd.Stderr = t.Output()
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatalf("the flood is not ready: %q", lines.Text())
	}
	return func() (got flooded) {
		in.Close()
		lines.Scan()
		if err := json.Unmarshal(lines.Bytes(), &got); err != nil {
			t.Errorf("the flood: %q: %v", lines.Text(), err)
		}
		return got
	}
}

// TestFlood is the flood of R24, in the process that it starts.
func TestFlood(t *testing.T) {
	where := strings.Fields(os.Getenv(floodVariable))
	if len(where) != 3 {
		t.Skip("R24 starts it")
	}
	h := &house{Process: &gatehousetest.Process{Gateway: where[0]}, client: &http.Client{}, key: where[1], secret: where[2]}
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	must(t, err)
	got := flooded{Answers: map[int]int{}}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			began := time.Now()
			status, _ := h.ask(t, "/token", passwordForm("default"))
			mu.Lock()
			defer mu.Unlock()
			if got.Answers[status]++; status != http.StatusOK {
				got.Refused = append(got.Refused, time.Since(began))
			}
		})
	}
	wg.Wait()
	text, err := json.Marshal(got)
	must(t, err)
	fmt.Println(string(text))
}

// peakMemory returns the most that the process and the children it has ever held, in bytes.
// What they share is counted for each.
func (h *house) peakMemory(t *testing.T) (sum int64) {
	t.Helper()
	for _, pid := range append(gatehousetest.Children(t, h.PID()), h.PID()) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		must(t, err)
		_, rest, _ := strings.Cut(string(text), "VmHWM:")
		kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
		must(t, err)
		sum += kib << 10
	}
	return sum
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
