package rest

import (
	"github.com/gatehouse/gatehouse"
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

func newLifecycleState(a *gatehouse.API) lifecycleState {
	s := lifecycleState{State: stateNames[a.State], CheckItems: []string{}, AvailableTransitions: []transition{}}
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
	a, err := h.Publisher.Do(r.Context(), r.by, id, gatehouse.Action(action))
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
