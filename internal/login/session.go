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
// before is worth nothing after.
func (h *Handler) start(w http.ResponseWriter, r *http.Request, m *gatehouse.Member) error {
	if err := h.end(r); err != nil {
		return err
	}
	now := h.Now()
	return h.Sessions.CreateSession(r.Context(), &gatehouse.Session{
		Hash: gatehouse.HashToken(newCookie(w)), UserID: m.ID, OrgID: m.Organization.ID,
		CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(gatehouse.SessionLength),
	})
}

// end removes the session of the browser, if there is one.
func (h *Handler) end(r *http.Request) error {
	value := cookieValue(r)
	if value == "" {
		return nil
	}
	return h.Sessions.DeleteSession(r.Context(), gatehouse.HashToken(value))
}

// Member returns who is signed in, with the roles of now, or nil.
func (h *Handler) Member(r *http.Request) (*gatehouse.Member, error) {
	value := cookieValue(r)
	if value == "" {
		return nil, nil
	}
	ctx, now := r.Context(), h.Now()
	s, err := h.Sessions.Session(ctx, gatehouse.HashToken(value))
	if gatehouse.KindOf(err) == gatehouse.NotFound || err == nil && !s.Live(now) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m, err := h.Organizations.Member(ctx, s.OrgID, s.UserID)
	if gatehouse.KindOf(err) == gatehouse.NotFound || err == nil && m.Disabled {
		return nil, nil
	}
	if err == nil && now.Sub(s.SeenAt) >= seenEvery {
		err = h.Sessions.TouchSession(ctx, s.Hash, now)
	}
	return m, err
}
