package login

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/page"
)

// Authorizations is the Token API's side of what applications ask of people: it knows the
// protocol and writes the answers. Whoever holds a handle may look; only the person in
// front of the browser decides.
type Authorizations interface {
	Asked(ctx context.Context, handle string) (*gatehouse.AuthorizationRequest, *gatehouse.Client, error)
	Offer(ctx context.Context, c *gatehouse.Client, req *gatehouse.AuthorizationRequest, m *gatehouse.Member) (scopes []gatehouse.Scope, ask bool, err error)
	Allow(w http.ResponseWriter, r *http.Request, handle string, m *gatehouse.Member, in gatehouse.SignIn, shown []string) error
	Refuse(w http.ResponseWriter, r *http.Request, handle string, code, description string) error
	LogoutAsked(ctx context.Context, handle string) (*gatehouse.LogoutRequest, *gatehouse.Client, error)
	SessionEnded(ctx context.Context, sid, userID string) error
}

// The errors that an application is answered with when it gets no code (OpenID Connect
// Core, section 3.1.2.6).
const (
	loginRequired   = "login_required"
	consentRequired = "consent_required"
	accessDenied    = "access_denied"
)

// consentView is the consent page.
type consentView struct {
	Client *gatehouse.Client
	Member *gatehouse.Member
	Scopes []gatehouse.Scope
	Handle string
	CSRF   string
	Other  string // where to sign in as somebody else
}

// shown are the names of the scopes on the page, as the form repeats them.
func (v *consentView) shown() string {
	names := make([]string, len(v.Scopes))
	for i := range v.Scopes {
		names[i] = v.Scopes[i].Name
	}
	return strings.Join(names, " ")
}

// pages are those of the client's own, which its registration has checked: nothing of them
// is loaded until somebody follows a link.
func (v *consentView) pages() []page.Link {
	var links []page.Link
	for _, link := range []page.Link{
		{Label: "About the application", Href: v.Client.Metadata.ClientURI},
		{Label: "Its privacy policy", Href: v.Client.Metadata.PolicyURI},
		{Label: "Its terms", Href: v.Client.Metadata.TermsURI},
	} {
		if link.Href != "" {
			links = append(links, link)
		}
	}
	return links
}

// consentPath leads to the consent page of a request.
func consentPath(handle string) string {
	return "/consent?" + url.Values{"request": {handle}}.Encode()
}

// handleIn returns the handle in the path of a consent page, "" for any other path.
func handleIn(path string) string {
	query, ok := strings.CutPrefix(path, "/consent?")
	if !ok {
		return ""
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return ""
	}
	return values.Get("request")
}

// asked returns what an application asks for under a handle.
func (h *Handler) asked(r *http.Request, handle string) (*gatehouse.AuthorizationRequest, *gatehouse.Client, error) {
	if h.Authorizations == nil {
		return nil, nil, page.NoSuchPage()
	}
	req, client, err := h.Authorizations.Asked(r.Context(), handle)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		err = gatehouse.Errorf(gatehouse.Invalid, "this request was answered, or waited too long: go back to the application and start again there")
	}
	return req, client, err
}

// answering is somebody in front of a request who may answer it.
type answering struct {
	handle string
	req    *gatehouse.AuthorizationRequest
	client *gatehouse.Client
	member *gatehouse.Member // in the client's organization; nil when they must sign in first
	why    string            // they must sign in, though somebody is signed in
	in     gatehouse.SignIn
}

// answerer finds out what is asked under a handle and who is there to answer it.
func (h *Handler) answerer(r *http.Request, handle string) (*answering, error) {
	a := &answering{handle: handle}
	var err error
	if a.req, a.client, err = h.asked(r, a.handle); err != nil {
		return nil, err
	}
	s, err := h.session(r)
	if s == nil || err != nil {
		return a, err
	}
	m, err := h.memberOf(r, s, a.client.Organization.ID)
	switch {
	case err != nil:
		return nil, err
	case m == nil:
		a.why = "You are signed in as somebody who does not belong to " + a.client.Organization.Name + "."
	case a.req.Subject != "" && a.req.Subject != m.ID:
		a.why = "The application expects somebody else than " + m.Username + "."
	case !a.req.Accepts(s.CreatedAt, h.Now()):
		a.why = "The application wants to know that it is still you."
	default:
		a.member, a.in = m, gatehouse.SignIn{At: s.CreatedAt, Methods: []string{gatehouse.ByPassword}, Session: s.SID}
	}
	return a, nil
}

// consentPage decides what comes next for a request: to sign in, to be asked, or straight
// back to the application.
func (h *Handler) consentPage(w http.ResponseWriter, r *http.Request) error {
	a, err := h.answerer(r, r.FormValue("request"))
	if err != nil {
		return err
	}
	silent := a.req.Asks(gatehouse.PromptNone)
	if a.member == nil {
		if silent {
			return h.Authorizations.Refuse(w, r, a.handle, loginRequired, "nobody is signed in who may answer")
		}
		http.Redirect(w, r, a.signInPath(), http.StatusSeeOther)
		return nil
	}
	scopes, ask, err := h.Authorizations.Offer(r.Context(), a.client, a.req, a.member)
	if err != nil {
		return err
	}
	v := consentView{Client: a.client, Member: a.member, Scopes: scopes, Handle: a.handle, Other: a.signInPath()}
	switch {
	case !ask:
		return h.Authorizations.Allow(w, r, a.handle, a.member, a.in, strings.Fields(v.shown()))
	case silent:
		return h.Authorizations.Refuse(w, r, a.handle, consentRequired, "the user was not asked yet")
	}
	frame := h.frame(w, r, "Let "+a.client.Application.Name+" in", &a.client.Organization)
	frame.Member, frame.FormTo, v.CSRF = a.member, gatehouse.PolicySource(a.req.RedirectURI), frame.CSRF
	return page.Render(w, r, http.StatusOK, frame, consentBody(v))
}

// signInPath leads to the sign-in page of the client's organization and back.
func (a *answering) signInPath() string {
	return door("/login", consentPath(a.handle), a.client.Organization.Key)
}

// consent takes the decision. Nothing of it is decided by GET, and the form is this
// browser's alone.
func (h *Handler) consent(w http.ResponseWriter, r *http.Request) error {
	a, err := h.answerer(r, r.FormValue("request"))
	if err != nil {
		return err
	}
	switch {
	case r.PostFormValue("decision") == "deny":
		return h.Authorizations.Refuse(w, r, a.handle, accessDenied, "the user said no")
	case r.PostFormValue("decision") != "allow":
		return gatehouse.Errorf(gatehouse.Invalid, "press Allow or Deny")
	case a.member == nil:
		http.Redirect(w, r, a.signInPath(), http.StatusSeeOther)
		return nil
	}
	return h.Authorizations.Allow(w, r, a.handle, a.member, a.in, strings.Fields(r.PostFormValue("scope")))
}
