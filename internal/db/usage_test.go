package db_test

import (
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/gatehousetest"
)

func TestUsageAddsUp(t *testing.T) {
	gatehousetest.Databases(t, func(t *testing.T, dsn string) {
		h, ctx := furnish(t, dsn), t.Context()
		hour := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
		h.Now = func() time.Time { return hour.Add(time.Hour) }
		used := func(minute int, user, code string, calls int64) gatehouse.Usage {
			u := gatehouse.Usage{Calls: calls, Took: time.Duration(calls) * time.Millisecond, UsageKey: gatehouse.UsageKey{
				At: hour.Add(time.Duration(minute) * time.Minute), OrgID: h.john.Organization.ID, APIID: "api", ApplicationID: "app", UserID: user, Method: "GET", Template: "/", Class: "2xx", Code: code,
			}}
			u.Latency[3] = calls
			return u
		}
		elsewhere := used(0, "john", "", 1)
		elsewhere.OrgID = "gone"
		must(t, h.AddUsage(ctx, []gatehouse.Usage{used(0, "john", "", 2), used(0, "tom", "", 3), used(1, "john", "900910", 4), elsewhere}))
		must(t, h.AddUsage(ctx, []gatehouse.Usage{used(0, "john", "", 5)}))
		for _, tt := range []struct {
			unit gatehouse.UsageUnit
			by   []string
			want []int64
		}{
			{gatehouse.UsageMinute, []string{"user", "time"}, []int64{7, 4, 3}},
			{gatehouse.UsageHour, []string{"time", "code"}, []int64{10, 4}},
			{gatehouse.UsageDay, nil, []int64{14}},
		} {
			q := gatehouse.UsageQuery{Unit: tt.unit, By: tt.by, From: hour.Truncate(24 * time.Hour), To: hour.Add(time.Hour)}
			got, err := h.Usage(ctx, h.john.Organization.ID, "api", "app", q)
			must(t, err)
			calls := map[int64]bool{}
			for _, u := range got {
				calls[u.Calls] = true
				if u.Took != time.Duration(u.Calls)*time.Millisecond || u.Latency[3] != u.Calls {
					t.Errorf("%s by %v: %+v", tt.unit, tt.by, u)
				}
			}
			for _, n := range tt.want {
				if !calls[n] || len(got) != len(tt.want) {
					t.Errorf("%s by %v: %+v, want %v", tt.unit, tt.by, got, tt.want)
				}
			}
			if got, err = h.Usage(ctx, h.john.Organization.ID, "other", "", q); err != nil || len(got) != 0 {
				t.Errorf("of another API: %v %v", got, err)
			}
		}
		h.Now = func() time.Time { return hour.Add(4 * time.Hour) }
		must(t, h.PurgeUsage(ctx))
		minutes, err := h.Usage(ctx, h.john.Organization.ID, "", "", gatehouse.UsageQuery{Unit: gatehouse.UsageMinute, To: hour.Add(time.Hour)})
		must(t, err)
		hours, err := h.Usage(ctx, h.john.Organization.ID, "", "", gatehouse.UsageQuery{Unit: gatehouse.UsageHour, To: hour.Add(time.Hour)})
		must(t, err)
		if len(minutes) != 0 || len(hours) != 1 {
			t.Errorf("after 4 hours there are minutes %v and hours %v", minutes, hours)
		}
	})
}
