package gatehouse

import (
	"slices"
	"time"
)

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

// Subscribe sets the state in which a subscription to a begins.
func (s *Subscription) Subscribe(a *API) {
	s.State = Unblocked
	if a.Approval {
		s.State = OnHold
	}
}

// decisions lists the states that a publisher may move each state to.
var decisions = map[SubscriptionState][]SubscriptionState{
	OnHold:            {Unblocked, Rejected},
	Rejected:          {Unblocked},
	Unblocked:         {SubscriptionBlock, ProductionBlocked},
	SubscriptionBlock: {Unblocked, ProductionBlocked},
	ProductionBlocked: {Unblocked, SubscriptionBlock},
}

// Decisions returns the states that a publisher may move s to.
func (s *Subscription) Decisions() []SubscriptionState { return decisions[s.State] }

// Decide moves s to a state that a publisher chose: approved or unblocked, rejected,
// blocked. Choosing the state it has changes nothing; another move is a Conflict.
func (s *Subscription) Decide(state SubscriptionState) error {
	if state != s.State && !slices.Contains(decisions[s.State], state) {
		return Errorf(Conflict, "the subscription is %s, which may become one of %v", s.State, decisions[s.State])
	}
	s.State = state
	return nil
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
