package apistore_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
)

// verbs is everything a member may try with what belongs to somebody.
func (h *house) verbs(app *gatehouse.Application, sub *gatehouse.Subscription, secretID string) map[string]func(context.Context, *gatehouse.Member) error {
	const production = gatehouse.Production
	return map[string]func(context.Context, *gatehouse.Member) error{
		"Application": func(ctx context.Context, by *gatehouse.Member) error {
			_, err := h.Application(ctx, by, app.ID)
			return err
		},
		"UpdateApplication": func(ctx context.Context, by *gatehouse.Member) error {
			_, err := h.UpdateApplication(ctx, by, app.ID, apistore.NewApplication{Name: app.Name})
			return err
		},
		"GenerateKeys": func(ctx context.Context, by *gatehouse.Member) error {
			_, _, err := h.GenerateKeys(ctx, by, app.ID, apistore.NewKeys{Type: gatehouse.Sandbox})
			return err
		},
		"Keys": func(ctx context.Context, by *gatehouse.Member) error {
			_, err := h.Keys(ctx, by, app.ID)
			return err
		},
		"UpdateKeys": func(ctx context.Context, by *gatehouse.Member) error {
			_, err := h.UpdateKeys(ctx, by, app.ID, apistore.NewKeys{Type: production})
			return err
		},
		"AddSecret": func(ctx context.Context, by *gatehouse.Member) error {
			_, _, err := h.AddSecret(ctx, by, app.ID, production, "another", time.Time{})
			return err
		},
		"RevokeSecret": func(ctx context.Context, by *gatehouse.Member) error {
			return h.RevokeSecret(ctx, by, app.ID, production, secretID)
		},
		"AccessToken": func(ctx context.Context, by *gatehouse.Member) error {
			_, _, err := h.AccessToken(ctx, by, app.ID, production, nil, 0)
			return err
		},
		"Subscribe": func(ctx context.Context, by *gatehouse.Member) error {
			_, err := h.Subscribe(ctx, by, app.ID, h.news.ID, "")
			return err
		},
		"Subscription": func(ctx context.Context, by *gatehouse.Member) error {
			_, err := h.Subscription(ctx, by, sub.ID)
			return err
		},
		"Subscriptions": func(ctx context.Context, by *gatehouse.Member) error {
			_, err := h.Subscriptions(ctx, by, app.ID)
			return err
		},
		"Unsubscribe": func(ctx context.Context, by *gatehouse.Member) error { return h.Unsubscribe(ctx, by, sub.ID) },
		"Start": func(ctx context.Context, by *gatehouse.Member) error {
			_, err := h.Start(ctx, by, apistore.Start{APIID: h.news.ID, ApplicationID: app.ID})
			return err
		},
		"DeleteKeys": func(ctx context.Context, by *gatehouse.Member) error {
			return h.DeleteKeys(ctx, by, app.ID, production)
		},
		"DeleteApplication": func(ctx context.Context, by *gatehouse.Member) error { return h.DeleteApplication(ctx, by, app.ID) },
	}
}

// check 137: what belongs to somebody else, of this or of another organization, is
// answered like what is not there; without the role subscriber nothing is answered.
func TestEverythingBelongsToSomebody(t *testing.T) {
	h := newHouse(t)
	app := h.app(t, h.john, "reader")
	k, _ := h.keys(t, h.john, app, gatehouse.Production)
	sub, err := h.Subscribe(t.Context(), h.john, app.ID, h.news.ID, "")
	must(t, err)
	absent := h.verbs(&gatehouse.Application{ID: gatehouse.NewID(h.now), Name: "x"}, &gatehouse.Subscription{ID: gatehouse.NewID(h.now)}, "x")
	for name, verb := range h.verbs(app, sub, k.Secrets[0].ID) {
		for who, by := range map[string]*gatehouse.Member{"a colleague": h.tom, "another organization's administrator": h.jane} {
			t.Run(name+" by "+who, func(t *testing.T) {
				err := verb(t.Context(), by)
				wantKind(t, err, gatehouse.NotFound)
				if name == "Start" && by == h.jane { // it is the API that she does not see
					return
				}
				if other := absent[name](t.Context(), by); err != nil && (other == nil || other.Error() != err.Error()) {
					t.Errorf("%v is told apart from what is not there: %v", err, other)
				}
			})
		}
		t.Run(name+" without a role", func(t *testing.T) {
			kind := gatehouse.Forbidden
			if name == "Subscription" || name == "Unsubscribe" {
				kind = gatehouse.NotFound
			}
			wantKind(t, verb(t.Context(), h.guest), kind)
		})
	}
	// Nothing of it happened, and an administrator may do all of it.
	got, err := h.db.Client(t.Context(), k.ConsumerKey)
	must(t, err)
	if len(got.Secrets) != 1 || len(got.Subscriptions) != 1 {
		t.Errorf("the client is %+v", got)
	}
	_, err = h.Application(t.Context(), h.ada, app.ID)
	must(t, err)
	must(t, h.Unsubscribe(t.Context(), h.ada, sub.ID))
	must(t, h.DeleteApplication(t.Context(), h.ada, app.ID))
}

