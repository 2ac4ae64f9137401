package tokenapi_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
)

func TestACodeGivesTokens(t *testing.T) {
	w := newWeb(t)
	got := w.trade(t, w.code(t))
	access, refresh := got.pair(t)
	if got.text("scope") != "openid profile read" || got.text("id_token") == "" || refresh == "" {
		t.Errorf("answered %s", got.raw)
	}
	if !w.active(t, access) {
		t.Error("the access token is not active")
	}
}

func TestCheck16CodesAreBound(t *testing.T) {
	w := newWeb(t)
	_, otherKey, otherSecret := w.client(t, "other", apistore.NewKeys{Grants: []string{gatehouse.GrantAuthorizationCode}, Callbacks: []string{back}})
	code := w.code(t)
	t.Run("to the client", func(t *testing.T) {
		other := *w
		other.key, other.secret = otherKey, otherSecret
		other.trade(t, code).wants(t, http.StatusBadRequest, "invalid_grant")
	})
	for name, change := range map[string][]string{
		"to the redirect_uri":      {"redirect_uri", "http://127.0.0.1/back"},
		"to a redirect_uri at all": {"redirect_uri", ""},
		// check 19
		"to the verifier":                {"code_verifier", strings.Repeat("x", 43)},
		"to a verifier at all":           {"code_verifier", ""},
		"to a verifier of 42 characters": {"code_verifier", verifier[1:]},
		"to no more than 128 characters": {"code_verifier", strings.Repeat("x", 129)},
		"to the verifier's alphabet":     {"code_verifier", verifier + "="},
	} {
		t.Run(name, func(t *testing.T) {
			w.trade(t, code, change...).wants(t, http.StatusBadRequest, "invalid_grant")
		})
	}
	t.Run("and failing to prove that does not use it up", func(t *testing.T) {
		w.trade(t, code).pair(t)
	})
	t.Run("to 60 seconds", func(t *testing.T) {
		code := w.code(t)
		w.now = w.now.Add(time.Minute)
		w.trade(t, code).wants(t, http.StatusBadRequest, "invalid_grant")
	})
	t.Run("to having a challenge, when a verifier is sent", func(t *testing.T) { // check 19
		code := w.code(t, "code_challenge", "", "code_challenge_method", "")
		w.trade(t, code).wants(t, http.StatusBadRequest, "invalid_grant")
		w.trade(t, code, "code_verifier", "").pair(t)
	})
	t.Run("to their user, who must still be there", func(t *testing.T) {
		code := w.code(t)
		must(t, w.people.SetPassword(t.Context(), w.john.Username, "another password of john's"))
		w.now = w.now.Add(time.Second)
		w.trade(t, code).wants(t, http.StatusBadRequest, "invalid_grant")
	})
	w.trade(t, "nosuchcode").wants(t, http.StatusBadRequest, "invalid_grant")
	w.trade(t, "").wants(t, http.StatusBadRequest, "invalid_request")
}

func TestCheck17AReplayEndsWhatTheCodeGave(t *testing.T) {
	w := newWeb(t)
	code := w.code(t)
	access, refresh := w.trade(t, code).pair(t)
	narrowed := w.refresh(t, refresh, "read", w.itself)
	nextAccess, nextRefresh := narrowed.pair(t)
	w.now = w.now.Add(10 * time.Minute)
	w.trade(t, code).wants(t, http.StatusBadRequest, "invalid_grant")
	if w.active(t, access) || w.active(t, nextAccess) {
		t.Error("access tokens outlive the replay")
	}
	w.refresh(t, nextRefresh, "", w.itself).wants(t, http.StatusBadRequest, "invalid_grant")
	if !strings.Contains(w.log.String(), "an authorization code was used twice") {
		t.Error("the log does not tell")
	}
}

func TestCheck18OneOfManyGetsTheTokens(t *testing.T) {
	w := newWeb(t)
	code := w.code(t)
	var given atomic.Int32
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			if got := w.trade(t, code); got.status == http.StatusOK {
				given.Add(1)
			} else if got.text("error") != "invalid_grant" {
				t.Errorf("answered %s", got.raw)
			}
		})
	}
	all.Wait()
	if given.Load() != 1 {
		t.Errorf("%d got tokens", given.Load())
	}
}

func TestWithoutTheRefreshGrantThereIsNoOfflineAccess(t *testing.T) {
	w := newWeb(t)
	_, w.key, w.secret = w.client(t, "online", apistore.NewKeys{Grants: []string{gatehouse.GrantAuthorizationCode}, Callbacks: []string{back}})
	got := w.trade(t, w.code(t, "scope", "openid offline_access"))
	if _, refresh := got.pair(t); refresh != "" || got.text("scope") != "openid" {
		t.Errorf("answered %s", got.raw)
	}
}
