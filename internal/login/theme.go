package login

import (
	"net/http"

	"github.com/gatehouse/gatehouse/internal/page"
)

// setTheme keeps a choice of colours. The cookie says nothing about anybody.
func (h *Handler) setTheme(w http.ResponseWriter, r *http.Request) error {
	theme := page.ParseTheme(r.PostFormValue("theme"))
	http.SetCookie(w, &http.Cookie{
		Name: page.ThemeCookie, Value: string(theme), Path: "/", MaxAge: 365 * 24 * 60 * 60, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	http.Redirect(w, r, next(r), http.StatusSeeOther)
	return nil
}
