package gatehouse_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

func anAPI() gatehouse.API {
	return gatehouse.API{
		Name: "Petstore", Version: "1.0.0", Context: "/petstore", State: gatehouse.Created, Production: "http://127.0.0.1:9000/v1",
		Tiers: []string{"Gold"}, Resources: []gatehouse.Resource{{Method: "GET", Template: "/pets"}},
	}
}

// Every action in every state: where it leads, or that it is refused.
func TestLifecycle(t *testing.T) {
	actions := []gatehouse.Action{
		gatehouse.Publish, gatehouse.Prototype, gatehouse.Demote, gatehouse.Block, gatehouse.Republish, gatehouse.Deprecate, gatehouse.Retire, "Delete",
	}
	const no = ""
	for from, row := range map[gatehouse.State][]gatehouse.State{
		gatehouse.Created:    {gatehouse.Published, gatehouse.Prototyped, no, no, no, no, no, no},
		gatehouse.Prototyped: {gatehouse.Published, no, gatehouse.Created, no, no, no, no, no},
		gatehouse.Published:  {no, gatehouse.Prototyped, gatehouse.Created, gatehouse.Blocked, no, gatehouse.Deprecated, no, no},
		gatehouse.Blocked:    {no, no, no, no, gatehouse.Published, gatehouse.Deprecated, no, no},
		gatehouse.Deprecated: {no, no, no, no, no, no, gatehouse.Retired, no},
		gatehouse.Retired:    {no, no, no, no, no, no, no, no},
		"NOWHERE":            {no, no, no, no, no, no, no, no},
	} {
		for i, to := range row {
			t.Run(fmt.Sprintf("%s %s", from, actions[i]), func(t *testing.T) {
				a := anAPI()
				a.State = from
				offered := slices.Contains(a.Actions(), actions[i])
				err := a.Do(actions[i])
				wantKind(t, err, to != no, gatehouse.Conflict)
				if offered != (to != no) {
					t.Errorf("the action is offered: %v", offered)
				}
				if to == no {
					to = from
				}
				if a.State != to {
					t.Errorf("leads to %s, want %s", a.State, to)
				}
			})
		}
	}
}

func TestStatesSayWhoIsServed(t *testing.T) {
	for state, want := range map[gatehouse.State][2]bool{
		gatehouse.Created: {false, false}, gatehouse.Prototyped: {true, false}, gatehouse.Published: {true, true},
		gatehouse.Blocked: {true, false}, gatehouse.Deprecated: {true, false}, gatehouse.Retired: {false, false},
	} {
		a := gatehouse.API{State: state}
		if got := [2]bool{a.Served(), a.Subscribable()}; got != want {
			t.Errorf("%s: served, subscribable are %v, want %v", state, got, want)
		}
	}
}

func TestOnlyWhatIsCompleteIsPublished(t *testing.T) {
	for name, change := range map[string]func(*gatehouse.API){
		"no tier":     func(a *gatehouse.API) { a.Tiers = nil },
		"no resource": func(a *gatehouse.API) { a.Resources = nil },
	} {
		for _, action := range []gatehouse.Action{gatehouse.Publish, gatehouse.Prototype} {
			t.Run(name+" "+string(action), func(t *testing.T) {
				a := anAPI()
				change(&a)
				wantKind(t, a.Do(action), false, gatehouse.Invalid)
				if a.State != gatehouse.Created {
					t.Errorf("it is %s now", a.State)
				}
			})
		}
	}
	a := anAPI()
	wantKind(t, a.Do(gatehouse.Publish), true, gatehouse.Internal)
}

