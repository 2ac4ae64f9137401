package gateway

import (
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// threeAMinute is a limit of three calls a minute; one a second for a burst.
var (
	threeAMinute = gatehouse.Limit{Calls: 3, Every: 1, Unit: gatehouse.PerMinute}
	twoAMinute   = gatehouse.Limit{Calls: 2, Every: 1, Unit: gatehouse.PerMinute}
)

// ruled is the table of limited, where the organization has rules of its own and the API
// settings.
func ruled(t *testing.T, rules *gatehouse.Rules, change func(*gatehouse.API)) (*Table, *facts) {
	t.Helper()
	table, err := NewTable([]*gatehouse.API{petstore("pets", "/pets", change)})
	if err != nil {
		t.Fatal(err)
	}
	rules.OrgKey = "default"
	if table, err = table.WithRules(rules); err != nil {
		t.Fatal(err)
	}
	f := petFacts()
	for _, c := range f.clients {
		c.Application = gatehouse.Application{ID: "app", Name: "Shop", Owner: "john@johns.org", Tier: gatehouse.Unlimited}
		c.Owner.Username = "john@johns.org"
		c.Subscriptions = []gatehouse.Subscription{{ID: "sub", APIID: "pets", State: gatehouse.Unblocked, Tier: gatehouse.Unlimited}}
	}
	f.tokens["user"].Username = "sue@johns.org@default"
	f.tokens["app"].For = gatehouse.ForApplication
	return table, f
}

func mini(level gatehouse.TierLevel, terms gatehouse.Terms) gatehouse.Tier {
	return gatehouse.Tier{ID: "id", Level: level, Name: "Mini", Terms: terms}
}

// Scenario 16: of each limit's calls as many pass as it allows, and the refusal has its
// code. What is refused once stays refused for the window.
func TestEachLevelHasItsCode(t *testing.T) {
	plain := gatehouse.Terms{Limit: threeAMinute}
	burst := gatehouse.Terms{Limit: gatehouse.Limit{Calls: 1000, Every: 1, Unit: gatehouse.PerHour}, Burst: threeAMinute}
	onAPI := func(a *gatehouse.API) {
		a.Settings.Tier = "Mini"
		a.Resources[0].Tier = "10KPerMin"
	}
	for _, tt := range []struct {
		name          string
		tier          gatehouse.Tier
		change        func(*gatehouse.API)
		authorization string
		pass          int
		want          string
	}{
		{"API", mini(gatehouse.AdvancedTier, plain), onAPI, "Bearer user", 3, "429 900800"},
		{"resource", mini(gatehouse.AdvancedTier, plain), func(a *gatehouse.API) { a.Resources[0].Tier = "Mini" }, "Bearer user", 3, "429 900802"},
		{"application", mini(gatehouse.ApplicationTier, plain), nil, "Bearer user", 3, "429 900803"},
		{"application's burst", mini(gatehouse.ApplicationTier, burst), nil, "Bearer user", 3, "429 900809"},
		{"subscription", mini(gatehouse.SubscriptionTier, plain), nil, "Bearer user", 3, "429 900804"},
		{"subscription's burst", mini(gatehouse.SubscriptionTier, burst), nil, "Bearer user", 3, "429 900807"},
		{"backends", mini(gatehouse.AdvancedTier, plain), func(a *gatehouse.API) { a.Settings.Capacity.Production = threeAMinute }, "Bearer user", 3, "503 900801"},
		{"backends of the other type", mini(gatehouse.AdvancedTier, plain), func(a *gatehouse.API) { a.Settings.Capacity.Sandbox = threeAMinute }, "Bearer user", 5, "production.example"},
		{"a lenient tier", mini(gatehouse.SubscriptionTier, gatehouse.Terms{Limit: threeAMinute, Lenient: true}), nil, "Bearer user", 5, "production.example"},
		{"a lenient tier with a burst", mini(gatehouse.SubscriptionTier, gatehouse.Terms{Limit: twoAMinute, Lenient: true, Burst: threeAMinute}), nil, "Bearer user", 3, "429 900807"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			table, f := ruled(t, &gatehouse.Rules{Tiers: []gatehouse.Tier{tt.tier}}, tt.change)
			for _, c := range f.clients {
				if tt.tier.Level == gatehouse.ApplicationTier {
					c.Application.Tier = "Mini"
				}
				if tt.tier.Level == gatehouse.SubscriptionTier {
					c.Subscriptions[0].Tier = "Mini"
				}
			}
			for call := 1; call <= 6; call++ {
				d := Decide(table, f, &Head{Method: "GET", Path: "/pets/v1/pets", Authorization: tt.authorization})
				want := tt.want
				if call <= tt.pass {
					want = "production.example"
				}
				if got := outcome(d); got != want {
					t.Errorf("call %d: %s, want %s", call, got, want)
				}
				if d.Outcome == Forward {
					continue
				}
				w := httptest.NewRecorder()
				d.write(w, "")
				if w.Header().Get("Retry-After") == "" || w.Header().Get("Ratelimit-Limit") != "3" || !strings.Contains(w.Body.String(), "nextAccessTime") {
					t.Errorf("call %d: %v %s", call, w.Header(), w.Body)
				}
			}
		})
	}
}

