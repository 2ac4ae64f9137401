package gatehouse

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// TierLevel is what a tier may be given to.
type TierLevel string

// The levels, named as management clients write them.
const (
	SubscriptionTier TierLevel = "subscription" // a subscription: the calls of one API by one application
	ApplicationTier  TierLevel = "application"  // an application: its calls of all APIs together
	AdvancedTier     TierLevel = "advanced"     // an API as a whole, or a resource: the calls of everybody
)

// TierLevels are all levels.
var TierLevels = []TierLevel{SubscriptionTier, ApplicationTier, AdvancedTier}

// Tier says how much one may call.
type Tier struct {
	ID          string // empty for one that is built in
	OrgID       string
	Level       TierLevel
	Name        string // unique in its organization and level; never changes
	DisplayName string
	Description string
	Terms
	CreatedAt time.Time
}

// Terms are what a tier allows.
type Terms struct {
	Limit   Limit            `json:"limit,omitzero"`
	Burst   Limit            `json:"burst,omitzero"`   // a second limit, for a shorter time; not of advanced tiers
	Lenient bool             `json:"lenient,omitzero"` // calls over the limit are counted and let through
	Groups  []ConditionGroup `json:"groups,omitempty"` // calls with limits of their own; of advanced tiers alone
}

// Unlimited is the tier that limits nothing. It is on every level.
const Unlimited = "Unlimited"

// SubscriptionTiers are the tiers that every organization's APIs may offer.
var SubscriptionTiers = []Tier{
	builtIn(SubscriptionTier, "Bronze", "1 000 calls a minute", 1000),
	builtIn(SubscriptionTier, "Silver", "2 000 calls a minute", 2000),
	builtIn(SubscriptionTier, "Gold", "5 000 calls a minute", 5000),
	builtIn(SubscriptionTier, Unlimited, "no limit", 0),
}

// ApplicationTiers are the tiers that every organization's applications may have.
var ApplicationTiers = []Tier{
	builtIn(ApplicationTier, "10PerMin", "10 calls a minute", 10),
	builtIn(ApplicationTier, "20PerMin", "20 calls a minute", 20),
	builtIn(ApplicationTier, "50PerMin", "50 calls a minute", 50),
	builtIn(ApplicationTier, Unlimited, "no limit", 0),
}

// AdvancedTiers are the tiers that every organization's APIs and resources may have, named
// as OpenAPI files (x-throttling-tier) and management clients write them. The names of
// subscription tiers among them are those of older files.
var AdvancedTiers = []Tier{
	builtIn(AdvancedTier, "Bronze", "1 000 calls a minute", 1000),
	builtIn(AdvancedTier, "Silver", "2 000 calls a minute", 2000),
	builtIn(AdvancedTier, "Gold", "5 000 calls a minute", 5000),
	builtIn(AdvancedTier, "10KPerMin", "10 000 calls a minute", 10_000),
	builtIn(AdvancedTier, "20KPerMin", "20 000 calls a minute", 20_000),
	builtIn(AdvancedTier, "50KPerMin", "50 000 calls a minute", 50_000),
	builtIn(AdvancedTier, Unlimited, "no limit", 0),
}

// UnauthenticatedTier is the tier of each address that calls resources without a token, where
// an API asks for it. Nobody subscribes on it.
var UnauthenticatedTier = builtIn(SubscriptionTier, "Unauthenticated", "500 calls a minute from one address", 500)

func builtIn(level TierLevel, name, description string, perMinute int64) Tier {
	t := Tier{Level: level, Name: name, DisplayName: name, Description: description}
	if perMinute > 0 {
		t.Limit = Limit{Calls: perMinute, Every: 1, Unit: PerMinute}
	}
	return t
}

// BuiltInTiers returns the tiers of a level that every organization has.
func BuiltInTiers(level TierLevel) []Tier {
	switch level {
	case SubscriptionTier:
		return SubscriptionTiers
	case ApplicationTier:
		return ApplicationTiers
	case AdvancedTier:
		return AdvancedTiers
	}
	return nil
}

// FindTier returns the tier called name, or false.
func FindTier(tiers []Tier, name string) (Tier, bool) {
	for _, t := range tiers {
		if t.Name == name {
			return t, true
		}
	}
	return Tier{}, false
}

// Tiers are all tiers of an organization: those that are built in, and its own.
type Tiers map[TierLevel][]Tier

// NewTiers returns the tiers of an organization whose own are given, each level by name
// behind those that are built in.
func NewTiers(own []Tier) Tiers {
	all := Tiers{}
	for _, level := range TierLevels {
		all[level] = slices.Clone(BuiltInTiers(level))
	}
	for _, t := range own {
		all[t.Level] = append(all[t.Level], t)
	}
	return all
}

// check reports an Invalid error when there is no tier of a level called name.
func (t Tiers) check(level TierLevel, name string) error {
	if _, ok := FindTier(t[level], name); ok {
		return nil
	}
	var names []string
	for _, tier := range t[level] {
		names = append(names, tier.Name)
	}
	return Errorf(Invalid, "there is no %s tier %q: use one of %s", level, name, strings.Join(names, ", "))
}

