package rest

import (
	"time"

	"github.com/gatehouse/gatehouse"
)

// callInfo is a call, with what each check of it saw and decided.
type callInfo struct {
	ID            string           `json:"requestId,omitempty"` // of its answer; empty for a call that nobody made
	At            time.Time        `json:"at"`
	Method        string           `json:"method"`
	Path          string           `json:"path"`
	API           string           `json:"api,omitempty"` // name and version
	APIID         string           `json:"apiId,omitempty"`
	Application   string           `json:"application,omitempty"`
	ApplicationID string           `json:"applicationId,omitempty"`
	User          string           `json:"user,omitempty"`
	Allowed       bool             `json:"allowed"`
	Status        int              `json:"status,omitempty"` // of the answer
	Code          string           `json:"code,omitempty"`   // of a refusal
	Milliseconds  float64          `json:"milliseconds,omitempty"`
	Steps         []gatehouse.Step `json:"steps"`
}

func newCallInfo(c *gatehouse.Call) (callInfo, error) {
	return callInfo{
		ID: c.ID, At: c.At, Method: c.Method, Path: c.Path, API: c.API, APIID: c.APIID, Application: c.Application, ApplicationID: c.ApplicationID,
		User: c.User, Allowed: c.Allowed(), Status: c.Status, Code: c.Code, Milliseconds: float64(c.Took) / float64(time.Millisecond), Steps: c.Steps,
	}, nil
}

// questionBody is a call that nobody makes.
type questionBody struct {
	Method  string `json:"method"` // empty means GET
	Path    string `json:"path"`   // and query, like /t/johnsorg/petstore/v1/pets
	Token   string `json:"accessToken,omitempty"`
	Address string `json:"address,omitempty"` // of the caller
}

func (h *Handler) listCallsOf(r *request) (any, error) {
	calls, err := h.Store.Calls(r.Context(), r.by, r.PathValue("applicationId"))
	if err != nil {
		return nil, err
	}
	return page(r, calls, newCallInfo)
}

func (h *Handler) getCallOf(r *request) (any, error) {
	c, err := h.Store.Call(r.Context(), r.by, r.PathValue("callId"))
	if err != nil {
		return nil, err
	}
	return newCallInfo(c)
}

func (h *Handler) listCallsTo(r *request) (any, error) {
	calls, err := h.Publisher.Calls(r.Context(), r.by, r.PathValue("apiId"))
	if err != nil {
		return nil, err
	}
	return page(r, calls, newCallInfo)
}

func (h *Handler) getCallTo(r *request) (any, error) {
	c, err := h.Publisher.Call(r.Context(), r.by, r.PathValue("callId"))
	if err != nil {
		return nil, err
	}
	return newCallInfo(c)
}

func (h *Handler) explain(r *request) (any, error) {
	var body questionBody
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	if body.Method == "" {
		body.Method = "GET"
	}
	c, err := h.Store.Explain(r.Context(), r.by, gatehouse.Question{Method: body.Method, Target: body.Path, Token: body.Token, Address: body.Address})
	if err != nil {
		return nil, err
	}
	return newCallInfo(c)
}
