package login

import (
	"net/http"
	"time"

	"github.com/gatehouse/gatehouse"
)

// cookieName carries the prefix that makes browsers refuse the cookie unless it is
// Secure, for this host alone and for the whole of it.
const cookieName = "__Host-session"

// valueLength is the length of a cookie's value in letters and digits: 256 bits.
const valueLength = 43

// seenEvery bounds how often the use of a session is written down.
const seenEvery = time.Minute

// cookieValue returns the value of the browser's cookie, or "" when it has none of
// ours. Before sign-in the value has no session behind it and only ties forms to the
// browser.
func cookieValue(r *http.Request) string {
	cookie, err := r.Cookie(cookieName)
	if err != nil || len(cookie.Value) != valueLength {
		return ""
	}
	return cookie.Value
}

// newCookie gives the browser a fresh value and returns it. It has no end of its own:
// the browser forgets it when it is closed, the session behind it ends by itself.
func newCookie(w http.ResponseWriter) string {
	value := gatehouse.RandomText(valueLength)
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	return value
}

// start signs m in: the cookie's value changes, so that a value which somebody planted
// before is worth nothing after. To clients it is the same session when it is the same
// user who proves once more who they are; else the one before has ended.
func (h *Handler) start(w http.ResponseWriter, r *http.Request, m *gatehouse.Member) error {
	before, err := h.session(r)
	if err != nil {
		return err
	}
	sid := gatehouse.NewSID()
	if before != nil && before.UserID == m.ID && before.SID != "" {
		sid = before.SID
		err = h.Sessions.DeleteSession(r.Context(), before.Hash)
	} else {
		err = h.end(r)
	}
	if err != nil {
		return err
	}
	now := h.Now()
	return h.Sessions.CreateSession(r.Context(), &gatehouse.Session{
		Hash: gatehouse.HashToken(newCookie(w)), SID: sid, UserID: m.ID, OrgID: m.Organization.ID,
		CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(gatehouse.SessionLength),
	})
}

// end removes the session of the browser, if there is one, and has its clients told. That
// they cannot be told keeps nobody signed in.
func (h *Handler) end(r *http.Request) error {
	s, err := h.session(r)
	if s == nil || err != nil {
		return err
	}
	if err := h.Sessions.DeleteSession(r.Context(), s.Hash); err != nil {
		return err
	}
	if h.Authorizations == nil {
		return nil
	}
	if err := h.Authorizations.SessionEnded(r.Context(), s.SID, s.UserID); err != nil {
		h.Log.WarnContext(r.Context(), "the clients of a session were not told that it has ended", "err", err)
	}
	return nil
}

// session returns the live session of the browser, or nil.
func (h *Handler) session(r *http.Request) (*gatehouse.Session, error) {
	value := cookieValue(r)
	if value == "" {
		return nil, nil
	}
	s, err := h.Sessions.Session(r.Context(), gatehouse.HashToken(value))
	if gatehouse.KindOf(err) == gatehouse.NotFound || err == nil && !s.Live(h.Now()) {
		return nil, nil
	}
	return s, err
}

// Member returns who is signed in, with the roles of now, or nil.
func (h *Handler) Member(r *http.Request) (*gatehouse.Member, error) {
	s, err := h.session(r)
	if s == nil || err != nil {
		return nil, err
	}
	m, err := h.memberOf(r, s, s.OrgID)
	if m != nil && err == nil && h.Now().Sub(s.SeenAt) >= seenEvery {
		err = h.Sessions.TouchSession(r.Context(), s.Hash, h.Now())
	}
	return m, err
}

// memberOf returns the user of a session as a member of an organization, nil when they
// are none or may not sign in.
func (h *Handler) memberOf(r *http.Request, s *gatehouse.Session, orgID string) (*gatehouse.Member, error) {
	m, err := h.Organizations.Member(r.Context(), orgID, s.UserID)
	if gatehouse.KindOf(err) == gatehouse.NotFound || err == nil && m.Disabled {
		return nil, nil
	}
	return m, err
}
