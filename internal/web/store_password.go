package web

import (
	"net/http"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/page"
)

// passwordUse says how much the keys depend on the password grant, nothing when they never
// used it.
func (v *subscriptionsView) passwordUse() string {
	for _, u := range v.Uses {
		if u.Grant == gatehouse.GrantPassword {
			return "Password grant: " + count(int(u.Uses), "use") + ", last " + dayName(u.LastDay, v.Now) + "."
		}
	}
	return ""
}

// dayName names a day as seen from now.
func dayName(day, now time.Time) string {
	switch days := int(gatehouse.Day(now).Sub(day) / (24 * time.Hour)); {
	case days <= 0:
		return "today"
	case days == 1:
		return "yesterday"
	}
	return "on " + day.Format("2 January 2006")
}

// passwordGrantView is the page that leads away from the password grant.
type passwordGrantView struct {
	Org   *gatehouse.Organization
	Since string // since when the organization asks to leave it; empty when it does not
}

// passwordGrant shows what a Deprecation header's link leads to. Anybody may read it.
func (h *Handler) passwordGrant(v *visit) error {
	if key := v.r.URL.Query().Get("o"); key != "" {
		org, err := h.Organizations.Organization(v.r.Context(), key)
		if err != nil {
			return err
		}
		v.Org = org
	}
	view := passwordGrantView{Org: v.Org}
	if since := v.Org.PasswordDeprecated; !since.IsZero() {
		view.Since = since.Format("2 January 2006")
	}
	return v.show(http.StatusOK, "The password grant", page.Store, "", passwordGrantBody(view))
}
