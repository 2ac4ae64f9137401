package rest

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// tierBody is a tier as administrators send it and get it. Clients take the second field
// of an exported one for its name, so the order of the first two must stay.
type tierBody struct {
	PolicyID          string      `json:"policyId"`
	PolicyName        string      `json:"policyName"`
	DisplayName       string      `json:"displayName"`
	Description       string      `json:"description"`
	IsDeployed        bool        `json:"isDeployed"`
	Type              string      `json:"type,omitempty"`
	DefaultLimit      *limitBody  `json:"defaultLimit"`
	RateLimitCount    int64       `json:"rateLimitCount"`              // the burst; 0 or less for none
	RateLimitTimeUnit string      `json:"rateLimitTimeUnit,omitempty"` // sec or min
	StopOnQuotaReach  *bool       `json:"stopOnQuotaReach,omitempty"`  // false lets calls over the limit through; true by default
	BillingPlan       string      `json:"billingPlan,omitempty"`       // FREE
	Groups            []groupBody `json:"conditionalGroups"`

	// One value of each of these is what Gatehouse does; see fixed.
	GraphQLMaxComplexity int64           `json:"graphQLMaxComplexity,omitempty"`
	GraphQLMaxDepth      int64           `json:"graphQLMaxDepth,omitempty"`
	SubscriberCount      int64           `json:"subscriberCount,omitempty"`
	Permissions          json.RawMessage `json:"permissions,omitempty"`
}

// limitBody is a limit: of requests or of bandwidth.
type limitBody struct {
	Type         string         `json:"type"` // REQUESTCOUNTLIMIT or BANDWIDTHLIMIT
	RequestCount *requestCount  `json:"requestCount,omitempty"`
	Bandwidth    *bandwidthBody `json:"bandwidth,omitempty"`
}

type requestCount struct {
	TimeUnit     string `json:"timeUnit"` // sec, min, hour, days or month
	UnitTime     int64  `json:"unitTime"`
	RequestCount int64  `json:"requestCount"`
}

type bandwidthBody struct {
	TimeUnit   string `json:"timeUnit"`
	UnitTime   int64  `json:"unitTime"`
	DataAmount int64  `json:"dataAmount"`
	DataUnit   string `json:"dataUnit"` // B, KB (1024 bytes), MB or GB
}

// groupBody is a condition group.
type groupBody struct {
	Description string          `json:"description"`
	Conditions  []conditionBody `json:"conditions"`
	Limit       *limitBody      `json:"limit"`
}

// conditionBody is a condition; type says which of the others is there.
type conditionBody struct {
	Type   string         `json:"type"`
	Invert bool           `json:"invertCondition"`
	Header *headerMatch   `json:"headerCondition,omitempty"`
	IP     *ipMatch       `json:"ipCondition,omitempty"`
	Query  *queryMatch    `json:"queryParameterCondition,omitempty"`
	Claim  *jwtClaimMatch `json:"jwtClaimsCondition,omitempty"`
}

type headerMatch struct {
	Name  string `json:"headerName"`
	Value string `json:"headerValue"` // a regular expression
}

type ipMatch struct {
	Type       string `json:"ipConditionType"` // IPSPECIFIC or IPRANGE
	SpecificIP string `json:"specificIP,omitempty"`
	StartingIP string `json:"startingIP,omitempty"`
	EndingIP   string `json:"endingIP,omitempty"`
}

type queryMatch struct {
	Name  string `json:"parameterName"`
	Value string `json:"parameterValue"` // a regular expression
}

type jwtClaimMatch struct {
	Claim string `json:"claimUrl"`  // the claim's name
	Value string `json:"attribute"` // a regular expression
}

// The types of limits and conditions.
const (
	byRequests  = "REQUESTCOUNTLIMIT"
	byBandwidth = "BANDWIDTHLIMIT"

	byHeader = "HEADERCONDITION"
	byIP     = "IPCONDITION"
	byQuery  = "QUERYPARAMETERCONDITION"
	byClaim  = "JWTCLAIMSCONDITION"
)

// unlimitedCount is the number by which clients know that there is no limit.
const unlimitedCount = math.MaxInt32

// units are the units of time by their names on the wire, those that are written first.
var units = []struct {
	name string
	unit gatehouse.Unit
}{
	{"sec", gatehouse.PerSecond}, {"min", gatehouse.PerMinute}, {"hour", gatehouse.PerHour}, {"days", gatehouse.PerDay}, {"month", gatehouse.PerMonth},
	{"second", gatehouse.PerSecond}, {"minute", gatehouse.PerMinute}, {"hours", gatehouse.PerHour}, {"day", gatehouse.PerDay}, {"months", gatehouse.PerMonth},
}

