package login

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"

	"github.com/gatehouse/gatehouse"
)

// CSRF returns the token that the forms of an answer must carry. A browser without a
// cookie gets one, so call it once an answer, before its first byte.
func (h *Handler) CSRF(w http.ResponseWriter, r *http.Request) string {
	value := cookieValue(r)
	if value == "" {
		value = newCookie(w)
	}
	return h.token(value)
}

// token binds forms to a cookie's value. The value changes at sign-in and sign-out, and
// forms from before are refused then.
func (h *Handler) token(value string) string {
	mac := hmac.New(sha256.New, h.CSRFKey)
	mac.Write([]byte(value))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// CheckCSRF tells whether a form that was sent is ours and belongs to this browser.
func (h *Handler) CheckCSRF(r *http.Request) error {
	value := cookieValue(r)
	if value == "" || !hmac.Equal([]byte(r.PostFormValue("csrf")), []byte(h.token(value))) {
		return gatehouse.Errorf(gatehouse.Forbidden, "this form is out of date: go back, load the page again, and send it once more")
	}
	return nil
}

// Protect refuses what other sites make a browser send: by Sec-Fetch-Site, and by
// Origin for browsers that know no better. Programs send neither and pass.
func (h *Handler) Protect(following http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(h.handle(func(http.ResponseWriter, *http.Request) error {
		return gatehouse.Errorf(gatehouse.Forbidden, "this request came from another site and was refused: open the page here and do it again")
	}))
	return protection.Handler(following)
}
