package gateway

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

// noon is a moment in which a minute begins.
var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// limited is a table and facts in which every level has a limit that is not reached.
func limited(tb testing.TB) (*Table, *facts) {
	tb.Helper()
	table, err := NewTable([]*gatehouse.API{petstore("pets", "/pets", func(a *gatehouse.API) {
		for i := range a.Resources {
			a.Resources[i].Tier = "10KPerMin"
		}
		a.Sandbox = ""
	})})
	if err != nil {
		tb.Fatal(err)
	}
	f := petFacts()
	f.clients["key"] = &gatehouse.Client{
		Application:   gatehouse.Application{ID: "app", Tier: "50PerMin"},
		Subscriptions: []gatehouse.Subscription{{ID: "sub", APIID: "pets", State: gatehouse.Unblocked, Tier: "Gold"}},
	}
	return table, f
}

// used returns the counter of a subject, in a minute.
func (f *facts) used(of Subject, at time.Time) *int64 {
	c := f.counts.part(&of).counter(&of, at.Unix())
	c.turn(&Allowance{Window: gatehouse.Window{Seconds: 60}}, at.Unix())
	return &c.used
}

// use has a subject use up some calls of a minute.
func (f *facts) use(of Subject, calls int64, at time.Time) { *f.used(of, at) += calls }

var (
	petsGET  = Subject{Level: ResourceLevel, ID: "pets GET /pets"}
	petsApp  = Subject{Level: ApplicationLevel, ID: "app"}
	petsSub  = Subject{Level: SubscriptionLevel, ID: "sub"}
	petsOpen = Subject{Level: ResourceLevel, ID: "pets GET /open"}
)

