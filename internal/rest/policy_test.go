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

const petsWithPolicies = `
openapi: 3.0.3
info: {title: Petstore, version: 1.0.0}
servers: [{url: http://127.0.0.1:9000}]
x-gatehouse-policies: [{name: headers, settings: {set: {X-From: document}}}]
paths:
  /pets:
    get:
      x-gatehouse-policies: [{name: mock, settings: {body: {"id": 1}}}]
      responses: {'200': {description: OK}}
    post: {responses: {'200': {description: OK}}}
`

// What a document lists replaces the policies of that place, and of no other; callers are not
// shown them.
func TestPoliciesOfADocument(t *testing.T) {
	s := newSite(t)
	a := s.upload(every("pat"), "POST", publisherAPI+"/apis/import-openapi", map[string]string{"file": petsWithPolicies})
	if a.status != 201 {
		t.Fatalf("the import is answered %d %s", a.status, a.text)
	}
	path := publisherAPI + "/apis/" + a.body["id"].(string)
	const ofAPI, ofGET = `"parameters":{"set":{"X-From":"%"}}`, `"operationPolicies":{"request":[{"policyName":"mock"`
	holds := func(when, from string, mock bool) {
		t.Helper()
		if a := s.want(200, every("pat"), "GET", path, nil); !strings.Contains(a.text, strings.Replace(ofAPI, "%", from, 1)) || strings.Contains(a.text, ofGET) != mock {
			t.Errorf("%s the API is %s", when, a.text)
		}
	}
	holds("imported", "document", true)
	s.want(200, every("pat"), "PUT", path, map[string]any{"apiPolicies": map[string]any{"request": []any{policy("headers", map[string]any{"set": map[string]string{"X-From": "API"}})}}})
	holds("changed by the Management API", "API", true)
	put := func(document string) answer {
		return s.upload(every("pat"), "PUT", path+"/swagger", map[string]string{"apiDefinition": document})
	}
	put(strings.ReplaceAll(petsWithPolicies, "x-gatehouse-policies", "x-other"))
	holds("with a document that lists none", "API", true)
	put(strings.Replace(petsWithPolicies, `[{name: mock, settings: {body: {"id": 1}}}]`, "[]", 1))
	holds("with a document that lists one and an empty list", "document", false)

	if a := put(strings.Replace(petsWithPolicies, "body", "boddy", 1)); a.status != 400 || !strings.Contains(a.text, `line 9, column 30: the policy mock: unknown field \"boddy\"`) {
		t.Errorf("wrong settings are answered %d %s", a.status, a.text)
	}
	if a := put(strings.Replace(petsWithPolicies, "{name: headers,", "{name: header,", 1)); a.status != 400 || !strings.Contains(a.text, `line 5, column 24: there is no policy \"header\"`) {
		t.Errorf("a wrong name is answered %d %s", a.status, a.text)
	}
	s.want(200, every("pat"), "POST", path[:len(publisherAPI)]+"/apis/change-lifecycle?action=Publish&apiId="+a.body["id"].(string), nil)
	if a := s.want(200, every("pat"), "GET", storeAPI+"/apis/"+a.body["id"].(string)+"/swagger", nil); strings.Contains(a.text, "gatehouse") || strings.Contains(a.text, "X-From") {
		t.Errorf("callers are shown %s", a.text)
	}
}
