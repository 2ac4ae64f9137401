package gateway

import (
	"errors"
	"fmt"
	"maps"

	"github.com/gatehouse/gatehouse"
)

// rules are the compiled tiers and deny policies of one organization. They never change:
// a change makes new ones.
type rules struct {
	application, subscription, advanced tiers

	unauthenticated *Allowance
	denied          denied
}

// tiers are the tiers of a level, by name; those without a limit are left out.
type tiers map[string]*tier

// of returns the tier called name, nil when it limits nothing.
func (t tiers) of(name string) *tier {
	if name == "" || name == gatehouse.Unlimited {
		return nil
	}
	return t[name]
}

// tier is a tier, compiled.
type tier struct {
	limit  *Allowance
	burst  *Allowance // nil when there is none
	groups []group
}

// group is a condition group, compiled.
type group struct {
	conditions []condition
	limit      *Allowance
}

// builtInRules are those of an organization that has none of its own.
var builtInRules = func() *rules {
	r, err := compileRules(&gatehouse.Rules{})
	if err != nil {
		panic(err) // they are in the program
	}
	return r
}()

// rulesOf returns the rules of an organization.
func (t *Table) rulesOf(orgKey string) *rules {
	if len(t.rules) == 0 {
		return builtInRules
	}
	if r := t.rules[orgKey]; r != nil {
		return r
	}
	return builtInRules
}

// WithRules returns a table with the rules of one organization as they are now. When they
// cannot be compiled, t stays valid as it is.
func (t *Table) WithRules(of *gatehouse.Rules) (*Table, error) {
	compiled, err := compileRules(of)
	if err != nil {
		return nil, err
	}
	all := map[string]*rules{}
	maps.Copy(all, t.rules)
	all[of.OrgKey] = compiled
	if len(of.Tiers) == 0 && len(of.Denied) == 0 {
		delete(all, of.OrgKey)
	}
	return &Table{t.organizations, all, t.salt}, nil
}

// newRules compiles the rules of all organizations. Those that cannot be compiled are left
// out; the error names them.
func newRules(all []*gatehouse.Rules) (map[string]*rules, error) {
	compiled := map[string]*rules{}
	var failed []error
	for _, of := range all {
		r, err := compileRules(of)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		compiled[of.OrgKey] = r
	}
	return compiled, errors.Join(failed...)
}

func compileRules(of *gatehouse.Rules) (*rules, error) {
	all := gatehouse.NewTiers(of.Tiers)
	var err error
	level := func(l gatehouse.TierLevel) tiers {
		compiled := tiers{}
		for i := range all[l] {
			t := &all[l][i]
			if t.Limit.None() {
				continue
			}
			one, failed := compileTier(t)
			if failed != nil {
				err = errors.Join(err, fmt.Errorf("compile the tier %s of %s: %w", t.Name, of.OrgKey, failed))
				continue
			}
			compiled[t.Name] = one
		}
		return compiled
	}
	r := &rules{
		application: level(gatehouse.ApplicationTier), subscription: level(gatehouse.SubscriptionTier), advanced: level(gatehouse.AdvancedTier),
		unauthenticated: newAllowance(gatehouse.UnauthenticatedTier.Limit, false),
	}
	var failed error
	if r.denied, failed = newDenied(of.Denied); failed != nil {
		err = errors.Join(err, fmt.Errorf("compile the deny policies of %s: %w", of.OrgKey, failed))
	}
	return r, err
}

func compileTier(t *gatehouse.Tier) (*tier, error) {
	compiled := &tier{limit: newAllowance(t.Limit, t.Lenient), burst: newAllowance(t.Burst, false)}
	for i := range t.Groups {
		g := group{limit: newAllowance(t.Groups[i].Limit, t.Lenient)}
		for j := range t.Groups[i].Conditions {
			c, err := newCondition(&t.Groups[i].Conditions[j])
			if err != nil {
				return nil, err
			}
			g.conditions = append(g.conditions, c)
		}
		compiled.groups = append(compiled.groups, g)
	}
	return compiled, nil
}

// newAllowance compiles a limit; nil for none.
func newAllowance(l gatehouse.Limit, lenient bool) *Allowance {
	if l.None() {
		return nil
	}
	return &Allowance{Amount: max(l.Calls, l.Bytes), Bytes: l.Bytes > 0, Lenient: lenient, Window: l.Window()}
}

// choose returns the limit of the first group that a call meets, with its number from 1,
// or that of all other calls, with 0.
func (t *tier) choose(f Facts, h *Head, by *gatehouse.Authorization) (uint32, *Allowance) {
	for i := range t.groups {
		if t.groups[i].holds(f, h, by) {
			return uint32(i) + 1, t.groups[i].limit
		}
	}
	return 0, t.limit
}

func (g *group) holds(f Facts, h *Head, by *gatehouse.Authorization) bool {
	for i := range g.conditions {
		if c := &g.conditions[i]; c.holds(f, h, by) == c.invert {
			return false
		}
	}
	return true
}
