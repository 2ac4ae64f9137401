package observe

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/gatehouse/gatehouse"
)

const requestID = "X-Request-Id"

// RequestID returns the id of the request that w answers. Errors are logged with it,
// and it is what a user quotes to an operator.
func RequestID(w http.ResponseWriter) string { return w.Header().Get(requestID) }

// Requests is the outermost handler of an interface. Every answer carries an id in
// X-Request-Id; an id that the client sent is not believed, because it would let
// strangers write into our log and pass for others.
type Requests struct {
	Next http.Handler
	Log  *slog.Logger
	Now  func() time.Time

	// Count counts answers; the zero value counts nothing.
	Count StatusCounters

	// AccessLog writes the line of each request at level info; without it, as for the
	// gateway, the line is written at debug and costs nothing above.
	AccessLog bool
}

// ServeHTTP hands the request on, then counts and logs it.
func (h *Requests) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := h.Now()
	rec := &recorder{ResponseWriter: w, id: [1]string{gatehouse.NewID(start)}}
	w.Header()[requestID] = rec.id[:]
	method, path, ctx := r.Method, r.URL.Path, r.Context() // what is behind may change r
	defer func() {
		cause := recover()
		if cause != nil && cause != http.ErrAbortHandler {
			h.panicked(ctx, rec, cause)
		}
		h.Count.count(rec.finalStatus())
		h.line(ctx, rec, method, path, r.RemoteAddr, start)
		if cause != nil && (rec.status != 0 && !rec.ours || cause == http.ErrAbortHandler) {
			panic(http.ErrAbortHandler) // half an answer must not look like a whole one
		}
	}()
	h.Next.ServeHTTP(rec, r)
}

// panicked logs a bug of ours and, when no answer has begun, answers.
func (h *Requests) panicked(ctx context.Context, rec *recorder, cause any) {
	what := fmt.Sprintf("%T", cause)
	switch c := cause.(type) {
	case error:
		what = c.Error()
	case string:
		what = c
	}
	h.Log.LogAttrs(ctx, slog.LevelError, "panic", slog.String("panic", what), slog.String("id", rec.id[0]), slog.String("stack", string(debug.Stack())))
	if rec.status != 0 {
		return
	}
	header := rec.Header()
	clear(header) // what was set was for another answer
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	rec.ours = true
	rec.WriteHeader(http.StatusInternalServerError)
	io.WriteString(rec, "internal error, request "+rec.id[0]+"\n")
}

// maxPath bounds what a line repeats of a path.
const maxPath = 512

// line writes a request's line. The query is left out: clients put tokens into it.
func (h *Requests) line(ctx context.Context, rec *recorder, method, path, remote string, start time.Time) {
	level := slog.LevelDebug
	if h.AccessLog {
		level = slog.LevelInfo
	}
	if !h.Log.Enabled(ctx, level) {
		return
	}
	if host, _, err := net.SplitHostPort(remote); err == nil {
		remote = host
	}
	h.Log.LogAttrs(ctx, level, "request",
		slog.String("id", rec.id[0]), slog.String("method", method), slog.String("path", path[:min(len(path), maxPath)]),
		slog.Int("status", rec.finalStatus()), slog.Int64("bytes", rec.bytes),
		slog.Duration("duration", h.Now().Sub(start)), slog.String("remote", remote))
}

// recorder remembers what an answer came to. http.ResponseController finds through
// Unwrap what the server's own writer can do; Hijack and ReadFrom stand here as well
// because they must be seen to be counted.
type recorder struct {
	http.ResponseWriter
	id     [1]string // an array, so that the header's value needs no memory of its own
	status int       // 0 until an answer begins
	bytes  int64
	ours   bool // the answer is the panic catcher's
}

// finalStatus returns the status that the client sees: 200 when nobody set one.
func (rec *recorder) finalStatus() int {
	if rec.status == 0 {
		return http.StatusOK
	}
	return rec.status
}

// Unwrap is for http.ResponseController.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }

// WriteHeader begins the answer. The id is set again, because a proxy has by now
// added the headers of its backend.
func (rec *recorder) WriteHeader(status int) {
	informational := status < 200 && status != http.StatusSwitchingProtocols
	if rec.status == 0 {
		rec.Header()[requestID] = rec.id[:]
		if !informational {
			rec.status = status
		}
	}
	rec.ResponseWriter.WriteHeader(status)
}

// Write writes a part of the body.
func (rec *recorder) Write(b []byte) (int, error) {
	if rec.status == 0 {
		rec.WriteHeader(http.StatusOK)
	}
	n, err := rec.ResponseWriter.Write(b)
	rec.bytes += int64(n)
	return n, err
}

// ReadFrom keeps the server's way of sending files without copying them.
func (rec *recorder) ReadFrom(src io.Reader) (int64, error) {
	if rec.status == 0 {
		rec.WriteHeader(http.StatusOK)
	}
	n, err := io.Copy(rec.ResponseWriter, src)
	rec.bytes += n
	return n, err
}

// Hijack hands the connection over, as WebSockets need it. What goes over it
// afterwards is not counted.
func (rec *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(rec.ResponseWriter).Hijack()
	if err == nil && rec.status == 0 {
		rec.status = http.StatusSwitchingProtocols
	}
	return conn, rw, err
}
