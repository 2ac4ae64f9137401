package bench

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse/gatehouse/internal/gatehousetest"
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
	length  time.Duration          // of a slice; 0 means slice
	prepare func() error           // before each slice, unmeasured; may be nil
	do      func(worker int) error // one request
	load    load                   // instead of do; nil for do
	cpu     cpuTime                // of whoever does the work
}

// load sends requests for about as long as it is told.
type load func(length time.Duration) (sent, error)

// sent is what came of a load.
type sent struct {
	number   int64
	took     time.Duration
	p50, p99 time.Duration // that an answer took; 0 where nobody looked
}

// cpuTime tells the CPU time that somebody has used so far, user and system.
type cpuTime func() (time.Duration, error)

// figure is what the rounds of one contender gave.
type figure struct {
	byRound  []float64 // CPU µs per request, in the order of the rounds
	cpu      []float64 // the same, sorted
	rate     []float64 // requests per second, sorted
	p50, p99 []float64 // ms, sorted
}

func median(sorted []float64) float64 { return sorted[len(sorted)/2] }

// String writes the median with the least and the most.
func (f figure) String() string {
	return fmt.Sprintf("%.1f (%.1f–%.1f)", median(f.cpu), f.cpu[0], f.cpu[len(f.cpu)-1])
}

// over writes what f costs for each that the other costs, round by round: the median with
// the least and the most.
func (f figure) over(other figure) string {
	ratios := make([]float64, len(f.byRound))
	for i := range ratios {
		ratios[i] = f.byRound[i] / other.byRound[i]
	}
	slices.Sort(ratios)
	return fmt.Sprintf("%.2f (%.2f–%.2f)", median(ratios), ratios[0], ratios[len(ratios)-1])
}

// byTurns measures contenders in rounds, each once a round.
func byTurns(b *testing.B, contenders ...contender) []figure {
	b.Helper()
	figures := make([]figure, len(contenders))
	for round := range rounds + 1 {
		for i, c := range contenders {
			length := cmp.Or(c.length, slice)
			if round == 0 {
				length = warmUp
			}
			cpu, came, err := c.run(length)
			if err != nil {
				b.Fatal(err)
			}
			if round > 0 {
				figures[i].add(cpu, came)
			}
		}
	}
	for _, f := range figures {
		for _, figures := range [][]float64{f.cpu, f.rate, f.p50, f.p99} {
			slices.Sort(figures)
		}
	}
	return figures
}

func (f *figure) add(cpu time.Duration, came sent) {
	perRequest := float64(cpu) / float64(time.Microsecond) / float64(came.number)
	f.byRound = append(f.byRound, perRequest)
	f.cpu = append(f.cpu, perRequest)
	f.rate = append(f.rate, float64(came.number)/came.took.Seconds())
	f.p50 = append(f.p50, float64(came.p50)/float64(time.Millisecond))
	f.p99 = append(f.p99, float64(came.p99)/float64(time.Millisecond))
}

// run does the requests of a slice and returns the CPU time that they took.
func (c contender) run(length time.Duration) (cpu time.Duration, came sent, err error) {
	if c.prepare != nil {
		if err := c.prepare(); err != nil {
			return 0, sent{}, err
		}
	}
	before, err := c.cpu()
	if err != nil {
		return 0, sent{}, err
	}
	load := c.load
	if load == nil {
		load = c.send
	}
	came, err = load(length)
	if err != nil {
		return 0, sent{}, err
	}
	after, err := c.cpu()
	return after - before, came, err
}

// send is the load of contenders that say what one request is.
func (c contender) send(length time.Duration) (came sent, err error) {
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
	close(failed)
	for failure := range failed {
		err = errors.Join(err, failure)
	}
	return sent{number: done.Load(), took: took}, err
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

// cpuOfTree returns what tells the CPU time of a process and of the children it has or had:
// the server hashes passwords in one. Those that have ended are told in steps of 10 ms.
func cpuOfTree(tb testing.TB, pid int) cpuTime {
	return func() (time.Duration, error) {
		children := gatehousetest.Children(tb, pid)
		sum, err := cpuOf(pid)()
		if err != nil {
			return 0, err
		}
		for _, child := range children {
			if used, err := cpuOf(child)(); err == nil { // else it has ended since, and is told below
				sum += used
			}
		}
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, err
		}
		_, after, _ := strings.Cut(string(text), ") ")
		var ticks int64
		for _, field := range strings.Fields(after)[13:15] { // cutime and cstime of proc(5)
			n, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				return 0, err
			}
			ticks += n
		}
		return sum + time.Duration(ticks)*10*time.Millisecond, nil
	}
}

// cpuOfAll returns what tells the CPU time of processes together.
func cpuOfAll(pids []int) cpuTime {
	return func() (sum time.Duration, err error) {
		for _, pid := range pids {
			used, err := cpuOf(pid)()
			if err != nil {
				return 0, err
			}
			sum += used
		}
		return sum, nil
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
