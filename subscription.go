package gatehouse

import "time"

// SubscriptionState says whether a subscription opens its API.
type SubscriptionState string

// The states, named as management clients write them.
const (
	Unblocked         SubscriptionState = "UNBLOCKED"
	SubscriptionBlock SubscriptionState = "BLOCKED"
	ProductionBlocked SubscriptionState = "PROD_ONLY_BLOCKED"
	OnHold            SubscriptionState = "ON_HOLD" // waits for approval
	Rejected          SubscriptionState = "REJECTED"
)

// Subscription is an application's right to call an API on a tier.
type Subscription struct {
	ID            string
	OrgID         string
	ApplicationID string
	APIID         string
	Tier          string
	State         SubscriptionState
	CreatedAt     time.Time
}

// Validate checks the rules a subscription to a keeps when it is made.
func (s *Subscription) Validate(a *API) error {
	if !a.Subscribable() {
		return Errorf(Conflict, "API %s %s is %s and takes no new subscriptions", a.Name, a.Version, a.State)
	}
	for _, tier := range a.Tiers {
		if tier == s.Tier {
			return nil
		}
	}
	return Errorf(Invalid, "API %s %s does not offer the tier %q: choose one of %v", a.Name, a.Version, s.Tier, a.Tiers)
}
