package web

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/page"
)

// callsView is a list of calls with what each check of them decided, and a form that asks
// about a call that nobody makes. The Store shows it of an application, the Publisher of
// an API.
type callsView struct {
	CSRF   string
	Crumbs []page.Link // the last one is this page
	Lead   string
	Action string // where the form goes
	Base   string // the path that the form's field begins with

	Usage usageFacts
	Calls []*gatehouse.Call
	Now   time.Time

	Method, Path string // as they were typed
	Answer       *gatehouse.Call
	Error        string
}

// methods are what the form lets one choose.
var methods = func() []page.Option {
	var options []page.Option
	for _, m := range gatehouse.Methods {
		options = append(options, page.Option{Value: m, Label: m})
	}
	return options
}()

// callsOf shows an application's last calls to its owner.
func (h *Handler) callsOf(v *visit) error {
	view, err := h.callsOfView(v)
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "Your latest calls", page.Store, "/subscriptions", callsBody(view))
}

func (h *Handler) callsOfView(v *visit) (*callsView, error) {
	ctx, id := v.r.Context(), v.r.PathValue("app")
	app, err := h.Store.Application(ctx, v.Member, id)
	if err != nil {
		return nil, err
	}
	subscribed, err := h.subscribedTo(v, id)
	if err != nil {
		return nil, err
	}
	view := &callsView{
		CSRF: v.CSRF, Lead: "What " + app.Name + " called in the last hour, and why each call was answered as it was.",
		Crumbs: []page.Link{{Label: "My Subscriptions", Href: "/subscriptions"}, {Label: app.Name, Href: keysPath(id, gatehouse.Production)}, {Label: "Your latest calls"}},
		Action: "/subscriptions/" + id + "/calls", Base: "/", Now: h.Now(),
	}
	for _, s := range subscribed {
		if s.API != nil {
			view.Base = s.API.BasePath() + "/"
			break
		}
	}
	used, err := h.Store.Usage(ctx, v.Member, id, lastDay)
	if err != nil {
		return nil, err
	}
	view.Usage = newUsageFacts(used)
	view.Calls, err = h.Store.Calls(ctx, v.Member, id)
	return view, err
}

// lastDay asks for the last 24 hours, by outcome.
var lastDay = gatehouse.UsageQuery{Unit: gatehouse.UsageHour, By: []string{"class", "code"}}

// usageFacts sum up how often was called, and with what outcome.
type usageFacts struct {
	Calls, Refused, Failed int64 // refused by the gateway; failed by the backend
	P50, P99               time.Duration
}

func newUsageFacts(used []gatehouse.Usage) usageFacts {
	var f usageFacts
	var sum gatehouse.Usage
	for i := range used {
		u := &used[i]
		sum.Add(u)
		switch {
		case u.Code != "":
			f.Refused += u.Calls
		case u.Class == "5xx":
			f.Failed += u.Calls
		}
	}
	f.Calls, f.P50, f.P99 = sum.Calls, sum.Latency.Quantile(0.5), sum.Latency.Quantile(0.99)
	return f
}

// explainOf answers the form of callsOf.
func (h *Handler) explainOf(v *visit) error {
	view, err := h.callsOfView(v)
	if err != nil {
		return err
	}
	return h.explain(v, view, page.Store, "/subscriptions")
}

// callsTo shows an API's last calls to those who offer it.
func (h *Handler) callsTo(v *visit) error {
	view, err := h.callsToView(v)
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "Latest calls", page.Publisher, "/publisher", callsBody(view))
}

func (h *Handler) callsToView(v *visit) (*callsView, error) {
	ctx, id := v.r.Context(), v.r.PathValue("id")
	a, err := h.Publisher.API(ctx, v.Member, id)
	if err != nil {
		return nil, err
	}
	view := &callsView{
		CSRF: v.CSRF, Lead: "The calls of " + a.Name + " " + a.Version + " in the last hour, and why each was answered as it was.",
		Crumbs: []page.Link{{Label: "Publisher", Href: "/publisher"}, {Label: a.Name, Href: "/publisher/apis/" + id}, {Label: "Latest calls"}},
		Action: "/publisher/apis/" + id + "/calls", Base: a.BasePath() + "/", Now: h.Now(),
	}
	used, err := h.Publisher.Usage(ctx, v.Member, id, lastDay)
	if err != nil {
		return nil, err
	}
	view.Usage = newUsageFacts(used)
	view.Calls, err = h.Publisher.Calls(ctx, v.Member, id)
	return view, err
}

// explainTo answers the form of callsTo.
func (h *Handler) explainTo(v *visit) error {
	view, err := h.callsToView(v)
	if err != nil {
		return err
	}
	return h.explain(v, view, page.Publisher, "/publisher")
}

// explain shows what would become of the call in the form. Its token is shown nowhere.
func (h *Handler) explain(v *visit, view *callsView, area, nav string) error {
	view.Method, view.Path = v.r.PostFormValue("method"), v.r.PostFormValue("path")
	answer, err := h.Store.Explain(v.r.Context(), v.Member, gatehouse.Question{Method: view.Method, Target: view.Path, Token: v.r.PostFormValue("accesstoken")})
	message, ok := said(err)
	if err != nil && !ok {
		return err
	}
	status := http.StatusOK
	if view.Answer, view.Error = answer, message; err != nil {
		status = http.StatusConflict
	}
	return v.show(status, "Latest calls", area, nav, callsBody(view))
}

// verdict is what became of a call, in a word.
func verdict(c *gatehouse.Call) page.Pill {
	switch {
	case !c.Allowed():
		return page.Pill{Mood: page.Bad, Label: c.Answer()}
	case c.Status == 0:
		return page.Pill{Mood: page.OK, Label: "Let through"}
	case c.Status >= http.StatusInternalServerError:
		return page.Pill{Mood: page.Care, Label: strconv.Itoa(c.Status)}
	}
	return page.Pill{Mood: page.OK, Label: strconv.Itoa(c.Status)}
}

// whose tells who made a call, and through which application.
func whose(c *gatehouse.Call) string {
	text := ""
	if c.User != "" {
		text += ", by " + c.User
	}
	if c.Application != "" {
		text += ", through " + c.Application
	}
	return text
}

// stepMood is how a check looks.
func stepMood(s gatehouse.Step) string {
	switch s.Result {
	case gatehouse.StepPassed:
		return page.OK
	case gatehouse.StepRefused:
		return page.Bad
	}
	return page.Off
}
