//go:build faults

package faults

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync/atomic"
	"testing"
	"time"
)

// soak is how long R25 lasts: GATEHOUSE_SOAK, like 60m, or a minute.
func soak(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("GATEHOUSE_SOAK")
	if text == "" {
		return time.Minute
	}
	length, err := time.ParseDuration(text)
	must(t, err)
	return length
}

// sample is what a process holds at a time.
type sample struct {
	at     time.Duration
	values [3]float64 // of samples
}

var samples = [3]string{"memory in bytes", "file descriptors", "goroutines"}

// R25: hours of the same load leave nothing behind. Two clients sign in, refresh, revoke
// and call, which is about half of what one core can do, until the time is over. The first
// third warms up: caches fill.
func TestR25Soak(t *testing.T) {
	length := soak(t)
	h := furnish(t)
	var over atomic.Bool
	done := make(chan audit)
	var families atomic.Int64
	go func() {
		var all audit
		var wrong []string
		for !over.Load() { // each round's families are checked and forgotten
			got, odd := h.round(t, 2, 200)
			wrong = append(wrong, odd...)
			all.add(h.check(t, got))
			families.Add(int64(len(got)))
		}
		if len(wrong) > 0 {
			t.Errorf("answers that no server should give: %d, the first: %s", len(wrong), wrong[0])
		}
		done <- all
	}()
	var taken []sample
	began := time.Now()
	for every := length / 60; time.Since(began) < length; time.Sleep(every) {
		if at := time.Since(began); at > length/3 {
			taken = append(taken, sample{at, [3]float64{float64(h.memory(t)), float64(h.files(t)), float64(h.goroutines(t))}})
		}
	}
	over.Store(true)
	all := <-done
	all.report(t, "R25")
	for i, what := range samples {
		mean, slope := line(taken, i)
		perHour := 100 * slope * float64(time.Hour) / mean
		got := fmt.Sprintf("%+.1f %% an hour; %.4g at first, %.4g in the end", perHour, taken[0].values[i], taken[len(taken)-1].values[i])
		figures.add(t, "R25", fmt.Sprintf("%s in %v with %d families", what, length, families.Load()), got, "below 1 %, from half an hour on", perHour < 1 || length < 30*time.Minute)
	}
}

// round lets workers work until so many answers have come, and returns what they know.
func (h *house) round(t *testing.T, workers, answers int) (families []*family, wrong []string) {
	var enough atomic.Bool
	cut := *h
	cut.client = &http.Client{Transport: until{h.client.Transport, &enough}}
	return cut.work(t, workers, answers, func() { enough.Store(true) })
}

// until sends no more requests when it is enough.
type until struct {
	http.RoundTripper
	enough *atomic.Bool
}

func (u until) RoundTrip(r *http.Request) (*http.Response, error) {
	if u.enough.Load() {
		return nil, errors.New("enough")
	}
	return u.RoundTripper.RoundTrip(r)
}

// line returns the mean of a value and the slope of the straight line through it, each
// nanosecond.
func line(taken []sample, which int) (mean, slope float64) {
	var middle float64
	n := float64(len(taken))
	for _, s := range taken {
		mean += s.values[which] / n
		middle += float64(s.at) / n
	}
	var over, under float64
	for _, s := range taken {
		x := float64(s.at) - middle
		over += x * (s.values[which] - mean)
		under += x * x
	}
	return mean, over / under
}
