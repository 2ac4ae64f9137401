package rest

import (
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/publisher"
)

// workflowAnswer is the answer to a move along the lifecycle.
type workflowAnswer struct {
	WorkflowStatus string         `json:"workflowStatus"` // APPROVED: nothing waits
	LifecycleState lifecycleState `json:"lifecycleState"`
}

// lifecycleState is where an API stands.
type lifecycleState struct {
	State                string       `json:"state"` // Created, Published, …
	CheckItems           []string     `json:"checkItems"`
	AvailableTransitions []transition `json:"availableTransitions"`
}

type transition struct {
	Event       string `json:"event"`       // what change-lifecycle takes as its action
	TargetState string `json:"targetState"` // as in state
}

// stateNames are how this interface writes states.
var stateNames = map[gatehouse.State]string{
	gatehouse.Created: "Created", gatehouse.Prototyped: "Prototyped", gatehouse.Published: "Published",
	gatehouse.Blocked: "Blocked", gatehouse.Deprecated: "Deprecated", gatehouse.Retired: "Retired",
}

// The items of the checklist, as a client may tick them when it publishes a version.
const (
	checkDeprecate   = "Deprecate old versions after publishing the API"
	checkResubscribe = "Requires re-subscription when publishing the API"
)

// takeover reads a checklist: "item:true,item:false". Releases of the platform word the
// items differently, so what is meant is told by the words they share.
func takeover(checklist string) publisher.Takeover {
	var t publisher.Takeover
	for item := range strings.SplitSeq(strings.ToLower(checklist), ",") {
		name, ticked, _ := strings.Cut(item, ":")
		if strings.TrimSpace(ticked) != "true" {
			continue
		}
		t.Deprecate = t.Deprecate || strings.Contains(name, "deprecate old versions")
		t.Resubscribe = t.Resubscribe || strings.Contains(name, "re-subscription")
	}
	return t
}

func newLifecycleState(a *gatehouse.API) lifecycleState {
	s := lifecycleState{State: stateNames[a.State], CheckItems: []string{}, AvailableTransitions: []transition{}}
	if a.State == gatehouse.Created || a.State == gatehouse.Prototyped {
		s.CheckItems = append(s.CheckItems, checkDeprecate, checkResubscribe)
	}
	for _, action := range a.Actions() {
		after := gatehouse.API{State: a.State, Production: "https://complete", Tiers: a.Tiers, Resources: a.Resources}
		if err := after.Do(action); err == nil {
			s.AvailableTransitions = append(s.AvailableTransitions, transition{Event: string(action), TargetState: stateNames[after.State]})
		}
	}
	return s
}

func (h *Handler) changeLifecycle(r *request) (any, error) {
	id, err := r.parameter("apiId")
	if err != nil {
		return nil, err
	}
	action, err := r.parameter("action")
	if err != nil {
		return nil, err
	}
	a, err := h.Publisher.Move(r.Context(), r.by, id, gatehouse.Action(action), takeover(r.URL.Query().Get("lifecycleChecklist")))
	if err != nil {
		return nil, err
	}
	return workflowAnswer{WorkflowStatus: "APPROVED", LifecycleState: newLifecycleState(a)}, nil
}

func (h *Handler) getLifecycle(r *request) (any, error) {
	a, err := h.Publisher.API(r.Context(), r.by, r.PathValue("apiId"))
	if err != nil {
		return nil, err
	}
	return newLifecycleState(a), nil
}

// copyAPI draws up a new version of an API.
func (h *Handler) copyAPI(r *request) (any, error) {
	id, err := r.parameter("apiId")
	if err != nil {
		return nil, err
	}
	version, err := r.parameter("newVersion")
	if err != nil {
		return nil, err
	}
	a, err := h.Publisher.Copy(r.Context(), r.by, id, version, r.URL.Query().Get("defaultVersion") == "true")
	if gatehouse.KindOf(err) == gatehouse.Conflict {
		return nil, &codedError{err, codeVersionTaken}
	}
	if err != nil {
		return nil, err
	}
	r.w.Header().Set("Location", publisherPrefix+"/apis/"+a.ID)
	return h.wireAPI(r, a)
}
