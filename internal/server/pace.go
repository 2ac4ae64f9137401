package server

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A client may be slow; it may not hold a connection for nothing. What counts is the
// time that we wait for it: a stream whose backend is silent, a WebSocket on which
// nothing happens and an answer that the backend takes long for are waited for by the
// client, and are not cut.
const (
	// bodyPatience is how long a body may keep us waiting, all pauses together. Each
	// KiB that arrives wins a second back, so that a slow line is given its time and a
	// byte now and then is not enough.
	bodyPatience = 20 * time.Second
	bodyRate     = 1 << 10 // bytes a second

	// takePatience is how long a client may take for a piece of an answer. What the
	// system holds on its way comes on top, so pauses of a healthy client are not seen.
	takePatience = 20 * time.Second
	piece        = 32 << 10 // bytes

	// takeSlack is the part of takePatience that a piece may have less: within it the
	// deadline of an earlier piece stands, so that short answers seldom pay for one.
	takeSlack = 4
)

// pace is how long a client is waited for.
type pace struct{ body, take time.Duration }

// conn is a connection whose client must take its answers: a piece that is not taken in
// time ends it. A deadline that somebody else sets stands.
type conn struct {
	net.Conn
	opened   time.Time
	due      atomic.Int64 // the deadline of writes, as a time since opened
	bounded  atomic.Bool  // somebody else has set one
	patience time.Duration
	once     sync.Once
	closed   func()
}

// Write writes p in pieces.
func (c *conn) Write(p []byte) (int, error) {
	written := 0
	for len(p) > piece {
		n, err := c.write(p[:piece])
		written += n
		if err != nil {
			return written, err
		}
		p = p[piece:]
	}
	n, err := c.write(p)
	return written + n, err
}

func (c *conn) write(p []byte) (int, error) {
	if !c.bounded.Load() {
		if now := time.Since(c.opened); now+c.patience-time.Duration(c.due.Load()) > c.patience/takeSlack {
			c.due.Store(int64(now + c.patience))
			if err := c.Conn.SetWriteDeadline(c.opened.Add(now + c.patience)); err != nil {
				return 0, err
			}
		}
	}
	return c.Conn.Write(p)
}

// SetWriteDeadline sets a deadline that stands until it is taken back.
func (c *conn) SetWriteDeadline(t time.Time) error {
	if t.IsZero() {
		if c.bounded.Swap(false) {
			c.due.Store(0) // the next piece sets its own
		}
		return nil
	}
	c.bounded.Store(true)
	return c.Conn.SetWriteDeadline(t)
}

// SetDeadline sets both.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// CloseWrite tells the client that nothing more comes. net/http does so where it has to
// close while the client still sends, so that the answer is not lost.
func (c *conn) CloseWrite() error { return c.Conn.(*net.TCPConn).CloseWrite() }

// Close closes the connection.
func (c *conn) Close() error {
	c.once.Do(c.closed)
	return c.Conn.Close()
}

// handler makes clients keep the pace in what a connection alone does not show: which of
// its bytes are a body, and which of many answers on it is not taken.
func (p pace) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http2 := r.ProtoMajor == 2
		if r.ContentLength != 0 && !(http2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc")) {
			// The body of a gRPC call may be a stream, in which silence means nothing.
			b := newPacedBody(w, r, p.body)
			defer b.end()
			r = r.WithContext(r.Context()) // net/http keeps its eye on the body of its own
			r.Body = b
		}
		if http2 {
			s := &stream{ResponseWriter: w, control: http.NewResponseController(w), patience: p.take}
			defer s.end()
			w = s
		}
		next.ServeHTTP(w, r)
	})
}

// pacedBody is a body that must arrive.
type pacedBody struct {
	io.ReadCloser
	control  *http.ResponseController
	http2    bool
	most     time.Duration // of patience
	patience time.Duration // what is left of it

	mu    sync.Mutex
	ended bool // the request has, though its body may still be read for a backend
}

func newPacedBody(w http.ResponseWriter, r *http.Request, patience time.Duration) *pacedBody {
	b := &pacedBody{ReadCloser: r.Body, control: http.NewResponseController(w), http2: r.ProtoMajor == 2, most: patience, patience: patience}
	if !b.http2 {
		b.until(time.Now().Add(b.patience)) // what nobody reads net/http reads away before it answers
	}
	return b
}

// until sets the deadline of reads; the zero time is none.
func (b *pacedBody) until(t time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ended {
		_ = b.control.SetReadDeadline(t) // it fails on a connection that has ended, as the read will
	}
}

// Read reads on. On HTTP/1 the deadline stays: net/http reads away what is left of the
// body, and takes the deadline back when the body has ended. On HTTP/2 one that passes
// spoils the body even when nobody waits for it, and nothing is read away.
func (b *pacedBody) Read(p []byte) (int, error) {
	began := time.Now()
	b.until(began.Add(b.patience))
	n, err := b.ReadCloser.Read(p)
	b.patience = min(b.most, b.patience-time.Since(began)+time.Duration(n)*time.Second/bodyRate)
	if b.http2 {
		b.until(time.Time{})
	}
	return n, err
}

// Close reads some of what is left, as net/http does, and no longer than is allowed.
func (b *pacedBody) Close() error {
	if !b.http2 {
		b.until(time.Now().Add(b.patience))
	}
	return b.ReadCloser.Close()
}

// end lets go of the connection: its next request has deadlines of its own.
func (b *pacedBody) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
}

// stream is the answer on a stream of HTTP/2. A client that keeps the connection going
// can still let one answer stand, by giving it no room (RFC 9113, section 5.2).
type stream struct {
	http.ResponseWriter
	control  *http.ResponseController
	patience time.Duration
	watch    *time.Timer

	mu    sync.Mutex
	ended bool
}

// Unwrap is for http.ResponseController.
func (s *stream) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// Write writes p in pieces.
func (s *stream) Write(p []byte) (int, error) {
	written := 0
	for {
		part := p[:min(len(p), piece)]
		n, err := s.write(part)
		written += n
		if p = p[len(part):]; err != nil || len(p) == 0 {
			return written, err
		}
	}
}

func (s *stream) write(p []byte) (int, error) {
	s.wait()
	defer s.watch.Stop()
	return s.ResponseWriter.Write(p)
}

// FlushError sends what is held back.
func (s *stream) FlushError() error {
	s.wait()
	defer s.watch.Stop()
	return s.control.Flush()
}

func (s *stream) wait() {
	if s.watch == nil {
		s.watch = time.AfterFunc(s.patience, s.cut)
		return
	}
	s.watch.Reset(s.patience)
}

// cut resets the stream: to net/http, a deadline in the past is that.
func (s *stream) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		_ = s.control.SetWriteDeadline(time.Unix(1, 0))
	}
}

// end has net/http wait no longer for the rest, which it sends when the handler is done.
func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	_ = s.control.SetWriteDeadline(time.Now().Add(s.patience))
}
