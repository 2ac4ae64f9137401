package gatehouse

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// State is where an API stands in its lifecycle.
type State string

// The states of an API.
const (
	Created    State = "CREATED"    // drawn up; the gateway does not serve it
	Prototyped State = "PROTOTYPED" // served for trying out
	Published  State = "PUBLISHED"  // served, and open to subscriptions
	Blocked    State = "BLOCKED"    // every call is refused for now
	Deprecated State = "DEPRECATED" // served to those who subscribed before
	Retired    State = "RETIRED"    // gone from the gateway
)

// Action moves an API along its lifecycle.
type Action string

// The actions, named as management clients send them.
const (
	Publish   Action = "Publish"
	Prototype Action = "Deploy as a Prototype"
	Demote    Action = "Demote to Created"
	Block     Action = "Block"
	Republish Action = "Re-Publish"
	Deprecate Action = "Deprecate"
	Retire    Action = "Retire"
)

// moves lists where each action leads from each state.
var moves = map[State]map[Action]State{
	Created:    {Publish: Published, Prototype: Prototyped},
	Prototyped: {Publish: Published, Demote: Created},
	Published:  {Block: Blocked, Prototype: Prototyped, Demote: Created, Deprecate: Deprecated},
	Blocked:    {Republish: Published, Deprecate: Deprecated},
	Deprecated: {Retire: Retired},
	Retired:    {},
}

// API is what a publisher offers at /{context}/{version}.
type API struct {
	ID          string
	OrgID       string
	OrgKey      string // of OrgID; the gateway's path begins with it
	Name        string
	Version     string
	Context     string // begins with /, never changes; may hold {version}, but not as its end
	Description string
	Provider    string // username of whoever drew it up
	State       State

	Production string // URL that calls with PRODUCTION keys are sent to
	Sandbox    string // the same for SANDBOX keys; empty when there is none

	Tiers     []string   // subscription tiers offered, by name
	Approval  bool       // subscriptions wait until a publisher approves them
	Resources []Resource // what the gateway lets through
	Tags      []string
	Settings  Settings // how the gateway treats calls
	Document  string   // that it was drawn up from, for those who hold calls against it

	CreatedAt time.Time
	UpdatedAt time.Time
}

// Definition is what an API was drawn up from.
type Definition struct {
	Document string  // the OpenAPI document as it was given
	Scopes   []Scope // the scopes it defines
}

// Limits of an API's description.
const (
	MaxResources   = 2000
	MaxDescription = 32 << 10 // bytes
	MaxDefinition  = 10 << 20 // bytes of an OpenAPI file
)

var (
	apiName    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._ -]{0,99}$`)
	apiContext = regexp.MustCompile(`^(/([A-Za-z0-9][A-Za-z0-9._-]{0,99}|\{version\})){1,5}$`)
	apiVersion = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,29}$`)
)

// BasePath returns the path under which the gateway serves a, organization included.
func (a *API) BasePath() string {
	return (&Organization{Key: a.OrgKey}).BasePath() + a.Path()
}

// versionSegment stands in a context for the version, which is else its last segment.
const versionSegment = "/{version}"

// Path returns the base path within the organization: the context with the version.
func (a *API) Path() string {
	if strings.Contains(a.Context, versionSegment) {
		return strings.Replace(a.Context, versionSegment, "/"+a.Version, 1)
	}
	return a.Context + "/" + a.Version
}

// DefaultPath returns the base path without a version, which leads to the default version.
func (a *API) DefaultPath() string { return strings.Replace(a.Context, versionSegment, "", 1) }

// Known reports whether the gateway knows a: every state but the last. Those that are not
// served yet it shows to their publishers alone, who try them out.
func (a *API) Known() bool { return a.State != Retired }

// Served reports whether the gateway serves a: every state but the first and the last.
func (a *API) Served() bool {
	return a.State == Published || a.State == Prototyped || a.State == Deprecated || a.State == Blocked
}

// Subscribable reports whether new subscriptions may be made.
func (a *API) Subscribable() bool { return a.State == Published }