func TestLimits(t *testing.T) {
	const ok = "production.example"
	for _, tt := range []struct {
		name, call, authorization string
		used                      map[Subject]int64
		want                      string
	}{
		{"nothing used", "GET /pets/v1/pets", "Bearer user", nil, ok},
		{"the last call of each", "GET /pets/v1/pets", "Bearer user", map[Subject]int64{petsGET: 9_999, petsApp: 49, petsSub: 4_999}, ok},
		{"the resource is used up", "GET /pets/v1/pets", "Bearer user", map[Subject]int64{petsGET: 10_000}, "429 900802"},
		{"the application is used up", "GET /pets/v1/pets", "Bearer user", map[Subject]int64{petsApp: 50}, "429 900803"},
		{"the subscription is used up", "GET /pets/v1/pets", "Bearer user", map[Subject]int64{petsSub: 5_000}, "429 900804"},
		{"the resource comes before the application", "GET /pets/v1/pets", "Bearer user", map[Subject]int64{petsGET: 10_000, petsApp: 50, petsSub: 5_000}, "429 900802"},
		{"the application comes before the subscription", "GET /pets/v1/pets", "Bearer user", map[Subject]int64{petsApp: 50, petsSub: 5_000}, "429 900803"},
		{"a limit that was lowered below what was used", "GET /pets/v1/pets", "Bearer user", map[Subject]int64{petsApp: 60}, "429 900803"},
		{"check 131: another token of the application", "GET /pets/v1/pets", "Bearer app", map[Subject]int64{petsApp: 50}, "429 900803"},
		{"check 131: the way by the organization's key", "GET /t/default/pets/v1/pets", "Bearer user", map[Subject]int64{petsGET: 10_000}, "429 900802"},
		{"check 131: a slash at the end", "GET /pets/v1/pets/", "Bearer user", map[Subject]int64{petsGET: 10_000}, "429 900802"},
		{"check 131: HEAD is a GET", "HEAD /pets/v1/pets", "Bearer user", map[Subject]int64{petsGET: 10_000}, "429 900802"},
		{"another method has a limit of its own", "POST /pets/v1/pets", "Bearer update", map[Subject]int64{petsGET: 10_000}, ok},
		{"a resource that needs no token has its limit", "GET /pets/v1/open", "", map[Subject]int64{petsOpen: 10_000}, "429 900802"},
		{"and counts for no application", "GET /pets/v1/open", "Bearer user", map[Subject]int64{petsApp: 50}, ok},
		{"scope comes before limits", "POST /pets/v1/pets", "Bearer user", map[Subject]int64{petsApp: 50}, "403 900910"},
		{"credentials come before limits", "GET /pets/v1/pets", "", map[Subject]int64{petsGET: 10_000}, "401 900902"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			table, f := limited(t)
			for subject, calls := range tt.used {
				f.use(subject, calls, noon)
			}
			method, path, _ := strings.Cut(tt.call, " ")
			if got := outcome(Decide(table, f, &Head{Method: method, Path: path, Authorization: tt.authorization})); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestRefusedCallsUseNothingUp(t *testing.T) {
	for name, tt := range map[string]struct {
		call, authorization string
		used                map[Subject]int64
	}{
		"by a later limit": {"GET /pets/v1/pets", "Bearer user", map[Subject]int64{petsSub: 5_000}},
		"by a scope":       {"POST /pets/v1/pets", "Bearer user", nil},
		"by the sandbox":   {"GET /pets/v1/pets", "Bearer sandbox", nil},
	} {
		t.Run(name, func(t *testing.T) {
			table, f := limited(t)
			for subject, calls := range tt.used {
				f.use(subject, calls, noon)
			}
			method, path, _ := strings.Cut(tt.call, " ")
			if d := Decide(table, f, &Head{Method: method, Path: path, Authorization: tt.authorization}); d.Outcome == Forward {
				t.Fatal("forwarded")
			}
			for _, subject := range []Subject{petsGET, petsApp, {Level: ResourceLevel, ID: "pets POST /pets"}} {
				if *f.used(subject, noon) != 0 {
					t.Errorf("%v was counted", subject)
				}
			}
		})
	}
}

func TestQuotaOnTheWire(t *testing.T) {
	table, f := limited(t)
	f.use(petsApp, 49, noon)
	head := &Head{Method: "GET", Path: "/pets/v1/pets", Authorization: "Bearer user"}
	for _, want := range []map[string]string{
		{"Ratelimit-Limit": "50", "Ratelimit-Remaining": "0", "Ratelimit-Reset": "60", "Retry-After": ""},
		{"Ratelimit-Limit": "50", "Ratelimit-Remaining": "0", "Ratelimit-Reset": "60", "Retry-After": "60"},
	} {
		d, w := Decide(table, f, head), httptest.NewRecorder()
		if d.Outcome == Forward {
			d.Quota.head(w.Header())
		} else {
			d.write(w, "")
		}
		for name, value := range want {
			if got := w.Header().Get(name); got != value {
				t.Errorf("%s is %q, want %q", name, got, value)
			}
		}
		if d.Outcome == Forward {
			continue
		}
		var body map[string]string
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Fatalf("the body is no flat JSON of strings: %v: %s", err, w.Body)
		}
		if body["code"] != "900803" || body["message"] != "Message throttled out" || body["nextAccessTime"] != "2026-May-01 12:01:00+0000 UTC" {
			t.Errorf("the body is %s", w.Body)
		}
	}
}

func TestUnlimitedCallsAreNotCounted(t *testing.T) {
	f := petFacts()
	f.clients["key"].Application.Tier = gatehouse.Unlimited
	d, w := Decide(petTable(t), f, &Head{Method: "GET", Path: "/pets/v1/pets", Authorization: "Bearer user"}), httptest.NewRecorder()
	d.Quota.head(w.Header())
	if d.Outcome != Forward || len(w.Header()) != 0 {
		t.Errorf("%s, headers %v", outcome(d), w.Header())
	}
	for i := range f.counts.parts {
		if f.counts.parts[i].counters != nil {
			t.Error("something was counted")
		}
	}
}

func TestDecidingCostsNoAllocation(t *testing.T) {
	unlimited, f := petTable(t), petFacts()
	table, g := limited(t)
	g.clients["key"].Application.Tier = "" // else its 50 calls would end
	for name, tt := range map[string]struct {
		table *Table
		facts *facts
	}{"without limits": {unlimited, f}, "with limits": {table, g}} {
		h := &Head{Method: "POST", Path: "/pets/v1/pets", Authorization: "Bearer update"}
		allocs := testing.AllocsPerRun(100, func() {
			if Decide(tt.table, tt.facts, h).Outcome != Forward {
				t.Fatal("refused")
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations on the allowed path, want 0", name, allocs)
		}
	}
}

// BenchmarkDecide decides on one of a thousand APIs with fifty resources each. Each call
// is the first one that its counters see.
func BenchmarkDecide(b *testing.B) {
	for _, tt := range []struct {
		name                                string
		resource, application, subscription string
	}{{"no limits", "", "", ""}, {"subscription", "", "", "Gold"}, {"all limits", "50KPerMin", "50PerMin", "Gold"}} {
		b.Run(tt.name, func(b *testing.B) {
			apis := manyAPIs(1000, 50)
			for i := range apis[700].Resources {
				apis[700].Resources[i].Tier = tt.resource
			}
			table, err := NewTable(apis)
			if err != nil {
				b.Fatal(err)
			}
			f := petFacts()
			f.clients["key"] = &gatehouse.Client{
				Application:   gatehouse.Application{ID: "app", Tier: tt.application},
				Subscriptions: []gatehouse.Subscription{{ID: "sub", APIID: apis[700].ID, State: gatehouse.Unblocked, Tier: tt.subscription}},
			}
			h := &Head{Method: "GET", Path: "/api700/v1/things30/42/part", Authorization: "Bearer user"}
			var counters []*counter
			limits := Decide(table, f, h).Limits
			for _, limit := range limits.All() {
				counters = append(counters, f.counts.part(&limit.Subject).counter(&limit.Subject, noon.Unix()))
			}
			b.ReportAllocs()
			for b.Loop() {
				if d := Decide(table, f, h); d.Outcome != Forward {
					b.Fatal("refused")
				}
				for _, counter := range counters {
					counter.used, counter.seen = 0, 0
				}
			}
		})
	}
}
