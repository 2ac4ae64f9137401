package bench

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// request is what a load sends: GET a path with a token.
type request struct{ path, token string }

// flood returns a load that sends requests as fast as a server answers, on 64
// connections: wrk where it is installed, else this process.
func flood(b *testing.B, server string, requests []request) load {
	b.Helper()
	wrk, err := exec.LookPath("wrk")
	if err != nil {
		return paced(b, server, requests, 0)
	}
	var lines bytes.Buffer
	for _, r := range requests {
		fmt.Fprintln(&lines, r.path, r.token)
	}
	file := filepath.Join(b.TempDir(), "requests")
	if err := os.WriteFile(file, lines.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	return func(length time.Duration) (sent, error) {
		seconds := max(1, int(length.Seconds())) // wrk takes no less
		out, err := exec.Command(wrk, "--threads=2", fmt.Sprintf("--connections=%d", callers), fmt.Sprintf("--duration=%d", seconds), "--timeout=10s",
			"--script=testdata/wrk.lua", server, "--", file).CombinedOutput()
		if err != nil {
			return sent{}, fmt.Errorf("wrk: %w: %s", err, out)
		}
		return readWrk(string(out))
	}
}

// readWrk reads the line that wrk.lua prints.
func readWrk(out string) (sent, error) {
	_, line, _ := strings.Cut(out, "\nsent\t")
	var n [5]float64 // requests, µs, failures, µs, µs
	words := strings.Fields(line)
	for i := range n {
		if i >= len(words) {
			return sent{}, fmt.Errorf("wrk says %s", out)
		}
		var err error
		if n[i], err = strconv.ParseFloat(words[i], 64); err != nil {
			return sent{}, fmt.Errorf("wrk says %s: %w", out, err)
		}
	}
	if n[2] > 0 {
		return sent{}, fmt.Errorf("%.0f of %.0f calls failed", n[2], n[0])
	}
	µs := func(n float64) time.Duration { return time.Duration(n) * time.Microsecond }
	return sent{number: int64(n[0]), took: µs(n[1]), p50: µs(n[3]), p99: µs(n[4])}, nil
}

// paced returns a load that sends a number of requests a second, from this process and on
// 64 connections in turn; 0 means as many as are answered.
func paced(b *testing.B, server string, requests []request, rate int) load {
	b.Helper()
	clients := make([]*http.Client, callers) // each with a connection of its own
	for i := range clients {
		clients[i] = newClient(b)
	}
	return func(length time.Duration) (sent, error) {
		var times [callers][]time.Duration
		var failed [callers]error
		var workers sync.WaitGroup
		began := time.Now()
		for worker, client := range clients {
			workers.Go(func() {
				pace := newPace(began, length, rate, worker)
				for i := worker; pace.wait(); i += callers {
					r := requests[i%len(requests)]
					if failed[worker] = send(client, "GET", server+r.path, r.token); failed[worker] != nil {
						return
					}
					times[worker] = append(times[worker], pace.done())
				}
			})
		}
		workers.Wait()
		took := time.Since(began)
		for _, err := range failed {
			if err != nil {
				return sent{}, err
			}
		}
		all := slices.Sorted(slices.Values(slices.Concat(times[:]...)))
		return sent{number: int64(len(all)), took: took, p50: all[len(all)/2], p99: all[len(all)*99/100]}, nil
	}
}

// pace tells one of the callers when to send.
type pace struct {
	due, end time.Time
	step     time.Duration // 0 means at once
	start    time.Time     // of the request on its way, as its time is counted
}

func newPace(began time.Time, length time.Duration, rate, caller int) *pace {
	p := &pace{due: began, end: began.Add(length)}
	if rate > 0 {
		p.step = callers * time.Second / time.Duration(rate)
		p.due = began.Add(time.Duration(caller) * p.step / callers)
	}
	return p
}

// wait waits until it is time to send, and reports whether there is time left.
func (p *pace) wait() bool {
	late := time.Until(p.due) < 0 && p.step > 0
	time.Sleep(time.Until(p.due))
	p.start = time.Now()
	if late {
		p.start = p.due // the answer before it was slow: who waits for this one waits since then
	}
	return p.start.Before(p.end)
}

// done returns how long the request took.
func (p *pace) done() time.Duration {
	p.due = p.due.Add(p.step)
	return time.Since(p.start)
}
