package wire

import (
	"context"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Proxy is a httputil.ReverseProxy that copies less. It has those of its fields that are
// needed here, with their meaning, and all of its rules: hop-by-hop headers end here in both
// directions (RFC 9110, section 7.6.1), interim answers, trailers and switched protocols
// pass. It works with any server and any transport.
type Proxy struct {
	// Rewrite makes the backend's request. Out has a header of its own without what a client
	// says of ways; the slices of values in it are the client's, and must be replaced rather
	// than written into.
	Rewrite        func(*httputil.ProxyRequest)
	ModifyResponse func(*http.Response) error
	ErrorHandler   func(http.ResponseWriter, *http.Request, error)
	Transport      http.RoundTripper
	BufferPool     httputil.BufferPool
	// FlushInterval below 0 sends each piece of a body on as it comes. A body without a
	// length is sent so in any case.
	FlushInterval time.Duration
	Log           *slog.Logger
}

// headerGrace is how long a header waits for the first piece of its body, to leave with it.
const headerGrace = 2 * time.Millisecond

// ServeHTTP carries one request to the backend, and its answer back.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, in *http.Request) {
	e := &errand{hints: hints{w: w}}
	out := in.WithContext(in.Context())
	upgrade := upgradeOf(in.Header)
	e.outgoing(out, in, upgrade)
	defer e.body.Close()
	e.both = httputil.ProxyRequest{In: in, Out: out}
	p.Rewrite(&e.both)
	out = e.traced()
	res, err := p.Transport.RoundTrip(out)
	e.hints.end()
	if err != nil {
		p.ErrorHandler(w, out, err)
		return
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		withoutHops(res.Header)
	}
	if p.ModifyResponse != nil {
		if err := p.ModifyResponse(res); err != nil {
			res.Body.Close()
			p.ErrorHandler(w, out, err)
			return
		}
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		if err := p.join(w, out, res, upgrade); err != nil {
			p.ErrorHandler(w, out, err)
		}
		return
	}
	p.answer(w, in, res)
}

// errand is all that one request needs on its way, in one piece of memory.
type errand struct {
	hints hints
	url   url.URL
	body  lentBody
	both  httputil.ProxyRequest
}

// traced returns the backend's request with the hints in its context.
func (e *errand) traced() *http.Request {
	if own, ok := e.both.In.Context().(*requestContext); ok {
		own.hints = &e.hints
		return e.both.Out
	}
	return e.both.Out.WithContext(context.WithValue(e.both.Out.Context(), hintsKey{}, &e.hints))
}

// outgoing makes out, a shallow copy of in, a request of its own.
func (e *errand) outgoing(out, in *http.Request, upgrade string) {
	e.url = *in.URL
	out.URL, out.RequestURI, out.Close = &e.url, "", false
	if out.Trailer = in.Trailer.Clone(); in.ContentLength == 0 {
		out.Body = nil
	} else if in.Body != nil {
		e.body.ReadCloser, out.Body = in.Body, &e.body
	}
	out.Header = make(http.Header, len(in.Header)+4) // and what Rewrite adds
	for name, values := range in.Header {
		out.Header[name] = values
	}
	withoutHops(out.Header)
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		delete(out.Header, name)
	}
	if hasToken(in.Header["Te"], "trailers") {
		out.Header["Te"] = []string{"trailers"}
	}
	if upgrade != "" {
		out.Header["Connection"], out.Header["Upgrade"] = []string{"Upgrade"}, []string{upgrade}
	}
	if _, told := out.Header["User-Agent"]; !told {
		out.Header["User-Agent"] = noAgent // net/http would make one up
	}
}

var noAgent = []string{""}

// upgradeOf returns the protocol that a header asks for; empty for none.
func upgradeOf(h http.Header) string {
	if h["Upgrade"] == nil || !hasToken(h["Connection"], "Upgrade") {
		return ""
	}
	return h.Get("Upgrade")
}

// withoutHops removes what is meant for the next reader alone, by its name or because
// Connection names it.
func withoutHops(h http.Header) {
	for _, list := range h["Connection"] {
		for name := range strings.SplitSeq(list, ",") {
			if name = trim(name); name != "" {
				delete(h, textproto.CanonicalMIMEHeaderKey(name))
			}
		}
	}
	for _, name := range [...]string{"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade"} {
		delete(h, name)
	}
}

// lentBody is a client's body while the backend's request has it. A transport closes it, at
// a time of its own choice; that must not close the client's.
type lentBody struct {
	io.ReadCloser
	back atomic.Bool
}

