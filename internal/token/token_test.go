package token_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/cluster"
	"github.com/gatehouse/gatehouse/internal/db"
	"github.com/gatehouse/gatehouse/internal/token"
)

const issuer = "https://gateway.example"

var masterKey = [32]byte{1, 2, 3}

// mint issues and verifies tokens on a real store, as one node of a cluster does.
type mint struct {
	*token.Tokens
	db      *db.DB
	changes *cluster.Changes
	now     time.Time
	rights  *rights
}

// rights is what the users of a mint may hold: all that they were issued, until known is
// set. happens runs while it is asked.
type rights struct {
	known   []gatehouse.Scope
	roles   []gatehouse.Role
	gone    bool
	happens func()
}

func (r *rights) Narrow(_ context.Context, a *gatehouse.Authorization) ([]string, error) {
	known, roles := r.known, r.roles
	if r.happens != nil {
		r.happens()
	}
	switch {
	case r.gone:
		return nil, gatehouse.Errorf(gatehouse.NotFound, "there is no such member")
	case known == nil:
		return a.Scopes, nil
	}
	return gatehouse.Narrow(a.Scopes, gatehouse.Known(known), roles), nil
}

func newMint(t testing.TB) *mint { return openMint(t, filepath.Join(t.TempDir(), "gatehouse.db")) }

// openMint starts another node on the store at dsn.
func openMint(t testing.TB, dsn string) *mint {
	t.Helper()
	ctx := context.Background()
	data, err := db.Open(ctx, dsn)
	must(t, err)
	t.Cleanup(func() { must(t, data.Close()) })
	m := &mint{db: data, rights: &rights{}, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), changes: &cluster.Changes{Feed: data, Log: slog.New(slog.DiscardHandler)}}
	clock := func() time.Time { return m.now }
	data.Now = clock
	m.Tokens = &token.Tokens{
		Issuer:  issuer,
		Keys:    &token.Keys{Store: data, MasterKey: masterKey, Now: clock},
		Revoked: &token.Revoked{Store: data, Now: clock},
		Store:   data,
		Rights:  m.rights,
		Cache:   token.NewCache(1000),
		Now:     clock,
	}
	m.changes.Subscribe(gatehouse.TokensRevoked, m.Revoked.Apply)
	m.changes.Subscribe(gatehouse.KeysRotated, func(ctx context.Context, _ string) error { return m.KeysChanged(ctx) })
	must(t, m.changes.Start(ctx))
	must(t, m.Revoked.Load(ctx))
	must(t, m.Keys.Load(ctx))
	data.OnChange = func(ctx context.Context) { must(t, m.changes.Sync(ctx)) }
	return m
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// formats are the ways to write an access token down.
var formats = map[string]gatehouse.Keys{
	"ES256":  {Format: gatehouse.FormatJWT, Algorithm: "ES256"},
	"RS256":  {Format: gatehouse.FormatJWT, Algorithm: "RS256"},
	"opaque": {Format: gatehouse.FormatOpaque, Algorithm: "ES256"},
}

func clientOf(k gatehouse.Keys) *gatehouse.Client {
	k.ConsumerKey, k.Type, k.Access, k.Refresh = "key", gatehouse.Production, time.Hour, 24*time.Hour
	return &gatehouse.Client{Keys: k, Organization: gatehouse.Organization{ID: "o1", Key: "johnsorg"}}
}

func member(id string) *gatehouse.Member {
	return &gatehouse.Member{User: gatehouse.User{ID: id, Username: id + "@johns.org"}, Organization: gatehouse.Organization{ID: "o1", Key: "johnsorg"}}
}

// issue issues a token to c for the user with an id, in a family of its own.
func (m *mint) issue(t testing.TB, c *gatehouse.Client, userID string) (string, *gatehouse.Authorization) {
	t.Helper()
	a := c.Authorize(member(userID), []string{"read", "update"}, m.now)
	a.Family = gatehouse.NewID(m.now)
	text, err := m.Issue(context.Background(), c, a)
	must(t, err)
	return text, a
}

// The three things that may come of a token.
const (
	lives   = "lives"
	expired = "expired"
	refused = "refused"
)

func (m *mint) verdict(t testing.TB, text string) string {
	t.Helper()
	a, err := m.Verify(context.Background(), text)
	switch {
	case err == nil && a != nil:
		return lives
	case a != nil || gatehouse.KindOf(err) != gatehouse.Unauthenticated:
		t.Fatalf("%v and the error %v", a, err)
	case len(text) > 20 && strings.Contains(err.Error(), text):
		t.Fatalf("the error repeats the token: %v", err)
	case errors.Is(err, gatehouse.ErrTokenExpired):
		return expired
	}
	return refused
}

