package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// conn is a connection that is served, by one goroutine.
type conn struct {
	server   *Server
	plain    net.Conn        // as it was accepted
	rwc      net.Conn        // the same, or TLS over it
	ctx      context.Context // of the connection; it holds values alone
	tls      *tls.ConnectionState
	remote   string
	opened   time.Time
	in       input
	deadline patience
	bounded  bool // somebody has set a deadline of writes

	request            http.Request // as it was read; handlers get a copy
	header             http.Header  // of answers
	head, out, pending []byte       // what they are made in

	state   atomic.Int32
	current atomic.Pointer[exchange] // what the handler works on
	raw     syscall.RawConn          // the watch's own
}

// States of a connection. Shutdown closes those that are fresh or idle.
const (
	fresh int32 = iota // no request has begun on it
	idle
	busy
	hijacked
	gone
)

// exchange is all that one request and its answer need, in one piece of memory.
type exchange struct {
	url    url.URL
	ctx    requestContext
	answer answer
	body   requestBody

	watchable atomic.Bool // the client has nothing more to say before the answer
	looks     int         // the watch's own
}

func (c *conn) serve() {
	defer c.close()
	defer c.survive("the connection's goroutine")
	if c.server.TLS != nil && !c.handshake() {
		return
	}
	for c.next() {
	}
}

// close closes the connection, if it is still ours.
func (c *conn) close() {
	if c.state.Load() != hijacked {
		c.state.Store(gone)
		c.rwc.Close()
		c.server.forget(c)
	}
}

// next serves one request, and reports whether another one may follow.
func (c *conn) next() bool {
	text, ok := c.await()
	if !ok {
		return false
	}
	x := &exchange{}
	r := &c.request
	*r = http.Request{}
	length, err := parseRequest(text, r, &x.url)
	if err != nil {
		c.refuse(err)
		return false
	}
	x.ctx.conn = c
	r.RemoteAddr, r.TLS, r.Body = c.remote, c.tls, http.NoBody
	return c.serveRequest(x, r.WithContext(&x.ctx), length)
}

// await reads a head. It is waited for as long as the connection may be idle, and from its
// first byte on as long as a head may take; so is the first one from the beginning.
func (c *conn) await() (string, bool) {
	first := c.state.Load() == fresh
	patience := c.server.IdleTimeout
	if first {
		patience = c.server.HeadTimeout
	}
	if c.in.have() == 0 && (c.deadline.wait(time.Now(), patience) != nil || c.in.fill() != nil) {
		return "", false
	}
	if !c.state.CompareAndSwap(fresh, busy) && !c.state.CompareAndSwap(idle, busy) {
		return "", false // it was closed just now
	}
	for hurried := false; ; hurried = true {
		text, err := c.in.head(c.server.MaxHead)
		switch {
		case err == nil && first && c.server.HTTP2 != nil && text == "PRI * HTTP/2.0\r\n":
			c.handOn("PRI * HTTP/2.0\r\n\r\n")
			return "", false
		case err == nil:
			return text, true
		case err != errUnfinished:
			c.refuse(err)
			return "", false
		}
		if !hurried && c.deadline.wait(time.Now(), c.server.HeadTimeout) != nil || c.in.fill() != nil {
			return "", false
		}
	}
}

// serveRequest hands a request to the handler and sees its answer out.
func (c *conn) serveRequest(x *exchange, r *http.Request, length int64) bool {
	defer x.ctx.end()
	a := &x.answer
	*a = answer{conn: c, ctx: &x.ctx, r: r, header: c.header, pending: c.pending[:0]}
	defer clear(c.header) // which is the next answer's; this one's is nobody's any more
	if length != 0 {
		x.body.exchange, x.body.r, x.body.reader = x, r, newReader(&c.in, length)
		r.Body, a.body = &x.body, &x.body
		if c.deadline.forget() != nil {
			return false
		}
	}
	if expected := r.Header["Expect"]; expected != nil && expected[0] != "" {
		if !hasToken(expected[:1], "100-continue") {
			c.refuse(errExpectation)
			return false
		}
		x.body.expects = r.ProtoMinor == 1
	}
	x.watchable.Store(length == 0 && c.in.have() == 0)
	c.current.Store(x)
	ok := c.handle(a, r)
	c.current.Store(nil)
	if !ok || a.hijacked {
		return false
	}
	x.ctx.end()
	a.finish()
	c.pending = a.pending[:0]
	return c.finish(a)
}