// Subscriptionless is the one tier of an API that is called without a subscription.
const Subscriptionless = "DefaultSubscriptionless"

// Subscriptionless reports whether a is called without a subscription.
func (a *API) Subscriptionless() bool { return len(a.Tiers) == 1 && a.Tiers[0] == Subscriptionless }

// Actions returns what may be done with a now, in alphabetical order.
func (a *API) Actions() []Action {
	var actions []Action
	for action := range moves[a.State] {
		actions = append(actions, action)
	}
	slices.Sort(actions)
	return actions
}

// Do moves a along its lifecycle. It is a Conflict when the state does not allow the
// action, and Invalid when what is to be served is not complete.
func (a *API) Do(action Action) error {
	to, ok := moves[a.State][action]
	if !ok {
		return Errorf(Conflict, "API %s %s is %s, which does not allow %q: its actions now are %v", a.Name, a.Version, a.State, action, a.Actions())
	}
	if to == Published || to == Prototyped {
		if err := a.ready(); err != nil {
			return err
		}
	}
	a.State = to
	return nil
}

// ready checks what must be there before the gateway serves a. Whether there is somebody to
// answer its calls, a backend or a policy, is the gateway's question.
func (a *API) ready() error {
	switch {
	case len(a.Tiers) == 0:
		return Errorf(Invalid, "API %s %s offers no tier: choose at least one before publishing", a.Name, a.Version)
	case len(a.Resources) == 0:
		return Errorf(Invalid, "API %s %s has no resource", a.Name, a.Version)
	}
	return nil
}

// Validate checks the rules an API keeps in every state. Whether there are the tiers that
// it names, CheckTiers tells.
func (a *API) Validate() error {
	switch {
	case !apiName.MatchString(a.Name):
		return Errorf(Invalid, "%q cannot be an API's name: use 1 to 100 letters, digits, spaces and ._-", a.Name)
	case !apiVersion.MatchString(a.Version):
		return Errorf(Invalid, "%q cannot be a version: use 1 to 30 letters, digits and ._-", a.Version)
	case !apiContext.MatchString(a.Context) || strings.Count(a.Context, versionSegment) > 1 || strings.HasSuffix(a.Context, versionSegment):
		return Errorf(Invalid, "%q cannot be a context: use / and a name of letters, digits and ._-, like /petstore", a.Context)
	case reserved(a.Path()) || reserved(a.DefaultPath()):
		return Errorf(Invalid, "contexts that begin with /t/ or /oauth2/ are taken: choose another")
	case len(a.Resources) > MaxResources:
		return Errorf(Invalid, "an API has at most %d resources, this one has %d", MaxResources, len(a.Resources))
	}
	if err := checkDescription(a.Description); err != nil {
		return err
	}
	for _, tag := range a.Tags {
		if err := CheckName("a tag", tag); err != nil {
			return err
		}
	}
	for _, endpoint := range []string{a.Production, a.Sandbox} {
		if err := validEndpoint(endpoint); err != nil {
			return err
		}
	}
	for _, tier := range a.Tiers {
		if a.Subscriptionless() {
			break
		}
		if err := CheckTierName(tier); err != nil {
			return err
		}
	}
	if err := a.Settings.validate(a.Tiers); err != nil {
		return err
	}
	return validResources(a.Resources)
}

// reserved reports whether a context would stand in the way of organizations' APIs or
// of the Token API.
func reserved(context string) bool {
	return strings.HasPrefix(context+"/", "/t/") || strings.HasPrefix(context+"/", "/oauth2/")
}

// validEndpoint checks the form of a backend's URL. Which addresses it may have is
// the egress rule's question, asked when it is dialled.
func validEndpoint(endpoint string) error {
	if endpoint == "" {
		return nil
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "" || (u.Scheme != "http" && u.Scheme != "https"):
		return Errorf(Invalid, "%q cannot be a backend: use an http:// or https:// URL", endpoint)
	case u.User != nil:
		return Errorf(Invalid, "a backend's URL must not hold a user name or password")
	case u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(endpoint, "?#"):
		return Errorf(Invalid, "a backend's URL must not hold a query or a fragment")
	}
	return nil
}
