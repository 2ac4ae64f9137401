package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

// tape is a connection whose other side says what is on it and then no more. What is
// answered is kept.
type tape struct {
	mu     sync.Mutex
	said   *bytes.Reader
	heard  bytes.Buffer
	first  chan struct{} // closed by the first write; nil to speak at once
	once   sync.Once
	closed chan struct{}
	ended  sync.Once
}

func newTape(said []byte, answers bool) *tape {
	t := &tape{said: bytes.NewReader(said), closed: make(chan struct{})}
	if answers {
		t.first = make(chan struct{})
	}
	return t
}

func (t *tape) Read(p []byte) (int, error) {
	if t.first != nil {
		select {
		case <-t.first:
		case <-t.closed:
			return 0, net.ErrClosed
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.said.Read(p)
}

func (t *tape) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.first != nil {
		t.once.Do(func() { close(t.first) })
	}
	return t.heard.Write(p)
}

func (t *tape) Close() error {
	t.ended.Do(func() { close(t.closed) })
	return nil
}

func (*tape) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
func (*tape) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2} }
func (*tape) SetDeadline(time.Time) error      { return nil }
func (*tape) SetReadDeadline(time.Time) error  { return nil }
func (*tape) SetWriteDeadline(time.Time) error { return nil }

// tapes is a listener that accepts tapes.
type tapes struct {
	next   chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newTapes() *tapes { return &tapes{next: make(chan net.Conn), closed: make(chan struct{})} }

func (t *tapes) Accept() (net.Conn, error) {
	select {
	case c := <-t.next:
		return c, nil
	case <-t.closed:
		return nil, net.ErrClosed
	}
}

func (t *tapes) Close() error {
	t.once.Do(func() { close(t.closed) })
	return nil
}

func (*tapes) Addr() net.Addr { return &net.TCPAddr{} }

// message is what a parser made of the bytes of one message.
type message struct {
	Line, Host, URL  string
	Header, Trailer  http.Header
	Length           int64
	Encoding         []string
	Close            bool
	Body             string
	Broken           bool // the body did not come to an end
	Interim, Address string
}

// readers are our server and net/http's, fed with the same tapes.
type readers struct {
	own, std *tapes
	mu       sync.Mutex
	read     []message
}

func newReaders(tb testing.TB) *readers {
	r := &readers{own: newTapes(), std: newTapes()}
	own := &Server{Handler: r, Log: slog.New(slog.DiscardHandler)}
	std := &http.Server{Handler: r, MaxHeaderBytes: defaultMaxHead, DisableGeneralOptionsHandler: true, ErrorLog: log.New(io.Discard, "", 0)}
	go own.Serve(r.own)
	go std.Serve(r.std)
	tb.Cleanup(func() { own.Close(); std.Close() })
	return r
}

// ServeHTTP writes down what was read.
func (r *readers) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	m := message{q.Method + " " + q.RequestURI + " " + q.Proto, q.Host, q.URL.String() + fmt.Sprint(q.URL.Path, q.URL.RawPath),
		q.Header.Clone(), q.Trailer, q.ContentLength, q.TransferEncoding, q.Close, string(body), err != nil, "", q.RemoteAddr}
	if len(m.Header["Cache-Control"]) == 1 && len(m.Header["Pragma"]) > 0 && m.Header["Pragma"][0] == "no-cache" && m.Header["Cache-Control"][0] == "no-cache" {
		delete(m.Header, "Cache-Control") // net/http makes one up
	}
	if len(m.Trailer) == 0 {
		m.Trailer = nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read = append(r.read, m)
}

// feed has a server read raw bytes, and returns what it made of them and what it answered.
func (r *readers) feed(t testing.TB, to *tapes, raw []byte) ([]message, string) {
	tape := newTape(raw, false)
	to.next <- tape
	select {
	case <-tape.closed:
	case <-time.After(10 * time.Second):
		t.Fatalf("%q: the connection stays open", raw)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	read := r.read
	r.read = nil
	tape.mu.Lock()
	defer tape.mu.Unlock()
	return read, tape.heard.String()
}

// compare has both servers read raw bytes. Ours must make of them what net/http does, or
// refuse; it returns how many requests each read.
func (r *readers) compare(t testing.TB, raw []byte) (own, std []message, answer string) {
	t.Helper()
	std, _ = r.feed(t, r.std, raw)
	own, answer = r.feed(t, r.own, raw)
	for i, m := range own {
		if i >= len(std) {
			t.Fatalf("%q: net/http reads %d requests, we go on with %+v", raw, len(std), m)
		}
		if m.Broken {
			continue // and nothing can follow
		}
		if !reflect.DeepEqual(m, std[i]) {
			t.Fatalf("%q: request %d differs\n own %+v\n std %+v", raw, i+1, m, std[i])
		}
	}
	return own, std, answer
}

// answerOf is what a transport makes of a backend's raw answer to a request.
func answerOf(t testing.TB, transport http.RoundTripper, method string) (m message, err error) {
	var interim []string
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		interim = append(interim, fmt.Sprint(code, h))
		return nil
	}})
	r, err := http.NewRequestWithContext(ctx, method, "http://backend.example/", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := transport.RoundTrip(r)
	if err != nil {
		return message{}, err
	}
	defer res.Body.Close()
	m = message{Line: fmt.Sprint(res.StatusCode, res.Proto), Header: res.Header, Length: res.ContentLength, Encoding: res.TransferEncoding, Close: res.Close, Interim: strings.Join(interim, "|")}
	if hasToken(m.Header["Connection"], "close") {
		delete(m.Header, "Connection") // net/http does; and with it what else is in it
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		return m, nil
	}
	body, err := io.ReadAll(res.Body)
	m.Body, m.Broken, m.Trailer = string(body), err != nil, res.Trailer
	if len(m.Trailer) == 0 {
		m.Trailer = nil
	}
	return m, nil
}

// compareAnswers has both transports read a raw answer. Ours must make of it what net/http
// does, or refuse.
func compareAnswers(t testing.TB, method string, raw []byte) (own, std message, ownErr, stdErr error) {
	t.Helper()
	dial := func(context.Context, string, string) (net.Conn, error) { return newTape(raw, true), nil }
	theirs := &http.Transport{DialContext: dial, DisableCompression: true, MaxResponseHeaderBytes: defaultMaxHeader}
	defer theirs.CloseIdleConnections()
	ours := &Transport{Dial: dial}
	defer ours.CloseIdleConnections()
	std, stdErr = answerOf(t, theirs, method)
	own, ownErr = answerOf(t, ours, method)
	switch {
	case errors.Is(ownErr, context.DeadlineExceeded):
		t.Fatalf("%q: we wait for ever", raw)
	case ownErr != nil:
	case stdErr != nil:
		t.Fatalf("%q: net/http says %v, we read %+v", raw, stdErr, own)
	case own.Broken:
	case !reflect.DeepEqual(own, std):
		t.Fatalf("%q: answers differ\n own %+v\n std %+v", raw, own, std)
	}
	return own, std, ownErr, stdErr
}
