package gatehouse_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

var hourly = gatehouse.Limit{Calls: 5, Every: 1, Unit: gatehouse.PerHour}

// aTier is a valid tier of a level.
func aTier(level gatehouse.TierLevel) gatehouse.Tier {
	return gatehouse.Tier{ID: "id", Level: level, Name: "Mini", DisplayName: "Mini", Terms: gatehouse.Terms{Limit: hourly}}
}

func TestTierValidate(t *testing.T) {
	group := func(c gatehouse.Condition) func(*gatehouse.Tier) {
		return func(t *gatehouse.Tier) {
			t.Groups = []gatehouse.ConditionGroup{{Conditions: []gatehouse.Condition{c}, Limit: hourly}}
		}
	}
	burst := func(b gatehouse.Limit) func(*gatehouse.Tier) {
		return func(t *gatehouse.Tier) { t.Burst = b }
	}
	const sub, app, advanced = gatehouse.SubscriptionTier, gatehouse.ApplicationTier, gatehouse.AdvancedTier
	for name, row := range map[string]struct {
		level  gatehouse.TierLevel
		change func(*gatehouse.Tier)
		kind   gatehouse.Kind // 0 when it is valid
	}{
		"as it is":                           {sub, func(*gatehouse.Tier) {}, 0},
		"bytes a month":                      {app, func(t *gatehouse.Tier) { t.Limit = gatehouse.Limit{Bytes: 1, Every: 1, Unit: gatehouse.PerMonth} }, 0},
		"no level":                           {"custom", func(*gatehouse.Tier) {}, gatehouse.Invalid},
		"no name":                            {sub, func(t *gatehouse.Tier) { t.Name = "" }, gatehouse.Invalid},
		"a name with a space":                {sub, func(t *gatehouse.Tier) { t.Name = "a b" }, gatehouse.Invalid},
		"a built-in name":                    {sub, func(t *gatehouse.Tier) { t.Name = "Gold" }, gatehouse.Conflict},
		"a built-in name of another":         {app, func(t *gatehouse.Tier) { t.Name = "Gold" }, 0},
		"Unlimited":                          {advanced, func(t *gatehouse.Tier) { t.Name = gatehouse.Unlimited }, gatehouse.Conflict},
		"Unauthenticated":                    {sub, func(t *gatehouse.Tier) { t.Name = "Unauthenticated" }, gatehouse.Conflict},
		"no limit":                           {sub, func(t *gatehouse.Tier) { t.Limit = gatehouse.Limit{} }, gatehouse.Invalid},
		"calls and bytes":                    {sub, func(t *gatehouse.Tier) { t.Limit.Bytes = 1 }, gatehouse.Invalid},
		"fewer than none":                    {sub, func(t *gatehouse.Tier) { t.Limit.Calls = -1 }, gatehouse.Invalid},
		"more than can be counted":           {sub, func(t *gatehouse.Tier) { t.Limit.Calls = gatehouse.MaxAmount + 1 }, gatehouse.Invalid},
		"no time":                            {sub, func(t *gatehouse.Tier) { t.Limit.Every = 0 }, gatehouse.Invalid},
		"too much time":                      {sub, func(t *gatehouse.Tier) { t.Limit.Every = gatehouse.MaxEvery + 1 }, gatehouse.Invalid},
		"no unit":                            {sub, func(t *gatehouse.Tier) { t.Limit.Unit = "week" }, gatehouse.Invalid},
		"a burst a second":                   {sub, burst(gatehouse.Limit{Calls: 1, Every: 1, Unit: gatehouse.PerSecond}), 0},
		"a burst an hour":                    {sub, burst(hourly), gatehouse.Invalid},
		"a burst of bytes":                   {app, burst(gatehouse.Limit{Bytes: 1, Every: 1, Unit: gatehouse.PerSecond}), gatehouse.Invalid},
		"a burst of an advanced tier":        {advanced, burst(gatehouse.Limit{Calls: 1, Every: 1, Unit: gatehouse.PerSecond}), gatehouse.Invalid},
		"groups":                             {advanced, group(gatehouse.Condition{Kind: gatehouse.ByHeader, Name: "X-Plan", Pattern: "gold"}), 0},
		"groups of a subscription tier":      {sub, group(gatehouse.Condition{Kind: gatehouse.ByHeader, Name: "X-Plan"}), gatehouse.Invalid},
		"a group without conditions":         {advanced, func(t *gatehouse.Tier) { t.Groups = []gatehouse.ConditionGroup{{Limit: hourly}} }, gatehouse.Invalid},
		"too many groups":                    {advanced, func(t *gatehouse.Tier) { t.Groups = make([]gatehouse.ConditionGroup, gatehouse.MaxGroups+1) }, gatehouse.Invalid},
		"a header with a colon":              {advanced, group(gatehouse.Condition{Kind: gatehouse.ByHeader, Name: "X:Plan"}), gatehouse.Invalid},
		"no regular expression":              {advanced, group(gatehouse.Condition{Kind: gatehouse.ByQuery, Name: "q", Pattern: "("}), gatehouse.Invalid},
		"check 132: a pattern too large":     {advanced, group(gatehouse.Condition{Kind: gatehouse.ByQuery, Name: "q", Pattern: strings.Repeat("a", 501)}), gatehouse.Invalid},
		"check 132: a pattern that explodes": {advanced, group(gatehouse.Condition{Kind: gatehouse.ByQuery, Name: "q", Pattern: "((a{100}){100}){100}"}), gatehouse.Invalid},
		"an unknown claim":                   {advanced, group(gatehouse.Condition{Kind: gatehouse.ByClaim, Name: "http://wso2.org/claims/tier"}), gatehouse.Invalid},
		"a range from high to low":           {advanced, group(gatehouse.Condition{Kind: gatehouse.ByAddress, From: "10.0.0.2", To: "10.0.0.1"}), gatehouse.Invalid},
		"a range of both kinds":              {advanced, group(gatehouse.Condition{Kind: gatehouse.ByAddress, From: "10.0.0.2", To: "::1"}), gatehouse.Invalid},
		"an address with a zone":             {advanced, group(gatehouse.Condition{Kind: gatehouse.ByAddress, From: "fe80::1%eth0"}), gatehouse.Invalid},
		"no kind of condition":               {advanced, group(gatehouse.Condition{Kind: "cookie", Name: "a"}), gatehouse.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			tier := aTier(row.level)
			row.change(&tier)
			if err := tier.Validate(); (err == nil) != (row.kind == 0) || err != nil && gatehouse.KindOf(err) != row.kind {
				t.Errorf("%v, want kind %d", err, row.kind)
			}
		})
	}
}

