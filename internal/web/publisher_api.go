package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/page"
	"github.com/gatehouse/gatehouse/internal/publisher"
)

// publisherAPIView is an API as its publisher sees it.
type publisherAPIView struct {
	API         *gatehouse.API
	CSRF        string
	Now         time.Time
	Base        string // URL of the API at the gateway
	Scopes      []gatehouse.Scope
	Subscribers []publisher.Subscriber
	Tiers       gatehouse.Tiers
	MayPublish  bool
	MayChange   bool
	Warnings    []string
	Error       string
}

func (h *Handler) publisherAPI(v *visit) error {
	view, err := h.publisherAPIView(v)
	if err != nil {
		return err
	}
	return h.showPublisherAPI(v, http.StatusOK, view)
}

func (h *Handler) showPublisherAPI(v *visit, status int, view *publisherAPIView) error {
	return v.show(status, view.API.Name+" "+view.API.Version, page.Publisher, "/publisher", publisherAPIBody(view))
}

func (h *Handler) publisherAPIView(v *visit) (*publisherAPIView, error) {
	ctx, id := v.r.Context(), v.r.PathValue("id")
	a, err := h.Publisher.API(ctx, v.Member, id)
	if err != nil {
		return nil, err
	}
	view := &publisherAPIView{API: a, CSRF: v.CSRF, Now: h.Now(), Base: h.GatewayURL + a.BasePath(), MayPublish: v.Member.May(gatehouse.PublishAPIs)}
	view.MayChange = view.MayPublish || !a.Served()
	if view.Scopes, err = h.Store.ScopesOf(ctx, v.Org, a); err != nil {
		return nil, err
	}
	if view.Tiers, err = h.Organizations.Tiers(ctx, v.Org); err != nil {
		return nil, err
	}
	view.Subscribers, err = h.Publisher.Subscribers(ctx, v.Member, id)
	return view, err
}

// publisherDo moves an API along its lifecycle.
func (h *Handler) publisherDo(v *visit) error {
	_, err := h.Publisher.Do(v.r.Context(), v.Member, v.r.PathValue("id"), gatehouse.Action(v.r.PostFormValue("action")))
	return h.afterChange(v, err, "moved")
}

func (h *Handler) publisherSettings(v *visit) error {
	field := func(name string) *string {
		value := strings.TrimSpace(v.r.PostFormValue(name))
		return &value
	}
	approval := v.r.PostFormValue("approval") == "on"
	changes := publisher.Changes{Approval: &approval, Description: field("description"), Production: field("production"), Sandbox: field("sandbox"), Tiers: v.r.PostForm["tier"]}
	if changes.Tiers == nil {
		changes.Tiers = []string{}
	}
	_, err := h.Publisher.Update(v.r.Context(), v.Member, v.r.PathValue("id"), changes)
	return h.afterChange(v, err, "settings")
}

// publisherDecide approves, rejects, blocks or unblocks a subscription.
func (h *Handler) publisherDecide(v *visit) error {
	state := gatehouse.SubscriptionState(v.r.PostFormValue("state"))
	return h.afterChange(v, h.Publisher.Decide(v.r.Context(), v.Member, v.r.PostFormValue("subscription"), state), "subscribers")
}

// decisionButtons are the ways that a subscription may go, the way forward first.
func decisionButtons(s *gatehouse.Subscription, application string) []page.Button {
	var buttons []page.Button
	for _, state := range s.Decisions() {
		b := page.Button{More: application, Small: true, Name: "state", Value: string(state)}
		switch {
		case state == gatehouse.Unblocked && (s.State == gatehouse.OnHold || s.State == gatehouse.Rejected):
			b.Label = "Approve"
		case state == gatehouse.Unblocked:
			b.Label = "Unblock"
		case state == gatehouse.Rejected:
			b.Label, b.Look = "Reject", page.Quiet
		case state == gatehouse.SubscriptionBlock:
			b.Label, b.Look = "Block", page.Quiet
		default:
			continue // production alone is for scripts
		}
		buttons = append(buttons, b)
	}
	return buttons
}

// afterChange leads back to the API's page, or shows it with what is in the way.
func (h *Handler) afterChange(v *visit, failure error, what string) error {
	message, ok := said(failure)
	if failure == nil {
		return v.redirect("/publisher/apis/" + v.r.PathValue("id") + "?done=" + what)
	}
	if !ok {
		return failure
	}
	view, err := h.publisherAPIView(v)
	if err != nil {
		return err
	}
	view.Error = message
	return h.showPublisherAPI(v, http.StatusConflict, view)
}

// actionButtons are the moves that the API's state allows, the way forward first.
func (v *publisherAPIView) actionButtons() []page.Button {
	looks := map[gatehouse.Action]string{gatehouse.Publish: page.Primary, gatehouse.Republish: page.Primary, gatehouse.Block: page.Danger, gatehouse.Retire: page.Danger}
	var buttons []page.Button
	for _, action := range v.API.Actions() {
		b := page.Button{Label: string(action), Look: looks[action], Name: "action", Value: string(action)}
		if b.Look == page.Primary {
			buttons = append([]page.Button{b}, buttons...)
		} else {
			buttons = append(buttons, b)
		}
	}
	return buttons
}

// readiness lists what the gateway needs before it serves an API.
type readiness struct {
	OK   bool
	Text string
}

func (v *publisherAPIView) ready() []readiness {
	a := v.API
	return []readiness{
		{a.Production != "" || a.Sandbox != "", "A backend"},
		{len(a.Tiers) > 0, "A tier to subscribe on"},
		{len(a.Resources) > 0, count(len(a.Resources), "resource")},
	}
}

// tierOffered is a subscription tier as a check box.
type tierOffered struct {
	Tier    gatehouse.Tier
	Offered bool
}

func (v *publisherAPIView) tiers() []tierOffered {
	var tiers []tierOffered
	for _, t := range v.Tiers[gatehouse.SubscriptionTier] {
		tiers = append(tiers, tierOffered{t, slices.Contains(v.API.Tiers, t.Name)})
	}
	return tiers
}
