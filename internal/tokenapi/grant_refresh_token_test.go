package tokenapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
	"github.com/gatehouse/gatehouse/internal/tokenapi"
)

// Acceptance 8: a refresh gives a new pair with the same scopes and uses the token up.
func TestARefreshGivesTheNextPair(t *testing.T) {
	h := newHouse(t)
	firstAccess, first := h.login(t, "news_read news_write").pair(t)
	h.now = h.now.Add(2 * time.Hour) // the access token has ended, the refresh token has not
	got := h.refresh(t, first, "")
	access, second := got.pair(t)
	if access == firstAccess || second == first || got.text("scope") != "news_read news_write" || got.body["expires_in"] != 3600.0 {
		t.Errorf("answered %s", got.raw)
	}
	if h.active(t, firstAccess) || !h.active(t, access) {
		t.Error("the access tokens are not as they should be")
	}
	if _, third := h.refresh(t, second, "").pair(t); third == second {
		t.Error("a refresh token does not rotate")
	}
}

// checks 50, 54: used again, a refresh token ends its family and all that came of it.
func TestReuseRevokesTheFamily(t *testing.T) {
	h := newHouse(t)
	access0, first := h.login(t, "read").pair(t)
	access1, second := h.refresh(t, first, "").pair(t)
	otherAccess, other := h.login(t, "read").pair(t) // another family of the same user

	h.refresh(t, first, "").wants(t, 400, "invalid_grant")
	h.refresh(t, second, "").wants(t, 400, "invalid_grant")
	if h.active(t, access0) || h.active(t, access1) {
		t.Error("an access token of the family lives")
	}
	if !h.active(t, otherAccess) {
		t.Error("another family's access token ended")
	}
	h.refresh(t, other, "").pair(t)
	log := h.log.String()
	if !strings.Contains(log, "used twice") || strings.Contains(log, first) || strings.Contains(log, second) {
		t.Errorf("the log says %q", log)
	}
}

// check 54: a refresh may ask for less, and gets the rest back the next time.
func TestARefreshNarrowsForOnce(t *testing.T) {
	h := newHouse(t)
	_, token := h.login(t, "read news_read").pair(t)
	for _, row := range []struct{ asked, granted, code string }{
		{"read", "read", ""},
		{"news_write", "", "invalid_scope"}, // john may, but it was not granted
		{"read news_read news_write", "", "invalid_scope"},
		{"READ", "", "invalid_scope"},
		{"read\x00", "", "invalid_scope"},
		{"", "read news_read", ""},
		{"news_read read", "news_read read", ""},
	} {
		got := h.refresh(t, token, row.asked)
		if row.code != "" {
			got.wants(t, 400, row.code) // and the token is not used up by it
			continue
		}
		_, token = got.pair(t)
		if got.text("scope") != row.granted {
			t.Errorf("asked for %q, granted %q", row.asked, got.text("scope"))
		}
	}
	_, token = h.login(t, "").pair(t)
	if got := h.refresh(t, token, "default"); got.text("scope") != "default" {
		t.Errorf("default is refreshed to %s", got.raw)
	}
}

// checks 49, 57: what is no refresh token of this client is refused and harms nobody.
func TestStrangersRefreshNothing(t *testing.T) {
	h := newHouse(t)
	access, token := h.login(t, "read").pair(t)
	_, key, secret := h.client(t, "other", apistore.NewKeys{})
	h.refresh(t, token, "", as(key, secret)).wants(t, 400, "invalid_grant")
	for name, text := range map[string]string{
		"nothing": "", "garbage": "ghr_garbage", "an access token": access, "in capitals": strings.ToUpper(token), "cut": token[:len(token)-1],
		"longer": token + "x", "a space behind": token + " ", "its hash": gatehouse.HashToken(token),
	} {
		code := "invalid_grant"
		if text == "" {
			code = "invalid_request"
		}
		t.Run(name, func(t *testing.T) { h.refresh(t, text, "").wants(t, 400, code) })
	}
	_, next := h.refresh(t, token, "").pair(t)
	h.refresh(t, token, "", as(key, secret)).wants(t, 400, "invalid_grant") // a rotated one, by another client
	h.refresh(t, next, "").pair(t)
}

// check 56: 24 hours from the last rotation, 30 days from the first.
func TestRefreshTokensExpire(t *testing.T) {
	h := newHouse(t)
	_, token := h.login(t, "read").pair(t)
	h.now = h.now.Add(24*time.Hour - time.Second)
	_, next := h.refresh(t, token, "").pair(t)
	h.now = h.now.Add(24 * time.Hour)
	h.refresh(t, next, "").wants(t, 400, "invalid_grant")

	_, token = h.login(t, "read").pair(t)
	start := h.now
	for h.now.Sub(start)+23*time.Hour < gatehouse.MaxRefreshAge {
		h.now = h.now.Add(23 * time.Hour)
		_, token = h.refresh(t, token, "").pair(t)
	}
	h.now = start.Add(gatehouse.MaxRefreshAge)
	h.refresh(t, token, "").wants(t, 400, "invalid_grant")
}

