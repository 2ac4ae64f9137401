package server

import (
	"context"
	"crypto/tls"
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

// conn is a connection whose client must take its answers and, on HTTP/1, send the bodies
// that it announced. net/http reads and writes it without a deadline there; where it or
// somebody else sets one, that one stands.
type conn struct {
	net.Conn
	pace   pace
	opened time.Time
	once   sync.Once
	closed func()

	due     atomic.Int64 // the deadline of writes, as a time since opened
	bounded atomic.Bool  // somebody else has set one

	body     atomic.Bool   // a body is on its way
	patience time.Duration // what is left of it; whoever reads has it
}

// connKey finds the conn in the context of its requests.
type connKey struct{}

// inContext puts the conn below c into ctx.
func inContext(ctx context.Context, c net.Conn) context.Context {
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	return context.WithValue(ctx, connKey{}, c)
}

// expectBody has reads wait no longer than a body may take, until the next deadline is
// set: net/http sets one, or none, when it has read the body, whoever asked it to.
func (c *conn) expectBody() {
	c.patience = c.pace.body
	c.body.Store(true)
}

// SetReadDeadline sets a deadline that stands until another is set.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.body.Store(false)
	return c.Conn.SetReadDeadline(t)
}

// Read reads on.
func (c *conn) Read(p []byte) (int, error) {
	if !c.body.Load() {
		return c.Conn.Read(p)
	}
	began := time.Now()
	if err := c.Conn.SetReadDeadline(began.Add(c.patience)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	c.patience = c.pace.left(c.patience, began, n)
	return n, err
}

// left returns what is left of the patience for a body when n bytes have come since.
func (p pace) left(patience time.Duration, since time.Time, n int) time.Duration {
	return min(p.body, patience-time.Since(since)+time.Duration(n)*time.Second/bodyRate)
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
		due := time.Since(c.opened) + c.pace.take
		if due-time.Duration(c.due.Load()) > c.pace.take/takeSlack {
			c.due.Store(int64(due))
			if err := c.Conn.SetWriteDeadline(c.opened.Add(due)); err != nil {
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

// NetConn is the connection below.
func (c *conn) NetConn() net.Conn { return c.Conn }

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
		if r.ProtoMajor == 2 {
			p.stream(w, r, next)
			return
		}
		if r.ContentLength != 0 {
			if c, ok := r.Context().Value(connKey{}).(*conn); ok {
				c.expectBody()
			}
		}
		next.ServeHTTP(w, r)
	})
}

// stream does the same for a stream of HTTP/2. The body of a gRPC call may be a stream in
// which silence means nothing.
func (p pace) stream(w http.ResponseWriter, r *http.Request, next http.Handler) {
	control := http.NewResponseController(w)
	if r.ContentLength != 0 && !strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		b := &streamBody{ReadCloser: r.Body, control: control, pace: p, patience: p.body}
		defer b.end()
		r.Body = b
	}
	s := &stream{ResponseWriter: w, control: control, patience: p.take}
	defer s.end()
	next.ServeHTTP(s, r)
}

// streamBody is the body on a stream of HTTP/2.
type streamBody struct {
	io.ReadCloser
	control  *http.ResponseController
	pace     pace
	patience time.Duration // what is left of it

	mu    sync.Mutex
	ended bool // the request has, though its body may still be read for a backend
}

// Read reads on. A deadline that passes spoils the body even when nobody waits for it, so
// it is taken back.
func (b *streamBody) Read(p []byte) (int, error) {
	began := time.Now()
	b.until(began.Add(b.patience))
	n, err := b.ReadCloser.Read(p)
	b.until(time.Time{})
	b.patience = b.pace.left(b.patience, began, n)
	return n, err
}

// until sets the deadline of reads; the zero time is none.
func (b *streamBody) until(t time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ended {
		_ = b.control.SetReadDeadline(t) // it fails on a connection that has ended, as the read will
	}
}

// end lets go of the stream, which is gone when its handler is.
func (b *streamBody) end() {
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
