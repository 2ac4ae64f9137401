package gatehouse_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
)

// checks 49, 50, 56: what presenting a refresh token leads to, second by second.
func TestRefreshTokenUse(t *testing.T) {
	issued := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	rotated := issued.Add(time.Hour)
	live := gatehouse.RefreshToken{
		ConsumerKey: "key", IssuedAt: issued, ExpiresAt: issued.Add(24 * time.Hour), FamilyEnd: issued.Add(gatehouse.MaxRefreshAge),
	}
	rotate := func(r *gatehouse.RefreshToken) { r.RotatedAt, r.Replay = rotated, []byte("sealed") }
	for name, row := range map[string]struct {
		change func(*gatehouse.RefreshToken)
		grace  time.Duration
		at     time.Time
		want   gatehouse.RefreshUse
	}{
		"the live token":                             {nil, 0, issued, gatehouse.RefreshRotates},
		"its last moment":                            {nil, 0, issued.Add(24*time.Hour - 1), gatehouse.RefreshRotates},
		"its end":                                    {nil, 0, issued.Add(24 * time.Hour), gatehouse.RefreshRefused},
		"the family's end":                           {func(r *gatehouse.RefreshToken) { r.FamilyEnd = issued.Add(time.Hour) }, 0, rotated, gatehouse.RefreshRefused},
		"another client's":                           {func(r *gatehouse.RefreshToken) { r.ConsumerKey = "other" }, 0, issued, gatehouse.RefreshRefused},
		"another client's, rotated":                  {func(r *gatehouse.RefreshToken) { rotate(r); r.ConsumerKey = "other" }, time.Minute, rotated, gatehouse.RefreshRefused},
		"revoked":                                    {func(r *gatehouse.RefreshToken) { r.Revoked = true }, 0, issued, gatehouse.RefreshRefused},
		"revoked within its grace":                   {func(r *gatehouse.RefreshToken) { rotate(r); r.Revoked = true }, time.Minute, rotated, gatehouse.RefreshRefused},
		"rotated, without a grace":                   {rotate, 0, rotated, gatehouse.RefreshReused},
		"rotated, at once with a grace":              {rotate, time.Minute, rotated, gatehouse.RefreshReplays},
		"rotated, at the end of its grace":           {rotate, time.Minute, rotated.Add(time.Minute - 1), gatehouse.RefreshReplays},
		"rotated, after its grace":                   {rotate, time.Minute, rotated.Add(time.Minute), gatehouse.RefreshReused},
		"rotated before there was a grace":           {func(r *gatehouse.RefreshToken) { r.RotatedAt = rotated }, time.Minute, rotated, gatehouse.RefreshReused},
		"rotated and expired":                        {rotate, 0, issued.Add(24 * time.Hour), gatehouse.RefreshRefused},
		"used on a node whose clock is a bit behind": {rotate, time.Minute, rotated.Add(-time.Second), gatehouse.RefreshReplays},
	} {
		t.Run(name, func(t *testing.T) {
			r := live
			if row.change != nil {
				row.change(&r)
			}
			if got := r.Use(&gatehouse.Keys{ConsumerKey: "key", Grace: row.grace}, row.at); got != row.want {
				t.Errorf("leads to %d, want %d", got, row.want)
			}
		})
	}
}

// checks 54, 56: a rotation lives anew, never beyond the family, and shrinks nothing.
func TestRefreshTokenNext(t *testing.T) {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	k := gatehouse.Keys{ConsumerKey: "key", Access: time.Hour, Refresh: 24 * time.Hour}
	c := gatehouse.Client{Keys: k, Organization: gatehouse.Organization{Key: "johnsorg"}}
	john := &gatehouse.Member{User: gatehouse.User{ID: "u1", Username: "john"}, Organization: c.Organization}
	a := c.Authorize(john, []string{"read", "update"}, start)
	first := c.Issue(a, "ghr_first")
	if a.Family == "" || a.Family != first.Family || !first.RotatedAt.IsZero() {
		t.Fatalf("the first of the family: %+v of %q", first, a.Family)
	}
	first.RotatedAt, first.Replay = start.Add(time.Minute), []byte("sealed")
	for name, row := range map[string]struct{ at, ends time.Time }{
		"soon":                     {start.Add(time.Hour), start.Add(25 * time.Hour)},
		"a day before the end":     {start.Add(gatehouse.MaxRefreshAge - 24*time.Hour), start.Add(gatehouse.MaxRefreshAge)},
		"an hour before the end":   {start.Add(gatehouse.MaxRefreshAge - time.Hour), start.Add(gatehouse.MaxRefreshAge)},
		"a second before the end ": {start.Add(gatehouse.MaxRefreshAge - time.Second), start.Add(gatehouse.MaxRefreshAge)},
	} {
		t.Run(name, func(t *testing.T) {
			want := &gatehouse.RefreshToken{
				Hash: gatehouse.HashToken("ghr_next"), Family: first.Family, ConsumerKey: "key", UserID: "u1", OrgKey: "johnsorg", Carries: gatehouse.Carries{Scopes: []string{"read", "update"}},
				IssuedAt: row.at, ExpiresAt: row.ends, FamilyEnd: start.Add(gatehouse.MaxRefreshAge),
			}
			if diff := cmp.Diff(want, first.Next(&k, "ghr_next", row.at)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
