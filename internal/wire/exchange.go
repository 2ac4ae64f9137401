package wire

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// upstream is a connection to a backend. Whoever has taken it out of the pool has it alone.
type upstream struct {
	transport *Transport
	host      host
	rwc       net.Conn
	raw       syscall.RawConn
	tls       *tls.ConnectionState
	in        input
	out       []byte
	deadline  patience
	since     time.Time     // idle
	abort     ending        // close, when a context ends
	pausing   func() error  // pause, made once
	patience  time.Duration // with pauses of an answer; 0 means no limit

	reused      bool
	said, heard bool // something was written, or read, for the request that is on it
}

// maxInterim bounds how many interim answers come before the answer.
const maxInterim = 16

// smallBody is up to where a body is written before the answer is read. A larger one, or
// one without a length, is written by a goroutine of its own, because the backend may
// answer before its end.
const smallBody = 64 << 10

func (u *upstream) close() { u.rwc.Close() }

// exchange sends a request and reads the answer's header. After an error the connection is
// closed.
func (u *upstream) exchange(ctx context.Context, r *http.Request) (*http.Response, error) {
	u.said, u.heard = false, false
	b := &answerBody{upstream: u, until: whenEnded(ctx, &u.abort)}
	trace := httptrace.ContextClientTrace(ctx)
	err := u.write(r, b, trace)
	if err == nil || b.sendsBody() {
		res, readErr := u.read(ctx, r, b, trace)
		if readErr == nil {
			return res, nil
		}
		if err == nil {
			err = readErr
		}
	}
	u.close()
	b.until.over(&u.abort)
	if b.sending != nil {
		if sendErr := b.sending.failed(); sendErr != nil {
			err = sendErr
		}
	}
	return nil, err
}

// write sends the request: all of it, or its head when its body is sent beside the reading.
func (u *upstream) write(r *http.Request, b *answerBody, trace *httptrace.ClientTrace) error {
	body := r.Body
	if body == http.NoBody || r.ContentLength == 0 && r.GetBody != nil {
		body = nil
	}
	length := r.ContentLength
	if body != nil && length == 0 {
		length = chunked // nobody told it
	}
	if body == nil {
		length = 0
	}
	uri, to := r.URL.RequestURI(), cmp.Or(r.Host, r.URL.Host)
	if r.Method == "" || !tokenChars.holds(r.Method) || !hostChars.holds(to) || strings.IndexFunc(uri, breaks) >= 0 {
		return errRequest
	}
	u.out = append(append(append(append(append(u.out[:0], r.Method...), ' '), uri...), " HTTP/1.1\r\nHost: "...), to...)
	u.out = appendRequest(append(u.out, "\r\n"...), r, length)
	if body == nil {
		closeBody(r)
		err := u.flush()
		wrote(trace, err)
		return err
	}
	s := &sending{upstream: u, r: r, length: length, trace: trace}
	b.sending = s
	if hasToken(r.Header["Expect"], "100-continue") {
		s.asked = true
		return u.flush()
	}
	if length < 0 || length > smallBody {
		if err := u.flush(); err != nil {
			return err
		}
		s.begin()
		return nil
	}
	s.begun = true
	err := s.all()
	wrote(trace, err)
	return err
}

// wrote tells the trace that the request has been written.
func wrote(trace *httptrace.ClientTrace, err error) {
	if trace != nil && trace.WroteRequest != nil {
		trace.WroteRequest(httptrace.WroteRequestInfo{Err: err})
	}
}

// flush writes what is pending.
func (u *upstream) flush() error {
	n, err := u.rwc.Write(u.out)
	u.said = u.said || n > 0
	u.out = u.out[:0]
	return err
}

// errRequest is for a request that could not be written as one.
var errRequest = errors.New("the request's method, host or path holds characters that would break its head")

// breaks reports whether a character would end a request target.
func breaks(c rune) bool { return c <= ' ' || c == 0x7f }

