package db_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db"
	"github.com/gatehouse/gatehouse/internal/gatehousetest"
)

func TestMain(m *testing.M) { os.Exit(gatehousetest.Main(m)) }

// house is an organization with a user, an API, an application and keys.
type house struct {
	*db.DB
	org  gatehouse.Organization
	john gatehouse.Member
	api  gatehouse.API
	app  gatehouse.Application
	keys gatehouse.Keys
}

func open(t *testing.T, dsn string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func furnish(t *testing.T, dsn string) *house {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Microsecond)
	h := &house{DB: open(t, dsn)}
	h.org = gatehouse.Organization{ID: gatehouse.NewID(now), Key: "johnsorg", Name: "John's", CreatedAt: now, PasswordGrant: true}
	h.john = gatehouse.Member{
		User:         gatehouse.User{ID: gatehouse.NewID(now), Username: "john@johns.org", CreatedAt: now},
		Organization: h.org, Roles: []gatehouse.Role{"editor", gatehouse.Subscriber}, JoinedAt: now,
	}
	h.api = gatehouse.API{
		ID: gatehouse.NewID(now), OrgID: h.org.ID, OrgKey: h.org.Key, Name: "Orgnews", Version: "1.0.0", Context: "/orgnews", Provider: "john@johns.org",
		State: gatehouse.Published, Production: "http://127.0.0.1:1", Tiers: []string{"Gold"}, Tags: []string{"news"}, CreatedAt: now, UpdatedAt: now,
		Resources: []gatehouse.Resource{{Method: "GET", Template: "/news", Scopes: []string{"read"}, Auth: gatehouse.AuthAny}},
	}
	h.app = gatehouse.Application{
		ID: gatehouse.NewID(now), OrgID: h.org.ID, OwnerID: h.john.ID, Owner: h.john.Username, Name: "reader", Tier: "Unlimited", TokenFormat: gatehouse.FormatJWT, CreatedAt: now,
	}
	_, secret := gatehouse.NewSecret("first", now, time.Time{})
	h.keys = gatehouse.Keys{
		ConsumerKey: gatehouse.NewConsumerKey(), ApplicationID: h.app.ID, Type: gatehouse.Production, Grants: gatehouse.DefaultGrants, Callbacks: []string{},
		Format: gatehouse.FormatJWT, Algorithm: "ES256", Access: time.Hour, Refresh: 24 * time.Hour, CreatedAt: now, Secrets: []gatehouse.Secret{secret},
	}
	ctx := t.Context()
	definition := gatehouse.Definition{Document: "openapi: 3.0.3", Scopes: []gatehouse.Scope{{Name: "read", Roles: []gatehouse.Role{"editor"}}}}
	noRule := func([]*gatehouse.API, []gatehouse.Scope) error { return nil }
	must(t, h.CreateOrganization(ctx, &h.org, nil, ""))
	must(t, h.CreateUser(ctx, &h.john, "hash"))
	must(t, h.CreateAPI(ctx, &h.api, definition, noRule))
	must(t, h.Provision(ctx, &h.app, &h.keys, nil))
	return h
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantKind(t *testing.T, err error, kind gatehouse.Kind) {
	t.Helper()
	if gatehouse.KindOf(err) != kind {
		t.Fatalf("error %v has kind %d, want %d", err, gatehouse.KindOf(err), kind)
	}
}

func TestWhatIsStoredIsReadBack(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		h, ctx := furnish(t, dsn), t.Context()
		m, err := h.MemberByUsername(ctx, h.org.ID, h.john.Username)
		must(t, err)
		if diff := cmp.Diff(&h.john, m); diff != "" {
			t.Error("member:", diff)
		}
		a, err := h.API(ctx, h.org.ID, h.api.ID)
		must(t, err)
		if diff := cmp.Diff(&h.api, a); diff != "" {
			t.Error("API:", diff)
		}
		c, err := h.Client(ctx, h.keys.ConsumerKey)
		must(t, err)
		want := &gatehouse.Client{Keys: h.keys, Application: h.app, Organization: h.org, Owner: h.john, Subscriptions: []gatehouse.Subscription{}}
		if diff := cmp.Diff(want, c); diff != "" {
			t.Error("client:", diff)
		}
		roles, err := h.Roles(ctx, h.org.ID)
		must(t, err)
		if diff := cmp.Diff([]gatehouse.Role{"editor"}, roles); diff != "" {
			t.Error("unknown roles are made, built-in ones are not:", diff)
		}
		served, err := h.KnownAPIs(ctx)
		must(t, err)
		if len(served) != 1 || served[0].BasePath() != "/t/johnsorg/orgnews/1.0.0" {
			t.Errorf("served APIs: %v", served)
		}
	})
}

