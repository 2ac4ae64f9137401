package token_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

const quarter = 90 * 24 * time.Hour

// states returns the state of each key, by the order of their making.
func (m *mint) states(t testing.TB) string {
	t.Helper()
	ring, now, err := m.Keys.List(t.Context())
	must(t, err)
	var all []string
	for i := range ring {
		all = append(all, string(ring.State(&ring[i], now)))
	}
	return strings.Join(all, " ")
}

// after lets time pass on nodes, each of which then does what it does now and then.
func after(t testing.TB, d time.Duration, nodes ...*mint) {
	t.Helper()
	for _, m := range nodes {
		m.now = m.now.Add(d)
	}
	for _, m := range nodes {
		must(t, m.Keys.Rotate(t.Context(), quarter))
		must(t, m.changes.Sync(t.Context()))
	}
	for _, m := range nodes {
		must(t, m.changes.Sync(t.Context()))
	}
}

func head(text string) string {
	h, _, _ := strings.Cut(text, ".")
	return h
}

// check 85: on schedule a key is published before it signs, signs, checks until the last
// token that it signed has ended, and is gone; of two nodes one makes it, and no token is
// refused meanwhile.
func TestKeysTakeTurnsOnSchedule(t *testing.T) {
	dsn := filepath.Join(t.TempDir(), "gatehouse.db")
	m, other := openMint(t, dsn), openMint(t, dsn)
	c := clientOf(formats["ES256"])
	want := func(states string, published int) {
		t.Helper()
		for _, node := range []*mint{m, other} {
			if got := node.states(t); got != states {
				t.Errorf("the keys are: %s, want: %s", got, states)
			}
			if got := len(node.published(t).Keys); got != published {
				t.Errorf("%d keys are published, want %d", got, published)
			}
		}
	}
	want("signs", 1)
	after(t, quarter-25*time.Hour, m, other)
	want("signs", 1)
	after(t, 2*time.Hour, m, other)
	want("signs ahead", 2)
	last, _ := m.issue(t, c, "john")
	after(t, 24*time.Hour, m, other)
	want("checks signs", 2)
	next, _ := m.issue(t, c, "john")
	if head(last) == head(next) {
		t.Error("the older key signs still")
	}
	for _, node := range []*mint{m, other} {
		node.want(t, next, lives)
	}
	after(t, -23*time.Hour-1*time.Second, m, other)
	for _, node := range []*mint{m, other} {
		node.want(t, last, lives)
	}
	after(t, 72*time.Hour, m, other)
	want("gone signs", 1)
	m.now = m.now.Add(gatehouse.KeyKept + 48*time.Hour)
	must(t, m.db.Purge(t.Context()))
	if got := m.states(t); got != "signs" {
		t.Errorf("after a while the keys are: %s", got)
	}
}

// A key that signed a token without an end checks for good, unless it is revoked.
func TestAKeyOfTokensThatNeverExpireChecksForGood(t *testing.T) {
	m, c := newMint(t), clientOf(formats["ES256"])
	c.Access = gatehouse.Never
	text, _ := m.issue(t, c, "john")
	for range 8 {
		after(t, quarter, m)
		must(t, m.db.Purge(t.Context()))
	}
	openAgain(t, m).want(t, text, lives)
	if got := m.states(t); !strings.HasPrefix(got, "checks ") {
		t.Errorf("the keys are: %s", got)
	}
}

// openAgain starts another node on m's store, at m's time.
func openAgain(t testing.TB, m *mint) *mint {
	t.Helper()
	again := newMint(t)
	again.now = m.now
	again.Keys.Store, again.Revoked.Store, again.Store, again.db, again.changes = m.db, m.db, m.db, m.db, m.changes
	must(t, again.Keys.Reload(t.Context()))
	return again
}

// How long tokens live is written down before they are handed out, and seldom: a token
// of an hour finds a day written ahead.
func TestHowLongTokensLiveIsWrittenAhead(t *testing.T) {
	m, c := newMint(t), clientOf(formats["ES256"])
	store := &counting{KeyStore: m.db}
	m.Keys.Store = store
	for range 48 {
		m.now = m.now.Add(30 * time.Minute)
		_, a := m.issue(t, c, "john")
		ring, _, err := m.Keys.List(t.Context())
		must(t, err)
		if ring[0].Until.Before(a.ExpiresAt) {
			t.Fatalf("the key is kept until %v, its token lives until %v", ring[0].Until, a.ExpiresAt)
		}
	}
	if store.extended != 1 {
		t.Errorf("it was written %d times in a day", store.extended)
	}
}

// counting is a store of keys that counts.
type counting struct {
	KeyStore
	extended, read int
}

