package gateway

import (
	"context"
	"encoding/binary"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// How the gateway closes a WebSocket of its own accord (RFC 6455, section 7.4; the 4000s
// are those that clients of the platform know).
const (
	closeTooBig    = 1009
	closeNoRight   = 4001 // the token, the subscription or the API ended
	closeThrottled = 4003
)

// messageLimits bound what goes over one WebSocket, in each direction.
type messageLimits struct {
	size      int64 // bytes of one message, all its frames together
	perMinute int   // messages of the caller; 0 means no limit
}

// lingering is how long a connection that was cut takes what the caller still sends: were it
// closed at once, the caller might never read why.
const lingering = time.Second

// webSocket stands between the backend's connection and the reverse proxy, which reads
// from it for the caller and writes to it what the caller sends. It follows the frames of
// both directions without changing them.
type webSocket struct {
	io.ReadWriteCloser
	limits   messageLimits
	now      func() time.Time
	ctx      context.Context
	toCaller frames
	toServer frames
	code     atomic.Int32 // why it is cut; 0 while it is not
	told     bool         // the caller has been told
	once     sync.Once
	closed   chan struct{} // by the reverse proxy
	minute   int64
	messages int // of the caller in the minute
}

// watchFrames puts a webSocket into an answer that switches to that protocol.
func watchFrames(c *call, res *http.Response, limits messageLimits) {
	if conn, ok := res.Body.(io.ReadWriteCloser); ok && res.StatusCode == http.StatusSwitchingProtocols {
		res.Body = &webSocket{ReadWriteCloser: conn, limits: limits, now: c.gateway.Now, ctx: c.r.Context(), closed: make(chan struct{})}
	}
}

// Close is called when the connection to the caller ends, or its right does.
func (w *webSocket) Close() error {
	w.once.Do(func() { close(w.closed) })
	return w.ReadWriteCloser.Close()
}

// cut ends the connection to the backend, for a reason that Read tells the caller.
func (w *webSocket) cut(code int32) {
	if w.code.CompareAndSwap(0, code) {
		w.ReadWriteCloser.Close()
	}
}

// Write takes what the caller sends. After a cut it drops it.
func (w *webSocket) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0 && w.code.Load() == 0; {
		rest = rest[w.toServer.next(rest):]
		switch {
		case w.toServer.message > w.limits.size:
			w.cut(closeTooBig)
		case w.toServer.ended && w.tooMany():
			w.cut(closeThrottled)
		}
	}
	if w.code.Load() != 0 {
		return len(p), nil
	}
	n, err := w.ReadWriteCloser.Write(p)
	if err != nil && w.ctx.Err() != nil {
		w.cut(closeNoRight)
		return len(p), nil
	}
	return n, err
}

// tooMany counts a message of the caller.
func (w *webSocket) tooMany() bool {
	if w.limits.perMinute == 0 {
		return false
	}
	if minute := w.now().Unix() / 60; minute != w.minute {
		w.minute, w.messages = minute, 0
	}
	w.messages++
	return w.messages > w.limits.perMinute
}

// Read gives what the caller gets: what the backend sends and, when the connection is cut
// between two frames, the reason.
func (w *webSocket) Read(p []byte) (int, error) {
	if w.code.Load() == 0 {
		n, err := w.ReadWriteCloser.Read(p)
		if n = w.pass(p[:n]); n > 0 || err == nil && w.code.Load() == 0 {
			return n, nil // the error comes again
		}
		if w.ctx.Err() != nil {
			w.cut(closeNoRight)
		}
		if w.code.Load() == 0 {
			return 0, err
		}
	}
	if w.told || !w.toCaller.between() || len(p) < 4 {
		select {
		case <-w.closed:
		case <-time.After(lingering):
		}
		return 0, io.ErrClosedPipe
	}
	w.told = true
	p[0], p[1] = 0x88, 2 // a close frame with a status code alone (RFC 6455, section 5.5.1)
	binary.BigEndian.PutUint16(p[2:], uint16(w.code.Load()))
	return 4, nil
}

// pass follows what the backend sent, and returns how much of it the caller gets: all, or
// what comes before a message that is too long.
func (w *webSocket) pass(p []byte) int {
	whole := 0 // of p, up to the last frame that ended
	before := w.toCaller
	for at := 0; at < len(p); {
		if w.toCaller.between() {
			whole, before = at, w.toCaller
		}
		at += w.toCaller.next(p[at:])
		if w.toCaller.message > w.limits.size {
			w.toCaller = before
			w.cut(closeTooBig)
			return whole
		}
	}
	return len(p)
}

// frames follows the frames of one direction as their bytes pass (RFC 6455, section 5.2).
type frames struct {
	head    [14]byte
	have    int   // bytes of the head so far
	left    int64 // bytes of the payload still to come
	message int64 // bytes of the message so far, the frame's in full
	ended   bool  // what next took last was the head of a message's last frame
}

// next takes bytes that pass, up to the end of a frame's head or of its payload, and
// returns how many.
func (f *frames) next(p []byte) int {
	f.ended = false
	if f.left > 0 {
		n := int(min(f.left, int64(len(p))))
		f.left -= int64(n)
		return n
	}
	n := 0
	for n < len(p) {
		f.head[f.have] = p[n]
		f.have++
		n++
		if f.have >= 2 && f.have == f.headLength() {
			f.begin()
			return n
		}
	}
	return n
}

// headLength is how long the head is, once its first two bytes are there.
func (f *frames) headLength() int {
	length := 2
	switch f.head[1] & 0x7f {
	case 126:
		length += 2
	case 127:
		length += 8
	}
	if f.head[1]&0x80 != 0 {
		length += 4
	}
	return length
}

// begin reads a head that is whole.
func (f *frames) begin() {
	f.have = 0
	switch n := f.head[1] & 0x7f; n {
	case 126:
		f.left = int64(binary.BigEndian.Uint16(f.head[2:]))
	case 127:
		f.left = int64(binary.BigEndian.Uint64(f.head[2:]) & (1<<63 - 1))
	default:
		f.left = int64(n)
	}
	if f.head[0]&0x0f >= 8 { // a control frame may stand between the frames of a message
		return
	}
	if f.head[0]&0x0f != 0 {
		f.message = 0 // the first frame of a message
	}
	f.message += f.left
	if f.message < 0 {
		f.message = 1<<63 - 1
	}
	f.ended = f.head[0]&0x80 != 0
}

// between reports whether a frame has ended and none has begun.
func (f *frames) between() bool { return f.have == 0 && f.left == 0 }