// CheckTiers checks that there are the tiers that a names.
func (a *API) CheckTiers(tiers Tiers) error {
	for _, name := range a.Tiers {
		if a.Subscriptionless() {
			break
		}
		if err := tiers.check(SubscriptionTier, name); err != nil {
			return err
		}
	}
	if a.Settings.Tier != "" {
		if err := tiers.check(AdvancedTier, a.Settings.Tier); err != nil {
			return err
		}
	}
	for i := range a.Resources {
		r := &a.Resources[i]
		if r.Tier == "" {
			continue
		}
		if err := tiers.check(AdvancedTier, r.Tier); err != nil {
			return Errorf(Invalid, "%s %s: %s", r.Method, r.Template, MessageOf(err))
		}
	}
	return nil
}

// CheckTiers checks that there is the tier that a has.
func (a *Application) CheckTiers(tiers Tiers) error { return tiers.check(ApplicationTier, a.Tier) }

// Uses reports whether a offers a subscription tier, or it or a resource has an advanced one.
func (a *API) Uses(t *Tier) bool {
	switch t.Level {
	case SubscriptionTier:
		return slices.Contains(a.Tiers, t.Name)
	case AdvancedTier:
		return a.Settings.Tier == t.Name || slices.ContainsFunc(a.Resources, func(r Resource) bool { return r.Tier == t.Name })
	}
	return false
}

// TierUses is what uses a tier.
type TierUses struct {
	APIs                        []string // name and version of each
	Subscriptions, Applications int64
}

// Deletable reports a Conflict while something uses t.
func (t *Tier) Deletable(uses TierUses) error {
	var by []string
	for i, name := range uses.APIs {
		if i == 3 {
			by = append(by, fmt.Sprintf("%d more APIs", len(uses.APIs)-i))
			break
		}
		by = append(by, "API "+name)
	}
	if uses.Subscriptions > 0 {
		by = append(by, fmt.Sprintf("%d subscriptions", uses.Subscriptions))
	}
	if uses.Applications > 0 {
		by = append(by, fmt.Sprintf("%d applications", uses.Applications))
	}
	if by == nil {
		return nil
	}
	return Errorf(Conflict, "the %s tier %s is used by %s: choose another tier there first", t.Level, t.Name, strings.Join(by, ", "))
}

// Add checks that t may stand beside the tiers that its organization made.
func (t *Tier) Add(to []Tier) error {
	count := 0
	for i := range to {
		if to[i].Level != t.Level {
			continue
		}
		if count++; to[i].Name == t.Name {
			return Errorf(Conflict, "there is a %s tier %s already: change it, or choose another name", t.Level, t.Name)
		}
	}
	if count >= MaxTiers {
		return Errorf(Conflict, "an organization makes at most %d %s tiers: delete one first", MaxTiers, t.Level)
	}
	return nil
}

// Limits of tiers.
const (
	MaxTiers      = 100 // that an organization makes, of each level
	MaxGroups     = 20  // of a tier
	MaxConditions = 20  // of a group
	MaxPattern    = 500 // bytes
)

var tierName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$`)

// CheckTierName checks the form of a tier's name. Whether there is such a tier is asked
// when what names it is stored.
func CheckTierName(name string) error {
	if !tierName.MatchString(name) {
		return Errorf(Invalid, "%q cannot be a tier's name: use 1 to 60 letters, digits and ._-, a letter or digit first", name)
	}
	return nil
}

// Validate checks the rules that a tier of an organization keeps.
func (t *Tier) Validate() error {
	if !slices.Contains(TierLevels, t.Level) {
		return Errorf(Invalid, "%q is no level of tiers: use one of %v", t.Level, TierLevels)
	}
	if err := CheckTierName(t.Name); err != nil {
		return err
	}
	_, taken := FindTier(BuiltInTiers(t.Level), t.Name)
	if taken || t.Name == UnauthenticatedTier.Name {
		return Errorf(Conflict, "the tier %s is built in, so it can be neither changed nor deleted: choose another name", t.Name)
	}
	if !validText(t.DisplayName, MaxName) {
		return Errorf(Invalid, "the display name of a tier has at most %d bytes, without control characters", MaxName)
	}
	if err := checkDescription(t.Description); err != nil {
		return err
	}
	return t.Terms.validate(t.Level)
}

func (t *Terms) validate(level TierLevel) error {
	if t.Limit.None() {
		return Errorf(Invalid, "a tier needs a limit of calls or of bytes: Unlimited is built in")
	}
	if err := t.Limit.Validate(); err != nil {
		return err
	}
	switch {
	case level == AdvancedTier && !t.Burst.None():
		return Errorf(Invalid, "an advanced tier has no burst: choose a shorter unit of time for its limit")
	case level != AdvancedTier && len(t.Groups) > 0:
		return Errorf(Invalid, "condition groups belong to advanced tiers alone")
	case len(t.Groups) > MaxGroups:
		return Errorf(Invalid, "a tier has at most %d condition groups, this one has %d", MaxGroups, len(t.Groups))
	}
	if b := &t.Burst; !b.None() {
		if err := b.Validate(); err != nil {
			return err
		}
		if b.Bytes > 0 || b.Every != 1 || b.Unit != PerSecond && b.Unit != PerMinute {
			return Errorf(Invalid, "a burst is a number of calls in one second or one minute")
		}
	}
	for i := range t.Groups {
		if err := t.Groups[i].validate(); err != nil {
			return err
		}
	}
	return nil
}