func (m *mint) want(t testing.TB, text, want string) {
	t.Helper()
	if got := m.verdict(t, text); got != want {
		t.Errorf("the token is %s, want %s", got, want)
	}
}

func TestVerifyReadsWhatIssueWrote(t *testing.T) {
	m := newMint(t)
	for name, k := range formats {
		t.Run(name, func(t *testing.T) {
			c := clientOf(k)
			_, want := m.issue(t, c, "john")
			want.IssuedAt, want.ExpiresAt = m.now, m.now.Add(time.Hour)
			text, err := m.Issue(t.Context(), c, want)
			must(t, err)
			for _, how := range []string{"read", "held"} {
				got, err := m.Verify(t.Context(), text)
				must(t, err)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(how, diff)
				}
			}
			app := c.Authorize(nil, []string{"default"}, m.now)
			text, err = m.Issue(t.Context(), c, app)
			must(t, err)
			got, err := m.Verify(t.Context(), text)
			must(t, err)
			if diff := cmp.Diff(app, got); diff != "" {
				t.Error("an application's:", diff)
			}
		})
	}
}

// check 58 and acceptance 10: a token lives to its last second and not beyond, whether
// it is read or held.
func TestTokensExpireToTheSecond(t *testing.T) {
	for name, k := range formats {
		for _, held := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s held=%v", name, held), func(t *testing.T) {
				m := newMint(t)
				text, a := m.issue(t, clientOf(k), "john")
				if held {
					m.want(t, text, lives)
				}
				if got := a.ExpiresIn(m.now); got != 3600 {
					t.Errorf("expires in %d", got)
				}
				m.now = m.now.Add(time.Hour)
				if !held {
					m.want(t, text, expired)
				}
				m.now = m.now.Add(-time.Nanosecond)
				m.want(t, text, lives)
				m.now = m.now.Add(time.Nanosecond)
				m.want(t, text, expired)
				m.want(t, text, expired)
			})
		}
	}
}

// Acceptance 10: a token with validity -1 works after any time, until it is revoked.
func TestATokenThatNeverExpires(t *testing.T) {
	for name, k := range formats {
		t.Run(name, func(t *testing.T) {
			m, c := newMint(t), clientOf(k)
			c.Access = gatehouse.Never
			text, a := m.issue(t, c, "john")
			if got := a.ExpiresIn(m.now); got != gatehouse.NeverExpiresIn {
				t.Errorf("expires in %d", got)
			}
			m.now = m.now.AddDate(500, 0, 0)
			m.want(t, text, lives)
			must(t, m.db.Revoke(t.Context(), gatehouse.RevokeAll(gatehouse.RevokedUser, "john", m.now)))
			m.want(t, text, refused)
			m.now = m.now.AddDate(500, 0, 0)
			m.Revoked.Forget()
			must(t, m.db.Purge(t.Context()))
			m.want(t, text, refused)
		})
	}
}

// check 24: scopes that would make a token longer than is ever read are refused before
// anything happens.
func TestATokenThatNobodyWouldReadIsNotIssued(t *testing.T) {
	m := newMint(t)
	for _, name := range []string{"ES256", "RS256"} {
		t.Run(name, func(t *testing.T) {
			c := clientOf(formats[name])
			c.RevokesBefore = true
			before, _ := m.issue(t, c, "john")
			for _, letter := range []string{"x", "<"} { // JSON writes the second with six
				longest := 0
				for n := range gatehouse.MaxScopes {
					var scopes []string
					for i := range n {
						scopes = append(scopes, fmt.Sprintf("device_%03d%s", i, strings.Repeat(letter, 190)))
					}
					m.now = m.now.Add(time.Millisecond)
					text, err := m.Issue(t.Context(), c, c.Authorize(member("john"), scopes, m.now))
					if err != nil {
						if gatehouse.KindOf(err) != gatehouse.Invalid {
							t.Fatal(err)
						}
						break
					}
					m.want(t, text, lives)
					m.want(t, before, refused)
					before, longest = text, len(text)
				}
				if longest < token.MaxLength/2 || longest > token.MaxLength {
					t.Errorf("the longest token has %d bytes", longest)
				}
				m.want(t, before, lives)
			}
		})
	}
	c := clientOf(formats["opaque"])
	text, err := m.Issue(t.Context(), c, c.Authorize(member("john"), strings.Fields(strings.Repeat("s ", 9000)), m.now))
	must(t, err)
	m.want(t, text, lives)
}

