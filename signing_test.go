package gatehouse_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

// check 85: the state of a key follows from its moments and its neighbours.
func TestKeyStates(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	key := func(id, algorithm string, signs, until time.Duration) gatehouse.SealedKey {
		return gatehouse.SealedKey{ID: id, Algorithm: algorithm, Sealed: "sealed", SignsAt: now.Add(signs), Until: now.Add(until)}
	}
	revoked := key("revoked", "ES256", -time.Minute, time.Hour)
	revoked.RevokedAt = now.Add(-time.Second)
	ring := gatehouse.KeyRing{
		key("gone", "ES256", -3*time.Hour, 0), key("checks", "ES256", -2*time.Hour, 1), key("a signs", "ES256", -time.Hour, -time.Minute), key("signs", "ES256", -time.Hour, -time.Minute),
		revoked, key("ahead", "ES256", 1, time.Hour), key("rsa", "RS256", 0, time.Hour),
	}
	want := map[string]gatehouse.KeyState{
		"gone": gatehouse.KeyGone, "checks": gatehouse.KeyChecks, "a signs": gatehouse.KeyGone, "signs": gatehouse.KeySigns,
		"revoked": gatehouse.KeyGone, "ahead": gatehouse.KeyAhead, "rsa": gatehouse.KeySigns,
	}
	for i := range ring {
		if got := ring.State(&ring[i], now); got != want[ring[i].ID] {
			t.Errorf("%s is %s", ring[i].ID, got)
		}
	}
	if got := ring.Algorithms(); !slices.Equal(got, []string{"ES256", "RS256"}) {
		t.Errorf("the algorithms are %v", got)
	}
	if ring.Signer("HS256", now) != nil || ring.Ahead("RS256", now) != nil {
		t.Error("there is a key that there is not")
	}
}

func TestWhenTheNextKeyIsDue(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, row := range map[string]struct {
		age    time.Duration
		ahead  bool
		period time.Duration
		due    bool
	}{
		"a day before its turn":         {89 * 24 * time.Hour, false, 90 * 24 * time.Hour, true},
		"earlier":                       {89*24*time.Hour - 1, false, 90 * 24 * time.Hour, false},
		"long after":                    {900 * 24 * time.Hour, false, 90 * 24 * time.Hour, true},
		"made already":                  {900 * 24 * time.Hour, true, 90 * 24 * time.Hour, false},
		"half of a short period before": {30 * time.Minute, false, time.Hour, true},
		"earlier in a short period":     {29 * time.Minute, false, time.Hour, false},
	} {
		ring := gatehouse.KeyRing{{ID: "a", Algorithm: "ES256", SignsAt: now.Add(-row.age)}}
		if row.ahead {
			ring = append(ring, gatehouse.SealedKey{ID: "b", Algorithm: "ES256", SignsAt: now.Add(time.Second)})
		}
		if got := ring.Due("ES256", row.period, now); got != row.due {
			t.Errorf("%s: due is %v", name, got)
		}
		if ring.Due("RS256", row.period, now) {
			t.Error("a key of an algorithm that nobody used is due")
		}
	}
}

// check 85: an emergency ends one key, and another signs only when it was the signer.
func TestRevokingAKey(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, row := range map[string]struct {
		keys   string // the states of the ring, by id
		bad    string
		signer string
	}{
		"the signer, with a key ahead": {"checks signs ahead", "signs", "ahead"},
		"the signer, without one":      {"checks signs", "signs", "spare"},
		"a key that only checks":       {"checks signs ahead", "checks", "signs"},
		"the key that was made ahead":  {"checks signs ahead", "ahead", "signs"},
	} {
		t.Run(name, func(t *testing.T) {
			at := map[string]time.Duration{"checks": -2 * time.Hour, "signs": -time.Hour, "ahead": time.Hour}
			var ring gatehouse.KeyRing
			for _, id := range []string{"checks", "signs", "ahead"} {
				if id != "ahead" || len(row.keys) > len("checks signs") {
					ring = append(ring, gatehouse.SealedKey{ID: id, Algorithm: "ES256", Sealed: "sealed", SignsAt: now.Add(at[id]), Until: now.Add(3 * time.Hour)})
				}
			}
			changed, err := ring.Revoke(row.bad, gatehouse.SealedKey{ID: "spare"}, now)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range changed {
				if i := slices.IndexFunc(ring, func(other gatehouse.SealedKey) bool { return other.ID == k.ID }); i < 0 {
					ring = append(ring, k)
				} else {
					ring[i] = k
				}
				if k.ID == row.bad && (k.Sealed != "" || !k.RevokedAt.Equal(now)) {
					t.Errorf("the bad key is %+v", k)
				}
			}
			if got := ring.Signer("ES256", now); got == nil || got.ID != row.signer {
				t.Errorf("%v signs, want %s", got, row.signer)
			}
		})
	}
}
