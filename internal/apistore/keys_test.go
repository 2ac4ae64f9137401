package apistore_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
)

// Acceptance 13: keys are made once for each type, with a secret that is shown once.
func TestGenerateKeys(t *testing.T) {
	h := newHouse(t)
	app := h.app(t, h.john, "reader")
	k, secret := h.keys(t, h.john, app, "")
	want := &gatehouse.Keys{
		ConsumerKey: k.ConsumerKey, ApplicationID: app.ID, Type: gatehouse.Production, Grants: gatehouse.DefaultGrants, Format: gatehouse.FormatJWT, Algorithm: "ES256",
		Access: time.Hour, Refresh: 24 * time.Hour, CreatedAt: h.now, Secrets: k.Secrets,
	}
	if diff := cmp.Diff(want, k); diff != "" {
		t.Error(diff)
	}
	if len(k.ConsumerKey) != 28 || k.Matches(secret, h.now) == nil || strings.Contains(fmt.Sprint(k.Secrets), secret) {
		t.Errorf("the keys are %+v", k)
	}
	_, _, err := h.GenerateKeys(t.Context(), h.john, app.ID, apistore.NewKeys{Type: gatehouse.Production})
	wantKind(t, err, gatehouse.Conflict)
	sandbox, _ := h.keys(t, h.john, app, gatehouse.Sandbox)
	if sandbox.ConsumerKey == k.ConsumerKey {
		t.Error("the two types have one key")
	}
	all, err := h.Keys(t.Context(), h.john, app.ID)
	must(t, err)
	if len(all) != 2 {
		t.Errorf("the keys are %v", all)
	}
	for name, n := range map[string]apistore.NewKeys{
		"a type that there is not":       {Type: "STAGING"},
		"a grant that there is not":      {Grants: []string{"implicit"}},
		"never, where it is not allowed": {Access: gatehouse.Never},
		"a grace of an hour":             {Grace: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := h.GenerateKeys(t.Context(), h.john, h.app(t, h.john, name).ID, n)
			wantKind(t, err, gatehouse.Invalid)
		})
	}
}

func TestUpdateAndDeleteKeys(t *testing.T) {
	h := newHouse(t)
	app := h.app(t, h.john, "reader")
	before, _ := h.keys(t, h.john, app, gatehouse.Production)
	n := apistore.NewKeys{Type: gatehouse.Production, Grants: []string{gatehouse.GrantPassword}, Algorithm: "RS256", Access: time.Minute, Refresh: time.Hour, Grace: time.Second, RevokesBefore: true}
	after, err := h.UpdateKeys(t.Context(), h.john, app.ID, n)
	must(t, err)
	if after.ConsumerKey != before.ConsumerKey || after.Access != time.Minute || after.Algorithm != "RS256" || !after.RevokesBefore || len(after.Secrets) != 1 || len(after.Grants) != 1 {
		t.Errorf("they are %+v", after)
	}
	n.Access = gatehouse.Never
	_, err = h.UpdateKeys(t.Context(), h.john, app.ID, n)
	wantKind(t, err, gatehouse.Invalid)
	n.Type = gatehouse.Sandbox
	_, err = h.UpdateKeys(t.Context(), h.john, app.ID, n)
	wantKind(t, err, gatehouse.NotFound)

	text, a, err := h.AccessToken(t.Context(), h.john, app.ID, gatehouse.Production, nil, 0)
	must(t, err)
	if got := a.ExpiresAt.Sub(h.now); got != time.Minute {
		t.Errorf("the token lives for %v", got)
	}
	must(t, h.DeleteKeys(t.Context(), h.john, app.ID, gatehouse.Production))
	wantKind(t, h.DeleteKeys(t.Context(), h.john, app.ID, gatehouse.Production), gatehouse.NotFound)
	must(t, h.tokens.Revoked.Load(t.Context()))
	_, err = h.tokens.Verify(t.Context(), text)
	wantKind(t, err, gatehouse.Unauthenticated)
}

// checks 65, 66: secrets stand beside each other; revoking one ends what was issued.
func TestSecrets(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	app := h.app(t, h.john, "reader")
	k, first := h.keys(t, h.john, app, gatehouse.Production)
	matches := func(secret string) bool {
		c, err := h.db.Client(ctx, k.ConsumerKey)
		must(t, err)
		return c.Matches(secret, h.now) != nil
	}
	second, kept, err := h.AddSecret(ctx, h.john, app.ID, gatehouse.Production, "second", h.now.Add(time.Hour))
	must(t, err)
	if !matches(first) || !matches(second) || second == first || kept.Name != "second" {
		t.Error("the two secrets do not both live")
	}
	for name, add := range map[string]func() error{
		"an end in the past": func() error {
			_, _, err := h.AddSecret(ctx, h.john, app.ID, gatehouse.Production, "", h.now)
			return err
		},
		"a long name": func() error {
			_, _, err := h.AddSecret(ctx, h.john, app.ID, gatehouse.Production, strings.Repeat("n", gatehouse.MaxName+1), time.Time{})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) { wantKind(t, add(), gatehouse.Invalid) })
	}
	_, _, err = h.AddSecret(ctx, h.john, app.ID, gatehouse.Sandbox, "", time.Time{})
	wantKind(t, err, gatehouse.NotFound)

	text, _, err := h.AccessToken(ctx, h.john, app.ID, gatehouse.Production, nil, 0)
	must(t, err)
	must(t, h.RevokeSecret(ctx, h.john, app.ID, gatehouse.Production, kept.ID))
	wantKind(t, h.RevokeSecret(ctx, h.john, app.ID, gatehouse.Production, kept.ID), gatehouse.NotFound)
	must(t, h.tokens.Revoked.Load(ctx))
	_, err = h.tokens.Verify(ctx, text)
	wantKind(t, err, gatehouse.Unauthenticated)
	if !matches(first) || matches(second) {
		t.Error("the wrong secret was revoked")
	}

	for range gatehouse.MaxSecrets - 1 {
		_, _, err := h.AddSecret(ctx, h.john, app.ID, gatehouse.Production, "", time.Time{})
		must(t, err)
	}
	_, _, err = h.AddSecret(ctx, h.john, app.ID, gatehouse.Production, "", time.Time{})
	wantKind(t, err, gatehouse.Conflict)
}

