//go:build faults

// Package faults breaks things while they are used, and counts what was lost. Run it with
// make faults: it takes some minutes and prints a table of figures.
//
//	faults_test.go     the table
//	house_test.go      a running gatehouse, an application, a published API
//	ledger_test.go     clients that remember what they were answered
//	kill_test.go       R1, R2, R3, R31: killed at any moment, at the worst, and failed over
//	cluster_test.go    R14, R26: revocations and signing keys on two nodes
//	redis_test.go      R9, R10: limits that two nodes share
//	flood_test.go      R24 and the times of sign-ins
//	stop_test.go       R17: stopped under load
//	connections_test.go  R18, R19: more connections than is good, and idle ones
//	slow_test.go       R20, R23: slow clients, and bodies that must pass through
//	upstream_test.go   R21, R22: backends that misbehave or are slow
//	soak_test.go       R25: the same load for a long time
//	log_test.go        R28: a log that nobody takes
//	measure_test.go    what a process holds: memory, goroutines, files; more APIs
//
// A promise that was broken fails its test. Times are only told where a machine that is shared
// proves nothing.
package faults

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/gatehouse/gatehouse/internal/gatehousetest"
)

func TestMain(m *testing.M) {
	code := gatehousetest.Main(m)
	figures.print()
	os.Exit(code)
}

// figures is the table that the tests fill.
var figures table

type table struct {
	mu   sync.Mutex
	rows []string
}

// add tells a figure beside what it must be.
func (f *table) add(t testing.TB, number, what string, got any, want string, holds bool) {
	t.Helper()
	verdict := "holds"
	if !holds {
		verdict = "MISSED"
	}
	f.mu.Lock()
	f.rows = append(f.rows, fmt.Sprintf("%s\t%s\t%v\t%s\t%s", number, what, got, want, verdict))
	f.mu.Unlock()
	t.Logf("%s %s: %v, want %s", number, what, got, want)
}

// none tells a count that must be nought.
func none[T any](t testing.TB, number, what string, got []T) {
	t.Helper()
	figures.add(t, number, what, len(got), "0", len(got) == 0)
	if len(got) > 0 {
		t.Errorf("%s: %s: %d, the first: %v", number, what, len(got), got[0])
	}
}

func (f *table) print() {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, strings.Join([]string{"TEST", "FIGURE", "GOT", "WANT", ""}, "\t"))
	for _, row := range f.rows {
		fmt.Fprintln(out, row)
	}
	out.Flush()
}

// percentile returns the pth of some times.
func percentile(times []time.Duration, p float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[min(len(times)-1, int(p*float64(len(times))))]
}

// latencies are how long calls take, one behind the other.
func (h *house) latencies(token string, n int) []time.Duration {
	var all []time.Duration
	for range n {
		began := time.Now()
		h.calls(token)
		all = append(all, time.Since(began))
	}
	return all
}
