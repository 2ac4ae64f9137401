package observe

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/pprof"

	"github.com/gatehouse/gatehouse"
)

// Ops serves operators. It asks nobody who they are, so it belongs on the ops listener
// and on no other.
type Ops struct {
	Metrics *Metrics
	// Targets returns what is known of the targets of backends, as it is shown.
	Targets func() any
	// Ready returns why the process cannot serve now, or nil.
	Ready func() error
}

// Handler returns the routes. /debug/pprof/cmdline is left out: a database URL with
// its password may stand on the command line.
func (o *Ops) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", o.Metrics.handler())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", o.ready)
	mux.HandleFunc("GET /debug/backends", o.targets)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", http.NotFound)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

func (o *Ops) ready(w http.ResponseWriter, _ *http.Request) {
	if err := o.Ready(); err != nil {
		answer(w, http.StatusServiceUnavailable, "not ready: "+gatehouse.MessageOf(err))
		return
	}
	answer(w, http.StatusOK, "ready")
}

// targets lists the targets of all backends as JSON.
func (o *Ops) targets(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.Encode(o.Targets()) // whoever has left cannot be told so
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	io.WriteString(w, text+"\n")
}