// Decision 8: registering again adds a secret and breaks none, until there is no room:
// then the one that was idle the longest goes.
func TestRegister(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	register := func() (*gatehouse.Keys, string) {
		h.now = h.now.Add(time.Second)
		k, secret, err := h.Register(ctx, h.john, apistore.NewApplication{Name: "cli"}, apistore.NewKeys{})
		must(t, err)
		return k, secret
	}
	k, first := register()
	var secrets []string
	for range gatehouse.MaxSecrets - 1 {
		again, secret := register()
		if again.ConsumerKey != k.ConsumerKey {
			t.Fatalf("the key is another: %s", again.ConsumerKey)
		}
		secrets = append(secrets, secret)
	}
	live := func() map[string]bool {
		c, err := h.db.Client(ctx, k.ConsumerKey)
		must(t, err)
		if len(c.Secrets) > gatehouse.MaxSecrets {
			t.Errorf("there are %d secrets", len(c.Secrets))
		}
		hashes := map[string]bool{}
		for _, s := range c.Secrets {
			hashes[s.Hash] = true
		}
		return hashes
	}
	all := live()
	for _, s := range append(secrets, first) {
		if !all[gatehouse.HashToken(s)] {
			t.Fatal("a registration broke another")
		}
	}
	// The first was used just now; so the second is the idlest.
	c, err := h.db.Client(ctx, k.ConsumerKey)
	must(t, err)
	must(t, h.db.UseSecrets(ctx, map[string]time.Time{c.Matches(first, h.now).ID: h.now}))
	_, newest := register()
	all = live()
	if !all[gatehouse.HashToken(first)] || all[gatehouse.HashToken(secrets[0])] || !all[gatehouse.HashToken(secrets[1])] || !all[gatehouse.HashToken(newest)] {
		t.Error("it was not the idlest that made room")
	}
	apps, err := h.Applications(ctx, h.john)
	must(t, err)
	if len(apps) != 1 {
		t.Errorf("there are %d applications", len(apps))
	}

	h.app(t, h.tom, "cli") // an application without keys gets them
	if _, _, err := h.Register(ctx, h.tom, apistore.NewApplication{Name: "cli"}, apistore.NewKeys{}); err != nil {
		t.Error(err)
	}
}

// Several programs that register the same client at once all get keys that work.
func TestRegisterAtOnce(t *testing.T) {
	h := newHouse(t)
	var mu sync.Mutex
	got := map[string][]string{}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			k, secret, err := h.Register(t.Context(), h.john, apistore.NewApplication{Name: "cli"}, apistore.NewKeys{})
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			got[k.ConsumerKey] = append(got[k.ConsumerKey], secret)
		})
	}
	wg.Wait()
	if len(got) != 1 {
		t.Fatalf("there are %d keys", len(got))
	}
	for key, secrets := range got {
		c, err := h.db.Client(t.Context(), key)
		must(t, err)
		for _, s := range secrets {
			if c.Matches(s, h.now) == nil {
				t.Error("a secret that was given out does not work")
			}
		}
	}
}

// A token from the Store speaks for the application, within its owner's roles, whoever
// asks for it.
func TestAccessToken(t *testing.T) {
	h := newHouse(t)
	app := h.app(t, h.john, "reader")
	k, _ := h.keys(t, h.john, app, gatehouse.Production)
	asked := []string{"news_write", "news_read", "read", "apim:admin", "unknown"}
	for who, by := range map[string]*gatehouse.Member{"its owner": h.john, "an administrator": h.ada} {
		t.Run(who, func(t *testing.T) {
			text, a, err := h.AccessToken(t.Context(), by, app.ID, gatehouse.Production, asked, 0)
			must(t, err)
			got, err := h.tokens.Verify(t.Context(), text)
			must(t, err)
			if diff := cmp.Diff(a, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]string{"news_read", "read"}, got.Scopes); diff != "" || got.For != gatehouse.ForApplication || got.Subject != k.ConsumerKey {
				t.Error(got, diff)
			}
		})
	}
	for name, row := range map[string]struct {
		lifetime time.Duration
		ok       bool
	}{"a day": {24 * time.Hour, true}, "never": {gatehouse.Never, false}, "less than never": {-time.Hour, false}, "a century": {100 * 365 * 24 * time.Hour, false}} {
		t.Run(name, func(t *testing.T) {
			_, a, err := h.AccessToken(t.Context(), h.john, app.ID, gatehouse.Production, nil, row.lifetime)
			if !row.ok {
				wantKind(t, err, gatehouse.Invalid)
			} else if must(t, err); a.ExpiresAt.Sub(h.now) != row.lifetime {
				t.Errorf("it lives until %v", a.ExpiresAt)
			}
		})
	}
	_, _, err := h.AccessToken(t.Context(), h.john, app.ID, gatehouse.Sandbox, nil, 0)
	wantKind(t, err, gatehouse.NotFound)
}
