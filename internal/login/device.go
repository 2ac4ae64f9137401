package login

import (
	"context"
	"net/http"
	"net/url"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/page"
)

// Devices keeps what devices wait for.
type Devices interface {
	DeviceCodeByUserCode(ctx context.Context, hash string) (*gatehouse.DeviceCode, error)
	AnswerDeviceCode(ctx context.Context, d *gatehouse.DeviceCode) error
}

// Clients finds OAuth clients.
type Clients interface {
	Client(ctx context.Context, consumerKey string) (*gatehouse.Client, error)
}

// Scopes lists the scopes of an organization.
type Scopes interface {
	Scopes(ctx context.Context, orgID string) ([]gatehouse.Scope, error)
}

// deviceView is the page where a user lets a device act for them (RFC 8628, section 3.3).
type deviceView struct {
	CSRF  string
	Code  string // as the device shows it
	Error string

	Client *gatehouse.Client // whose device it is; nil while the code is not known
	Member *gatehouse.Member
	Scopes []gatehouse.Scope // what the device would be given
	Done   gatehouse.DeviceState
}

// devicePage asks for the code, or shows what it means. The code alone never does
// anything: it may have come in a link, so the page shows whose device it is and the user
// compares and decides (RFC 8628, section 5.4).
func (h *Handler) devicePage(w http.ResponseWriter, r *http.Request) error {
	typed := r.URL.Query().Get("user_code")
	if typed == "" {
		return h.showDevice(w, r, http.StatusOK, deviceView{})
	}
	return h.withDevice(w, r, typed, func(v deviceView, _ *gatehouse.DeviceCode) error {
		return h.showDevice(w, r, http.StatusOK, v)
	})
}

// enterDevice takes the code that the user typed to the page which shows what it means.
func (h *Handler) enterDevice(w http.ResponseWriter, r *http.Request) error {
	code, ok := gatehouse.CanonicalUserCode(r.PostFormValue("user_code"))
	if !ok {
		return h.showDevice(w, r, http.StatusBadRequest, deviceView{Error: "A code has eight letters, like BCDF-GHJK: enter the one that the device shows."})
	}
	http.Redirect(w, r, devicePath(code), http.StatusSeeOther)
	return nil
}

func devicePath(code string) string { return "/device?user_code=" + url.QueryEscape(code) }

// answerDevice takes the user's answer.
func (h *Handler) answerDevice(w http.ResponseWriter, r *http.Request) error {
	return h.withDevice(w, r, r.PostFormValue("user_code"), func(v deviceView, d *gatehouse.DeviceCode) error {
		d.State = gatehouse.DeviceDenied
		if r.PostFormValue("answer") == "allow" {
			d.State = gatehouse.DeviceAllowed
		}
		s, err := h.session(r)
		if err != nil {
			return err
		}
		d.UserID = v.Member.ID
		if s != nil {
			d.SignIn = gatehouse.SignIn{At: s.CreatedAt, Methods: []string{gatehouse.ByPassword}, Session: s.SID}
		}
		if err := h.Devices.AnswerDeviceCode(r.Context(), d); err != nil {
			return err
		}
		v.Done = d.State
		return h.showDevice(w, r, http.StatusOK, v)
	})
}

// withDevice calls do with what a code means to who is signed in. Nobody learns anything
// of a code without signing in first. A code that means nothing is counted against the
// user and the address it came from; after some of them no code is looked at (section 5.1).
func (h *Handler) withDevice(w http.ResponseWriter, r *http.Request, typed string, do func(deviceView, *gatehouse.DeviceCode) error) error {
	code, ok := gatehouse.CanonicalUserCode(typed)
	if !ok {
		return h.showDevice(w, r, http.StatusBadRequest, deviceView{Error: "A code has eight letters, like BCDF-GHJK: enter the one that the device shows."})
	}
	m, err := h.Member(r)
	if err != nil {
		return err
	}
	if m == nil {
		http.Redirect(w, r, door("/login", devicePath(code), ""), http.StatusSeeOther)
		return nil
	}
	guessers := []string{"user " + m.ID, "address " + h.address(r)}
	if h.wrongCodes.over(gatehouse.MaxWrongCodes, h.Now(), guessers...) {
		return gatehouse.Errorf(gatehouse.TooMany, "too many wrong codes: wait ten minutes, then start again on the device")
	}
	v, d, err := h.device(r.Context(), m, code)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		h.wrongCodes.count(h.Now(), guessers...)
		return h.showDevice(w, r, http.StatusNotFound, deviceView{Error: "No device waits with this code. Compare it with what the device shows, or start again there."})
	}
	if err != nil {
		return err
	}
	return do(v, d)
}

// device returns what a code means to a member: the device waits, and they belong to the
// organization of its application. Everything else is NotFound.
func (h *Handler) device(ctx context.Context, m *gatehouse.Member, code string) (deviceView, *gatehouse.DeviceCode, error) {
	none := gatehouse.Errorf(gatehouse.NotFound, "no device waits with this code")
	d, err := h.Devices.DeviceCodeByUserCode(ctx, gatehouse.HashToken(code))
	if err != nil {
		return deviceView{}, nil, err
	}
	client, err := h.Clients.Client(ctx, d.ConsumerKey)
	if err != nil {
		return deviceView{}, nil, err
	}
	if client.Organization.ID != m.Organization.ID {
		if m, err = h.Organizations.Member(ctx, client.Organization.ID, m.ID); err != nil {
			return deviceView{}, nil, err
		}
	}
	if !d.Open(h.Now()) || !client.MayUse(gatehouse.GrantDeviceCode) || m.Disabled {
		return deviceView{}, nil, none
	}
	all, err := h.Scopes.Scopes(ctx, client.Organization.ID)
	if err != nil {
		return deviceView{}, nil, err
	}
	known := gatehouse.Known(all)
	v := deviceView{Code: code, Client: client, Member: m}
	for _, name := range gatehouse.Narrow(client.Metadata.Registered(d.Scopes), known, m.Roles) {
		scope := gatehouse.Scope{Name: name}
		if s := known(name); s != nil {
			scope = *s
		}
		v.Scopes = append(v.Scopes, scope)
	}
	return v, d, nil
}

func (h *Handler) showDevice(w http.ResponseWriter, r *http.Request, status int, v deviceView) error {
	m, err := h.Member(r)
	if err != nil {
		return err
	}
	org, err := h.organization(r)
	switch {
	case v.Client != nil:
		org, err = &v.Client.Organization, nil
	case m != nil:
		org, err = &m.Organization, nil
	}
	if err != nil {
		return err
	}
	frame := h.frame(w, r, "Connect a device", org)
	frame.Member = m
	v.CSRF = frame.CSRF
	return page.Render(w, r, status, frame, deviceBody(v))
}

// address returns where a request came from.
func (h *Handler) address(r *http.Request) string { return h.Proxies.Address(r).String() }
