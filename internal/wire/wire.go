// Package wire speaks HTTP/1.1 (RFC 9112): it serves connections with an http.Handler,
// carries requests to backends as an http.RoundTripper, and stands between the two.
//
//	wire.go         what both ends share: limits, deadlines
//	input.go        a connection read through a buffer, up to the end of a head
//	field.go        header fields, and what they say of a message's length
//	request.go      the head of a request
//	body.go         the body of a message, from the connection
//	server.go       Server: connections in, and their end
//	conn.go         one connection: request after request
//	requestbody.go  the body of a request that is served
//	answer.go       the http.ResponseWriter
//	control.go      the part of it for http.ResponseController
//	head.go         the head of an answer, and how its body is framed
//	context.go      the context of a request
//	watch.go        sees that a client has left while a handler works
//	peek_unix.go    what the system knows of a connection; peek_other.go where it cannot be asked
//	transport.go    Transport: the pool of connections to backends
//	exchange.go     one request to a backend and its answer
//	response.go     the head of a backend's answer
//	sending.go      the body of a request on its way to a backend
//	proxy.go        Proxy: from a server to a transport
//	join.go         two connections that have switched to another protocol
//
// It is strict where two readers could understand a message in two ways, and never more
// lenient than net/http; the tests ask net/http about each message. A connection has one
// goroutine, which also speaks to the backend; nothing else runs for most calls.
//
// It knows nothing of APIs, and no HTTP/2: connections that speak that are handed on.
package wire

import (
	"errors"
	"net"
	"time"
)

// Limits of what is read.
const (
	bufferSize   = 4 << 10   // of a connection, in either direction
	sharedHead   = 4 << 10   // up to this size, all strings of a head share one piece of memory
	maxFields    = 256       // lines of a head
	maxTrailer   = 4 << 10   // bytes
	maxChunkLine = 256       // bytes of a chunk's size and its extensions
	maxDrain     = 256 << 10 // bytes of a body that nobody wanted, read to keep the connection
	drainTimeout = time.Second
	lingerFor    = 500 * time.Millisecond // for what the client still sends behind the last answer
)

// patience sets a connection's read deadlines. A deadline costs more than it seems, so one
// that is late by no more than a sixty-fourth is left as it is: none comes early.
type patience struct {
	conn  net.Conn
	until time.Time // zero when there is none
}

// wait has reads wait for d, or a little longer.
func (p *patience) wait(now time.Time, d time.Duration) error {
	due := now.Add(d)
	if !p.until.Before(due) && p.until.Sub(due) <= d/64 {
		return nil
	}
	p.until = due.Add(d / 64)
	return p.conn.SetReadDeadline(p.until)
}

// forever has reads wait for as long as it takes.
func (p *patience) forever() error {
	if p.until.IsZero() {
		return nil
	}
	return p.forget()
}

// forget is forever where somebody else may have set a deadline.
func (p *patience) forget() error {
	p.until = time.Time{}
	return p.conn.SetReadDeadline(p.until)
}

// badMessage is why a message is refused, with the status that says so to a client.
type badMessage struct {
	status int
	why    string
}

func (b *badMessage) Error() string { return b.why }

// What a message may be refused for.
var (
	errLineEnd       = &badMessage{400, "a line does not end with CR LF"}
	errRequestLine   = &badMessage{400, "the request line is not METHOD TARGET HTTP/1.1"}
	errStatusLine    = &badMessage{400, "the status line is not HTTP/1.1 STATUS REASON"}
	errVersion       = &badMessage{505, "the version is neither HTTP/1.1 nor HTTP/1.0"}
	errTarget        = &badMessage{400, "the request target is no URL"}
	errField         = &badMessage{400, "a header line is not NAME: VALUE"}
	errFieldName     = &badMessage{400, "a header name holds characters that none may have"}
	errFieldValue    = &badMessage{400, "a header value holds control characters"}
	errManyFields    = &badMessage{431, "there are too many headers"}
	errLargeHead     = &badMessage{431, "the headers are too large"}
	errHost          = &badMessage{400, "there must be one Host, with a name or an address"}
	errLength        = &badMessage{400, "Content-Length must be one number of digits"}
	errTwoEnds       = &badMessage{400, "Content-Length and Transfer-Encoding are both there"}
	errEncoding      = &badMessage{501, "of transfer encodings only chunked is supported, once"}
	errOldEncoding   = &badMessage{400, "HTTP/1.0 has no Transfer-Encoding"}
	errExpectation   = &badMessage{417, "of expectations only 100-continue is supported"}
	errChunk         = &badMessage{400, "a chunk does not begin with its size, or does not end with it"}
	errLargeTrailer  = &badMessage{400, "the trailer is too large"}
	errTrailerFields = &badMessage{400, "the trailer holds what only a header may"}
)

// errUnfinished is the input's answer when more must be read for a whole head.
var errUnfinished = errors.New("the head has not ended")