// appendRequest appends the head of a request behind its first two lines.
func appendRequest(out []byte, r *http.Request, length int64) []byte {
	for name, values := range r.Header {
		switch name {
		case "Host", "Content-Length", "Transfer-Encoding", "Trailer":
			continue
		}
		if !tokenChars.holds(name) || name == "User-Agent" && len(values) == 1 && values[0] == "" {
			continue
		}
		for _, value := range values {
			out = appendField(out, name, value)
		}
	}
	switch {
	case length == chunked:
		out = append(out, "Transfer-Encoding: chunked\r\n"...)
		for name := range r.Trailer {
			out = appendField(out, "Trailer", name)
		}
	case length > 0 || r.Method == "POST" || r.Method == "PUT" || r.Method == "PATCH":
		out = append(out, "Content-Length: "...)
		out = append(strconv.AppendInt(out, length, 10), "\r\n"...)
	}
	if r.Close && r.Header["Connection"] == nil {
		out = append(out, "Connection: close\r\n"...)
	}
	return append(out, "\r\n"...)
}

// read reads the header of the answer; interim answers before it go to the trace, as
// net/http gives them.
func (u *upstream) read(ctx context.Context, r *http.Request, b *answerBody, trace *httptrace.ClientTrace) (*http.Response, error) {
	if b.sending != nil && b.sending.asked {
		if err := u.awaitContinue(b.sending); err != nil {
			return nil, err
		}
	}
	for range maxInterim {
		text, err := u.head(b)
		if err != nil {
			return nil, err
		}
		b.res = http.Response{Request: r, TLS: u.tls}
		length, err := parseResponse(text, &b.res)
		if err != nil {
			return nil, err
		}
		status := b.res.StatusCode
		if status >= 200 || status == http.StatusSwitchingProtocols {
			u.body(r, b, length)
			return &b.res, nil
		}
		if b.sending != nil && status == http.StatusContinue {
			b.sending.begin()
		}
		if proxy, ok := ctx.Value(hintsKey{}).(*hints); ok && proxy != nil {
			if err := proxy.pass(status, textproto.MIMEHeader(b.res.Header)); err != nil {
				return nil, err
			}
		}
		if trace != nil && trace.Got1xxResponse != nil {
			if err := trace.Got1xxResponse(status, textproto.MIMEHeader(b.res.Header)); err != nil {
				return nil, err
			}
		}
	}
	return nil, errors.New("the backend sends interim answers without end")
}

// awaitContinue waits for a first sign of the backend before the body is sent, and no
// longer than a moment: it may not know about 100 Continue.
func (u *upstream) awaitContinue(s *sending) error {
	if u.in.have() > 0 {
		return nil
	}
	if err := u.deadline.wait(time.Now(), cmp.Or(u.transport.ContinueTimeout, defaultContinue)); err != nil {
		return err
	}
	err := u.in.fill()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.begin()
		return nil
	}
	u.heard = u.in.have() > 0
	return broken(err)
}

// head reads a head. The time that a backend may take begins when the request was sent,
// as far as that is known.
func (u *upstream) head(b *answerBody) (string, error) {
	most := cmp.Or(u.transport.MaxHeader, defaultMaxHeader)
	for {
		text, err := u.in.head(most)
		switch {
		case err == nil:
			return text, nil
		case err == errLargeHead:
			return "", errLargeAnswer
		case err != errUnfinished:
			return "", fmt.Errorf("the backend's answer: %w", err)
		}
		if err := u.limit(); err != nil {
			return "", err
		}
		for {
			err = u.in.fill()
			if !errors.Is(err, os.ErrDeadlineExceeded) || !b.stillSends() {
				break
			}
			u.deadline.until = time.Time{}
			if err := u.limit(); err != nil { // its time begins when the body has been sent
				return "", err
			}
		}
		if err != nil {
			return "", broken(err)
		}
		u.heard = true
	}
}

