package token_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

func TestInternalKeys(t *testing.T) {
	m := newMint(t)
	says := func(lifetime time.Duration) *gatehouse.Authorization {
		a := &gatehouse.Authorization{ID: gatehouse.NewID(m.now), OrgKey: "johnsorg", For: gatehouse.ForUser, Subject: "john", Audience: []string{"api"}, IssuedAt: m.now}
		a.Lives(lifetime)
		return a
	}
	key, err := m.IssueInternal(says(time.Hour))
	must(t, err)
	got, err := m.VerifyInternal(key)
	must(t, err)
	if got.Audience[0] != "api" || got.Subject != "john" {
		t.Errorf("read back as %+v", got)
	}
	access, _ := m.issue(t, clientOf(formats["opaque"]), "john")
	for name, text := range map[string]string{"nothing": "", "cut": key[:len(key)-4], "changed": key[:20] + "A" + key[21:], "without its beginning": strings.TrimPrefix(key, "ghi_"), "an access token": access} {
		if _, err := m.VerifyInternal(text); gatehouse.KindOf(err) != gatehouse.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := m.Verify(t.Context(), key); gatehouse.KindOf(err) != gatehouse.Unauthenticated {
		t.Errorf("an internal key as an access token: %v", err)
	}
	short, err := m.IssueInternal(says(time.Minute))
	must(t, err)
	m.now = m.now.Add(time.Minute)
	if _, err := m.VerifyInternal(short); gatehouse.KindOf(err) != gatehouse.Unauthenticated {
		t.Errorf("one that has ended: %v", err)
	}
	must(t, m.Store.Revoke(t.Context(), gatehouse.RevokeAll(gatehouse.RevokedUser, "john", m.now)))
	if _, err := m.VerifyInternal(key); gatehouse.KindOf(err) != gatehouse.Unauthenticated {
		t.Errorf("one of a user whose password changed: %v", err)
	}
}