// check 55: what ends a user or a client ends their refresh tokens at once.
func TestWhatEndsARefreshToken(t *testing.T) {
	for name, row := range map[string]struct {
		end    func(h *house) error
		status int
		code   string
	}{
		"a new password":      {func(h *house) error { return h.people.SetPassword(t.Context(), "tom@johns.org", "another horse") }, 400, "invalid_grant"},
		"the user's removal":  {func(h *house) error { return h.people.RemoveMember(t.Context(), "johnsorg", "tom@johns.org") }, 400, "invalid_grant"},
		"a revoked secret":    {func(h *house) error { return h.revokeFirstSecret(t) }, 400, "invalid_grant"},
		"deleted keys":        {func(h *house) error { return h.store.DeleteKeys(t.Context(), h.john, h.app.ID, gatehouse.Production) }, 401, "invalid_client"},
		"a deleted app":       {func(h *house) error { return h.store.DeleteApplication(t.Context(), h.john, h.app.ID) }, 401, "invalid_client"},
		"a deleted tenant":    {func(h *house) error { return h.people.DeleteOrganization(t.Context(), "johnsorg") }, 401, "invalid_client"},
		"a revoked pair":      {func(h *house) error { return nil }, 400, "invalid_grant"},
		"check 59: a new Tom": {func(h *house) error { return h.tomComesBack(t) }, 400, "invalid_grant"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			access, token := h.post(t, "/token", form("grant_type", "password", "username", "tom@johns.org", "password", password)).pair(t)
			h.now = h.now.Add(time.Microsecond)
			must(t, row.end(h))
			if name == "a revoked pair" {
				h.post(t, "/revoke", form("token", access)).wants(t, 200, "")
			}
			h.refresh(t, token, "").wants(t, row.status, row.code)
			if _, err := h.Tokens.Verify(t.Context(), access); gatehouse.KindOf(err) != gatehouse.Unauthenticated {
				t.Errorf("the access token lives: %v", err)
			}
		})
	}
}

// tomComesBack removes tom and makes him anew, with the same name.
func (h *house) tomComesBack(t *testing.T) error {
	t.Helper()
	must(t, h.people.RemoveMember(t.Context(), "johnsorg", "tom@johns.org"))
	h.user(t, "tom@johns.org", "johnsorg", "employee")
	return nil
}

// check 53: after a restart, a rotated and a revoked token stay dead.
func TestRefreshTokensAcrossARestart(t *testing.T) {
	dsn := t.TempDir() + "/gatehouse.db"
	h := openHouse(t, dsn)
	_, rotated := h.login(t, "read").pair(t)
	_, live := h.refresh(t, rotated, "").pair(t)
	access, revoked := h.login(t, "read").pair(t)
	h.post(t, "/revoke", form("token", revoked)).wants(t, 200, "")

	again := &house{now: h.now, mux: http.NewServeMux(), key: h.key, secret: h.secret}
	again.open(t, dsn)
	again.Register(again.mux, true)
	again.refresh(t, revoked, "").wants(t, 400, "invalid_grant")
	if again.active(t, access) {
		t.Error("a revoked access token lives again")
	}
	_, next := again.refresh(t, live, "").pair(t)
	again.refresh(t, rotated, "").wants(t, 400, "invalid_grant")
	again.refresh(t, next, "").wants(t, 400, "invalid_grant")
}

// Decision 5: within the grace the same client gets the identical pair once more, as
// often as it asks; after it, asking again is reuse. There is never a second branch.
func TestGrace(t *testing.T) {
	h := newHouse(t)
	_, key, secret := h.client(t, "patient", apistore.NewKeys{Grace: 30 * time.Second})
	client := as(key, secret)
	_, first := h.login(t, "read news_read", client).pair(t)
	given := h.refresh(t, first, "read", client)
	access, second := given.pair(t)
	for _, wait := range []time.Duration{0, 10 * time.Second, 20*time.Second - 1} {
		h.now = h.now.Add(wait)
		if got := h.refresh(t, first, "", client); got.raw != given.raw {
			t.Errorf("asked again after %v it gives another answer: %s", wait, got.raw)
		}
		h.refresh(t, first, "").wants(t, 400, "invalid_grant") // by another client
	}
	_, third := h.refresh(t, second, "", client).pair(t)
	if got := h.refresh(t, first, "", client); got.raw != given.raw {
		t.Errorf("a lost answer is not given again: %s", got.raw)
	}
	h.now = h.now.Add(time.Second)
	h.refresh(t, first, "", client).wants(t, 400, "invalid_grant")
	h.refresh(t, third, "", client).wants(t, 400, "invalid_grant")
	if h.active(t, access) {
		t.Error("an access token of the family lives after the reuse")
	}
}