// KeyStore is what Keys needs of a store.
type KeyStore interface {
	SigningKeys(ctx context.Context) (gatehouse.KeyRing, error)
	UpdateSigningKeys(ctx context.Context, rule func(gatehouse.KeyRing) ([]gatehouse.SealedKey, error)) error
	ExtendSigningKey(ctx context.Context, id string, until time.Time) error
}

func (c *counting) ExtendSigningKey(ctx context.Context, id string, until time.Time) error {
	c.extended++
	return c.KeyStore.ExtendSigningKey(ctx, id, until)
}

func (c *counting) SigningKeys(ctx context.Context) (gatehouse.KeyRing, error) {
	c.read++
	return c.KeyStore.SigningKeys(ctx)
}

// check 85: tokens of keys that there are not are refused from memory.
func TestAFloodOfUnknownKeysReadsNothing(t *testing.T) {
	m := newMint(t)
	text, _ := m.issue(t, clientOf(formats["ES256"]), "john")
	store := &counting{KeyStore: m.db}
	m.Keys.Store = store
	_, rest, _ := strings.Cut(text, ".")
	for range 10_000 {
		m.want(t, gatehouse.RandomText(40)+"."+rest, refused)
	}
	if store.read != 0 {
		t.Errorf("the keys were read %d times", store.read)
	}
}

// check 85: the emergency. Every token of the bad key ends at once on the node and with
// the feed on others, verified before or not; another key signs at once; refresh tokens,
// opaque tokens and tokens of other keys stay good.
func TestARevokedKeyEndsItsTokens(t *testing.T) {
	for _, ahead := range []bool{false, true} {
		dsn := filepath.Join(t.TempDir(), "gatehouse.db")
		m, other := openMint(t, dsn), openMint(t, dsn)
		held, _ := m.issue(t, clientOf(formats["ES256"]), "john")
		fresh, _ := m.issue(t, clientOf(formats["ES256"]), "john")
		opaque, _ := m.issue(t, clientOf(formats["opaque"]), "john")
		rsa, _ := m.issue(t, clientOf(formats["RS256"]), "john")
		must(t, other.changes.Sync(t.Context()))
		nodes := []*mint{m, other}
		for _, node := range nodes {
			node.want(t, held, lives)
			node.want(t, opaque, lives)
			node.want(t, rsa, lives)
		}
		var next string
		if ahead {
			m.now = m.now.Add(time.Second)
			must(t, m.Keys.RotateSoon(t.Context(), time.Hour))
			ring, now, err := m.Keys.List(t.Context())
			must(t, err)
			next = ring.Ahead("ES256", now).ID
		}
		id, _ := m.private(t, "ES256")
		must(t, m.Keys.Revoke(t.Context(), id))
		for i, node := range nodes {
			if i == 1 {
				must(t, node.changes.Sync(t.Context()))
			}
			node.want(t, held, refused)
			node.want(t, fresh, refused)
			node.want(t, opaque, lives)
			node.want(t, rsa, lives)
			good, _ := node.issue(t, clientOf(formats["ES256"]), "john")
			node.want(t, good, lives)
			for _, k := range node.published(t).Keys {
				if k.KeyID == id {
					t.Error("the bad key is published still")
				}
			}
		}
		ring, now, err := m.Keys.List(t.Context())
		must(t, err)
		if signer := ring.Signer("ES256", now); ahead && signer.ID != next {
			t.Error("the key that others know already did not take its turn")
		}
		for _, k := range ring {
			if k.ID == id && k.Sealed != "" {
				t.Error("the private part of the bad key is kept")
			}
		}
		if err := m.Keys.Revoke(t.Context(), id); gatehouse.KindOf(err) != gatehouse.Conflict {
			t.Errorf("revoked twice: %v", err)
		}
		if err := m.Keys.Revoke(t.Context(), "nothing"); gatehouse.KindOf(err) != gatehouse.NotFound {
			t.Errorf("an unknown key was revoked: %v", err)
		}
	}
}

func TestAKeyIsNotRotatedBeforeOthersCanKnowIt(t *testing.T) {
	m := newMint(t)
	if err := m.Keys.RotateSoon(t.Context(), time.Second); gatehouse.KindOf(err) != gatehouse.Invalid {
		t.Errorf("the error is %v", err)
	}
	m.now = m.now.Add(time.Second)
	must(t, m.Keys.RotateSoon(t.Context(), time.Hour))
	must(t, m.Keys.RotateSoon(t.Context(), time.Minute))
	must(t, m.Keys.RotateSoon(t.Context(), time.Hour))
	if got := m.states(t); got != "signs ahead" {
		t.Errorf("the keys are: %s", got)
	}
	m.now = m.now.Add(time.Minute)
	if got := m.states(t); got != "checks signs" {
		t.Errorf("after a minute the keys are: %s", got)
	}
}
