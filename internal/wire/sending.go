package wire

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync/atomic"
)

// sending is a request's body on its way to a backend.
type sending struct {
	upstream *upstream
	r        *http.Request
	length   int64                  // chunked when nobody told it
	asked    bool                   // for 100 Continue
	trace    *httptrace.ClientTrace // may be nil
	begun    bool
	done     atomic.Bool           // all of it has been sent
	err      atomic.Pointer[error] // why it cannot be
}

// errBodyLength is for a body that is not as long as was told.
var errBodyLength = errors.New("the request's body is not as long as its Content-Length")

// begin sends it beside the reading, if that has not begun.
func (s *sending) begin() {
	if s.begun {
		return
	}
	s.begun = true
	go func() {
		err := s.all()
		wrote(s.trace, err)
		if s.failed() != nil {
			s.upstream.close() // whoever waits for the answer must not wait for ever
		}
	}()
}

// failed returns why the body could not be read; nil when it could, or is still.
func (s *sending) failed() error {
	if err := s.err.Load(); err != nil {
		return *err
	}
	return nil
}

// all sends the body and closes it. An error of the body is kept for whoever asks; one of
// the connection is not, because the backend may have answered before it closed it.
func (s *sending) all() error {
	defer s.r.Body.Close()
	u := s.upstream
	buf, out := largePool.Get().(*large), u.out
	defer largePool.Put(buf)
	sent := int64(0)
	for {
		n, err := s.r.Body.Read(buf[:32<<10])
		if sent += int64(n); s.length >= 0 && (sent > s.length || err == io.EOF && sent < s.length) {
			err = errBodyLength
		}
		out = s.appendPart(out, buf[:n])
		if err != nil && err != io.EOF {
			s.err.Store(&err)
			_, _ = u.rwc.Write(out) // what there is of the body; that it is not all, its end shows
			return err
		}
		if err == io.EOF && s.length < 0 {
			out = append(s.appendTrailer(append(out, "0\r\n"...)), "\r\n"...)
		}
		whole := err == io.EOF || sent == s.length
		if len(out) >= bufferSize || whole || n > 0 && s.length < 0 {
			n, err := u.rwc.Write(out)
			if n > 0 && !u.said { // it is true before all this runs beside the reading
				u.said = true
			}
			if err != nil {
				return err
			}
			out = out[:0]
		}
		if whole {
			s.done.Store(true)
			return nil
		}
	}
}

func (s *sending) appendPart(out, p []byte) []byte {
	if s.length >= 0 || len(p) == 0 {
		return append(out, p...)
	}
	out = append(strconv.AppendInt(out, int64(len(p)), 16), "\r\n"...)
	return append(append(out, p...), "\r\n"...)
}

func (s *sending) appendTrailer(out []byte) []byte {
	for name, values := range s.r.Trailer {
		if !tokenChars.holds(name) || framing(name) {
			continue
		}
		for _, value := range values {
			out = appendField(out, name, value)
		}
	}
	return out
}
