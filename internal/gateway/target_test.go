package gateway

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

// A target's life as a text of what happens: s and f are calls that are answered or fail,
// a one that its caller leaves, + and - health checks, and a digit that many seconds.
// What it reads is its state after each, but for seconds: Up, Suspended, Trial, Down; a call
// that may not be sent is x.
func TestTargetIsLeftAlone(t *testing.T) {
	for _, tt := range []struct{ name, happens, states string }{
		{"answers only", "sss", "UUU"},
		{"three failures in a row", "fffs", "UUSx"},
		{"a success between them, while most fail", "ffsfs", "UUUSx"},
		{"failures that are half of the calls of the window", "fsfsfs", "UUUUSx"},
		{"failures that are fewer", "fssfssfss", "UUUUUUUUU"},
		{"failures of different windows", "fs9fs9fs", "UUUUUU"},
		{"a trial that succeeds ends it", "fff1ss", "UUSUU"},
		{"a trial before its time", "fff0s", "UUSx"},
		{"a trial that fails doubles the time", "fff1f1s1s", "UUSSxU"},
		{"it doubles up to the most", "fff1f2f4f4f4s", "UUSSSSSU"},
		{"after a success it begins anew", "fff1f2sfff1s", "UUSSUUUSU"},
		{"a trial whose caller leaves is made again", "fff1as", "UUSSU"},
		{"checks take it out and bring it back", "--s+s-+s++s", "UDxDxDDxUUU"},
		{"checks that differ count from one", "-+-+-s", "UUUUUU"},
		{"a suspension ends by a trial, not by checks", "fff++s1s", "UUSSSxU"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, now := &health{}, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			b := &gatehouse.Breaker{Failures: 3, Window: gatehouse.Duration(8 * time.Second), Suspend: gatehouse.Duration(time.Second), MaxSuspend: gatehouse.Duration(4 * time.Second)}
			c := &gatehouse.HealthCheck{Unhealthy: 2, Healthy: 2}
			var states strings.Builder
			for _, event := range tt.happens {
				if event >= '0' && event <= '9' {
					now = now.Add(time.Duration(event-'0') * time.Second)
					continue
				}
				if strings.ContainsRune("sfa", event) {
					if ready, _ := h.ready(now); !ready {
						states.WriteString("x")
						continue
					}
					trial, ok := h.begin(now)
					if !ok {
						t.Fatal("ready, and yet not to be called")
					}
					if again, _ := h.ready(now); trial && again {
						t.Fatal("a second call while one tries")
					}
					switch event {
					case 's':
						h.succeeded(trial)
					case 'f':
						h.failed(trial, now, b)
					case 'a':
						h.abandoned(trial)
					}
				} else {
					h.checked(event == '+', c)
				}
				state, _ := h.state()
				states.WriteString(strings.ToUpper(state[:1]))
			}
			if states.String() != tt.states {
				t.Errorf("%s: %s, want %s", tt.happens, states.String(), tt.states)
			}
		})
	}
}

func TestTargetThatIsNeverLeftAlone(t *testing.T) {
	h := &health{}
	for range 100 {
		h.failed(false, time.Now(), &gatehouse.Breaker{Off: true, Failures: 1})
	}
	if ready, _ := h.ready(time.Now()); !ready {
		t.Error("a breaker that is off suspends")
	}
}

func TestLateAnswersOfOldCallsDoNotEndASuspension(t *testing.T) {
	h, now := &health{}, time.Now()
	h.failed(false, now, &gatehouse.Breaker{Failures: 1, Suspend: gatehouse.Duration(time.Minute), MaxSuspend: gatehouse.Duration(time.Minute)})
	h.succeeded(false)
	if ready, wait := h.ready(now); ready || wait != time.Minute {
		t.Errorf("ready %v, wait %v", ready, wait)
	}
}