// checks 52, 65: what was revoked is not given again, and the answer that is kept cannot
// be read without the token that it was given for.
func TestGraceGivesNothingAway(t *testing.T) {
	h := newHouse(t)
	_, key, secret := h.client(t, "patient", apistore.NewKeys{Grace: time.Minute})
	_, first := h.login(t, "read", as(key, secret)).pair(t)
	access, second := h.refresh(t, first, "", as(key, secret)).pair(t)
	kept, _, err := h.db.RefreshToken(t.Context(), gatehouse.HashToken(first))
	must(t, err)
	for _, text := range []string{access, second, first} {
		if strings.Contains(string(kept.Replay), text) || kept.Hash == text {
			t.Error("the store holds a token as it is")
		}
	}
	h.post(t, "/revoke", form("token", access), as(key, secret)).wants(t, 200, "")
	h.refresh(t, first, "", as(key, secret)).wants(t, 400, "invalid_grant")
}

// check 51: of 40 refreshes at once at most one gives a new pair; within a grace all
// that succeed give the same.
func TestRefreshesAtOnce(t *testing.T) {
	for name, grace := range map[string]time.Duration{"without a grace": 0, "with a grace": time.Minute} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			_, key, secret := h.client(t, "busy", apistore.NewKeys{Grace: grace})
			_, token := h.login(t, "read", as(key, secret)).pair(t)
			var mu sync.Mutex
			answers := map[string]int{}
			var wg sync.WaitGroup
			for range 40 {
				wg.Go(func() {
					r := httptest.NewRequest(http.MethodPost, "/token", strings.NewReader(form("grant_type", "refresh_token", "refresh_token", token)))
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
					r.SetBasicAuth(key, secret)
					w := httptest.NewRecorder()
					h.mux.ServeHTTP(w, r)
					mu.Lock()
					defer mu.Unlock()
					answers[fmt.Sprint(w.Code, w.Body.String())]++
				})
			}
			wg.Wait()
			good := 0
			for answer, n := range answers {
				switch {
				case strings.HasPrefix(answer, "200"):
					good += n
				case grace > 0 || !strings.Contains(answer, "invalid_grant"):
					t.Errorf("%d times: %s", n, answer)
				}
			}
			if len(answers) > 2 || grace == 0 && good != 1 || grace > 0 && (good != 40 || len(answers) != 1) {
				t.Errorf("%d of 40 succeed, with %d answers in all", good, len(answers))
			}
		})
	}
}

// racing is a store in which something happens between reading a refresh token and
// using it.
type racing struct {
	tokenapi.RefreshTokens
	happens func()
}

func (r racing) RotateRefreshToken(ctx context.Context, hash string, next *gatehouse.RefreshToken, replay []byte) (bool, error) {
	r.happens()
	return r.RefreshTokens.RotateRefreshToken(ctx, hash, next, replay)
}

// check 52: after the 200 of a revocation nothing of the family lives, however late a
// refresh that began before it ends.
func TestARevocationOvertakesARefresh(t *testing.T) {
	for name, happens := range map[string]func(h *house, token string){
		"revoked": func(h *house, token string) { h.post(t, "/revoke", form("token", token)).wants(t, 200, "") },
		"removed": func(h *house, _ string) { must(t, h.people.RemoveMember(t.Context(), "johnsorg", "tom@johns.org")) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			_, token := h.post(t, "/token", form("grant_type", "password", "username", "tom@johns.org", "password", password)).pair(t)
			h.Refresh = racing{h.db, func() { happens(h, token) }}
			h.refresh(t, token, "").wants(t, 400, "invalid_grant")
		})
	}
}

// FAPI 2.0, section 5.3.2.1: a refresh token does not rotate, so that a lost answer signs
// nobody out; it is bound to its client all the same, and ends with its family.
func TestTheRefreshTokensOfFAPIClientsStay(t *testing.T) {
	h := newHouse(t)
	must(t, h.db.UpdateKeys(t.Context(), h.key, func(k *gatehouse.Keys) error {
		k.Metadata.Profile = gatehouse.ProfileFAPI2
		return nil
	}))
	access, first := h.login(t, "read update").pair(t)
	narrow, again := h.refresh(t, first, "read", as(h.key, h.secret)).pair(t)
	if again != first {
		t.Errorf("the refresh token became %q", again)
	}
	whole, again := h.refresh(t, first, "", as(h.key, h.secret)).pair(t)
	if again != first {
		t.Errorf("the refresh token became %q at its second use", again)
	}
	h.post(t, "/revoke", form("token", narrow), as(h.key, h.secret)).wants(t, 200, "")
	for name, token := range map[string]string{"the first": access, "the narrow": narrow, "the whole": whole} {
		if h.active(t, token) {
			t.Errorf("%s access token outlives its family", name)
		}
	}
	h.refresh(t, first, "", as(h.key, h.secret)).wants(t, 400, "invalid_grant")
}