func TestGatewayIsGivenTheDocumentsItNeeds(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		h, ctx := furnish(t, dsn), t.Context()
		for _, tt := range []struct {
			policies []gatehouse.Policy
			want     string
		}{
			{nil, ""},
			{[]gatehouse.Policy{{Name: gatehouse.ValidatePolicy, Side: gatehouse.ResponseSide}}, "openapi: 3.0.3"},
		} {
			must(t, h.UpdateAPI(ctx, h.org.ID, h.api.ID, func(a *gatehouse.API, _ *gatehouse.Definition, _ []gatehouse.Scope) error {
				a.Settings.Policies = tt.policies
				return nil
			}))
			all, err := h.KnownAPIs(ctx)
			must(t, err)
			one, err := h.KnownAPI(ctx, h.api.ID)
			must(t, err)
			if all[0].Document != tt.want || one.Document != tt.want {
				t.Errorf("with %v: the documents %q, %q, want %q", tt.policies, all[0].Document, one.Document, tt.want)
			}
		}
	})
}

func TestOpeningAgainKeepsWhatWasStored(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		h := furnish(t, dsn)
		again := open(t, dsn)
		if _, err := again.Organization(t.Context(), h.org.Key); err != nil {
			t.Fatal(err)
		}
	})
}

// check 137: what belongs to another organization is answered like what is not there.
func TestEveryReadIsScopedByOrganization(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		h, ctx := furnish(t, dsn), t.Context()
		const other = "another"
		_, err := h.API(ctx, other, h.api.ID)
		wantKind(t, err, gatehouse.NotFound)
		_, err = h.Document(ctx, other, h.api.ID)
		wantKind(t, err, gatehouse.NotFound)
		_, err = h.Application(ctx, other, h.app.ID)
		wantKind(t, err, gatehouse.NotFound)
		wantKind(t, h.DeleteApplication(ctx, other, h.app.ID), gatehouse.NotFound)
		wantKind(t, h.UpdateAPI(ctx, other, h.api.ID, nil), gatehouse.NotFound)
	})
}

func TestProvisionIsAllOrNothing(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		h, ctx := furnish(t, dsn), t.Context()
		app := h.app
		app.ID, app.Name = gatehouse.NewID(time.Now()), "second"
		sub := &gatehouse.Subscription{ID: gatehouse.NewID(time.Now()), OrgID: h.org.ID, ApplicationID: app.ID, APIID: "absent", Tier: "Gold", State: gatehouse.Unblocked}
		wantKind(t, h.Provision(ctx, &app, nil, sub), gatehouse.NotFound)
		_, err := h.Application(ctx, h.org.ID, app.ID)
		wantKind(t, err, gatehouse.NotFound)

		sub.APIID = h.api.ID
		must(t, h.Provision(ctx, &app, nil, sub))
		again := *sub
		again.ID = gatehouse.NewID(time.Now())
		wantKind(t, h.Provision(ctx, nil, nil, &again), gatehouse.Conflict)
	})
}

func (h *house) refreshToken(t *testing.T) (string, *gatehouse.RefreshToken) {
	t.Helper()
	c := &gatehouse.Client{Keys: h.keys, Organization: h.org}
	a := c.Authorize(&h.john, []string{"read"}, time.Now().UTC().Truncate(time.Microsecond))
	text := gatehouse.NewRefreshToken()
	r := c.Issue(a, text)
	must(t, h.CreateRefreshToken(t.Context(), r))
	return text, r
}