// Calls without a token are limited by their address, where the API asks for it.
func TestAddressesAreLimitedWhereTheAPIAsksForIt(t *testing.T) {
	for _, asks := range []bool{true, false} {
		table, f := ruled(t, &gatehouse.Rules{}, func(a *gatehouse.API) { a.Settings.LimitAddresses = asks })
		call := func(address string) string {
			f.address = netip.MustParseAddr(address)
			return outcome(Decide(table, f, &Head{Method: "GET", Path: "/pets/v1/open"}))
		}
		for range gatehouse.UnauthenticatedTier.Limit.Calls {
			call("2001:db8::1")
		}
		want := map[string]string{"2001:db8::1": "429 900804", "2001:db8::ffff:1": "429 900804", "2001:db8:0:1::1": "production.example", "192.0.2.1": "production.example"}
		for address, want := range want { // check 131: a /64 is one address
			if !asks {
				want = "production.example"
			}
			if got := call(address); got != want {
				t.Errorf("limited %v: %s from %s, want %s", asks, got, address, want)
			}
		}
	}
}

func TestConditionGroups(t *testing.T) {
	header := func(pattern string, invert bool) gatehouse.Condition {
		return gatehouse.Condition{Kind: gatehouse.ByHeader, Name: "x-plan", Pattern: pattern, Invert: invert}
	}
	address := func(from, to string, invert bool) gatehouse.Condition {
		return gatehouse.Condition{Kind: gatehouse.ByAddress, From: from, To: to, Invert: invert}
	}
	query := gatehouse.Condition{Kind: gatehouse.ByQuery, Name: "a b", Pattern: "^ö$"}
	claim := gatehouse.Condition{Kind: gatehouse.ByClaim, Name: "username", Pattern: "@johns\\.org@default$"}
	for _, tt := range []struct {
		name       string
		conditions []gatehouse.Condition
		header     string
		query      string
		address    string
		call       string // a token's call by default
		met        bool
	}{
		{"a header that is found", []gatehouse.Condition{header("gold|silver", false)}, "very gold", "", "", "", true},
		{"a header with another value", []gatehouse.Condition{header("^gold$", false)}, "golden", "", "", "", false},
		{"a header that is not there", []gatehouse.Condition{header("", false)}, "", "", "", "", false},
		{"no header, inverted", []gatehouse.Condition{header("gold", true)}, "", "", "", "", true},
		{"an address", []gatehouse.Condition{address("192.0.2.7", "", false)}, "", "", "192.0.2.7", "", true},
		{"another address", []gatehouse.Condition{address("192.0.2.7", "", false)}, "", "", "192.0.2.8", "", false},
		{"the first of a range", []gatehouse.Condition{address("192.0.2.7", "192.0.2.9", false)}, "", "", "192.0.2.7", "", true},
		{"the last of a range", []gatehouse.Condition{address("192.0.2.7", "192.0.2.9", false)}, "", "", "192.0.2.9", "", true},
		{"beyond a range", []gatehouse.Condition{address("192.0.2.7", "192.0.2.9", false)}, "", "", "192.0.2.10", "", false},
		{"IPv6 beside an IPv4 range", []gatehouse.Condition{address("0.0.0.0", "255.255.255.255", false)}, "", "", "::1", "", false},
		{"a network", []gatehouse.Condition{address("2001:db8::/32", "", false)}, "", "", "2001:db8:ffff::1", "", true},
		{"beyond a range, inverted", []gatehouse.Condition{address("192.0.2.7", "192.0.2.9", true)}, "", "", "192.0.2.10", "", true},
		{"a parameter, however it is escaped", []gatehouse.Condition{query}, "", "x=1&a+b=%C3%B6", "", "", true},
		{"the second of two", []gatehouse.Condition{query}, "", "a%20b=1&a%20b=ö", "", "", true},
		{"another parameter", []gatehouse.Condition{query}, "", "ab=ö", "", "", false},
		{"a claim", []gatehouse.Condition{claim}, "", "", "", "", true},
		{"a claim where there is no token", []gatehouse.Condition{claim}, "", "", "", "/open", false},
		{"both of two", []gatehouse.Condition{header("gold", false), claim}, "gold", "", "", "", true},
		{"one of two", []gatehouse.Condition{header("gold", false), claim}, "", "", "", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			groups := []gatehouse.ConditionGroup{{Conditions: tt.conditions, Limit: twoAMinute}}
			tier := mini(gatehouse.AdvancedTier, gatehouse.Terms{Limit: threeAMinute, Groups: groups})
			if err := tier.Validate(); err != nil {
				t.Fatal(err)
			}
			table, f := ruled(t, &gatehouse.Rules{Tiers: []gatehouse.Tier{tier}}, func(a *gatehouse.API) { a.Settings.Tier = "Mini" })
			h := &Head{Method: "GET", Path: "/pets/v1/pets", Authorization: "Bearer user", Query: tt.query, Header: map[string][]string{}}
			if tt.call != "" {
				h.Path, h.Authorization = "/pets/v1"+tt.call, ""
			}
			if tt.header != "" {
				h.Header["X-Plan"] = []string{"", tt.header}
			}
			if tt.address != "" {
				f.address = netip.MustParseAddr(tt.address)
			}
			if got := Decide(table, f, h).Quota.Limit == 2; got != tt.met {
				t.Errorf("met: %v, want %v", got, tt.met)
			}
		})
	}
}

