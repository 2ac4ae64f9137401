package gatehouse

import "strings"

// Tier says how often one may call.
type Tier struct {
	Name        string
	Description string
	PerMinute   int64 // calls a minute; 0 means no limit
}

// SubscriptionTiers are the tiers an API may offer its subscribers.
var SubscriptionTiers = []Tier{
	{Name: "Bronze", Description: "1 000 calls a minute", PerMinute: 1000},
	{Name: "Silver", Description: "2 000 calls a minute", PerMinute: 2000},
	{Name: "Gold", Description: "5 000 calls a minute", PerMinute: 5000},
	{Name: Unlimited, Description: "no limit"},
}

// ApplicationTiers are the tiers an application may have over all its calls.
var ApplicationTiers = []Tier{
	{Name: "10PerMin", Description: "10 calls a minute", PerMinute: 10},
	{Name: "20PerMin", Description: "20 calls a minute", PerMinute: 20},
	{Name: "50PerMin", Description: "50 calls a minute", PerMinute: 50},
	{Name: Unlimited, Description: "no limit"},
}

// ResourceTiers are the tiers a resource may have over the calls of all its callers,
// named as OpenAPI files (x-throttling-tier) and management clients write them. The names
// of subscription tiers among them are those of older files.
var ResourceTiers = []Tier{
	{Name: "Bronze", Description: "1 000 calls a minute", PerMinute: 1000},
	{Name: "Silver", Description: "2 000 calls a minute", PerMinute: 2000},
	{Name: "Gold", Description: "5 000 calls a minute", PerMinute: 5000},
	{Name: "10KPerMin", Description: "10 000 calls a minute", PerMinute: 10_000},
	{Name: "20KPerMin", Description: "20 000 calls a minute", PerMinute: 20_000},
	{Name: "50KPerMin", Description: "50 000 calls a minute", PerMinute: 50_000},
	{Name: Unlimited, Description: "no limit"},
}

// Unlimited is the tier that limits nothing.
const Unlimited = "Unlimited"

// FindTier returns the tier called name, or false.
func FindTier(tiers []Tier, name string) (Tier, bool) {
	for _, t := range tiers {
		if t.Name == name {
			return t, true
		}
	}
	return Tier{}, false
}

// PerMinute returns how many calls a minute the tier called name allows; 0 means no
// limit, as for the empty name. Names are checked where they are set, not here.
func PerMinute(tiers []Tier, name string) int64 {
	if name == "" || name == Unlimited {
		return 0
	}
	tier, _ := FindTier(tiers, name)
	return tier.PerMinute
}

// CheckResourceTier checks that a resource may have the tier called name; none means
// Unlimited.
func CheckResourceTier(name string) error {
	if _, ok := FindTier(ResourceTiers, name); ok || name == "" {
		return nil
	}
	var names []string
	for _, t := range ResourceTiers {
		names = append(names, t.Name)
	}
	return Errorf(Invalid, "there is no resource tier %q: use one of %s", name, strings.Join(names, ", "))
}