// Read reads on, until the body was given back.
func (b *lentBody) Read(p []byte) (int, error) {
	if b.back.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	return b.ReadCloser.Read(p)
}

// Close gives the body back.
func (b *lentBody) Close() error {
	b.back.Store(true)
	return nil
}

// hints passes interim answers on, as long as there is no other.
type hints struct {
	mu sync.Mutex
	w  http.ResponseWriter // nil when there is
}

// hintsKey finds the hints in the context of a backend's request.
type hintsKey struct{}

// Traced is for requests of a Proxy that a transport of net/http carries: it has that tell
// of interim answers.
func Traced(r *http.Request) *http.Request {
	hints, ok := r.Context().Value(hintsKey{}).(*hints)
	if !ok || hints == nil {
		return r
	}
	return r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{Got1xxResponse: hints.pass}))
}

func (i *hints) pass(status int, header textproto.MIMEHeader) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.w == nil {
		return nil
	}
	h := i.w.Header()
	for name, values := range header {
		h[name] = append(h[name], values...)
	}
	i.w.WriteHeader(status)
	clear(h) // what it said is not what the answer says
	return nil
}

func (i *hints) end() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.w = nil
}

// answer writes the backend's answer. One that breaks off breaks off for the client too.
func (p *Proxy) answer(w http.ResponseWriter, in *http.Request, res *http.Response) {
	h := w.Header()
	for name, values := range res.Header {
		if before := h[name]; before != nil {
			values = append(before, values...)
		}
		h[name] = values
	}
	announced := len(res.Trailer)
	for name := range res.Trailer {
		h["Trailer"] = append(h["Trailer"], name)
	}
	w.WriteHeader(res.StatusCode)
	if err := p.copyBody(w, in, res); err != nil {
		res.Body.Close()
		if in.Context().Value(http.ServerContextKey) != nil {
			panic(http.ErrAbortHandler)
		}
		return
	}
	res.Body.Close() // now, because a transport may fill the trailer in at this moment
	if len(res.Trailer) == 0 {
		return
	}
	_ = http.NewResponseController(w).Flush() // so that the answer goes in chunks, which trailers need
	prefix := ""
	if len(res.Trailer) != announced {
		prefix = http.TrailerPrefix
	}
	for name, values := range res.Trailer {
		h[prefix+name] = append(h[prefix+name], values...)
	}
}

// copyBody copies the body of an answer, in the pieces in which it comes where that may
// matter.
func (p *Proxy) copyBody(w http.ResponseWriter, in *http.Request, res *http.Response) error {
	if res.Body == http.NoBody {
		return nil
	}
	pieces := piecewise{w: w}
	if p.FlushInterval < 0 || res.ContentLength == -1 || events(res.Header) {
		pieces.flush = http.NewResponseController(w)
		pieces.timer = time.AfterFunc(headerGrace, pieces.header)
		defer pieces.timer.Stop()
	}
	buf := p.BufferPool.Get()
	defer p.BufferPool.Put(buf)
	for {
		n, err := res.Body.Read(buf)
		if n > 0 {
			if err := pieces.write(buf[:n], err != io.EOF); err != nil {
				return err
			}
		}
		if err != nil {
			pieces.end()
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			if in.Context().Err() == nil { // else it is no news
				p.Log.WarnContext(in.Context(), "the backend's answer broke off", "error", err)
			}
			return err
		}
	}
}

// events reports whether an answer is a stream of events.
func events(h http.Header) bool {
	values := h["Content-Type"]
	if len(values) == 0 || !strings.HasPrefix(strings.ToLower(values[0]), "text/event-stream") {
		return false
	}
	kind, _, _ := mime.ParseMediaType(values[0])
	return kind == "text/event-stream"
}

// piecewise sends each piece on at once. The header leaves with the first piece, or by
// itself when that is late.
type piecewise struct {
	w     http.ResponseWriter
	flush *http.ResponseController // nil when pieces may be held back
	timer *time.Timer

	mu    sync.Mutex
	begun bool
}

func (p *piecewise) write(piece []byte, more bool) error {
	if p.flush == nil {
		_, err := p.w.Write(piece)
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun = true
	if _, err := p.w.Write(piece); err != nil || !more {
		return err // the last piece leaves with the end
	}
	return p.flush.Flush()
}

// header sends the header alone.
func (p *piecewise) header() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.begun {
		p.begun = true
		_ = p.flush.Flush() // the next piece meets the same error
	}
}

// end keeps the timer from writing to an answer that is over.
func (p *piecewise) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun = true
}