func TestAPIValidate(t *testing.T) {
	resources := func(templates ...string) func(*gatehouse.API) {
		return func(a *gatehouse.API) {
			a.Resources = nil
			for _, template := range templates {
				a.Resources = append(a.Resources, gatehouse.Resource{Method: "GET", Template: template})
			}
		}
	}
	for name, row := range map[string]struct {
		change func(*gatehouse.API)
		ok     bool
	}{
		"as it is":                             {func(*gatehouse.API) {}, true},
		"drawn up without backend and tier":    {func(a *gatehouse.API) { a.Production, a.Tiers = "", nil }, true},
		"a name of several words":              {func(a *gatehouse.API) { a.Name = "Pet store 2.0" }, true},
		"no name":                              {func(a *gatehouse.API) { a.Name = "" }, false},
		"a name that begins with a space":      {func(a *gatehouse.API) { a.Name = " Petstore" }, false},
		"a name of 101 characters":             {func(a *gatehouse.API) { a.Name = strings.Repeat("p", 101) }, false},
		"markup in the name":                   {func(a *gatehouse.API) { a.Name = "<b>" }, false},
		"no version":                           {func(a *gatehouse.API) { a.Version = "" }, false},
		"a version with a slash":               {func(a *gatehouse.API) { a.Version = "1/2" }, false},
		"check 97: a version of dots":          {func(a *gatehouse.API) { a.Version = ".." }, false},
		"a context of five names":              {func(a *gatehouse.API) { a.Context = "/a/b/c/d/e" }, true},
		"a context of six names":               {func(a *gatehouse.API) { a.Context = "/a/b/c/d/e/f" }, false},
		"a context without a slash":            {func(a *gatehouse.API) { a.Context = "petstore" }, false},
		"a context that ends in a slash":       {func(a *gatehouse.API) { a.Context = "/petstore/" }, false},
		"a context of dots":                    {func(a *gatehouse.API) { a.Context = "/.." }, false},
		"a context with a new line":            {func(a *gatehouse.API) { a.Context = "/petstore\n" }, false},
		"an organization's place":              {func(a *gatehouse.API) { a.Context = "/t/johnsorg" }, false},
		"the place of all organizations":       {func(a *gatehouse.API) { a.Context = "/t" }, false},
		"the Token API's place":                {func(a *gatehouse.API) { a.Context = "/oauth2/token" }, false},
		"a name that begins like a taken one":  {func(a *gatehouse.API) { a.Context = "/token" }, true},
		"a description as long as may be":      {func(a *gatehouse.API) { a.Description = strings.Repeat("d", gatehouse.MaxDescription) }, true},
		"a longer one":                         {func(a *gatehouse.API) { a.Description = strings.Repeat("d", gatehouse.MaxDescription+1) }, false},
		"what cannot be a tier's name":         {func(a *gatehouse.API) { a.Tiers = []string{"Fast&easy"} }, false},
		"nor of the API as a whole":            {func(a *gatehouse.API) { a.Settings.Tier = " " }, false},
		"backends that take less than nothing": {func(a *gatehouse.API) { a.Settings.Capacity.Sandbox.Calls = -1 }, false},
		"too many resources":                   {func(a *gatehouse.API) { a.Resources = make([]gatehouse.Resource, gatehouse.MaxResources+1) }, false},
		"a resource that breaks the rules":     {resources("pets"), false},
		"a resource twice":                     {resources("/pets", "/pets"), false},
		"with and without a last slash":        {resources("/pets", "/pets/"), false},
		"two names of a parameter":             {resources("/pets/{id}", "/pets/{name}"), false},
		"a parameter and a star":               {resources("/pets/{id}", "/pets/*"), true},
		"a parameter and a name in its place":  {resources("/pets/{id}", "/pets/new"), true},
		"the root and everything":              {resources("/", "/*"), true},
		"check 140: a file as backend":         {func(a *gatehouse.API) { a.Production = "file:///etc/passwd" }, false},
		"check 140: gopher":                    {func(a *gatehouse.API) { a.Production = "gopher://127.0.0.1:6379/_" }, false},
		"check 140: a unix socket":             {func(a *gatehouse.API) { a.Sandbox = "unix:///var/run/docker.sock" }, false},
		"check 140: credentials in the URL":    {func(a *gatehouse.API) { a.Production = "http://root:secret@127.0.0.1" }, false},
		"a backend without a scheme":           {func(a *gatehouse.API) { a.Production = "127.0.0.1:9000" }, false},
		"a backend without a host":             {func(a *gatehouse.API) { a.Production = "http:///v1" }, false},
		"an opaque URL":                        {func(a *gatehouse.API) { a.Production = "http:127.0.0.1" }, false},
		"a query":                              {func(a *gatehouse.API) { a.Production = "http://127.0.0.1/?a=b" }, false},
		"an empty query":                       {func(a *gatehouse.API) { a.Production = "http://127.0.0.1/?" }, false},
		"a fragment":                           {func(a *gatehouse.API) { a.Sandbox = "http://127.0.0.1/#a" }, false},
		"a control character in the backend":   {func(a *gatehouse.API) { a.Sandbox = "http://127.0.0.1/\r\nHost: x" }, false},
		"https, a name, a port, IPv6, a path ": {func(a *gatehouse.API) { a.Production, a.Sandbox = "https://backend.example:8443/v1", "http://[::1]:80" }, true},
	} {
		t.Run(name, func(t *testing.T) {
			a := anAPI()
			row.change(&a)
			err := a.Validate()
			wantKind(t, err, row.ok, gatehouse.Invalid)
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Error("the message repeats a password:", err)
			}
		})
	}
}

