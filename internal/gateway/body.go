package gateway

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
)

// errIncomplete is in the chain of the error for a body that the caller did not send
// to its end.
var errIncomplete = errors.New("the request's body did not arrive in full")

// body is a request's body on its way to the backend. It tells the caller's failures
// from the backend's, and hands trailers on, whose values are known at its end only.
type body struct {
	io.ReadCloser
	in   *http.Request
	out  http.Header // trailers to send; nil when none were announced
	kept bool        // for another attempt: the reverse proxy closes it in the end
}

// wrapBody has the backend's request read its body through a body.
func wrapBody(p *httputil.ProxyRequest, kept bool) {
	if p.Out.Body == nil {
		return
	}
	cleanRequest(p.Out.Trailer)
	p.Out.Body = &body{p.Out.Body, p.In, p.Out.Trailer, kept}
}

// Read reads on. Only announced trailers pass: a backend may treat them as headers, so
// the others could say what no header may.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF):
		for name := range b.out {
			b.out[name] = b.in.Trailer[name]
		}
		return n, io.EOF
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return n, err
	}
	return n, fmt.Errorf("%w: %w", errIncomplete, err)
}

// Close closes the body, unless it may be needed once more.
func (b *body) Close() error {
	if b.kept {
		return nil
	}
	return b.ReadCloser.Close()
}
