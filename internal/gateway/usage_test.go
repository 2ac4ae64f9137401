package gateway

import (
	"fmt"
	"hash/maphash"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

// done is a call of an application's user that was answered.
func done(application, user string, status int, at time.Time) *seen {
	return &seen{at: at, took: 3 * time.Millisecond, status: status, decision: Decision{
		API: &gatehouse.API{ID: "api"}, Resource: &gatehouse.Resource{Method: "GET", Template: "/pets"},
		Client:        &gatehouse.Client{Application: gatehouse.Application{ID: application}},
		Authorization: &gatehouse.Authorization{For: gatehouse.ForUser, Subject: user},
	}}
}

func TestUsageLosesNoCall(t *testing.T) {
	g := &Gateway{}
	g.usage.seed = maphash.MakeSeed()
	const callers, each = 8, 2000
	var all sync.WaitGroup
	var mu sync.Mutex
	sum := func(used []gatehouse.Usage) (n int64) {
		for _, u := range used {
			n += u.Calls
		}
		return n
	}
	total := int64(0)
	for caller := range callers {
		all.Go(func() {
			for i := range each {
				g.usage.count(done(fmt.Sprint(i%3), fmt.Sprint(i), 200, noon)) // more users than there are cells
				if i%500 == 0 {
					mu.Lock()
					total += sum(g.TakeUsage())
					mu.Unlock()
				}
			}
			_ = caller
		})
	}
	all.Wait()
	if total += sum(g.TakeUsage()); total != callers*each {
		t.Errorf("%d calls are counted, want %d", total, callers*each)
	}
}

func TestUsageIsBounded(t *testing.T) {
	g := &Gateway{}
	g.usage.seed = maphash.MakeSeed()
	for i := range 200_000 {
		g.usage.count(done(fmt.Sprint(i), fmt.Sprint(i), 200, noon))
	}
	if n := len(g.TakeUsage()); n > len(g.usage.parts)*(cellsPerPart+1) {
		t.Errorf("%d cells are held", n)
	}
}

func TestUsageTellsOutcomesApart(t *testing.T) {
	g := &Gateway{}
	g.usage.seed = maphash.MakeSeed()
	refused := done("shop", "john", 403, noon)
	refused.decision.Refusal = missingScope
	for _, s := range []*seen{done("shop", "john", 200, noon), done("shop", "john", 204, noon.Add(time.Second)), refused, done("shop", "john", 200, noon.Add(time.Minute)), {}} {
		g.usage.count(s)
	}
	got := map[string]int64{}
	for _, u := range g.TakeUsage() {
		got[fmt.Sprint(u.At.Format("15:04 "), u.APIID, u.ApplicationID, u.UserID, u.Method, u.Template, " ", u.Class, u.Code)] = u.Calls
	}
	minute, next := noon.UTC().Format("15:04 "), noon.UTC().Add(time.Minute).Format("15:04 ")
	want := map[string]int64{minute + "apishopjohnGET/pets 2xx": 2, minute + "apishopjohnGET/pets 4xx900910": 1, next + "apishopjohnGET/pets 2xx": 1}
	if text(got) != text(want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}
