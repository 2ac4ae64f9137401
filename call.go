package gatehouse

import (
	"slices"
	"strconv"
	"time"
)

// Call is what is remembered of one call of an API, so that whoever made it, or whoever
// offers the API, can ask why it was answered as it was. It holds no credential and no
// query.
type Call struct {
	ID     string // the X-Request-Id of its answer
	At     time.Time
	OrgKey string // of the API
	Method string
	Path   string

	APIID         string // empty when the path belongs to none
	API           string // name and version
	ApplicationID string // empty when nobody could be made out
	Application   string
	User          string // qualified username, empty for an application's own token

	Status int
	Code   string        // of a refusal
	Took   time.Duration // until the answer had gone
	Steps  []Step
}

// Step is one check of a call.
type Step struct {
	Check  string     `json:"check"`
	Result StepResult `json:"result"`
	Saw    string     `json:"saw,omitempty"` // what the check found
	Fix    string     `json:"fix,omitempty"` // what would make a refused call pass
}

// StepResult is what came of a check.
type StepResult string

// The results.
const (
	StepPassed  StepResult = "passed"
	StepRefused StepResult = "refused"
	StepSkipped StepResult = "not needed" // the call has nothing to check here
	StepUnasked StepResult = "not asked"  // a check before refused
)

// Question asks what would become of a call that nobody makes.
type Question struct {
	Method  string
	Target  string // path and query, as it would be sent
	Token   string // access token; empty for none
	Address string // that the call would come from; empty means nowhere in particular
}

// Answer is the status of a call's answer and, when the gateway refused it with one, the
// code.
func (c *Call) Answer() string {
	status := strconv.Itoa(c.Status)
	if c.Code == "" || c.Code == status {
		return status
	}
	return status + " " + c.Code
}

// Allowed reports whether every check let the call through, as far as they were asked.
func (c *Call) Allowed() bool {
	return !slices.ContainsFunc(c.Steps, func(s Step) bool { return s.Result == StepRefused })
}

// ErrNoCall is the answer for a call that nobody remembers, and for one that is another's.
var ErrNoCall = Errorf(NotFound, "no such call is remembered: give the X-Request-Id of an answer; of each application the last calls are kept, for an hour")
