//go:build faults

package faults

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
)

// family is one sign-in and what followed, as its client was answered.
type family struct {
	pair    tokens // the last that was answered
	used    []string
	revoked bool
	doubt   bool // the last request had no answer
}

// work lets workers sign in, refresh twice and revoke every third family, until requests
// break; stop is called after so many answers. It returns what the workers know, and the
// answers that no server should give.
func (h *house) work(t *testing.T, workers, answers int, stop func()) (families []*family, wrong []string) {
	var mu sync.Mutex
	var answered atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			w := worker{h: h, answered: func() {
				if answered.Add(1) == int64(answers) {
					stop()
				}
			}}
			w.run(t)
			mu.Lock()
			defer mu.Unlock()
			families, wrong = append(families, w.families...), append(wrong, w.wrong...)
		})
	}
	wg.Wait()
	return families, wrong
}

type worker struct {
	h        *house
	answered func()
	families []*family
	wrong    []string
}

func (w *worker) run(t *testing.T) {
	for n := 0; ; n++ {
		status, pair := w.h.ask(t, "/token", passwordForm("default"))
		if !w.fine("sign in", status, pair) {
			return
		}
		f := &family{pair: pair}
		w.families = append(w.families, f)
		for range 2 {
			f.doubt = true
			status, pair := w.h.ask(t, "/token", refreshForm(f.pair.Refresh))
			if !w.fine("refresh", status, pair) {
				return
			}
			f.used, f.pair, f.doubt = append(f.used, f.pair.Refresh), pair, false
		}
		if n%3 == 2 {
			f.doubt = true
			status, _ := w.h.ask(t, "/revoke", revokeForm(f.pair.Refresh))
			if !w.fine("revoke", status, tokens{}) {
				return
			}
			f.revoked, f.doubt = true, false
		}
	}
}

func (w *worker) fine(what string, status int, got tokens) bool {
	if status == http.StatusOK {
		w.answered()
		return true
	}
	if status != 0 {
		w.wrong = append(w.wrong, fmt.Sprintf("%s: %d %s", what, status, got.Error))
	}
	return false
}

// audit is what became of families behind a fault.
type audit struct{ lost, resurrected, reused []string }

// check looks at every family: what lived must live, what was revoked or used up must not.
// That a used token is refused is asked last, because it ends its family.
func (h *house) check(t *testing.T, families []*family) (a audit) {
	for i, f := range families {
		if f.doubt {
			continue
		}
		if called := h.calls(f.pair.Access); (called == http.StatusOK) == f.revoked {
			a.count(f, fmt.Sprintf("family %d: a call answers %d", i, called))
		}
		status, next := h.ask(t, "/token", refreshForm(f.pair.Refresh))
		if (status == http.StatusOK) == f.revoked {
			a.count(f, fmt.Sprintf("family %d: a refresh answers %d %s", i, status, next.Error))
		}
		for _, used := range f.used {
			if status, _ := h.ask(t, "/token", refreshForm(used)); status != http.StatusBadRequest {
				a.reused = append(a.reused, fmt.Sprintf("family %d: a used token answers %d", i, status))
			}
		}
	}
	return a
}

func (a *audit) count(f *family, what string) {
	if f.revoked {
		a.resurrected = append(a.resurrected, what)
	} else {
		a.lost = append(a.lost, what)
	}
}

func (a *audit) add(b audit) {
	a.lost, a.resurrected, a.reused = append(a.lost, b.lost...), append(a.resurrected, b.resurrected...), append(a.reused, b.reused...)
}

func (a *audit) report(t *testing.T, number string) {
	none(t, number, "lost", a.lost)
	none(t, number, "resurrected", a.resurrected)
	none(t, number, "old tokens that work again", a.reused)
}
