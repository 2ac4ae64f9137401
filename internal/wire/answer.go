package wire

import (
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// answer is the http.ResponseWriter of one request. The head is written when the handler
// has said enough: a short answer leaves with its head in one piece, and its length is
// counted; a longer one whose length nobody told goes in chunks.
type answer struct {
	conn   *conn
	ctx    *requestContext
	r      *http.Request
	body   *requestBody // nil when there is none
	header http.Header

	status   int    // 0 until it is said
	head     []byte // status and headers, as they were when it was; nil once sent
	length   int64  // that the handler told; -1 when it told none
	written  int64  // bytes of the body that the handler wrote
	chunks   bool
	trailers []string // announced, in canonical form
	close    bool     // the connection ends with the answer
	hijacked bool
	err      error  // of the connection
	pending  []byte // of the body, not sent yet

	mu    sync.Mutex // held while it is written to the connection
	begun bool       // the final answer is: 100 Continue would be a lie
}

// Header is what the answer will say.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader says the status. Those below 200 but 101 are answers of their own, sent at
// once: 100 Continue, 103 Early Hints.
func (a *answer) WriteHeader(status int) {
	switch {
	case status < 100 || status > 999:
		panic(fmt.Sprintf("invalid WriteHeader code %v", status))
	case a.hijacked || a.status != 0:
		return
	case status < 200 && status != http.StatusSwitchingProtocols:
		a.inform(status)
		return
	}
	a.status, a.length = status, -1
	if told := a.header["Content-Length"]; told != nil {
		if n, err := parseLength(trim(told[0])); err == nil && len(told) == 1 {
			a.length = n
		}
	}
	a.announce()
	a.head = appendFields(appendStatus(a.conn.head[:0], status), a.header, ownFields)
	if dates := a.header["Date"]; len(dates) > 0 {
		a.head = appendField(a.head, "Date", dates[0])
	} else {
		a.head = appendField(a.head, "Date", a.conn.server.date.at(time.Now()))
	}
	connection := a.header["Connection"]
	a.close = hasToken(connection, "close")
	if len(connection) > 0 && !a.close && !hasToken(connection, "keep-alive") {
		a.head = appendField(a.head, "Connection", strings.Join(connection, ", "))
	}
}

// inform sends an interim answer (RFC 9110, section 15.2).
func (a *answer) inform(status int) {
	if a.r.ProtoMinor == 0 {
		return
	}
	if status == http.StatusContinue && (a.body == nil || !a.body.expects || a.body.continued.Swap(true)) {
		return // nobody waits for it
	}
	out := append(appendFields(appendStatus(a.conn.head[:0], status), a.header, ownFields), "\r\n"...)
	a.conn.head = out[:0]
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err == nil {
		_, a.err = a.conn.rwc.Write(out)
	}
}

// proceed asks the client for the body that it holds back (RFC 9110, section 10.1.1).
func (a *answer) proceed() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.begun {
		return nil
	}
	_, err := a.conn.rwc.Write([]byte("HTTP/1.1 100 Continue\r\n\r\n"))
	return err
}

// announce takes down which trailers are to come.
func (a *answer) announce() {
	for _, list := range a.header["Trailer"] {
		for name := range strings.SplitSeq(list, ",") {
			name = textproto.CanonicalMIMEHeaderKey(trim(name))
			if name != "" && !framing(name) && !slices.Contains(a.trailers, name) {
				a.trailers = append(a.trailers, name)
			}
		}
	}
}

