package login

import (
	"net/http"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/page"
	"github.com/gatehouse/gatehouse/internal/respond"
)

// fail answers with the page of err and logs what is ours to repair.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, id := respond.Status(err), w.Header().Get("X-Request-Id")
	if status >= http.StatusInternalServerError {
		h.Log.ErrorContext(r.Context(), "page failed", "path", r.URL.Path, "request", id, "error", err)
	}
	frame := page.Frame{
		Title: http.StatusText(status), Area: page.Store, Nav: r.URL.Path, CSRF: h.CSRF(w, r), Theme: page.ThemeOf(r),
		Organization: &gatehouse.Organization{Key: gatehouse.DefaultOrganization, Name: "Gatehouse"},
	}
	if err := page.Render(w, r, status, frame, page.ProblemOf(err, status, id).View()); err != nil {
		h.Log.ErrorContext(r.Context(), "error page failed", "request", id, "error", err)
	}
}
