package gateway

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
)

// kept is what policies keep of a call from one moment to the next.
type kept struct {
	body    []byte   // of the request, when a policy asked for it
	read    bool     // whether one did
	watch   *watch   // of the policy timeouts
	looking *looking // of the policy cache
}

// readBody returns the request's body, read to its end, for policies that must see all of
// it before the backend sees any. It is read once, however many policies ask, and whoever
// reads the request next reads it from memory. A length that was told stays told, and a
// body in pieces stays one, with the trailers that were announced.
//
// A body of more than limit bytes is refused, without reading it when its length was told.
// Nobody asks before the call is let through: what has no right to be heard is not read,
// and a caller that waits for 100 Continue gets it now (RFC 9110, section 10.1.1).
func (c *call) readBody(limit int64) ([]byte, *Refusal) {
	if c.kept.read {
		if int64(len(c.kept.body)) > limit {
			return nil, largeBody
		}
		return c.kept.body, nil
	}
	if c.r.ContentLength > limit {
		return nil, largeBody
	}
	announced := c.announced()
	var b bytes.Buffer
	if c.r.ContentLength > 0 {
		b.Grow(int(c.r.ContentLength) + bytes.MinRead) // so that the end is found without another allocation
	}
	n, err := b.ReadFrom(io.LimitReader(c.r.Body, limit+1))
	switch {
	case err != nil && refusalFor(err) == largeBody || n > limit:
		return nil, largeBody
	case err != nil:
		return nil, incompleteBody
	}
	c.keepTrailers(announced)
	c.kept.body, c.kept.read = b.Bytes(), true
	c.r.Body = struct {
		io.Reader
		io.Closer
	}{bytes.NewReader(c.kept.body), c.r.Body}
	return c.kept.body, nil
}

// announced returns the names of the trailers that the head of the request announces.
func (c *call) announced() []string {
	var names []string
	for name := range c.r.Trailer {
		names = append(names, name)
	}
	return names
}

// keepTrailers drops the trailers that arrived and were not announced: see body.
func (c *call) keepTrailers(announced []string) {
	if announced == nil {
		c.r.Trailer = nil
	}
	for name := range c.r.Trailer {
		if !slices.Contains(announced, name) {
			delete(c.r.Trailer, name)
		}
	}
}

// hasBody reports whether the request has a body, or may have one: in pieces, its end is
// not known before it is read.
func hasBody(r *http.Request) bool { return r.ContentLength != 0 }

// media is what headers say of a body.
type media struct {
	name  string // "application/json"; empty when nothing or nothing readable is said
	plain bool   // neither compressed nor in another encoding than UTF-8
	clear bool   // it is said once
}

func mediaOf(h http.Header) media {
	m := media{plain: true, clear: len(h["Content-Type"]) <= 1 && len(h["Content-Encoding"]) <= 1}
	if encoding := h.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		m.plain = false
	}
	name, parameters, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return m
	}
	m.name = name
	switch strings.ToLower(parameters["charset"]) {
	case "", "utf-8", "us-ascii":
	default:
		m.plain = false
	}
	return m
}

// isJSON reports whether a media type is one of JSON (RFC 6839, section 3.1).
func isJSON(name string) bool {
	return name == "application/json" || name == "text/json" || strings.HasSuffix(name, "+json")
}

// isXML reports whether a media type is one of XML (RFC 7303, section 4).
func isXML(name string) bool {
	return name == "application/xml" || name == "text/xml" || strings.HasSuffix(name, "+xml")
}