// Write writes a part of the body.
func (a *answer) Write(p []byte) (int, error) {
	if a.hijacked {
		return 0, http.ErrHijacked
	}
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if len(p) == 0 {
		return 0, a.err
	}
	if bodiless(a.status) {
		return 0, http.ErrBodyNotAllowed
	}
	a.written += int64(len(p))
	if a.length >= 0 && a.written > a.length {
		a.written -= int64(len(p))
		return 0, http.ErrContentLength
	}
	if a.err != nil {
		return 0, a.err
	}
	if err := a.put(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// WriteString is Write for a string.
func (a *answer) WriteString(s string) (int, error) { return a.Write([]byte(s)) }

// put keeps a part of the body until it is worth sending, or sends it.
func (a *answer) put(p []byte) error {
	if len(a.pending)+len(p) <= bufferSize {
		a.pending = append(a.pending, p...)
		return nil
	}
	return a.out(p)
}

// out sends what is pending and p: with the head when it has not been sent, as a chunk
// where the answer goes in chunks.
func (a *answer) out(p []byte) error {
	if a.head != nil {
		a.finishHead(p, false)
	}
	out := append(a.conn.out[:0], a.head...)
	if a.head != nil {
		a.conn.head, a.head = a.head[:0], nil
	}
	if a.r.Method == http.MethodHead {
		p, a.pending = nil, a.pending[:0]
	}
	size := len(a.pending) + len(p)
	if a.chunks && size > 0 {
		out = strconv.AppendInt(out, int64(size), 16)
		out = append(out, "\r\n"...)
	}
	out = append(out, a.pending...)
	a.pending = a.pending[:0]
	tail := ""
	if a.chunks && size > 0 {
		tail = "\r\n"
	}
	if len(p) <= 2*bufferSize { // else copying it costs more than a second write
		out, p = append(append(out, p...), tail...), nil
	} else if tail != "" {
		big := largePool.Get().(*large)
		defer largePool.Put(big)
		if len(out)+len(p)+2 <= len(big) {
			out, p = append(append(append(big[:0], out...), p...), tail...), nil
			return a.send(out, nil)
		}
		if err := a.send(out, p); err != nil {
			return err
		}
		out, p = append(out[:0], tail...), nil
	}
	a.conn.out = out[:0]
	return a.send(out, p)
}

// large is room for a chunk together with what stands around it.
type large [36 << 10]byte

var largePool = sync.Pool{New: func() any { return new(large) }}

// send writes to the connection, first and then second.
func (a *answer) send(first, second []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.begun = true
	for _, p := range [2][]byte{first, second} {
		if a.err == nil && len(p) > 0 {
			if _, a.err = a.conn.rwc.Write(p); a.err != nil {
				a.ctx.end()
			}
		}
	}
	return a.err
}

// finishHead decides how the body is framed, and ends the head. first is the beginning of
// the body behind what is pending; last says that it is all.
func (a *answer) finishHead(first []byte, last bool) {
	body := a.pending
	if len(body) == 0 {
		body = first
	}
	if _, told := a.header["Content-Type"]; len(body) > 0 && !told && a.header["Content-Encoding"] == nil {
		a.head = appendField(a.head, "Content-Type", http.DetectContentType(body))
	}
	prefixed := false
	for name := range a.header {
		prefixed = prefixed || strings.HasPrefix(name, http.TrailerPrefix)
	}
	isHead, more := a.r.Method == http.MethodHead, len(a.trailers) > 0 || prefixed
	if last && !more && a.length < 0 && !bodiless(a.status) && (!isHead || len(body) > 0) {
		a.length = a.written
	}
	old := a.r.ProtoMinor == 0
	switch {
	case bodiless(a.status):
	case a.length >= 0:
		a.head = append(a.head, "Content-Length: "...)
		a.head = strconv.AppendInt(a.head, a.length, 10)
		a.head = append(a.head, "\r\n"...)
	case isHead:
	case old:
		a.close = true
	default:
		a.chunks = true
		a.head = append(a.head, "Transfer-Encoding: chunked\r\n"...)
	}
	a.close = a.close || a.r.Close || a.conn.server.leaving() || a.body != nil && a.body.hopeless()
	if a.close {
		a.head = append(a.head, "Connection: close\r\n"...)
	} else if old {
		a.head = append(a.head, "Connection: keep-alive\r\n"...)
	}
	a.head = append(a.head, "\r\n"...)
}

// FlushError sends what is pending.
func (a *answer) FlushError() error {
	if a.hijacked {
		return http.ErrHijacked
	}
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if a.err == nil && (a.head != nil || len(a.pending) > 0) {
		return a.out(nil)
	}
	return a.err
}

// Flush is FlushError for those who cannot be told.
func (a *answer) Flush() { _ = a.FlushError() }

// finish sends what is left when the handler has returned.
func (a *answer) finish() {
	if a.hijacked {
		return
	}
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if a.head != nil || len(a.pending) > 0 || a.chunks {
		a.finishBody()
	}
	if a.length >= 0 && a.written != a.length && !bodiless(a.status) && a.r.Method != http.MethodHead {
		a.close = true // less came than was told: its reader must not wait for more
	}
	if a.err != nil {
		a.close = true
	}
}

// finishBody sends the end of the body.
func (a *answer) finishBody() {
	if a.head != nil { // it is not known yet whether there are chunks
		a.finishHead(nil, true)
	}
	out := append(a.conn.out[:0], a.head...)
	if a.head != nil {
		a.conn.head, a.head = a.head[:0], nil
	}
	if a.r.Method != http.MethodHead {
		if a.chunks && len(a.pending) > 0 {
			out = strconv.AppendInt(out, int64(len(a.pending)), 16)
			out = append(append(append(out, "\r\n"...), a.pending...), "\r\n"...)
		} else {
			out = append(out, a.pending...)
		}
		if a.chunks {
			out = append(a.appendTrailers(append(out, "0\r\n"...)), "\r\n"...)
		}
	}
	a.pending = a.pending[:0]
	a.conn.out = out[:0]
	_ = a.send(out, nil) // finish looks at it
}

// appendTrailers appends the trailers that were announced, and those that the handler found
// out later (http.TrailerPrefix).
func (a *answer) appendTrailers(out []byte) []byte {
	for _, name := range a.trailers {
		for _, value := range a.header[name] {
			out = appendField(out, name, value)
		}
	}
	for key, values := range a.header {
		name, late := strings.CutPrefix(key, http.TrailerPrefix)
		if name = textproto.CanonicalMIMEHeaderKey(name); !late || !tokenChars.holds(name) || framing(name) {
			continue
		}
		for _, value := range values {
			out = appendField(out, name, value)
		}
	}
	return out
}