func readUnit(name string) gatehouse.Unit {
	for _, u := range units {
		if strings.EqualFold(u.name, name) {
			return u.unit
		}
	}
	return gatehouse.Unit(name) // the rules of limits refuse it
}

func unitName(unit gatehouse.Unit) string {
	for _, u := range units {
		if u.unit == unit {
			return u.name
		}
	}
	return string(unit)
}

// dataUnits are the units of data, in bytes, the largest first.
var dataUnits = []struct {
	name  string
	bytes int64
}{{"GB", 1 << 30}, {"MB", 1 << 20}, {"KB", 1 << 10}, {"B", 1}}

// read returns the limit that b says; none for a nil b.
func (b *limitBody) read() (gatehouse.Limit, error) {
	switch {
	case b == nil:
		return gatehouse.Limit{}, nil
	case strings.EqualFold(b.Type, byRequests) && b.RequestCount != nil:
		c := b.RequestCount
		return gatehouse.Limit{Calls: c.RequestCount, Every: c.UnitTime, Unit: readUnit(c.TimeUnit)}, nil
	case strings.EqualFold(b.Type, byBandwidth) && b.Bandwidth != nil:
		c := b.Bandwidth
		for _, unit := range dataUnits {
			if !strings.EqualFold(unit.name, c.DataUnit) {
				continue
			}
			if c.DataAmount > gatehouse.MaxAmount/unit.bytes {
				return gatehouse.Limit{}, gatehouse.Errorf(gatehouse.Invalid, "a limit lets at most %d bytes through", int64(gatehouse.MaxAmount))
			}
			return gatehouse.Limit{Bytes: c.DataAmount * unit.bytes, Every: c.UnitTime, Unit: readUnit(c.TimeUnit)}, nil
		}
		return gatehouse.Limit{}, gatehouse.Errorf(gatehouse.Invalid, "%q is no dataUnit: use B, KB, MB or GB", c.DataUnit)
	}
	return gatehouse.Limit{}, gatehouse.Errorf(gatehouse.Invalid, "a limit is of the type %s with requestCount, or %s with bandwidth; not %q", byRequests, byBandwidth, b.Type)
}

func newLimitBody(l gatehouse.Limit) *limitBody {
	if l.Bytes == 0 {
		count := requestCount{unitName(cmp.Or(l.Unit, gatehouse.PerMinute)), max(l.Every, 1), cmp.Or(l.Calls, unlimitedCount)}
		return &limitBody{Type: byRequests, RequestCount: &count}
	}
	b := bandwidthBody{TimeUnit: unitName(l.Unit), UnitTime: l.Every}
	for _, unit := range dataUnits {
		if l.Bytes%unit.bytes == 0 {
			b.DataAmount, b.DataUnit = l.Bytes/unit.bytes, unit.name
			break
		}
	}
	return &limitBody{Type: byBandwidth, Bandwidth: &b}
}

// fixed refuses what asks for something that Gatehouse would not do.
func (b *tierBody) fixed() error {
	permissions := string(b.Permissions)
	switch {
	case b.BillingPlan != "" && !strings.EqualFold(b.BillingPlan, "FREE"):
		return gatehouse.Errorf(gatehouse.Invalid, "billingPlan %q is not supported: leave it out, or use FREE", b.BillingPlan)
	case b.GraphQLMaxComplexity > 0 || b.GraphQLMaxDepth > 0 || b.SubscriberCount > 0:
		return gatehouse.Errorf(gatehouse.Invalid, "graphQLMaxComplexity, graphQLMaxDepth and subscriberCount are not supported: leave them out, or use 0")
	case permissions != "" && permissions != "null" && permissions != "[]" && permissions != "{}":
		return gatehouse.Errorf(gatehouse.Invalid, "permissions are not supported: every subscriber may choose every tier that an API offers")
	}
	return nil
}

// read returns the tier that b says, of a level.
func (b *tierBody) read(level gatehouse.TierLevel) (gatehouse.Tier, error) {
	t := gatehouse.Tier{Level: level, Name: b.PolicyName, DisplayName: cmp.Or(b.DisplayName, b.PolicyName), Description: b.Description}
	if err := b.fixed(); err != nil {
		return t, err
	}
	var err error
	if t.Limit, err = b.DefaultLimit.read(); err != nil {
		return t, err
	}
	if b.RateLimitCount > 0 {
		t.Burst = gatehouse.Limit{Calls: b.RateLimitCount, Every: 1, Unit: readUnit(b.RateLimitTimeUnit)}
	}
	t.Lenient = b.StopOnQuotaReach != nil && !*b.StopOnQuotaReach
	for _, g := range b.Groups {
		group := gatehouse.ConditionGroup{Description: g.Description}
		if group.Limit, err = g.Limit.read(); err != nil {
			return t, err
		}
		for _, c := range g.Conditions {
			condition, err := c.read()
			if err != nil {
				return t, err
			}
			group.Conditions = append(group.Conditions, condition)
		}
		t.Groups = append(t.Groups, group)
	}
	return t, nil
}

