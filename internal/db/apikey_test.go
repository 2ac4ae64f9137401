package db_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/gatehousetest"
)

// key stores an API key of the house's application, or of its API alone.
func (h *house) key(t *testing.T, change func(*gatehouse.APIKey)) *gatehouse.APIKey {
	t.Helper()
	k := &gatehouse.APIKey{OrgID: h.org.ID, OrgKey: h.org.Key, OwnerID: h.john.ID, ApplicationID: h.app.ID, Type: gatehouse.Production}
	gatehouse.NewAPIKey(k, time.Now().UTC().Truncate(time.Microsecond))
	if change != nil {
		change(k)
	}
	must(t, h.CreateAPIKey(t.Context(), k, func([]*gatehouse.APIKey) error { return nil }))
	return k
}

func TestAPIKeysAreReadBack(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		h, ctx := furnish(t, dsn), t.Context()
		k := h.key(t, func(k *gatehouse.APIKey) {
			k.Name, k.APIID, k.ExpiresAt = "first", h.api.ID, k.CreatedAt.Add(time.Hour)
			k.Networks, k.Referers = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::1/128")}, []string{"*.a.com/*"}
		})
		compare := cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
		got, err := h.APIKey(ctx, k.Hash)
		must(t, err)
		if diff := cmp.Diff(k, got, compare, cmp.Comparer(time.Time.Equal)); diff != "" {
			t.Error(diff)
		}
		used := k.CreatedAt.Add(time.Minute)
		must(t, h.UseAPIKeys(ctx, map[string]time.Time{k.ID: used}))
		all, err := h.APIKeysOfAPI(ctx, h.org.ID, h.api.ID, h.john.ID)
		must(t, err)
		if len(all) != 1 || !all[0].LastUsed.Equal(used) {
			t.Errorf("of the API: %+v", all)
		}
		if all, err := h.APIKeysOfApplication(ctx, h.org.ID, h.app.ID); err != nil || len(all) != 1 {
			t.Errorf("of the application: %+v, %v", all, err)
		}

		// Check 137: another organization finds nothing.
		all, err = h.APIKeysOfAPI(ctx, "another", h.api.ID, h.john.ID)
		if len(all) != 0 || err != nil {
			t.Errorf("another organization sees %v, %v", all, err)
		}
		wantKind(t, h.UpdateAPIKey(ctx, "another", k.ID, nil), gatehouse.NotFound)
		wantKind(t, h.DeleteAPIKey(ctx, "another", k.ID, nil), gatehouse.NotFound)
		refused := gatehouse.Errorf(gatehouse.Conflict, "no room")
		wantKind(t, h.CreateAPIKey(ctx, &gatehouse.APIKey{OrgID: h.org.ID, ApplicationID: h.app.ID}, func([]*gatehouse.APIKey) error { return refused }), gatehouse.Conflict)
	})
}

// What a node holds of API keys and people is dropped when something of it changes.
func TestChangesOfCredentialsAreAnnounced(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		h, ctx := furnish(t, dsn), t.Context()
		last, err := h.LastChange(ctx)
		must(t, err)
		want := func(what string, noun gatehouse.Noun, id string) {
			t.Helper()
			changes, err := h.Changes(ctx, last, 100)
			must(t, err)
			if !slices.ContainsFunc(changes, func(c gatehouse.Change) bool { return c.Noun == noun && c.ID == id }) {
				t.Errorf("%s is announced as %v", what, changes)
			}
			last, err = h.LastChange(ctx)
			must(t, err)
		}
		k := h.key(t, nil)
		want("a new key", gatehouse.APIKeyChanged, k.Hash)
		loose := h.key(t, func(k *gatehouse.APIKey) { k.ApplicationID, k.APIID = "", h.api.ID })
		must(t, h.UpdateAPIKey(ctx, h.org.ID, loose.ID, func(k *gatehouse.APIKey) error { k.ApplicationID = h.app.ID; return nil }))
		want("a key that is taken up", gatehouse.APIKeyChanged, loose.Hash)
		must(t, h.UpdateAPIKey(ctx, h.org.ID, loose.ID, func(k *gatehouse.APIKey) error { k.ApplicationID = ""; return nil }))
		must(t, h.UpdateApplication(ctx, h.org.ID, h.app.ID, func(a *gatehouse.Application) error { return nil }))
		want("an application", gatehouse.ApplicationChanged, h.app.ID)
		must(t, h.UpdateMember(ctx, h.org.ID, h.john.ID, func(m *gatehouse.Member) error { return nil }))
		want("a member's roles", gatehouse.MemberChanged, h.john.ID)
		must(t, h.SetPassword(ctx, h.john.ID, "another hash"))
		want("a password", gatehouse.MemberChanged, h.john.ID)
		must(t, h.UpdateOrganization(ctx, h.org.Key, func(*gatehouse.Organization) error { return nil }))
		want("an organization", gatehouse.ApplicationChanged, h.app.ID)
		before := last
		must(t, h.DeleteMember(ctx, &h.org, h.john.ID))
		want("a member who leaves, by their keys", gatehouse.APIKeyChanged, loose.Hash)
		last = before
		want("a member who leaves, by their applications", gatehouse.ApplicationChanged, h.app.ID)
		for _, hash := range []string{k.Hash, loose.Hash} {
			_, err := h.APIKey(ctx, hash)
			wantKind(t, err, gatehouse.NotFound)
		}
	})
}

func TestOneVersionIsTheDefault(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		h, ctx := furnish(t, dsn), t.Context()
		standard := func(a *gatehouse.API, _ *gatehouse.Definition, _ []gatehouse.Scope) error {
			a.Settings.Default = true
			return nil
		}
		must(t, h.UpdateAPI(ctx, h.org.ID, h.api.ID, standard))
		two := h.api
		two.ID, two.Version, two.State, two.Settings.Default, two.CreatedAt = gatehouse.NewID(time.Now()), "2.0.0", gatehouse.Created, true, time.Now()
		must(t, h.CreateAPI(ctx, &two, gatehouse.Definition{}, func([]*gatehouse.API, []gatehouse.Scope) error { return nil }))
		defaults := func() (one, other bool) {
			t.Helper()
			a, err := h.API(ctx, h.org.ID, h.api.ID)
			must(t, err)
			b, err := h.API(ctx, h.org.ID, two.ID)
			must(t, err)
			return a.Settings.Default, b.Settings.Default
		}
		if one, other := defaults(); !one || !other {
			t.Errorf("before it is published: %v %v", one, other)
		}
		must(t, h.MoveAPI(ctx, h.org.ID, two.ID, func(a *gatehouse.API, before []*gatehouse.API) (bool, error) {
			if len(before) != 1 || before[0].ID != h.api.ID {
				t.Errorf("the versions before are %v", before)
			}
			return false, a.Do(gatehouse.Publish)
		}))
		if one, other := defaults(); one || !other {
			t.Errorf("once it is published: %v %v", one, other)
		}
		must(t, h.UpdateAPI(ctx, h.org.ID, h.api.ID, standard))
		if one, other := defaults(); !one || other {
			t.Errorf("once the older one is the default again: %v %v", one, other)
		}
	})
}