func (h *house) rotates(t *testing.T, r *gatehouse.RefreshToken) bool {
	t.Helper()
	rotated, err := h.RotateRefreshToken(t.Context(), r.Hash, r.Next(&h.keys, gatehouse.NewRefreshToken(), time.Now()), nil)
	must(t, err)
	return rotated
}

// check 51: of parallel uses of one refresh token, one rotates it.
func TestARefreshTokenRotatesOnce(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		h := furnish(t, dsn)
		_, r := h.refreshToken(t)
		var stored atomic.Pointer[gatehouse.RefreshToken]
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				next := r.Next(&h.keys, gatehouse.NewRefreshToken(), time.Now().UTC().Truncate(time.Microsecond))
				rotated, err := h.RotateRefreshToken(t.Context(), r.Hash, next, []byte(next.Hash))
				if err != nil || rotated && stored.Swap(next) != nil {
					t.Errorf("it rotates a second time, %v", err)
				}
			})
		}
		wg.Wait()
		next := stored.Load()
		if next == nil {
			t.Fatal("it does not rotate")
		}
		used, _, err := h.RefreshToken(t.Context(), r.Hash)
		must(t, err)
		if string(used.Replay) != next.Hash || !used.RotatedAt.Equal(next.IssuedAt) {
			t.Errorf("it keeps the answer of another use: %+v", used)
		}
		got, _, err := h.RefreshToken(t.Context(), next.Hash)
		must(t, err)
		if diff := cmp.Diff(next, got, cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
	})
}

// checks 50, 52, 55: every kind of revocation that names a refresh token ends it.
func TestRevocationsEndRefreshTokens(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		for name, end := range map[string]func(h *house, r *gatehouse.RefreshToken) error{
			"its family": func(h *house, r *gatehouse.RefreshToken) error {
				return h.Revoke(t.Context(), (&gatehouse.Client{Keys: h.keys}).RevokeFamily(r.Family, time.Now()))
			},
			"the user's new password": func(h *house, _ *gatehouse.RefreshToken) error { return h.SetPassword(t.Context(), h.john.ID, "new") },
			"its member": func(h *house, r *gatehouse.RefreshToken) error {
				return h.Revoke(t.Context(), gatehouse.RevokeAll(gatehouse.RevokedMember, gatehouse.MemberID(r.UserID, r.OrgKey), time.Now()))
			},
			"its organization": func(h *house, r *gatehouse.RefreshToken) error {
				return h.Revoke(t.Context(), gatehouse.RevokeAll(gatehouse.RevokedOrg, r.OrgKey, time.Now()))
			},
			"a deleted secret": func(h *house, _ *gatehouse.RefreshToken) error {
				return h.DeleteSecret(t.Context(), h.keys.ConsumerKey, h.keys.Secrets[0].ID)
			},
		} {
			t.Run(name, func(t *testing.T) {
				h := furnish(t, fresh(t, dsn))
				_, r := h.refreshToken(t)
				must(t, end(h, r))
				got, _, err := h.RefreshToken(t.Context(), r.Hash)
				must(t, err)
				if !got.Revoked {
					t.Error("the refresh token still stands")
				}
				if h.rotates(t, r) {
					t.Error("the refresh token rotates")
				}
				if name == "its family" {
					return
				}
				_, later := h.refreshToken(t)
				if got, _, err := h.RefreshToken(t.Context(), later.Hash); err != nil || got.Revoked {
					t.Errorf("one that was issued afterwards is revoked too: %v", err)
				}
				if !h.rotates(t, later) {
					t.Error("one that was issued afterwards does not rotate")
				}
			})
		}
	})
}

// fresh returns a new database of the kind of dsn.
func fresh(t *testing.T, dsn string) string {
	t.Helper()
	if db.IsPostgres(dsn) {
		return gatehousetest.Postgres(t)
	}
	return t.TempDir() + "/fresh.db"
}

func TestRemovingAMemberTakesTheUserWhenNothingIsLeft(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		h, ctx := furnish(t, dsn), t.Context()
		must(t, h.DeleteMember(ctx, &h.org, h.john.ID))
		_, _, err := h.Credentials(ctx, h.john.Username)
		wantKind(t, err, gatehouse.NotFound)
		_, err = h.Client(ctx, h.keys.ConsumerKey)
		wantKind(t, err, gatehouse.NotFound)
	})
}