func (b *conditionBody) read() (gatehouse.Condition, error) {
	c := gatehouse.Condition{Invert: b.Invert}
	switch {
	case b.Type == byHeader && b.Header != nil:
		c.Kind, c.Name, c.Pattern = gatehouse.ByHeader, b.Header.Name, b.Header.Value
	case b.Type == byQuery && b.Query != nil:
		c.Kind, c.Name, c.Pattern = gatehouse.ByQuery, b.Query.Name, b.Query.Value
	case b.Type == byClaim && b.Claim != nil:
		c.Kind, c.Name, c.Pattern = gatehouse.ByClaim, b.Claim.Claim, b.Claim.Value
	case b.Type == byIP && b.IP != nil && b.IP.Type == "IPRANGE":
		c.Kind, c.From, c.To = gatehouse.ByAddress, b.IP.StartingIP, b.IP.EndingIP
	case b.Type == byIP && b.IP != nil:
		c.Kind, c.From = gatehouse.ByAddress, b.IP.SpecificIP
	default:
		return c, gatehouse.Errorf(gatehouse.Invalid, "a condition is of the type %s, %s, %s or %s, with the object of its type; not %q", byIP, byHeader, byQuery, byClaim, b.Type)
	}
	return c, nil
}

func newConditionBody(c *gatehouse.Condition) conditionBody {
	b := conditionBody{Invert: c.Invert}
	switch c.Kind {
	case gatehouse.ByHeader:
		b.Type, b.Header = byHeader, &headerMatch{c.Name, c.Pattern}
	case gatehouse.ByQuery:
		b.Type, b.Query = byQuery, &queryMatch{c.Name, c.Pattern}
	case gatehouse.ByClaim:
		b.Type, b.Claim = byClaim, &jwtClaimMatch{c.Name, c.Pattern}
	case gatehouse.ByAddress:
		b.Type, b.IP = byIP, &ipMatch{Type: "IPSPECIFIC", SpecificIP: c.From}
		if c.To != "" {
			b.IP = &ipMatch{Type: "IPRANGE", StartingIP: c.From, EndingIP: c.To}
		}
	}
	return b
}

// wireTypes are what a level is called in the field type of a tier.
var wireTypes = map[gatehouse.TierLevel]string{
	gatehouse.SubscriptionTier: "SubscriptionThrottlePolicy", gatehouse.ApplicationTier: "ApplicationThrottlePolicy", gatehouse.AdvancedTier: "AdvancedThrottlePolicy",
}

func newTierBody(t gatehouse.Tier) (*tierBody, error) {
	stop := !t.Lenient
	b := &tierBody{
		PolicyID: tierID(&t), PolicyName: t.Name, DisplayName: t.DisplayName, Description: t.Description, IsDeployed: true, Type: wireTypes[t.Level],
		DefaultLimit: newLimitBody(t.Limit), StopOnQuotaReach: &stop, Groups: []groupBody{},
	}
	if t.Level == gatehouse.SubscriptionTier {
		b.BillingPlan = "FREE"
	}
	if !t.Burst.None() {
		b.RateLimitCount, b.RateLimitTimeUnit = t.Burst.Calls, unitName(t.Burst.Unit)
	}
	for i := range t.Groups {
		g := groupBody{Description: t.Groups[i].Description, Limit: newLimitBody(t.Groups[i].Limit)}
		for j := range t.Groups[i].Conditions {
			g.Conditions = append(g.Conditions, newConditionBody(&t.Groups[i].Conditions[j]))
		}
		b.Groups = append(b.Groups, g)
	}
	return b, nil
}

// tierID is a tier's id; those that are built in have one made of level and name.
func tierID(t *gatehouse.Tier) string { return cmp.Or(t.ID, "built-in-"+string(t.Level)+"-"+t.Name) }

// levelOf reads the level of a path.
func (r *request) levelOf() (gatehouse.TierLevel, error) {
	level := gatehouse.TierLevel(r.PathValue("policyLevel"))
	if level == "api" {
		level = gatehouse.AdvancedTier // as publishers' clients call it
	}
	if !slices.Contains(gatehouse.TierLevels, level) {
		return "", gatehouse.Errorf(gatehouse.NotFound, "there is no such level of tiers: use subscription, application or advanced")
	}
	return level, nil
}