func TestTiersThatAreNamedMustBeThere(t *testing.T) {
	tiers := gatehouse.NewTiers([]gatehouse.Tier{aTier(gatehouse.SubscriptionTier), {Level: gatehouse.AdvancedTier, Name: "Own"}})
	for name, row := range map[string]struct {
		api gatehouse.API
		ok  bool
	}{
		"built in":              {gatehouse.API{Tiers: []string{"Gold", gatehouse.Unlimited}, Resources: []gatehouse.Resource{{Tier: "10KPerMin"}, {}}}, true},
		"its own":               {gatehouse.API{Tiers: []string{"Mini"}, Resources: []gatehouse.Resource{{Tier: "Own"}}, Settings: gatehouse.Settings{Tier: "Own"}}, true},
		"an application's":      {gatehouse.API{Tiers: []string{"10PerMin"}}, false},
		"of another level":      {gatehouse.API{Resources: []gatehouse.Resource{{Tier: "Mini"}}}, false},
		"of the API as a whole": {gatehouse.API{Settings: gatehouse.Settings{Tier: "Mini"}}, false},
		"another case":          {gatehouse.API{Tiers: []string{"gold"}}, false},
	} {
		if err := row.api.CheckTiers(tiers); (err == nil) != row.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	for tier, ok := range map[string]bool{"10PerMin": true, gatehouse.Unlimited: true, "Gold": false, "Mini": false} {
		if err := (&gatehouse.Application{Tier: tier}).CheckTiers(tiers); (err == nil) != ok {
			t.Errorf("an application's %s: %v", tier, err)
		}
	}
}

func TestDenyPolicyCanonical(t *testing.T) {
	for _, row := range []struct {
		kind        gatehouse.DenyKind
		value, want string // "" when it is refused
	}{
		{gatehouse.DenyAPI, "/pets/1.0.0", "/pets/1.0.0"}, {gatehouse.DenyAPI, "/t/johnsorg/pets/1.0.0/", "/pets/1.0.0"}, {gatehouse.DenyAPI, "/a/b/c/d/e/1.0.0", "/a/b/c/d/e/1.0.0"},
		{gatehouse.DenyAPI, "/t/other/pets/1.0.0", "/t/other/pets/1.0.0"}, // an API that johnsorg cannot have: it keeps nobody out
		{gatehouse.DenyAPI, "", ""}, {gatehouse.DenyAPI, "/", ""}, {gatehouse.DenyAPI, "pets", ""}, {gatehouse.DenyAPI, "/pets/*", ""}, {gatehouse.DenyAPI, "/..", ""},
		{gatehouse.DenyApplication, "John@johns.org:Shop", "john@johns.org:Shop"}, {gatehouse.DenyApplication, "john@johns.org@johnsorg:a:b", "john@johns.org:a:b"},
		{gatehouse.DenyApplication, "Shop", ""}, {gatehouse.DenyApplication, "john:", ""}, {gatehouse.DenyApplication, ":Shop", ""},
		{gatehouse.DenyUser, "John@johns.org@johnsorg", "john@johns.org"}, {gatehouse.DenyUser, "sue", "sue"}, {gatehouse.DenyUser, "", ""}, {gatehouse.DenyUser, "a b", ""},
		{gatehouse.DenyAddress, "::FFFF:192.0.2.1", "192.0.2.1"}, {gatehouse.DenyAddress, "2001:DB8::1", "2001:db8::1"}, {gatehouse.DenyAddress, "192.0.2.1/24", ""},
		{gatehouse.DenyAddress, "192.0.2.1-192.0.2.2", ""}, {gatehouse.DenyAddress, "192.0.2.256", ""}, {gatehouse.DenyAddress, "", ""},
		{gatehouse.DenyRange, "192.0.2.1-192.0.2.9", "192.0.2.1-192.0.2.9"}, {gatehouse.DenyRange, "192.0.2.77/24", "192.0.2.0-192.0.2.255"}, {gatehouse.DenyRange, "192.0.2.9-192.0.2.1", ""},
		{gatehouse.DenyRange, "-192.0.2.1", ""}, {gatehouse.DenyRange, "::/129", ""}, {"COOKIE", "a", ""},
	} {
		d := gatehouse.DenyPolicy{Kind: row.kind, Value: row.value}
		err := d.Canonical("johnsorg")
		if (err == nil) != (row.want != "") || err == nil && d.Value != row.want || err != nil && gatehouse.KindOf(err) != gatehouse.Invalid {
			t.Errorf("%s %q: %q, %v; want %q", row.kind, row.value, d.Value, err, row.want)
		}
	}
	inverted := gatehouse.DenyPolicy{Kind: gatehouse.DenyUser, Value: "sue", Invert: true}
	if inverted.Canonical("johnsorg") == nil {
		t.Error("everybody but a user is kept out")
	}
}

func TestDenyPoliciesAreThereOnce(t *testing.T) {
	d := gatehouse.DenyPolicy{Kind: gatehouse.DenyAddress, Value: "192.0.2.1"}
	others := []gatehouse.DenyPolicy{{Kind: gatehouse.DenyRange, Value: "192.0.2.1"}, {Kind: gatehouse.DenyAddress, Value: "192.0.2.1", Invert: true}}
	if err := d.Add(others); err != nil {
		t.Error(err)
	}
	if err := d.Add(append(slices.Clone(others), d)); gatehouse.KindOf(err) != gatehouse.Conflict {
		t.Errorf("the same once more: %v", err)
	}
	if err := d.Add(make([]gatehouse.DenyPolicy, gatehouse.MaxDenyPolicies)); gatehouse.KindOf(err) != gatehouse.Conflict {
		t.Errorf("one too many: %v", err)
	}
}