// limit sets how long the backend may take for its header.
func (u *upstream) limit() error {
	if u.transport.HeaderTimeout == 0 {
		return u.deadline.forever()
	}
	return u.deadline.wait(time.Now(), u.transport.HeaderTimeout)
}

// body gives the answer its body.
func (u *upstream) body(r *http.Request, b *answerBody, length int64) {
	status := b.res.StatusCode
	if b.sending != nil && !b.sending.begun {
		closeBody(r) // the backend has answered without it
	}
	switch {
	case status == http.StatusSwitchingProtocols:
		b.res.Body, b.res.ContentLength = &tunnel{b}, 0
		_ = u.deadline.forever() // an error comes again when it is used
		return
	case bodiless(status):
		length, b.res.ContentLength = 0, 0
	case r.Method == http.MethodHead:
		length = 0
	case length == untilClose:
		b.res.Close = true
	}
	b.reader = newReader(&u.in, length)
	b.last = b.res.Close
	if length == 0 {
		b.res.Body = http.NoBody
		b.end()
		return
	}
	b.res.Body, u.patience, u.in.before = b, 0, u.pausing
}

// answerBody is an answer and its body. At its end the connection is idle again, or closed.
type answerBody struct {
	res      http.Response
	upstream *upstream
	reader   reader
	sending  *sending // nil when the request has no body
	until    until    // the request's context ends
	last     bool     // the connection ends with the answer
	over     atomic.Bool
}

// Read reads on.
func (b *answerBody) Read(p []byte) (int, error) {
	if b.over.Load() {
		if b.reader.err == io.EOF {
			return 0, io.EOF
		}
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.reader.Read(p)
	switch {
	case err == io.EOF:
		b.reader.merge(&b.res.Trailer)
		b.end()
	case err != nil:
		if ctx := b.res.Request.Context(); ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		b.Close()
	}
	return n, err
}

// pause sets how long the body of an answer may pause.
func (u *upstream) pause() error {
	if u.patience == 0 {
		return u.deadline.forever()
	}
	return u.deadline.wait(time.Now(), u.patience)
}

// Patient has the body of an answer fail, with an error that is a timeout, when it pauses
// for longer than d. It reports whether it can: the answer must be a Transport's.
func Patient(res *http.Response, d time.Duration) bool {
	b, ok := res.Body.(*answerBody)
	if ok {
		b.upstream.patience = d
	}
	return ok
}

// Close gives the answer up. It may come from elsewhere while Read waits.
func (b *answerBody) Close() error {
	if b.over.CompareAndSwap(false, true) {
		b.upstream.close()
		b.until.over(&b.upstream.abort)
	}
	return nil
}

// end puts the connection back, if it is fit for another request: both messages are at
// their ends, nothing came behind the answer, and nobody is about to close it.
func (b *answerBody) end() {
	if !b.over.CompareAndSwap(false, true) {
		return
	}
	u := b.upstream
	u.in.before = nil
	free := b.until.over(&u.abort)
	if free && !b.last && u.in.have() == 0 && !b.stillSends() && (b.sending == nil || b.sending.failed() == nil) {
		u.transport.keep(u)
		return
	}
	u.close()
}

// sendsBody reports whether a part of a body was sent that is not itself what failed: then
// the backend may have answered before it closed the connection.
func (b *answerBody) sendsBody() bool {
	return b.sending != nil && b.upstream.said && b.sending.failed() == nil
}

// stillSends reports whether the request's body has not been sent to its end.
func (b *answerBody) stillSends() bool { return b.sending != nil && !b.sending.done.Load() }

// tunnel is what a connection becomes when the protocol is switched.
type tunnel struct{ *answerBody }

// Read reads on, first what came with the answer.
func (t *tunnel) Read(p []byte) (int, error) { return t.upstream.in.Read(p) }

// Write writes on.
func (t *tunnel) Write(p []byte) (int, error) { return t.upstream.rwc.Write(p) }