// handle runs the handler. It reports whether the handler came to its end; its panics end
// the connection.
func (c *conn) handle(a *answer, r *http.Request) (ok bool) {
	defer c.survive("a handler")
	c.server.Handler.ServeHTTP(a, r)
	return true
}

// survive keeps a panic from ending the process.
func (c *conn) survive(where string) {
	if cause := recover(); cause != nil && cause != http.ErrAbortHandler {
		c.server.Log.Error("panic", "in", where, "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
	}
}

// finish makes the connection ready for the next request, or reports that there will be
// none.
func (c *conn) finish(a *answer) bool {
	whole := a.body == nil || a.body.finish(!a.close)
	if a.close || !whole {
		if !whole {
			c.linger()
		}
		return false
	}
	if a.body != nil && c.deadline.forget() != nil {
		return false
	}
	if c.bounded {
		c.bounded = false
		if c.rwc.SetWriteDeadline(time.Time{}) != nil {
			return false
		}
	}
	c.state.Store(idle)
	return !c.server.leaving()
}

// linger reads away for a moment what the client still sends: a connection that is closed
// on unread bytes is reset, and the answer may be lost with it.
func (c *conn) linger() {
	half, ok := c.rwc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil || c.plain.SetReadDeadline(time.Now().Add(lingerFor)) != nil {
		return
	}
	buf := largePool.Get().(*large)
	defer largePool.Put(buf)
	for {
		if _, err := c.plain.Read(buf[:]); err != nil {
			return // the client has closed it too, or the time is over
		}
	}
}

// refuse answers what is no request, and says why.
func (c *conn) refuse(err error) {
	bad, ok := errors.AsType[*badMessage](err)
	if !ok {
		return
	}
	text := http.StatusText(bad.status) + ": " + bad.why + "\n"
	out := appendStatus(nil, bad.status)
	out = appendField(out, "Content-Type", "text/plain; charset=utf-8")
	out = fmt.Appendf(out, "Content-Length: %d\r\nConnection: close\r\n\r\n%s", len(text), text)
	if _, err := c.rwc.Write(out); err == nil {
		c.linger()
	}
}

// handshake makes the connection secure, and hands it on when HTTP/2 was agreed upon.
func (c *conn) handshake() bool {
	secure := tls.Server(c.plain, c.server.TLS)
	if c.rwc.SetDeadline(time.Now().Add(c.server.HeadTimeout)) != nil {
		return false
	}
	if err := secure.HandshakeContext(c.ctx); err != nil {
		plain, ok := errors.AsType[tls.RecordHeaderError](err)
		if ok && plain.Conn != nil && strings.ContainsRune("GHPOD", rune(plain.RecordHeader[0])) {
			_, _ = io.WriteString(plain.Conn, "HTTP/1.0 400 Bad Request\r\n\r\nThis port speaks TLS: use https.\n")
		}
		c.server.Log.Debug("TLS handshake failed", slog.String("remote", c.remote), "error", err)
		return false
	}
	if c.rwc.SetDeadline(time.Time{}) != nil {
		return false
	}
	state := secure.ConnectionState()
	c.rwc, c.tls = secure, &state
	c.in.src, c.deadline.conn = secure, secure
	if state.NegotiatedProtocol == "h2" && c.server.HTTP2 != nil {
		c.handOn("")
		return false
	}
	return true
}

// handOn gives the connection to whoever speaks HTTP/2, with what was read of it.
func (c *conn) handOn(read string) {
	if c.deadline.forget() != nil {
		return
	}
	c.state.Store(hijacked)
	c.server.forget(c)
	if read += string(c.in.buf[c.in.r:c.in.w]); read != "" {
		c.server.HTTP2(&begunConn{Conn: c.rwc, begin: strings.NewReader(read)})
		return
	}
	c.server.HTTP2(c.rwc)
}

// begunConn is a connection of which something has been read.
type begunConn struct {
	net.Conn
	begin *strings.Reader
}

// Read reads that again, then on.
func (c *begunConn) Read(p []byte) (int, error) {
	if c.begin.Len() > 0 {
		return c.begin.Read(p)
	}
	return c.Conn.Read(p)
}

// NetConn is the connection below.
func (c *begunConn) NetConn() net.Conn { return c.Conn }
