package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/wire"
)

// maxDiscard is how much of an answer that nobody wants is read, in bytes, so that its
// connection can be used again.
const maxDiscard = 4 << 10

type statusError int

func (s statusError) Error() string { return fmt.Sprintf("the answer is %d", int(s)) }

// enter takes a place among the calls that wait for the backend and chooses a target. When
// it returns false, the call has been refused; else leave must follow.
func (c *call) enter() bool {
	l := c.decision.Backend.live
	if l.broken != nil {
		c.gateway.Log.ErrorContext(c.r.Context(), "a backend cannot be called", "api", l.api, "keys", l.keyType, "error", l.broken)
		c.refuse(badAnswer)
		return false
	}
	if l.inFlight.Add(1) > l.limit {
		l.inFlight.Add(-1)
		c.later(busyBackend, time.Second)
		return false
	}
	c.inside = true
	p, ok, wait := l.pick(c, 0)
	if !ok {
		c.leave()
		c.later(noTarget, max(wait, time.Second))
		return false
	}
	c.target = p
	return true
}

// later refuses a call that may come again after a time.
func (c *call) later(with *Refusal, wait time.Duration) {
	c.w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	c.refuse(with)
}

// leave gives the call's place back. A second time it does nothing.
func (c *call) leave() {
	if !c.inside {
		return
	}
	c.inside = false
	c.decision.Backend.live.inFlight.Add(-1)
	if c.target.trial {
		c.target.health.abandoned(true)
		c.target.trial = false
	}
}

// ending is how an attempt ended.
type ending uint8

const (
	answered    ending = iota
	unwell             // by one of the statuses that count as a failure
	unsigned           // by a 401, to a token that may have ended before its time
	unconnected        // nothing was sent
	late               // sent, and not answered in time
	unanswered         // sent, and not answered, or not with an answer
	ours               // by the caller, or by the gateway: it says nothing of the target
)

// RoundTrip sends a call to its target, and again where that failed and nothing can have
// come of it.
func (c *call) RoundTrip(out *http.Request) (*http.Response, error) {
	l := c.decision.Backend.live
	l.earn()
	var tried uint32
	signed := false // again, with a fresh token
	for n := 1; ; n++ {
		res, err := c.attempt(l, out)
		how := l.ending(c.r.Context(), out.Context(), res, err)
		l.report(&c.target, how, c.gateway.Now())
		tried |= 1 << c.target.number
		if how == answered || how == ours || !c.again(l, out, how, n, tried, &signed) {
			return c.watched(l, res), err
		}
		c.gateway.retries.Add(1)
		if res != nil {
			res.Body.Close()
		}
		from := c.sent
		out = out.Clone(out.Context()) // the one before may still be read
		if err := c.target.retarget(out.URL, from); err != nil {
			return nil, err
		}
		out.Host = c.target.Host
	}
}

// attempt sends the call once.
func (c *call) attempt(l *line, out *http.Request) (*http.Response, error) {
	c.sent = &c.target.Endpoint
	if l.signIn != nil {
		if err := l.signIn.sign(out.Context(), out.Header); err != nil {
			return nil, err
		}
	}
	return c.target.pool.RoundTrip(out)
}

// ending tells how an attempt ended. When the context of the backend's request is over and
// the caller's is not, a policy has lost its patience.
func (l *line) ending(caller, ctx context.Context, res *http.Response, err error) ending {
	switch {
	case err == nil && res.StatusCode == http.StatusUnauthorized && l.signIn != nil && l.signIn.tokens != nil:
		return unsigned
	case err == nil && l.failures[res.StatusCode]:
		return unwell
	case err == nil:
		return answered
	case caller.Err() != nil || errors.Is(err, errSignIn) || errors.Is(err, errForbiddenAddress) || errors.Is(err, errIncomplete):
		return ours
	case ctx.Err() != nil:
		return late
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return ours
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return unconnected
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return unconnected
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return late
	}
	return unanswered
}