func TestWhoMayMakeAndSeeApplications(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	for name, try := range map[string]func() error{
		"make one": func() error {
			_, err := h.CreateApplication(ctx, h.guest, apistore.NewApplication{Name: "x"})
			return err
		},
		"list": func() error { _, err := h.Applications(ctx, h.guest); return err },
		"register": func() error {
			_, _, err := h.Register(ctx, h.guest, apistore.NewApplication{Name: "x"}, apistore.NewKeys{})
			return err
		},
		"start":          func() error { _, err := h.Start(ctx, h.guest, apistore.Start{APIID: h.news.ID}); return err },
		"subscribed to":  func() error { _, err := h.SubscriptionsTo(ctx, h.guest, h.news.ID); return err },
		"everybody's":    func() error { _, err := h.AllApplications(ctx, h.john); return err },
		"nobody at all ": func() error { _, err := h.Applications(ctx, nil); return err },
	} {
		t.Run(name, func(t *testing.T) { wantKind(t, try(), gatehouse.Forbidden) })
	}
	h.app(t, h.john, "one")
	h.app(t, h.john, "two")
	h.app(t, h.tom, "one") // names are unique among one owner's
	h.app(t, h.jane, "one")
	_, err := h.CreateApplication(ctx, h.john, apistore.NewApplication{Name: "one"})
	wantKind(t, err, gatehouse.Conflict)
	_, err = h.CreateApplication(ctx, h.john, apistore.NewApplication{Name: ""})
	wantKind(t, err, gatehouse.Invalid)
	mine, err := h.Applications(ctx, h.john)
	must(t, err)
	all, err := h.AllApplications(ctx, h.ada)
	must(t, err)
	if len(mine) != 2 || mine[0].Name != "one" || len(all) != 3 {
		t.Errorf("john sees %d, the administrator %d", len(mine), len(all))
	}
	two := mine[1]
	_, err = h.UpdateApplication(ctx, h.john, two.ID, apistore.NewApplication{Name: "one"})
	wantKind(t, err, gatehouse.Conflict)
	changed, err := h.UpdateApplication(ctx, h.john, two.ID, apistore.NewApplication{Name: "renamed", Tier: "10PerMin", TokenFormat: gatehouse.FormatOpaque})
	must(t, err)
	if changed.Name != "renamed" || changed.Tier != "10PerMin" || changed.TokenFormat != gatehouse.FormatOpaque || changed.OwnerID != h.john.ID {
		t.Errorf("it is %+v", changed)
	}
}

func TestTheCatalogue(t *testing.T) {
	h := newHouse(t)
	states := map[gatehouse.State]bool{
		gatehouse.Created: false, gatehouse.Prototyped: true, gatehouse.Published: true, gatehouse.Blocked: false, gatehouse.Deprecated: true, gatehouse.Retired: false,
	}
	for state, shown := range states {
		a := h.api(t, h.org, "api-"+strings.ToLower(string(state)), state)
		_, err := h.API(t.Context(), &h.org, a.ID)
		document, err2 := h.Document(t.Context(), &h.org, a.ID)
		if shown {
			must(t, err)
			must(t, err2)
			if !strings.HasSuffix(document, a.Name) {
				t.Errorf("the document is %q", document)
			}
		} else {
			wantKind(t, err, gatehouse.NotFound)
			wantKind(t, err2, gatehouse.NotFound)
		}
	}
	_, err := h.API(t.Context(), &h.other, h.news.ID)
	wantKind(t, err, gatehouse.NotFound)
	for search, want := range map[string]string{
		"":                      "api-deprecated api-prototyped api-published Orgnews",
		"orgNEWS":               "Orgnews",
		"daily new 1.0 orgnews": "Orgnews",
		"/orgnews":              "Orgnews",
		"orgnews absent":        "",
		"%":                     "",
	} {
		all, err := h.APIs(t.Context(), &h.org, search)
		must(t, err)
		var names []string
		for _, a := range all {
			names = append(names, a.Name)
		}
		if diff := cmp.Diff(want, strings.Join(names, " ")); diff != "" {
			t.Error(search, diff)
		}
	}
	scopes, err := h.ScopesOf(t.Context(), &h.org, h.news, h.news)
	must(t, err)
	if len(scopes) != 3 {
		t.Errorf("its scopes are %v", scopes)
	}
}

func TestSubscribe(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	app := h.app(t, h.john, "reader")
	hidden, blocked := h.api(t, h.org, "Hidden", gatehouse.Created), h.api(t, h.org, "Old", gatehouse.Deprecated)
	foreign := h.api(t, h.other, "Foreign", gatehouse.Published)
	for name, row := range map[string]struct {
		api, tier string
		kind      gatehouse.Kind
	}{
		"not shown":              {hidden.ID, "Gold", gatehouse.NotFound},
		"another organization's": {foreign.ID, "Gold", gatehouse.NotFound},
		"not there":              {"absent", "Gold", gatehouse.NotFound},
		"takes none any more":    {blocked.ID, "Gold", gatehouse.Conflict},
		"a tier not offered":     {h.news.ID, "Silver", gatehouse.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.Subscribe(ctx, h.john, app.ID, row.api, row.tier)
			wantKind(t, err, row.kind)
		})
	}
	sub, err := h.Subscribe(ctx, h.john, app.ID, h.news.ID, "")
	must(t, err)
	if sub.Tier != "Gold" || sub.State != gatehouse.Unblocked {
		t.Errorf("it is %+v", sub)
	}
	_, err = h.Subscribe(ctx, h.john, app.ID, h.news.ID, "Bronze")
	wantKind(t, err, gatehouse.Conflict)
	_, err = h.Subscribe(ctx, h.tom, h.app(t, h.tom, "reader").ID, h.news.ID, "Bronze")
	must(t, err)
	mine, err := h.SubscriptionsTo(ctx, h.john, h.news.ID)
	must(t, err)
	if len(mine) != 1 || mine[0].ID != sub.ID {
		t.Errorf("john's are %v", mine)
	}
	must(t, h.Unsubscribe(ctx, h.john, sub.ID))
	wantKind(t, h.Unsubscribe(ctx, h.john, sub.ID), gatehouse.NotFound)
	left, err := h.Subscriptions(ctx, h.john, app.ID)
	must(t, err)
	if len(left) != 0 {
		t.Errorf("left are %v", left)
	}
}