func TestChangesAreTailedInOrderAndAcrossProcesses(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		h, ctx := furnish(t, dsn), t.Context()
		other := open(t, dsn) // another process on the same database
		last, err := other.LastChange(ctx)
		must(t, err)
		waiting, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		must(t, other.WaitForChange(waiting)) // it listens from now on
		const each, writers = 10, 4
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					if err := h.Revoke(ctx, gatehouse.RevokeAll(gatehouse.RevokedUser, fmt.Sprintf("u%d-%d", w, i), time.Now())); err != nil {
						t.Error(err)
					}
				}
			})
		}
		seen := map[string]bool{}
		for len(seen) < each*writers {
			must(t, other.WaitForChange(waiting))
			changes, err := other.Changes(ctx, last, 7)
			must(t, err)
			for _, c := range changes {
				if c.Sequence != last+1 {
					t.Fatalf("change %d follows %d: a reader would miss the one between", c.Sequence, last)
				}
				last, seen[c.ID] = c.Sequence, true
			}
		}
		wg.Wait()
	})
}

func TestOnChangeIsCalledBeforeTheChangeIsAcknowledged(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		h := furnish(t, dsn)
		calls := 0
		h.OnChange = func(context.Context) { calls++ }
		must(t, h.Revoke(t.Context(), gatehouse.RevokeAll(gatehouse.RevokedUser, "u", time.Now())))
		if calls != 1 {
			t.Errorf("OnChange was called %d times, want 1", calls)
		}
		h.refreshToken(t)
		if calls != 1 {
			t.Error("issuing a token announces a change: it must cost no node anything")
		}
	})
}

// A failure undoes one deed and not those that share its transaction.
func TestDeedsOfOneBatchFailAlone(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		h, ctx := furnish(t, dsn), t.Context()
		refusal := errors.New("refused by the rule")
		var wg sync.WaitGroup
		for i := range 60 {
			wg.Go(func() {
				app := h.app
				app.ID, app.Name = gatehouse.NewID(time.Now()), fmt.Sprint("app", i)
				must := func(err error) {
					if err != nil {
						t.Error(err)
					}
				}
				must(h.Provision(ctx, &app, nil, nil))
				err := h.UpdateApplication(ctx, h.org.ID, app.ID, func(a *gatehouse.Application) error {
					a.Description = "changed"
					if i%2 == 0 {
						return refusal
					}
					return nil
				})
				if (i%2 == 0) != errors.Is(err, refusal) {
					t.Errorf("app %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		all, err := h.Applications(ctx, h.org.ID, "")
		must(t, err)
		changed := 0
		for _, app := range all {
			if app.Description == "changed" {
				changed++
			}
		}
		if len(all) != 61 || changed != 30 {
			t.Errorf("%d applications, %d changed; want 61 and 30", len(all), changed)
		}
	})
}

func TestAPanicInARuleReachesItsCallerAlone(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		h, ctx := furnish(t, dsn), t.Context()
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_ = h.UpdateApplication(ctx, h.org.ID, h.app.ID, func(*gatehouse.Application) error { panic("a bug") })
		}()
		must(t, h.UpdateApplication(ctx, h.org.ID, h.app.ID, func(*gatehouse.Application) error { return nil }))
	})
}

func TestPurgeKeepsWhatIsAlive(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		h, ctx := furnish(t, dsn), t.Context()
		_, alive := h.refreshToken(t)
		must(t, h.Purge(ctx))
		if _, _, err := h.RefreshToken(ctx, alive.Hash); err != nil {
			t.Error(err)
		}
		h.Now = func() time.Time { return time.Now().Add(31 * 24 * time.Hour) }
		must(t, h.Purge(ctx))
		_, _, err := h.RefreshToken(ctx, alive.Hash)
		wantKind(t, err, gatehouse.NotFound)
		if last, err := h.LastChange(ctx); err != nil || last == 0 {
			t.Errorf("the newest change is gone: numbers would begin anew: %d %v", last, err)
		}
	})
}
