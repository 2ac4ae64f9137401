package gateway

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse"
)

// target is one address of a backend, as this node calls it.
type target struct {
	Endpoint
	pool   *pool
	health *health // kept across changes of the API for as long as the address stays
	turn   int     // of round robin, under the line's lock
}

// health is what this node has seen of a target: how calls ended, and what the checks
// say. While nothing is wrong it costs a call two atomic operations.
type health struct {
	trouble atomic.Bool  // something below needs a look
	calls   atomic.Int64 // that ended since the window began

	mu       sync.Mutex
	row      int       // failures in a row
	failures int       // since the window began
	window   time.Time // when it began: with a failure
	open     bool      // suspended
	until    time.Time // then one call may try
	trying   bool      // it does
	trips    int       // suspensions in a row
	down     bool      // the checks say so
	answers  int       // checks in a row that say otherwise than down does
}

// The states of a target, as operators read them.
const (
	targetUp        = "up"
	targetSuspended = "suspended"
	targetTrial     = "trial"
	targetDown      = "down"
)

// TargetStates are the states that a target may be in.
var TargetStates = []string{targetUp, targetSuspended, targetTrial, targetDown}

// ready reports whether a call may be sent, and if not, after what time it may; 0 when
// that is not known.
func (h *health) ready(now time.Time) (bool, time.Duration) {
	if !h.trouble.Load() {
		return true, 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.down || h.open && h.trying:
		return false, 0
	case h.open && now.Before(h.until):
		return false, h.until.Sub(now)
	}
	return true, 0
}

// begin says that a call is sent. It tells whether that is the trial of a suspended
// target; ok is false when another call was faster.
func (h *health) begin(now time.Time) (trial, ok bool) {
	if !h.trouble.Load() {
		return false, true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case !h.open:
		return false, true
	case h.trying || now.Before(h.until):
		return false, false
	}
	h.trying = true
	return true, true
}

// succeeded says that a call was answered. Only a trial ends a suspension: other calls
// began before it.
func (h *health) succeeded(trial bool) {
	h.calls.Add(1)
	if !h.trouble.Load() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.row = 0
	if trial {
		h.open, h.trying, h.trips = false, false, 0
	}
	h.trouble.Store(h.open || h.down)
}

// failed says that a call was not answered.
func (h *health) failed(trial bool, now time.Time, b *gatehouse.Breaker) {
	if b.Off && !trial {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case trial:
		h.suspend(now, b)
		return
	case h.open:
		return // it began before the suspension
	case h.failures == 0 || now.Sub(h.window) > time.Duration(b.Window):
		h.window, h.failures = now, 0
		h.calls.Store(0)
	}
	h.trouble.Store(true)
	h.row++
	h.failures++
	calls := h.calls.Add(1)
	if h.row >= b.Failures || h.failures >= b.Failures && 2*int64(h.failures) >= calls {
		h.suspend(now, b)
	}
}

// suspend leaves the target alone, each time in a row twice as long.
func (h *health) suspend(now time.Time, b *gatehouse.Breaker) {
	wait := time.Duration(b.Suspend) << min(h.trips, 16)
	h.until = now.Add(min(wait, time.Duration(b.MaxSuspend)))
	h.open, h.trying, h.row, h.failures = true, false, 0, 0
	h.trips++
	h.trouble.Store(true)
}

// abandoned says that a call ended for a reason which is not the target's.
func (h *health) abandoned(trial bool) {
	if trial {
		h.mu.Lock()
		h.trying = false
		h.mu.Unlock()
	}
}

// checked takes up the outcome of a health check, and tells whether it changed anything.
func (h *health) checked(well bool, c *gatehouse.HealthCheck) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if well != h.down {
		h.answers = 0
		return false
	}
	h.answers++
	needed := c.Unhealthy
	if well {
		needed = c.Healthy
	}
	if h.answers < needed {
		return false
	}
	h.down, h.answers = !well, 0
	h.trouble.Store(h.down || h.open || h.row > 0)
	return true
}

// unchecked says that there are no checks any more.
func (h *health) unchecked() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down, h.answers = false, 0
}

// state is how the target is now.
func (h *health) state() (string, time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.down:
		return targetDown, time.Time{}
	case h.open && h.trying:
		return targetTrial, time.Time{}
	case h.open:
		return targetSuspended, h.until
	}
	return targetUp, time.Time{}
}
