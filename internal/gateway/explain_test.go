package gateway

import (
	"fmt"
	"hash/maphash"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// explained writes steps as one line: the results' first letters, and what the refusing
// check saw.
func told(steps []gatehouse.Step) string {
	var results, saw string
	for _, s := range steps {
		switch s.Result {
		case gatehouse.StepPassed:
			results += "+"
		case gatehouse.StepRefused:
			results += "!"
			saw = s.Check + ": " + s.Saw
		case gatehouse.StepSkipped:
			results += "o"
		case gatehouse.StepUnasked:
			results += "."
		}
	}
	return results + " " + saw
}

func TestExplain(t *testing.T) {
	table, f := petTable(t), petFacts()
	for _, c := range f.clients {
		c.Application.Name = "shop"
	}
	for _, tt := range []struct{ call, authorization, want string }{
		{"GET /pets/v1/pets", "Bearer user", "+++++++++oo. "},
		{"GET /pets/v1/open", "", "+++oooo++oo. "},
		{"GET /nothing/v1/pets", "", "+!.......... API: no API is served at this path"},
		{"GET /blocked/v1/pets", "", "+!.......... API: blocked v1 is BLOCKED"},
		{"GET /pets/v1/nothing", "", "++!......... resource: pets v1 has no resource at /nothing"},
		{"DELETE /pets/v1/pets", "", "++!......... resource: the path is a resource's, with the methods GET, HEAD, POST"},
		{"GET /pets/v1/pets", "", "+++!........ credentials: Missing Credentials"},
		{"GET /pets/v1/pets", "Bearer nobody", "++++!....... token: Invalid Credentials"},
		{"GET /stranger/v1/pets", "Bearer user", "+++++!...... subscription: the application shop does not subscribe to stranger v1"},
		{"GET /pets/v1/pets", "Bearer blocked", "+++++!...... subscription: the application shop subscribes on : BLOCKED"},
		{"GET /t/johnsorg/pets/v1/pets", "Bearer user", "+++++!...... subscription: the token is of the organization default, the API of johnsorg"},
		{"POST /pets/v1/pets", "Bearer user", "++++++!..... scope: the resource opens to any one of the scopes update admin; the token holds read"},
		{"GET /live/v1/pets", "Bearer sandbox", "++++++++!... backend: the API has no sandbox backend"},
	} {
		method, path, _ := strings.Cut(tt.call, " ")
		d := Decide(table, f, &Head{Method: method, Path: path, Authorization: tt.authorization})
		steps := d.Explain(0)
		if got := told(steps); got != tt.want {
			t.Errorf("%s %s\n got %s\nwant %s", tt.call, tt.authorization, got, tt.want)
		}
		for _, s := range steps {
			if s.Result == gatehouse.StepRefused && s.Fix == "" {
				t.Errorf("%s %s: nothing tells how to pass the check %s", tt.call, tt.authorization, s.Check)
			}
			if s.Result == gatehouse.StepPassed && s.Saw == "" && s.Check != "answer" {
				t.Errorf("%s %s: nothing tells what the check %s saw", tt.call, tt.authorization, s.Check)
			}
			if strings.Contains(s.Saw+s.Fix, "example") {
				t.Errorf("%s: the backend is told: %s %s", tt.call, s.Saw, s.Fix)
			}
		}
	}
}

// Check 155: a token in a path is not remembered.
func TestPathsAreToldWithoutWhatMayBeACredential(t *testing.T) {
	for path, want := range map[string]string{
		"/t/johnsorg/pets/v1/01941f29-7c00-7f3e-8a3b-0242ac120002": "/t/johnsorg/pets/v1/01941f29-7c00-7f3e-8a3b-0242ac120002",
		"/pets/" + gatehouse.NewRefreshToken() + "/x":              "/pets/ghr_",
		"/" + strings.Repeat("a", 5000):                            "/aaaaaaaa…",
	} {
		if got := tellable(path); !strings.HasPrefix(got, want) || len(got) > 100 {
			t.Errorf("%.60s is told as %s", path, got)
		}
	}
}

func TestRecentCallsAreSharedOutFairly(t *testing.T) {
	r := &recent{seed: maphash.MakeSeed()}
	add := func(application string, n int, refused bool) {
		for i := range n {
			s := &seen{id: fmt.Sprint(application, i), decision: Decision{Client: &gatehouse.Client{Application: gatehouse.Application{ID: application}}, Stage: StageAnswer, policies: &chain{}, API: &gatehouse.API{}, Resource: &gatehouse.Resource{Auth: gatehouse.AuthNone}}}
			if refused {
				s.decision.Refusal, s.decision.Stage = unknownAPI, StageAPI
			}
			r.add(s)
		}
	}
	add("busy", 1000, false)
	add("busy", 1, true)
	add("quiet", 2, false)
	var ids []string
	for _, c := range r.take(5) {
		ids = append(ids, c.ID)
	}
	got := strings.Join(ids, " ")
	for _, want := range []string{"busy0", "quiet0", "quiet1"} { // the refused one, and both of whoever calls little
		if !strings.Contains(got+" ", want+" ") {
			t.Errorf("taken are %s, want %s among them", got, want)
		}
	}
	if again := r.take(5); len(again) > 0 {
		t.Errorf("%d calls are taken twice", len(again))
	}
	for i := range 5000 {
		add(fmt.Sprint("stranger", i), 1, false)
	}
	rings := 0
	for i := range r.parts {
		rings += len(r.parts[i].rings)
	}
	if rings > len(r.parts)*ringsPerPart {
		t.Errorf("%d subjects are remembered", rings)
	}
}
