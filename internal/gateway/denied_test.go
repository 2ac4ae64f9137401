package gateway

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// Scenario 17, in the decision.
func TestDenyPolicies(t *testing.T) {
	const ok, out = "production.example", "403 900805"
	for _, tt := range []struct {
		name                string
		kind                gatehouse.DenyKind
		value               string
		invert              bool
		call, authorization string
		want                string
	}{
		{"an API's context", gatehouse.DenyAPI, "/pets", false, "/pets", "Bearer user", out},
		{"its context and version", gatehouse.DenyAPI, "/pets/v1", false, "/pets", "Bearer user", out},
		{"the other way to write the path", gatehouse.DenyAPI, "/t/default/pets/v1", false, "/pets", "Bearer user", out},
		{"another version", gatehouse.DenyAPI, "/pets/v2", false, "/pets", "Bearer user", ok},
		{"another API", gatehouse.DenyAPI, "/pet", false, "/pets", "Bearer user", ok},
		{"an API without a token", gatehouse.DenyAPI, "/pets", false, "/open", "", out},
		{"an application", gatehouse.DenyApplication, "john@johns.org:Shop", false, "/pets", "Bearer user", out},
		{"its owner with the organization", gatehouse.DenyApplication, "John@Johns.org@default:Shop", false, "/pets", "Bearer app", out},
		{"another application of the owner", gatehouse.DenyApplication, "john@johns.org:shop", false, "/pets", "Bearer user", ok},
		{"another owner's", gatehouse.DenyApplication, "sue@johns.org:Shop", false, "/pets", "Bearer user", ok},
		{"an application where no token is asked for", gatehouse.DenyApplication, "john@johns.org:Shop", false, "/open", "Bearer user", ok},
		{"a user", gatehouse.DenyUser, "sue@johns.org", false, "/pets", "Bearer user", out},
		{"a user with the organization", gatehouse.DenyUser, "SUE@johns.org@default", false, "/pets", "Bearer user", out},
		{"another user", gatehouse.DenyUser, "john@johns.org", false, "/pets", "Bearer user", ok},
		{"the owner of an application that speaks for itself", gatehouse.DenyUser, "john@johns.org", false, "/app", "Bearer app", out},
		{"an address", gatehouse.DenyAddress, "192.0.2.7", false, "/open", "", out},
		{"an address in IPv6's words", gatehouse.DenyAddress, "::ffff:192.0.2.7", false, "/pets", "Bearer user", out},
		{"another address", gatehouse.DenyAddress, "192.0.2.8", false, "/open", "", ok},
		{"all but the address", gatehouse.DenyAddress, "192.0.2.7", true, "/open", "", ok},
		{"all but another", gatehouse.DenyAddress, "192.0.2.8", true, "/open", "", out},
		{"all but one of IPv6", gatehouse.DenyAddress, "::", true, "/open", "", out},
		{"a range", gatehouse.DenyRange, "192.0.2.0-192.0.2.7", false, "/pets", "Bearer user", out},
		{"a network", gatehouse.DenyRange, "192.0.0.0/16", false, "/pets", "Bearer user", out},
		{"beside a range", gatehouse.DenyRange, "192.0.2.8-192.0.2.255", false, "/pets", "Bearer user", ok},
		{"all but a range", gatehouse.DenyRange, "192.0.2.0-192.0.2.7", true, "/pets", "Bearer user", ok},
		{"all but all", gatehouse.DenyRange, "0.0.0.0-255.255.255.255", true, "/pets", "Bearer user", ok},
		{"a scope comes first", gatehouse.DenyAPI, "/pets", false, "/update", "Bearer user", "403 900910"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := gatehouse.DenyPolicy{Kind: tt.kind, Value: tt.value, Invert: tt.invert, Active: true}
			if err := d.Canonical("default"); err != nil {
				t.Fatal(err)
			}
			table, f := ruled(t, &gatehouse.Rules{Denied: []gatehouse.DenyPolicy{d}}, func(a *gatehouse.API) {
				a.Resources = append(a.Resources, gatehouse.Resource{Method: "GET", Template: "/update", Auth: gatehouse.AuthAny, Scopes: []string{"update"}})
				a.Settings.Capacity.Production = threeAMinute
			})
			f.address = netip.MustParseAddr("192.0.2.7")
			decision := Decide(table, f, &Head{Method: "GET", Path: "/pets/v1" + tt.call, Authorization: tt.authorization})
			if got := outcome(decision); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			if decision.Outcome != Forward && decision.Quota.Limit != 0 {
				t.Error("a call that is kept out was counted")
			}
		})
	}
}

// Ranges that overlap, touch and are inverted keep out exactly the addresses that one of
// them names.
func TestRangesOfAddressesAgainstAModel(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	address := func() netip.Addr { // of 64 that lie at both ends of both kinds
		n := byte(random.UintN(16))
		switch random.UintN(4) {
		case 0:
			return netip.AddrFrom4([4]byte{0, 0, 0, n})
		case 1:
			return netip.AddrFrom4([4]byte{255, 255, 255, 240 + n})
		case 2:
			return netip.AddrFrom16([16]byte{15: n})
		}
		last := lastAddress.As16()
		last[15] = 240 + n
		return netip.AddrFrom16(last)
	}
	for round := range 2000 {
		var policies []gatehouse.DenyPolicy
		for range random.UintN(4) {
			from, to := address(), address()
			if from.Is4() != to.Is4() || to.Less(from) {
				to = from
			}
			policies = append(policies, gatehouse.DenyPolicy{Kind: gatehouse.DenyRange, Value: fmt.Sprint(from, "-", to), Invert: random.UintN(4) == 0})
		}
		d, err := newDenied(policies)
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			a, want := address(), false
			for _, p := range policies {
				from, to, err := gatehouse.ParseRange(p.Range())
				if err != nil {
					t.Fatal(err)
				}
				in := a.Compare(from) >= 0 && a.Compare(to) <= 0
				want = want || in != p.Invert
			}
			if got := d.holds(a); got != want {
				t.Fatalf("round %d: %v is kept out: %v, want %v by %v", round, a, got, want, policies)
			}
		}
	}
}

// A user is kept out whatever proves who they are.
func TestDenyPoliciesKeepOutByPasswordToo(t *testing.T) {
	for user, want := range map[string]string{"john": "403 900805", "sue": "production.example"} {
		d := gatehouse.DenyPolicy{Kind: gatehouse.DenyUser, Value: user, Active: true}
		if err := d.Canonical("default"); err != nil {
			t.Fatal(err)
		}
		table, f := ruled(t, &gatehouse.Rules{Denied: []gatehouse.DenyPolicy{d}}, func(a *gatehouse.API) {
			a.Settings.Security.Schemes = []gatehouse.Scheme{gatehouse.SchemeBasic}
		})
		if got := outcome(Decide(table, f, headOf("GET /pets/v1/pets", []string{"Authorization: " + basicHeader("john", "p:w")}))); got != want {
			t.Errorf("with a policy against %s john gets %s, want %s", user, got, want)
		}
	}
}
