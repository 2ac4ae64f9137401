package web

import (
	"net/http"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/page"
	"github.com/gatehouse/gatehouse/internal/respond"
)

// fail answers with the page of err and logs what is ours to repair.
func (h *Handler) fail(v *visit, err error) {
	status, id := respond.Status(err), v.w.Header().Get("X-Request-Id")
	if status >= http.StatusInternalServerError {
		h.Log.ErrorContext(v.r.Context(), "page failed", "path", v.r.URL.Path, "request", id, "error", err)
	}
	if v.Org == nil {
		v.Org = &gatehouse.Organization{Key: gatehouse.DefaultOrganization, Name: "Gatehouse"}
	}
	if err := v.show(status, http.StatusText(status), page.Store, "", page.ProblemOf(err, status, id).View()); err != nil {
		h.Log.ErrorContext(v.r.Context(), "error page failed", "request", id, "error", err)
	}
}

// said returns the message of an error that the reader can act on where they are: the
// form comes back with it. Others are errors of the page.
func said(err error) (string, bool) {
	switch gatehouse.KindOf(err) {
	case gatehouse.Invalid, gatehouse.Conflict, gatehouse.TooLarge:
		return page.Sentence(gatehouse.MessageOf(err)), true
	}
	return "", false
}
