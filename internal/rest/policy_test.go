package rest_test

import (
	"strings"
	"testing"
)

// policy is a policy as management clients write it.
func policy(name string, parameters any) map[string]any {
	return map[string]any{"policyName": name, "policyVersion": "v1", "parameters": parameters}
}

func TestPoliciesAreSetAndKept(t *testing.T) {
	s := newSite(t)
	id := s.imported()
	path := publisherAPI + "/apis/" + id
	operations := s.want(200, every("pat"), "GET", path, nil).body["operations"].([]any)
	first := operations[0].(map[string]any)
	set := policy("headers", map[string]any{"set": map[string]string{"X-From": "API"}})
	first["operationPolicies"] = map[string]any{"response": []any{set}}
	s.want(200, every("pat"), "PUT", path, map[string]any{"apiPolicies": map[string]any{"request": []any{set}}, "operations": operations})
	s.want(200, every("pat"), "PUT", path, map[string]any{"description": "what is not named stays"})
	if a := s.upload(every("pat"), "PUT", path+"/swagger", map[string]string{"apiDefinition": petstore}); a.status != 200 {
		t.Fatalf("the document is answered %d %s", a.status, a.text)
	}

	a := s.want(200, every("pat"), "GET", path, nil)
	api := `"apiPolicies":{"request":[{"policyName":"headers","policyVersion":"v1","parameters":{"set":{"X-From":"API"}}}],"response":[],"fault":[]}`
	if !strings.Contains(a.text, api) || strings.Count(a.text, `"operationPolicies":{"request":[],"response":[{"policyName":"headers"`) != 1 {
		t.Errorf("the API is %s", a.text)
	}
	s.want(200, every("pat"), "PUT", path, map[string]any{"apiPolicies": map[string]any{}})
	if a := s.want(200, every("pat"), "GET", path, nil); strings.Contains(a.text, "apiPolicies") {
		t.Errorf("the API keeps its policies: %s", a.text)
	}
	for want, flows := range map[string]any{
		`there is no policy \"nothing\"`: map[string]any{"request": []any{policy("nothing", nil)}},
		`unknown field \"sett\"`:         map[string]any{"request": []any{policy("headers", map[string]any{"sett": 1})}},
		"fault side":                     map[string]any{"fault": []any{set}},
	} {
		if a := s.want(400, every("pat"), "PUT", path, map[string]any{"apiPolicies": flows}); !strings.Contains(a.text, want) {
			t.Errorf("answered %s, want something with %s", a.text, want)
		}
	}
}