// A group's calls and all others do not take from each other, and the first group counts.
func TestGroupsCountApart(t *testing.T) {
	group := func(pattern string, limit gatehouse.Limit) gatehouse.ConditionGroup {
		return gatehouse.ConditionGroup{Conditions: []gatehouse.Condition{{Kind: gatehouse.ByQuery, Name: "q", Pattern: pattern}}, Limit: limit}
	}
	tier := mini(gatehouse.AdvancedTier, gatehouse.Terms{Limit: threeAMinute, Groups: []gatehouse.ConditionGroup{group("a", twoAMinute), group("a|b", threeAMinute)}})
	table, f := ruled(t, &gatehouse.Rules{Tiers: []gatehouse.Tier{tier}}, func(a *gatehouse.API) { a.Resources[0].Tier = "Mini" })
	passed := map[string]int{}
	for range 5 {
		for _, q := range []string{"q=a", "q=b", "q=c"} {
			if Decide(table, f, &Head{Method: "GET", Path: "/pets/v1/pets", Authorization: "Bearer user", Query: q}).Outcome == Forward {
				passed[q]++
			}
		}
	}
	if passed["q=a"] != 2 || passed["q=b"] != 3 || passed["q=c"] != 3 {
		t.Errorf("passed %v, want 2, 3 and 3", passed)
	}
}

// A change of one organization's rules leaves the others' tables as they are.
func TestRulesOfOneOrganization(t *testing.T) {
	table := petTable(t)
	changed, err := table.WithRules(&gatehouse.Rules{OrgKey: "johnsorg", Denied: []gatehouse.DenyPolicy{{Kind: gatehouse.DenyAPI, Value: "/pets"}}})
	if err != nil {
		t.Fatal(err)
	}
	call := func(table *Table, path string) string {
		return outcome(Decide(table, petFacts(), &Head{Method: "GET", Path: path}))
	}
	for _, tt := range []struct {
		table      *Table
		path, want string
	}{
		{changed, "/t/johnsorg/pets/v1/open", "403 900805"},
		{changed, "/pets/v1/open", "production.example"}, // check 158
		{table, "/t/johnsorg/pets/v1/open", "production.example"},
	} {
		if got := call(tt.table, tt.path); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.path, got, tt.want)
		}
	}
	again, err := changed.WithRules(&gatehouse.Rules{OrgKey: "johnsorg"})
	if err != nil || len(again.rules) != 0 {
		t.Errorf("rules of nobody are kept: %v, %v", again.rules, err)
	}
	after, err := changed.With(petstore("pets", "/pets", nil))
	if err != nil || call(after, "/t/johnsorg/pets/v1/open") != "403 900805" {
		t.Errorf("a change of an API loses the rules: %v", err)
	}
	if _, err := changed.WithRules(&gatehouse.Rules{OrgKey: "default", Denied: []gatehouse.DenyPolicy{{Kind: gatehouse.DenyAddress, Value: "nowhere"}}}); err == nil {
		t.Error("rules that cannot be compiled are taken")
	}
}
