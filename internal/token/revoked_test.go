package token_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/token"
)

// checks 52, 53, 55: every kind of revocation ends a token on the node that stored it
// when it is stored, on others when the feed tells of it, and after a restart. What
// does not bear the name lives, and so does what is issued a moment later.
func TestEveryKindOfRevocationEndsATokenEverywhere(t *testing.T) {
	all := func(kind gatehouse.RevocationKind, id string) func(*mint, *gatehouse.Client, *gatehouse.Authorization) gatehouse.Revocation {
		return func(m *mint, _ *gatehouse.Client, _ *gatehouse.Authorization) gatehouse.Revocation {
			return gatehouse.RevokeAll(kind, id, m.now)
		}
	}
	kinds := map[string]func(m *mint, c *gatehouse.Client, a *gatehouse.Authorization) gatehouse.Revocation{
		"token": func(m *mint, _ *gatehouse.Client, a *gatehouse.Authorization) gatehouse.Revocation {
			return gatehouse.Revocation{Kind: gatehouse.RevokedToken, ID: a.ID, At: m.now, AccessEnd: a.ExpiresAt, Until: a.ExpiresAt}
		},
		"family": func(m *mint, c *gatehouse.Client, a *gatehouse.Authorization) gatehouse.Revocation {
			return c.RevokeFamily(a.Family, m.now)
		},
		"user":   all(gatehouse.RevokedUser, "john"),
		"member": all(gatehouse.RevokedMember, gatehouse.MemberID("john", "johnsorg")),
		"keys":   all(gatehouse.RevokedKeys, "key"),
		"org":    all(gatehouse.RevokedOrg, "johnsorg"),
	}
	for kind, revocation := range kinds {
		for _, format := range []string{"ES256", "opaque"} {
			k := formats[format]
			for _, held := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s %s held=%v", kind, format, held), func(t *testing.T) {
					dsn := filepath.Join(t.TempDir(), "gatehouse.db")
					m, c := openMint(t, dsn), clientOf(k)
					victim, a := m.issue(t, c, "john")
					other := clientOf(k)
					other.ConsumerKey, other.Organization.Key = "other", "janesorg"
					bystander, _ := m.issue(t, other, "jane")
					second := openMint(t, dsn)
					if held {
						m.want(t, victim, lives)
						second.want(t, victim, lives)
					}
					m.now = m.now.Add(time.Microsecond)
					must(t, m.db.Revoke(t.Context(), revocation(m, c, a)))
					m.want(t, victim, refused)
					m.now = m.now.Add(time.Microsecond)
					later, _ := m.issue(t, c, "john")
					must(t, second.changes.Sync(t.Context()))
					for node, n := range map[string]*mint{"the node": m, "another": second, "one that starts": openMint(t, dsn)} {
						if got := n.verdict(t, victim) + n.verdict(t, later) + n.verdict(t, bystander); got != refused+lives+lives {
							t.Errorf("on %s the revoked, the later and the other token are %s", node, got)
						}
					}
				})
			}
		}
	}
}

// A revocation says that tokens up to a moment have ended. One that arrives late, from a
// node whose clock is behind, takes none of that back.
func TestALateRevocationGivesNothingBack(t *testing.T) {
	m, c := newMint(t), clientOf(formats["ES256"])
	text, _ := m.issue(t, c, "john")
	must(t, m.db.Revoke(t.Context(), gatehouse.RevokeAll(gatehouse.RevokedUser, "john", m.now.Add(time.Second))))
	must(t, m.db.Revoke(t.Context(), gatehouse.RevokeAll(gatehouse.RevokedUser, "john", m.now.Add(-time.Second))))
	m.want(t, text, refused)

	text, a := m.issue(t, c, "jane")
	must(t, m.db.Revoke(t.Context(), c.RevokeFamily(a.Family, m.now)))
	brief := *c
	brief.Access = time.Second // the lifetime was made shorter since
	must(t, m.db.Revoke(t.Context(), brief.RevokeFamily(a.Family, m.now)))
	m.now = m.now.Add(time.Minute)
	m.Revoked.Forget()
	m.Cache = token.NewCache(64)
	m.want(t, text, refused)
}

func TestRevocationsAreForgottenWhenTheirTokensHaveEnded(t *testing.T) {
	m, c := newMint(t), clientOf(formats["ES256"])
	text, a := m.issue(t, c, "john")
	must(t, m.db.Revoke(t.Context(), c.RevokeFamily(a.Family, m.now)))
	m.now = a.ExpiresAt.Add(-time.Second)
	m.Revoked.Forget()
	m.want(t, text, refused)
	m.now = a.ExpiresAt.Add(time.Second)
	m.Revoked.Forget()
	if got := m.Revoked.Len(); got != 0 {
		t.Errorf("%d revocations are held", got)
	}
	m.want(t, text, expired)
}

func TestApply(t *testing.T) {
	m := newMint(t)
	if err := m.Revoked.Apply(t.Context(), "user:purged"); err != nil {
		t.Error("one that was purged meanwhile is an error:", err)
	}
	if err := m.Revoked.Apply(t.Context(), "nonsense"); err == nil {
		t.Error("what names no revocation is no error")
	}
	m.Revoked.Store = noRevocations{}
	if err := m.Revoked.Apply(t.Context(), "user:john"); err == nil {
		t.Error("a store that does not answer is no error: the feed would go on")
	}
	if err := m.Revoked.Load(t.Context()); err == nil {
		t.Error("a store that does not answer is no error")
	}
}

// noRevocations is a store whose revocations cannot be read.
type noRevocations struct{}

func (noRevocations) Revocations(context.Context) ([]gatehouse.Revocation, error) {
	return nil, errDown
}

func (noRevocations) Revocation(context.Context, gatehouse.RevocationKind, string) (gatehouse.Revocation, error) {
	return gatehouse.Revocation{}, errDown
}

// check 52: whoever verifies while a token is being revoked, no answer after the
// revocation's says that it lives.
func TestRevokingWhileOthersVerify(t *testing.T) {
	m, c := newMint(t), clientOf(formats["ES256"])
	for range 20 {
		text, a := m.issue(t, c, "john")
		var wg sync.WaitGroup
		start := make(chan struct{})
		for range 3 {
			wg.Go(func() {
				<-start
				for range 20 {
					_, _ = m.Verify(t.Context(), text)
				}
			})
		}
		close(start)
		must(t, m.db.Revoke(t.Context(), c.RevokeFamily(a.Family, m.now)))
		m.want(t, text, refused)
		wg.Wait()
		m.want(t, text, refused)
	}
}
