package gateway

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse"
)

// timeoutsSettings bounds how long the backend may take. Durations are written like
// "500ms", "10s" or "2m"; one that is not given is not watched. Of an API's and a
// resource's, the resource's hold alone. A backend that was too slow before the head of
// its answer arrived is answered for with 504, code 101504; later its answer is cut off.
//
// The backend's own timeouts, or the gateway's --backend-timeout, hold beside these: the
// shorter one decides.
type timeoutsSettings struct {
	// FirstByte is from the moment when the backend has been sent the whole request to
	// the head of its answer. A caller that sends slowly does not use it up.
	FirstByte duration `json:"firstByte,omitempty"`
	// Idle is how long the backend may send nothing within its answer. It bounds streams
	// without bounding how long they last; WebSocket connections are not watched.
	Idle duration `json:"idle,omitempty"`
	// Whole is from the first byte of the backend's request to the last of its answer. It
	// ends streams and WebSocket connections too.
	Whole duration `json:"whole,omitempty"`
}

// maxTimeout is the longest timeout that a policy sets.
const maxTimeout = duration(24 * time.Hour)

// duration is a time.Duration as settings write it: "1m30s".
type duration time.Duration

// UnmarshalText reads what people write.
func (d *duration) UnmarshalText(text []byte) error {
	read, err := time.ParseDuration(string(text))
	if err != nil {
		return gatehouse.Errorf(gatehouse.Invalid, "%q is no duration: write one like 500ms, 10s or 2m", text)
	}
	*d = duration(read)
	return nil
}

// errSlow is in the chain of the error for a backend that took longer than a policy lets
// it. It says Timeout like the errors of net.
var errSlow error = slow{}

type slow struct{}

func (slow) Error() string   { return "the backend took longer than the policy timeouts lets it" }
func (slow) Timeout() bool   { return true }
func (slow) Temporary() bool { return true }

type timeouts struct{ timeoutsSettings }

func newTimeouts(s timeoutsSettings, _ place) (any, error) {
	given := false
	for _, d := range []duration{s.FirstByte, s.Idle, s.Whole} {
		if d < 0 || d > maxTimeout || d > 0 && d < duration(time.Millisecond) {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "a timeout must be from 1ms to 24h")
		}
		given = given || d > 0
	}
	if !given {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "none of firstByte, idle and whole is given: give at least one")
	}
	return &timeouts{s}, nil
}

// rewrite gives the backend's request a context that ends in time, in the place of the
// one of a policy before this one.
func (t *timeouts) rewrite(c *call, out *http.Request) {
	if c.kept.watch != nil {
		c.kept.watch.end()
	}
	ctx, end := c.r.Context(), func() {} // the caller's context, at its end, frees what is made here
	if t.Whole > 0 {
		ctx, end = context.WithTimeoutCause(ctx, time.Duration(t.Whole), errSlow)
	}
	w := &watch{of: t, end: end}
	ctx, w.cancel = context.WithCancelCause(ctx)
	c.kept.watch = w
	if t.FirstByte > 0 {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { w.sent(time.Duration(t.FirstByte)) }})
	}
	*out = *out.WithContext(ctx)
}

// respond takes note that the head is there, and goes on to watch the body.
func (t *timeouts) respond(c *call, res *http.Response) error {
	w := c.kept.watch
	if w == nil || w.of != t {
		return nil
	}
	w.answered()
	if t.Idle > 0 && res.StatusCode != http.StatusSwitchingProtocols {
		res.Body = &watched{ReadCloser: res.Body, idle: time.Duration(t.Idle), slow: time.AfterFunc(time.Duration(t.Idle), w.expire)}
	}
	return nil
}

// watch ends a call to the backend when its answer does not begin in time.
type watch struct {
	of     *timeouts
	cancel context.CancelCauseFunc
	end    context.CancelFunc

	mu    sync.Mutex
	first *time.Timer
	done  bool // the head is there; the request may still be on its way
}

func (w *watch) expire() { w.cancel(errSlow) }

// sent starts to wait for the answer, anew when the request was sent again.
func (w *watch) sent(wait time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.done:
	case w.first != nil:
		w.first.Reset(wait)
	default:
		w.first = time.AfterFunc(wait, w.expire)
	}
}

func (w *watch) answered() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done = true
	if w.first != nil {
		w.first.Stop()
	}
}

// watched is an answer's body that ends when the backend falls silent. The time that the
// caller takes does not count.
type watched struct {
	io.ReadCloser
	idle time.Duration
	slow *time.Timer
}

func (w *watched) Read(p []byte) (int, error) {
	w.slow.Reset(w.idle)
	n, err := w.ReadCloser.Read(p)
	w.slow.Stop()
	return n, err
}

func (w *watched) Close() error {
	w.slow.Stop()
	return w.ReadCloser.Close()
}
