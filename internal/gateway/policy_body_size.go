package gateway

import (
	"fmt"
	"io"
	"net/http"

	"github.com/gatehouse/gatehouse"
)

// bodySizeSettings bounds how many bytes a body has: the request's, or on the response
// side the answer's. The gateway bounds all requests by --max-body; this bounds those of
// one API or resource further, and cannot lift what the gateway or the API has.
//
// A request that tells its length is answered 413 before anything of its body is read; one
// that does not, when it turns out to be too large. An answer that tells its length is
// answered 502 in its place; one that does not is cut off, so that it cannot be taken for
// a complete one.
type bodySizeSettings struct {
	// Max is the most bytes that a body may have. It must be given; 0 means that there is
	// no body.
	Max *int64 `json:"max"`
}

// bodySize is the compiled form.
type bodySize struct {
	side  gatehouse.Side
	max   int64
	large *Refusal // of a request
	long  *Refusal // of an answer
}

func newBodySize(s bodySizeSettings, p place) (any, error) {
	if s.Max == nil || *s.Max < 0 {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "max must be given, the most bytes that a body may have")
	}
	return bodySize{
		side: p.side, max: *s.Max,
		large: status(http.StatusRequestEntityTooLarge, largeBody.Message, fmt.Sprintf("The body may have %d bytes here", *s.Max)),
		long:  report(http.StatusBadGateway, badAnswer.Code, badAnswer.Message, fmt.Sprintf("The answer of the back end is larger than %d bytes", *s.Max)),
	}, nil
}

func (b bodySize) answer(c *call) bool {
	switch {
	case b.side != gatehouse.RequestSide:
		return false
	case c.r.ContentLength > b.max || c.kept.read && int64(len(c.kept.body)) > b.max:
		c.refuse(b.large)
		return true
	case c.r.ContentLength < 0 && !c.kept.read:
		c.r.Body = http.MaxBytesReader(c.w, c.r.Body, b.max)
	}
	return false
}

func (b bodySize) respond(c *call, res *http.Response) error {
	switch {
	case b.side != gatehouse.ResponseSide || res.StatusCode == http.StatusSwitchingProtocols || c.r.Method == http.MethodHead:
		return nil
	case res.ContentLength > b.max:
		return b.long
	case res.ContentLength < 0:
		res.Body = &bounded{res.Body, b.max, b.long}
	}
	return nil
}

// bounded is an answer's body that ends in an error when it has more than left bytes.
type bounded struct {
	io.ReadCloser
	left int64
	err  error
}

func (b *bounded) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if int64(n) > b.left {
		return int(b.left), b.err
	}
	b.left -= int64(n)
	return n, err
}
