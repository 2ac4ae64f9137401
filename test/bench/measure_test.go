package bench

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	rounds = 5
	slice  = 700 * time.Millisecond // of one contender in one round
	warmUp = 200 * time.Millisecond
)

// contender is one thing whose cost is measured.
type contender struct {
	workers int
	number  int64                  // of requests in a slice; 0 means as many as there is time for
	prepare func() error           // before each slice, unmeasured; may be nil
	do      func(worker int) error // one request
	cpu     cpuTime                // of whoever does the work
}

// cpuTime tells the CPU time that somebody has used so far, user and system.
type cpuTime func() (time.Duration, error)

// figure is what the rounds of one contender gave.
type figure struct {
	cpu  []float64 // µs per request, sorted
	rate []float64 // requests per second, sorted
}

func median(sorted []float64) float64 { return sorted[len(sorted)/2] }

// String writes the median with the least and the most.
func (f figure) String() string {
	return fmt.Sprintf("%.1f (%.1f–%.1f)", median(f.cpu), f.cpu[0], f.cpu[len(f.cpu)-1])
}

// byTurns measures contenders in rounds, each once a round.
func byTurns(b *testing.B, contenders ...contender) []figure {
	b.Helper()
	figures := make([]figure, len(contenders))
	for round := range rounds + 1 {
		for i, c := range contenders {
			length := slice
			if round == 0 {
				length = warmUp
			}
			cpu, rate, err := c.run(length)
			if err != nil {
				b.Fatal(err)
			}
			if round > 0 {
				figures[i].cpu = append(figures[i].cpu, cpu)
				figures[i].rate = append(figures[i].rate, rate)
			}
		}
	}
	for _, f := range figures {
		slices.Sort(f.cpu)
		slices.Sort(f.rate)
	}
	return figures
}

// run does the requests of a slice and returns CPU µs per request, and requests per
// second.
func (c contender) run(length time.Duration) (cpu, rate float64, err error) {
	if c.prepare != nil {
		if err := c.prepare(); err != nil {
			return 0, 0, err
		}
	}
	before, err := c.cpu()
	if err != nil {
		return 0, 0, err
	}
	var begun, done atomic.Int64
	var workers sync.WaitGroup
	failed := make(chan error, c.workers)
	began := time.Now()
	more := func() bool {
		if c.number > 0 {
			return begun.Add(1) <= c.number
		}
		return time.Since(began) < length
	}
	for worker := range c.workers {
		workers.Go(func() {
			for more() {
				if err := c.do(worker); err != nil {
					failed <- err
					return
				}
				done.Add(1)
			}
		})
	}
	workers.Wait()
	took := time.Since(began)
	after, err := c.cpu()
	close(failed)
	for failure := range failed {
		err = errors.Join(err, failure)
	}
	n := float64(done.Load())
	return float64(after-before) / float64(time.Microsecond) / n, n / took.Seconds(), err
}

// ownCPU is the CPU time of this process.
func ownCPU() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, err
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}

// cpuOf returns what tells the CPU time of a process, to the nanosecond:
// /proc/PID/stat counts in steps of 10 ms, which is coarse beside a slice.
func cpuOf(pid int) cpuTime {
	const scheduled = 2                 // CPUCLOCK_SCHED of the kernel's posix-timers.h
	clock := int32(^pid<<3) | scheduled // as clock_getcpuclockid(3) makes it
	return func() (time.Duration, error) {
		var used unix.Timespec
		err := unix.ClockGettime(clock, &used)
		return time.Duration(used.Nano()), err
	}
}

// report writes a figure beside its floor. floor is in CPU µs and may be a sum.
func report(b *testing.B, what string, got figure, floorName, floorText string, floor float64) {
	b.Helper()
	ratio := median(got.cpu) / floor
	b.ReportMetric(0, "ns/op") // the time of all rounds together, which is nobody's
	b.ReportMetric(median(got.cpu), "cpu-µs/op")
	b.ReportMetric(floor, "floor-µs/op")
	b.ReportMetric(ratio, "×floor")
	b.ReportMetric(median(got.rate), "req/s")
	results.add(what, got.String(), floorName, floorText, fmt.Sprintf("%.2f", ratio), fmt.Sprintf("%.0f", median(got.rate)))
}
