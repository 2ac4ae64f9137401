package rest

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// denyBody is a deny policy. Its value is a text, or for addresses an object.
type denyBody struct {
	ConditionID     string          `json:"conditionId,omitempty"`
	ConditionType   string          `json:"conditionType"` // API, APPLICATION, USER, IP or IPRANGE
	ConditionValue  json.RawMessage `json:"conditionValue"`
	ConditionStatus *bool           `json:"conditionStatus,omitempty"` // whether it is in force; true by default
}

// deniedAddresses is the value of a policy of the types IP and IPRANGE.
type deniedAddresses struct {
	FixedIP    string `json:"fixedIp,omitempty"`
	StartingIP string `json:"startingIp,omitempty"`
	EndingIP   string `json:"endingIp,omitempty"`
	Invert     bool   `json:"invert"`
}

func (b *denyBody) read() (gatehouse.DenyPolicy, error) {
	d := gatehouse.DenyPolicy{Kind: gatehouse.DenyKind(strings.ToUpper(b.ConditionType)), Active: b.ConditionStatus == nil || *b.ConditionStatus}
	addresses := d.Kind == gatehouse.DenyAddress || d.Kind == gatehouse.DenyRange
	if addresses && bytes.HasPrefix(b.ConditionValue, []byte("{")) {
		var value deniedAddresses
		if err := json.Unmarshal(b.ConditionValue, &value); err != nil {
			return d, jsonError("conditionValue", err)
		}
		d.Value, d.Invert = value.FixedIP, value.Invert
		if d.Kind == gatehouse.DenyRange {
			d.Value = value.StartingIP + "-" + value.EndingIP
		}
		return d, nil
	}
	if err := json.Unmarshal(b.ConditionValue, &d.Value); err != nil {
		return d, gatehouse.Errorf(gatehouse.Invalid, `conditionValue is a text like "/petstore/1.0.0", "john@johns.org:Newsreader" or "john@johns.org"; for addresses an object with fixedIp, or startingIp and endingIp, and invert`)
	}
	return d, nil
}

func newDenyBody(d gatehouse.DenyPolicy) (*denyBody, error) {
	value := any(d.Value)
	switch from, to := d.Range(); d.Kind {
	case gatehouse.DenyAddress:
		value = deniedAddresses{FixedIP: from, Invert: d.Invert}
	case gatehouse.DenyRange:
		value = deniedAddresses{StartingIP: from, EndingIP: to, Invert: d.Invert}
	}
	text, err := json.Marshal(value)
	return &denyBody{d.ID, string(d.Kind), text, &d.Active}, err
}

func (h *Handler) listDenyPolicies(r *request) (any, error) {
	all, err := h.Rules.DenyPolicies(r.Context(), r.by)
	if err != nil {
		return nil, err
	}
	return page(r, all, newDenyBody)
}

func (h *Handler) createDenyPolicy(r *request) (any, error) {
	var body denyBody
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	d, err := body.read()
	if err != nil {
		return nil, err
	}
	created, err := h.Rules.Deny(r.Context(), r.by, d)
	if err != nil {
		return nil, err
	}
	r.w.Header().Set("Location", adminPrefix+"/throttling/deny-policy/"+created.ID)
	return newDenyBody(*created)
}

func (h *Handler) getDenyPolicy(r *request) (any, error) {
	all, err := h.Rules.DenyPolicies(r.Context(), r.by)
	if err != nil {
		return nil, err
	}
	for _, d := range all {
		if d.ID == r.PathValue("conditionId") {
			return newDenyBody(d)
		}
	}
	return nil, gatehouse.Errorf(gatehouse.NotFound, "there is no such deny policy")
}

func (h *Handler) switchDenyPolicy(r *request) (any, error) {
	var body denyBody
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	if body.ConditionStatus == nil {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "conditionStatus is missing: true switches the policy on, false off")
	}
	if err := h.Rules.SwitchDenyPolicy(r.Context(), r.by, r.PathValue("conditionId"), *body.ConditionStatus); err != nil {
		return nil, err
	}
	return h.getDenyPolicy(r)
}

func (h *Handler) deleteDenyPolicy(r *request) (any, error) {
	return nil, h.Rules.DeleteDenyPolicy(r.Context(), r.by, r.PathValue("conditionId"))
}