func TestSubscriptionValidate(t *testing.T) {
	for name, row := range map[string]struct {
		state gatehouse.State
		tier  string
		ok    bool
		kind  gatehouse.Kind
	}{
		"a tier that is offered":     {gatehouse.Published, "Gold", true, 0},
		"a tier that is not offered": {gatehouse.Published, "Bronze", false, gatehouse.Invalid},
		"no tier":                    {gatehouse.Published, "", false, gatehouse.Invalid},
		"not published":              {gatehouse.Created, "Gold", false, gatehouse.Conflict},
		"a prototype":                {gatehouse.Prototyped, "Gold", false, gatehouse.Conflict},
		"blocked":                    {gatehouse.Blocked, "Gold", false, gatehouse.Conflict},
		"deprecated":                 {gatehouse.Deprecated, "Gold", false, gatehouse.Conflict},
		"retired":                    {gatehouse.Retired, "Gold", false, gatehouse.Conflict},
	} {
		t.Run(name, func(t *testing.T) {
			a := anAPI()
			a.State = row.state
			sub := gatehouse.Subscription{Tier: row.tier}
			wantKind(t, sub.Validate(&a), row.ok, row.kind)
		})
	}
}

func TestApplicationValidate(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*gatehouse.Application)
		ok     bool
	}{
		"plain":                        {func(*gatehouse.Application) {}, true},
		"letters of any script":        {func(a *gatehouse.Application) { a.Name = "Żółw & сын" }, true},
		"100 characters":               {func(a *gatehouse.Application) { a.Name = strings.Repeat("ä", 100) }, true},
		"101 characters":               {func(a *gatehouse.Application) { a.Name = strings.Repeat("ä", 101) }, false},
		"no name":                      {func(a *gatehouse.Application) { a.Name = "" }, false},
		"a space first":                {func(a *gatehouse.Application) { a.Name = " app" }, false},
		"markup":                       {func(a *gatehouse.Application) { a.Name = "a<script>" }, false},
		"a quote":                      {func(a *gatehouse.Application) { a.Name = `a"b` }, false},
		"a new line":                   {func(a *gatehouse.Application) { a.Name = "a\nb" }, false},
		"NUL":                          {func(a *gatehouse.Application) { a.Name = "a\x00" }, false},
		"a longer description":         {func(a *gatehouse.Application) { a.Description = strings.Repeat("d", gatehouse.MaxDescription+1) }, false},
		"what cannot be a tier's name": {func(a *gatehouse.Application) { a.Tier = "Fast&easy" }, false},
		"no tier":                      {func(a *gatehouse.Application) { a.Tier = "" }, false},
		"opaque tokens":                {func(a *gatehouse.Application) { a.TokenFormat = gatehouse.FormatOpaque }, true},
		"a format that there is not":   {func(a *gatehouse.Application) { a.TokenFormat = "OAUTH" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			a := gatehouse.Application{Name: "reader", Tier: gatehouse.Unlimited, TokenFormat: gatehouse.FormatJWT}
			row.change(&a)
			wantKind(t, a.Validate(), row.ok, gatehouse.Invalid)
		})
	}
}
