package gatehouse_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// checks 15, 58: what a token says, and for how long.
func TestAuthorize(t *testing.T) {
	org := gatehouse.Organization{Key: "johnsorg"}
	c := gatehouse.Client{Keys: gatehouse.Keys{ConsumerKey: "key", Type: gatehouse.Sandbox, Access: time.Hour}, Organization: org}
	john := &gatehouse.Member{User: gatehouse.User{ID: "u1", Username: "john@johns.org"}, Organization: org}

	a := c.Authorize(john, []string{"read"}, noon)
	if a.For != gatehouse.ForUser || a.Subject != "u1" || a.Username != "john@johns.org@johnsorg" || a.OrgKey != "johnsorg" || a.KeyType != gatehouse.Sandbox {
		t.Errorf("for a user: %+v", a)
	}
	if a.ExpiresIn(noon) != 3600 || a.ExpiresIn(noon.Add(1)) != 3599 || a.ExpiresIn(noon.Add(2*time.Hour)) != 0 {
		t.Errorf("expires in %d, %d, %d", a.ExpiresIn(noon), a.ExpiresIn(noon.Add(1)), a.ExpiresIn(noon.Add(2*time.Hour)))
	}
	if at, ok := gatehouse.IDTime(a.ID); !ok || !at.Equal(noon) {
		t.Errorf("the id tells %v", at)
	}

	a = c.Authorize(nil, []string{"default"}, noon)
	if a.For != gatehouse.ForApplication || a.Subject != "key" || a.Username != "" {
		t.Errorf("for the application: %+v", a)
	}
	a.Lives(gatehouse.Never)
	if !a.ExpiresAt.Equal(gatehouse.EndOfTime) || a.ExpiresIn(noon) != 9223372036854775 {
		t.Errorf("without an end: %v, %d", a.ExpiresAt, a.ExpiresIn(noon))
	}
}

// check 15: no consumer key can pass for a user's id, nor an application's token be
// named by a user's revocation.
func TestRevocationsNameTokens(t *testing.T) {
	user := gatehouse.Authorization{ID: "t", Family: "f", ConsumerKey: "k", OrgKey: "o", For: gatehouse.ForUser, Subject: "u"}
	app := gatehouse.Authorization{ID: "t", ConsumerKey: "k", OrgKey: "o", For: gatehouse.ForApplication, Subject: "u"}
	for name, row := range map[string]struct {
		kind      gatehouse.RevocationKind
		id        string
		user, app bool
	}{
		"the token":                {gatehouse.RevokedToken, "t", true, true},
		"its family":               {gatehouse.RevokedFamily, "f", true, false},
		"its consumer key":         {gatehouse.RevokedKeys, "k", true, true},
		"its organization":         {gatehouse.RevokedOrg, "o", true, true},
		"its user":                 {gatehouse.RevokedUser, "u", true, false},
		"its user in the org":      {gatehouse.RevokedMember, gatehouse.MemberID("u", "o"), true, false},
		"its user in another org":  {gatehouse.RevokedMember, gatehouse.MemberID("u", "p"), false, false},
		"those before it":          {gatehouse.RevokedBefore, "k:u", true, true},
		"another's":                {gatehouse.RevokedUser, "v", false, false},
		"an id of another kind":    {gatehouse.RevokedUser, "k", false, false},
		"another client and token": {gatehouse.RevokedBefore, "l:u", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			names := func(a gatehouse.Authorization) bool {
				all := a.Names()
				return slices.Contains(all[:], gatehouse.RevocationName{Kind: row.kind, ID: row.id})
			}
			if names(user) != row.user || names(app) != row.app {
				t.Errorf("names the user's token: %v, the application's: %v", names(user), names(app))
			}
		})
	}
}

// check 53: a revocation is kept until everything that it names has ended.
func TestRevocationsOutliveWhatTheyName(t *testing.T) {
	for name, access := range map[string]time.Duration{"an hour": time.Hour, "a year": 365 * 24 * time.Hour, "never": gatehouse.Never} {
		t.Run(name, func(t *testing.T) {
			c := gatehouse.Client{Keys: gatehouse.Keys{ConsumerKey: "key", Access: access, Refresh: gatehouse.MaxRefreshAge}}
			a := c.Authorize(nil, nil, noon)
			first := c.Issue(a, "ghr_x")
			last := first.FamilyEnd
			if a.ExpiresAt.After(last) {
				last = a.ExpiresAt
			}
			if r := c.RevokeFamily(a.Family, noon); r.AccessEnd.Before(a.ExpiresAt) || r.Until.Before(last) {
				t.Errorf("a family that ends at %v is revoked until %v, its access tokens of %v until %v", last, r.Until, a.ExpiresAt, r.AccessEnd)
			}
			if r := a.RevokeBefore(&c); r.Until.Before(a.ExpiresAt.Add(-time.Second)) || !r.At.Before(a.IssuedAt) {
				t.Errorf("tokens that end at %v are revoked until %v, those issued up to %v", a.ExpiresAt, r.Until, r.At)
			}
		})
	}
	if r := gatehouse.RevokeAll(gatehouse.RevokedUser, "u", noon); !r.Until.Equal(gatehouse.EndOfTime) || !r.AccessEnd.Equal(gatehouse.EndOfTime) {
		t.Errorf("all of a user is revoked until %v", r.Until)
	}
}

func TestSessionsEnd(t *testing.T) {
	s := gatehouse.Session{CreatedAt: noon, SeenAt: noon.Add(11 * time.Hour), ExpiresAt: noon.Add(gatehouse.SessionLength)}
	for name, row := range map[string]struct {
		at   time.Time
		live bool
	}{
		"after its last request":       {s.SeenAt, true},
		"a moment before its end":      {s.ExpiresAt.Add(-1), true},
		"at its end, however busy":     {s.ExpiresAt, false},
		"long after it was used":       {s.SeenAt.Add(gatehouse.SessionIdle), false},
		"on a clock a bit behind ours": {s.SeenAt.Add(-time.Second), true},
	} {
		if s.Live(row.at) != row.live {
			t.Errorf("%s: live is %v, want %v", name, !row.live, row.live)
		}
	}
	idle := gatehouse.Session{SeenAt: noon, ExpiresAt: noon.Add(gatehouse.SessionLength)}
	if !idle.Live(noon.Add(gatehouse.SessionIdle-1)) || idle.Live(noon.Add(gatehouse.SessionIdle)) {
		t.Error("an idle session does not end after SessionIdle")
	}
}
