package web

import (
	"net/http"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/page"
)

// orgHomeView is the organization's page.
type orgHomeView struct {
	Member  *gatehouse.Member
	Org     *gatehouse.Organization
	Now     time.Time
	Admin   bool
	Members []*gatehouse.Member // for administrators
	Part    part
}

func (h *Handler) orgHome(v *visit) error {
	view := orgHomeView{Member: v.Member, Org: v.Org, Now: h.Now(), Admin: v.Member.May(gatehouse.Administer)}
	if view.Admin {
		if err := h.fillMembers(v, &view); err != nil {
			return err
		}
	}
	return v.show(http.StatusOK, v.Org.Name, page.Organization, "/org", orgHomeBody(view))
}

// fillMembers reads one page of members, and one more to know whether there is a next.
func (h *Handler) fillMembers(v *visit, view *orgHomeView) error {
	const unknown = 1 << 30 // as many pages as one likes: the last has no next
	view.Part = partOf(v.r, unknown)
	members, err := h.Organizations.Members(v.r.Context(), v.Member, view.Part.From, perPage+1)
	if err != nil {
		return err
	}
	if len(members) <= perPage {
		view.Part.After = ""
	}
	view.Members = members[:min(len(members), perPage)]
	return nil
}

// setting is a setting of the organization in words.
type setting struct {
	Name, Text string
	On         bool
}

func (v orgHomeView) settings() []setting {
	return []setting{
		{"Password grant", "Applications may ask for tokens with a username and a password.", v.Org.PasswordGrant},
		{"Sign-up", "Visitors of the API Store may make an account.", v.Org.SignUp},
		{"Tokens without an end", "Applications may ask for access tokens that never expire.", v.Org.NeverExpiring},
	}
}
