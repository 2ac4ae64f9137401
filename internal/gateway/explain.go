package gateway

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Stage is one of the checks of a decision.
type Stage uint8

// The stages, in their order.
const (
	StageRequest Stage = iota
	StageAPI
	StageResource
	StageCredentials
	StageToken
	StageSubscription
	StageScope
	StageDenied
	StageBackend
	StagePolicies
	StageTiers
	StageAnswer // the backend's answer, or one in its stead
	stages      = iota
)

// explained tells of each stage what it is called, what it saw, and whether a call had
// anything to check there. What it saw is told to whoever made the call, so it names
// nothing of the backend and nobody else.
var explained = [stages]struct {
	name  string
	saw   func(d *Decision) string
	needs func(d *Decision) bool // nil means always
}{
	StageRequest:      {name: "request", saw: func(*Decision) string { return "the path and the method are in plain form" }},
	StageAPI:          {name: "API", saw: sawAPI},
	StageResource:     {name: "resource", saw: sawResource},
	StageCredentials:  {name: "credentials", saw: func(*Decision) string { return "the call brings credentials that the API takes" }, needs: needsToken},
	StageToken:        {name: "token", saw: sawToken, needs: needsToken},
	StageSubscription: {name: "subscription", saw: sawSubscription, needs: needsSubscription},
	StageScope:        {name: "scope", saw: sawScope, needs: needsScope},
	StageDenied:       {name: "deny policies", saw: sawDenied},
	StageBackend:      {name: "backend", saw: sawBackend},
	StagePolicies:     {name: "policies", saw: sawPolicies, needs: func(d *Decision) bool { return d.Policy != "" || len(d.policies.admitters) > 0 }},
	StageTiers:        {name: "tiers", saw: sawTiers, needs: func(d *Decision) bool { return d.Quota.Limit > 0 }},
	StageAnswer:       {name: "answer"},
}

// Explain tells what each check of a decision saw and decided; status is that of the
// answer, 0 when there was no call.
func (d *Decision) Explain(status int) []gatehouse.Step {
	steps := make([]gatehouse.Step, 0, stages)
	for i := range explained {
		stage, e := Stage(i), &explained[i]
		step := gatehouse.Step{Check: e.name, Result: gatehouse.StepPassed}
		switch refused := d.Refusal != nil && stage == d.Stage; {
		case stage > d.Stage:
			step.Result = gatehouse.StepUnasked
		case refused:
			step.Result, step.Saw, step.Fix = gatehouse.StepRefused, d.sawRefused(), d.Refusal.Description
		case e.needs != nil && !e.needs(d):
			step.Result = gatehouse.StepSkipped
		case stage == StageAnswer:
			step.Saw = fmt.Sprintf("the answer has the status %d", status)
		default:
			step.Saw = e.saw(d)
		}
		steps = append(steps, step)
	}
	return steps
}

// sawRefused tells what the refusing check saw, as far as there is more to tell than the
// refusal's own words.
func (d *Decision) sawRefused() string {
	switch e := &explained[d.Stage]; d.Stage {
	case StageRequest, StageCredentials, StageAnswer:
		return d.Refusal.Message
	case StageAPI:
		if d.API == nil {
			return "no API is served at this path"
		}
		return sawAPI(d)
	case StageResource:
		if d.Allow != "" {
			return "the path is a resource's, with the methods " + d.Allow
		}
		return fmt.Sprintf("%s %s has no resource at %s", d.API.Name, d.API.Version, orRoot(tellable(d.Rest)))
	case StageToken:
		if d.Authorization == nil {
			return d.Refusal.Message
		}
		return sawToken(d)
	default:
		return e.saw(d)
	}
}

func orRoot(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

func needsToken(d *Decision) bool { return d.Resource != nil && d.Resource.Auth != gatehouse.AuthNone }

// needsSubscription: passwords, certificates and internal keys need none.
func needsSubscription(d *Decision) bool { return needsToken(d) && d.Client != nil }

// needsScope: keys and certificates are not asked for one.
func needsScope(d *Decision) bool {
	return needsToken(d) && (d.brought == "token" || d.brought == "password")
}

func sawAPI(d *Decision) string {
	return fmt.Sprintf("%s %s is %s", d.API.Name, d.API.Version, d.API.State)
}

func sawResource(d *Decision) string {
	if d.Resource == nil {
		return "a preflight, for a path with the methods " + d.Allow
	}
	if d.Resource.Auth == gatehouse.AuthNone {
		return fmt.Sprintf("%s %s, which needs no token", d.Resource.Method, d.Resource.Template)
	}
	return d.Resource.Method + " " + d.Resource.Template
}

func sawToken(d *Decision) string {
	a := d.Authorization
	whose := "of the application itself"
	switch {
	case a.For == gatehouse.ForUser:
		whose = "of " + a.Username
	case d.Client == nil:
		whose = "of no application"
	}
	until := "which never expires"
	if !a.ExpiresAt.Equal(gatehouse.EndOfTime) {
		until = "good until " + a.ExpiresAt.UTC().Format(time.DateTime) + " UTC"
	}
	return fmt.Sprintf("a %s %s %s in %s, %s", a.KeyType, d.brought, whose, a.OrgKey, until)
}

func sawSubscription(d *Decision) string {
	if d.Client == nil {
		return "no application has taken up the API key"
	}
	application := d.Client.Application.Name
	if s := d.Subscription; s != nil {
		return fmt.Sprintf("the application %s subscribes on %s: %s", application, s.Tier, s.State)
	}
	if d.Authorization.OrgKey != d.API.OrgKey {
		return fmt.Sprintf("the "+d.brought+" is of the organization %s, the API of %s", d.Authorization.OrgKey, d.API.OrgKey)
	}
	return fmt.Sprintf("the application %s does not subscribe to %s %s", application, d.API.Name, d.API.Version)
}

func sawScope(d *Decision) string {
	held := strings.Join(d.Authorization.Scopes, " ")
	if len(d.Resource.Scopes) == 0 {
		return "the resource asks for no scope; the token holds " + held
	}
	asks := "the scope " + d.Resource.Scopes[0]
	if len(d.Resource.Scopes) > 1 {
		asks = "any one of the scopes " + strings.Join(d.Resource.Scopes, " ")
	}
	return fmt.Sprintf("the resource opens to %s; the token holds %s", asks, held)
}

func sawDenied(d *Decision) string {
	if d.Stage == StageDenied {
		return "a deny policy of " + d.API.OrgKey + " keeps the API, the application, the user or the address out"
	}
	return "no deny policy keeps the call out"
}

func sawBackend(d *Decision) string {
	kind := "production"
	if d.Authorization != nil && d.Authorization.KeyType == gatehouse.Sandbox {
		kind = "sandbox"
	}
	switch {
	case d.policies.alone:
		return "a policy answers in the backend's stead"
	case d.Backend == nil:
		return "the API has no " + kind + " backend"
	}
	return "the call goes to the " + kind + " backend"
}

func sawPolicies(d *Decision) string {
	if d.Policy != "" {
		return "the policy " + d.Policy
	}
	var names []string
	for _, a := range d.policies.admitters {
		names = append(names, a.kind)
	}
	return strings.Join(slices.Compact(names), ", ")
}

func sawTiers(d *Decision) string {
	q, what := &d.Quota, "calls"
	if q.bytes {
		what = "bytes"
	}
	if q.Full {
		return fmt.Sprintf("the limit of %d %s is used up for another %d seconds", q.Limit, what, q.Wait)
	}
	return fmt.Sprintf("%d of %d %s are left, for another %d seconds", q.Remaining, q.Limit, what, q.Wait)
}
