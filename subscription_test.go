package gatehouse_test

import (
	"slices"
	"testing"

	"github.com/gatehouse/gatehouse"
)

func TestSubscriptionsAreDecidedUpon(t *testing.T) {
	all := []gatehouse.SubscriptionState{gatehouse.OnHold, gatehouse.Rejected, gatehouse.Unblocked, gatehouse.SubscriptionBlock, gatehouse.ProductionBlocked}
	allowed := map[gatehouse.SubscriptionState][]gatehouse.SubscriptionState{
		gatehouse.OnHold:            {gatehouse.OnHold, gatehouse.Unblocked, gatehouse.Rejected},
		gatehouse.Rejected:          {gatehouse.Rejected, gatehouse.Unblocked},
		gatehouse.Unblocked:         {gatehouse.Unblocked, gatehouse.SubscriptionBlock, gatehouse.ProductionBlocked},
		gatehouse.SubscriptionBlock: {gatehouse.SubscriptionBlock, gatehouse.Unblocked, gatehouse.ProductionBlocked},
		gatehouse.ProductionBlocked: {gatehouse.ProductionBlocked, gatehouse.Unblocked, gatehouse.SubscriptionBlock},
	}
	for _, from := range all {
		for _, to := range append(all, "APPROVED") {
			s := gatehouse.Subscription{State: from}
			err := s.Decide(to)
			want := slices.Contains(allowed[from], to)
			if (err == nil) != want || !want && (gatehouse.KindOf(err) != gatehouse.Conflict || s.State != from) {
				t.Errorf("%s to %s: %v, now %s; want allowed: %v", from, to, err, s.State, want)
			}
		}
	}
	for asked, want := range map[bool]gatehouse.SubscriptionState{true: gatehouse.OnHold, false: gatehouse.Unblocked} {
		var s gatehouse.Subscription
		if s.Subscribe(&gatehouse.API{Approval: asked}); s.State != want {
			t.Errorf("an API that asks for approval: %v, its subscription begins %s", asked, s.State)
		}
	}
}