// report tells the target's health how an attempt ended.
func (l *line) report(p *picked, how ending, now time.Time) {
	switch trial := p.trial; how {
	case answered, unsigned:
		p.health.succeeded(trial)
	case ours:
		p.health.abandoned(trial)
	default:
		p.health.failed(trial, now, &l.settings.Tuning.Breaker)
	}
	p.trial = false
}

// again reports whether a call is sent once more, and chooses the target. A connection
// that was not made is tried on every other target: nothing was sent. All else is paid
// from the budget, and only for calls that may be repeated without harm and have no body,
// of which a part may be gone. A call that was late is not: its caller has waited enough.
func (c *call) again(l *line, out *http.Request, how ending, n int, tried uint32, signed *bool) bool {
	plain := out.Body == nil || out.Body == http.NoBody
	switch how {
	case unsigned:
		if *signed || !l.spend() {
			return false
		}
		*signed = true
		l.signIn.tokens.drop(out.Header[l.signIn.header])
		return plain // else the next call has the fresh one
	case late:
		return false
	case unanswered, unwell:
		if !plain || !repeatable(out.Method) {
			return false
		}
	}
	if n >= l.settings.Tuning.Attempts {
		return false
	}
	next, ok, _ := l.pick(c, tried)
	other := ok && len(l.targets) > 1
	if !ok {
		next, ok, _ = l.pick(c, 0)
	}
	if ok && !(other && how == unconnected) && !l.spend() {
		next.health.abandoned(next.trial)
		return false
	}
	if ok {
		c.target = next
	}
	return ok
}

// repeatable reports whether a method is idempotent (RFC 9110, section 9.2.2).
func repeatable(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "PUT", "DELETE":
		return true
	}
	return false
}

// watched has an answer cut off when it pauses for too long.
func (c *call) watched(l *line, res *http.Response) *http.Response {
	if res == nil || res.Body == http.NoBody || endless(res) || wire.Patient(res, time.Duration(l.settings.Tuning.IdleTimeout)) {
		return res
	}
	if c.patient == nil || c.patient.spent {
		c.patient = newPatientBody()
	}
	c.patient.ReadCloser, c.patient.patience = res.Body, time.Duration(l.settings.Tuning.IdleTimeout)
	res.Body = c.patient
	return res
}

// endless reports whether an answer may last and pause for as long as it likes.
func endless(res *http.Response) bool {
	if res.StatusCode == http.StatusSwitchingProtocols {
		return true
	}
	values := res.Header["Content-Type"]
	if len(values) != 1 || !strings.HasPrefix(values[0], "text/ev") && !strings.HasPrefix(values[0], "application/grpc") {
		return false
	}
	kind, _, err := mime.ParseMediaType(values[0])
	return err == nil && (kind == "text/event-stream" || strings.HasPrefix(kind, "application/grpc"))
}

// errPaused is the error for an answer that paused for too long.
var errPaused = errors.New("the backend's answer paused for too long")

// patientBody is the body of an answer that is read with a patience that ends. A call uses
// its own again for the next answer, unless its patience has ended once.
type patientBody struct {
	io.ReadCloser
	patience time.Duration
	timer    *time.Timer
	spent    bool // the timer has gone off, and may still close the body
}

func newPatientBody() *patientBody {
	b := &patientBody{}
	b.timer = time.AfterFunc(time.Hour, func() { b.ReadCloser.Close() })
	b.timer.Stop()
	return b
}

// Read waits for as long as its patience lasts; then the body is closed, which ends the
// wait. The time that the caller takes for what was read does not count.
func (b *patientBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.patience)
	n, err := b.ReadCloser.Read(p)
	if !b.timer.Stop() {
		b.spent = true
	}
	if b.spent && err != nil && !errors.Is(err, io.EOF) {
		err = errPaused
	}
	return n, err
}