// Each new token of the same client and user ends the one before, and no other.
func TestAClientMayAskThatTheTokenBeforeIsRevoked(t *testing.T) {
	for name, k := range formats {
		t.Run(name, func(t *testing.T) {
			m, c := newMint(t), clientOf(k)
			c.RevokesBefore = true
			first, _ := m.issue(t, c, "john")
			others, _ := m.issue(t, c, "jane")
			other := clientOf(k)
			other.ConsumerKey = "other"
			elsewhere, _ := m.issue(t, other, "john")
			m.want(t, first, lives)
			m.now = m.now.Add(2 * time.Microsecond)
			second, _ := m.issue(t, c, "john")
			m.want(t, first, refused)
			m.want(t, second, lives)
			m.want(t, others, lives)
			m.want(t, elsewhere, lives)
		})
	}
	t.Run("a failure to revoke issues nothing", func(t *testing.T) {
		m, c := newMint(t), clientOf(formats["ES256"])
		c.RevokesBefore = true
		m.Tokens.Store = failing{m.db}
		text, err := m.Issue(t.Context(), c, c.Authorize(nil, nil, m.now))
		if text != "" || err == nil {
			t.Errorf("issued %q, %v", text, err)
		}
	})
}

// failing is a store that does not answer.
type failing struct{ *db.DB }

var errDown = gatehouse.Errorf(gatehouse.Unavailable, "the database does not answer")

func (failing) Revoke(context.Context, gatehouse.Revocation) error { return errDown }

func (failing) AccessToken(context.Context, string) (*gatehouse.Authorization, error) {
	return nil, errDown
}

func TestAStoreThatDoesNotAnswerIsNoVerdict(t *testing.T) {
	m := newMint(t)
	text, _ := m.issue(t, clientOf(formats["opaque"]), "john")
	m.Tokens.Store = failing{m.db}
	if _, err := m.Verify(t.Context(), text); gatehouse.KindOf(err) != gatehouse.Unavailable {
		t.Errorf("the error is %v", err)
	}
	m.Tokens.Store = m.db
	m.want(t, text, lives)
}

func TestOpaqueTokensAreStoredAsHashes(t *testing.T) {
	m := newMint(t)
	text, a := m.issue(t, clientOf(formats["opaque"]), "john")
	if !strings.HasPrefix(text, "gha_") || len(text) != 44 {
		t.Errorf("the token is %q", text)
	}
	if _, err := m.db.AccessToken(t.Context(), text); gatehouse.KindOf(err) != gatehouse.NotFound {
		t.Errorf("it is found by its text: %v", err)
	}
	says, err := m.db.AccessToken(t.Context(), gatehouse.HashToken(text))
	must(t, err)
	if diff := cmp.Diff(a, says); diff != "" {
		t.Error(diff)
	}
}

func TestVerifyingAHeldTokenAllocatesNothing(t *testing.T) {
	m := newMint(t)
	for name, k := range formats {
		text, _ := m.issue(t, clientOf(k), "john")
		ctx := t.Context()
		m.want(t, text, lives)
		allocations := testing.AllocsPerRun(1000, func() {
			if _, err := m.Verify(ctx, text); err != nil {
				t.Fatal(err)
			}
		})
		if allocations != 0 {
			t.Errorf("%s: %v allocations", name, allocations)
		}
	}
}

func BenchmarkIssue(b *testing.B) {
	for name, k := range formats {
		b.Run(name, func(b *testing.B) {
			m, c := newMint(b), clientOf(k)
			m.issue(b, c, "john")
			for b.Loop() {
				m.issue(b, c, "john")
			}
		})
	}
}

func BenchmarkVerifyCold(b *testing.B) {
	for name, k := range formats {
		b.Run(name, func(b *testing.B) {
			m := newMint(b)
			text, _ := m.issue(b, clientOf(k), "john")
			for b.Loop() {
				b.StopTimer()
				m.Cache = token.NewCache(64)
				b.StartTimer()
				m.want(b, text, lives)
			}
		})
	}
}

func BenchmarkVerifyHeld(b *testing.B) {
	m := newMint(b)
	text, _ := m.issue(b, clientOf(formats["ES256"]), "john")
	m.want(b, text, lives)
	ctx := b.Context()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := m.Verify(ctx, text); err != nil {
				b.Fatal(err)
			}
		}
	})
}
