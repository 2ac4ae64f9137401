// Package observe shows operators what a running process does.
//
//	log.go      the logger, which knows what must not be logged
//	redact.go   what that is
//	lines.go    the log's way out, on which nobody waits
//	http.go     the outermost handler: request id, one line a request, panics caught
//	caller.go   who calls, through proxies that are trusted
//	metrics.go  counters for Prometheus
//	ops.go      the ops listener: /metrics, /healthz, /readyz, /debug/pprof/
//
// It does not decide what is worth a line: each package logs or returns what it knows.
// It does not own the audit of what people did, which is kept and not just shown.
package observe

import (
	"io"
	"log/slog"
)

// NewLogger returns a logger that writes lines of format "text" or "json" to w.
// Whatever is given to it, secrets by name are redacted (see redact.go), and every
// record stays one line of printable characters.
func NewLogger(w io.Writer, level slog.Leveler, format string) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: replaceAttr}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
