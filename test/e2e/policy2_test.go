package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// orders is an API whose document says what its calls hold.
const orders = `
openapi: 3.0.3
info: {title: Orders, version: 1.0.0}
paths:
  /orders/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
    get: {x-auth-type: None, responses: {'200': {description: OK, content: {application/json: {schema: {required: [Method]}}}}}}
    put:
      x-auth-type: None
      requestBody: {required: true, content: {application/json: {schema: {$ref: '#/components/schemas/Order'}}}}
      responses: {'200': {description: OK, content: {application/json: {schema: {required: [Nothing]}}}}}
components:
  schemas:
    Order: {type: object, required: [amount], properties: {amount: {type: number, minimum: 0}, note: {type: string, nullable: true}}}
`

// A publisher has calls held against the document and their answers kept, and bounds bodies.
func TestPoliciesThatReadBodies(t *testing.T) {
	onEachStore(t, func(t *testing.T, h *house) {
		api := h.publish(t, john, "Orders", orders, "/orders", h.backend.URL)
		const path = "/t/johnsorg/orders/1.0.0/orders/"
		set := func(more map[string]any) {
			t.Helper()
			body := map[string]any{"name": "Orders", "version": "1.0.0", "context": "/orders"}
			for field, value := range more {
				body[field] = value
			}
			h.manage(t, john, http.MethodPut, publisherAPI+"/apis/"+api, body, http.StatusOK, nil)
		}
		put := func(body string) reply {
			r := request(t, http.MethodPut, h.Gateway+path+"1", body)
			r.Header.Set("Content-Type", "application/json")
			return h.send(t, r)
		}
		policy := func(name, settings string) map[string]any {
			return map[string]any{"policyName": name, "parameters": json.RawMessage(settings)}
		}

		put(`{"amount":-1}`).is(t, "before", http.StatusOK, "")
		set(map[string]any{"enableSchemaValidation": true})
		h.call(t, http.MethodGet, path+"1", "").is(t, "as the document says", http.StatusOK, "")
		h.call(t, http.MethodGet, path+"x", "").is(t, "a path that is not", http.StatusBadRequest, "400")
		h.backend.saw()
		if r := put(`{"amount":-1,"note":"canary"}`); r.status != http.StatusBadRequest || !strings.Contains(r.body, "Schema validation failed in the Request: the body at '/amount' must be at least 0") || strings.Contains(r.body, "canary") {
			t.Errorf("a body that is not as the document says: %d %s", r.status, r.body)
		}
		if saw := h.backend.saw(); len(saw) > 0 {
			t.Errorf("the backend saw %v", saw)
		}
		if r := put(`{"amount":1,"note":null}`); r.status != http.StatusInternalServerError || !strings.Contains(r.body, "Schema validation failed in the Response: ") {
			t.Errorf("an answer that is not as the document says: %d %s", r.status, r.body)
		}
		var shown struct{ EnableSchemaValidation bool }
		if h.manage(t, john, http.MethodGet, publisherAPI+"/apis/"+api, nil, http.StatusOK, &shown); !shown.EnableSchemaValidation {
			t.Error("the API does not show that calls are held against its document")
		}

		set(map[string]any{"enableSchemaValidation": false, "apiPolicies": map[string]any{"request": []any{
			policy("cache", `{"lifetime":"1h"}`), policy("json-threat", `{"maxJsonDepth":2}`), policy("body-size", `{"max":20}`)}}})
		put(`{"amount":-1}`).is(t, "no longer held against the document", http.StatusOK, "")
		put(`[[[]]]`).is(t, "check 132: too deep", http.StatusBadRequest, "400")
		put(`{"amount": 1234567890}`).is(t, "check 128: too large", http.StatusRequestEntityTooLarge, "413")
		h.backend.saw()
		for range 3 {
			h.call(t, http.MethodGet, path+"2", "").is(t, "kept", http.StatusOK, "")
		}
		if saw := h.backend.saw(); len(saw) != 1 {
			t.Errorf("the backend saw %d of 3 calls", len(saw))
		}
		set(map[string]any{"description": "Changed"})
		if r := h.call(t, http.MethodGet, path+"2", ""); r.header.Get("Age") != "" || len(h.backend.saw()) != 1 {
			t.Errorf("an answer is kept beyond a change of its API: %v", r.header)
		}
	})
}
