package apistore_test

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
)

// Acceptance 13: one press, from wherever one stands, ends in a token that may call.
func TestStart(t *testing.T) {
	for name, row := range map[string]struct {
		before func(t *testing.T, h *house) apistore.Start
		secret bool // a new one is shown
		apps   int
	}{
		"with nothing": {func(*testing.T, *house) apistore.Start { return apistore.Start{} }, true, 1},
		"with the default application": {func(t *testing.T, h *house) apistore.Start {
			h.app(t, h.john, gatehouse.DefaultApplication)
			return apistore.Start{}
		}, true, 1},
		"with an application of one's own": {func(t *testing.T, h *house) apistore.Start {
			return apistore.Start{ApplicationID: h.app(t, h.john, "mine").ID}
		}, true, 1},
		"with keys": {func(t *testing.T, h *house) apistore.Start {
			app := h.app(t, h.john, "mine")
			h.keys(t, h.john, app, gatehouse.Production)
			return apistore.Start{ApplicationID: app.ID}
		}, false, 1},
		"with a subscription": {func(t *testing.T, h *house) apistore.Start {
			app := h.app(t, h.john, "mine")
			_, err := h.Subscribe(t.Context(), h.john, app.ID, h.news.ID, "Bronze")
			must(t, err)
			return apistore.Start{ApplicationID: app.ID}
		}, true, 1},
		"with everything": {func(t *testing.T, h *house) apistore.Start {
			app := h.app(t, h.john, "mine")
			h.keys(t, h.john, app, gatehouse.Production)
			_, err := h.Subscribe(t.Context(), h.john, app.ID, h.news.ID, "")
			must(t, err)
			return apistore.Start{ApplicationID: app.ID}
		}, false, 1},
		"with keys of the other type": {func(t *testing.T, h *house) apistore.Start {
			app := h.app(t, h.john, "mine")
			h.keys(t, h.john, app, gatehouse.Production)
			return apistore.Start{ApplicationID: app.ID, Type: gatehouse.Sandbox, Tier: "Bronze"}
		}, true, 1},
		"beside another application": {func(t *testing.T, h *house) apistore.Start {
			h.app(t, h.john, "mine")
			return apistore.Start{}
		}, true, 2},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			ask := row.before(t, h)
			ask.APIID = h.news.ID
			got, err := h.Start(t.Context(), h.john, ask)
			must(t, err)
			if (got.Secret != "") != row.secret {
				t.Errorf("a secret is shown: %v", got.Secret != "")
			}
			h.works(t, got)
			again, err := h.Start(t.Context(), h.john, ask)
			must(t, err)
			if again.Secret != "" || again.Keys.ConsumerKey != got.Keys.ConsumerKey || again.Token == got.Token {
				t.Errorf("the second press makes %+v", again)
			}
			h.works(t, again)
			apps, err := h.Applications(t.Context(), h.john)
			must(t, err)
			if len(apps) != row.apps {
				t.Errorf("there are %d applications", len(apps))
			}
		})
	}
}

// works checks that what Start gave may call the API, with the scopes of john's roles.
func (h *house) works(t *testing.T, got *apistore.Started) {
	t.Helper()
	a, err := h.tokens.Verify(t.Context(), got.Token)
	must(t, err)
	c, err := h.db.Client(t.Context(), a.ConsumerKey)
	must(t, err)
	if c.Subscription(h.news.ID) == nil || c.ConsumerKey != got.Keys.ConsumerKey || c.Application.ID != got.Application.ID {
		t.Errorf("the client is %+v", c)
	}
	if got.Secret != "" && c.Matches(got.Secret, h.now) == nil {
		t.Error("the secret that was shown does not work")
	}
	if diff := cmp.Diff([]string{"news_read", "read"}, a.Scopes); diff != "" {
		t.Error(diff)
	}
}

// A button that is pressed twice makes one application, one pair of keys and one
// subscription, and both presses get a token; one of them is shown the secret.
func TestStartAtOnce(t *testing.T) {
	h := newHouse(t)
	var mu sync.Mutex
	secrets, keys := 0, map[string]bool{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got, err := h.Start(t.Context(), h.john, apistore.Start{APIID: h.news.ID})
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			h.works(t, got)
			keys[got.Keys.ConsumerKey] = true
			if got.Secret != "" {
				secrets++
			}
		})
	}
	wg.Wait()
	if secrets != 1 || len(keys) != 1 {
		t.Errorf("%d secrets are shown, of %d keys", secrets, len(keys))
	}
}

func TestStartRefuses(t *testing.T) {
	h := newHouse(t)
	old := h.api(t, h.org, "Old", gatehouse.Deprecated)
	hidden := h.api(t, h.org, "Hidden", gatehouse.Created)
	foreign := h.app(t, h.tom, "toms")
	for name, row := range map[string]struct {
		ask  apistore.Start
		kind gatehouse.Kind
	}{
		"an API that is not shown":         {apistore.Start{APIID: hidden.ID}, gatehouse.NotFound},
		"an API that takes no more":        {apistore.Start{APIID: old.ID}, gatehouse.Conflict},
		"a tier that is not offered":       {apistore.Start{APIID: h.news.ID, Tier: "Silver"}, gatehouse.Invalid},
		"a colleague's application":        {apistore.Start{APIID: h.news.ID, ApplicationID: foreign.ID}, gatehouse.NotFound},
		"an application that is not there": {apistore.Start{APIID: h.news.ID, ApplicationID: "absent"}, gatehouse.NotFound},
		"a type of keys that there is not": {apistore.Start{APIID: h.news.ID, Type: "STAGING"}, gatehouse.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.Start(t.Context(), h.john, row.ask)
			wantKind(t, err, row.kind)
			apps, err := h.Applications(t.Context(), h.john)
			must(t, err)
			if len(apps) != 0 {
				t.Errorf("it made %v", apps)
			}
		})
	}
}
