package rest_test

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestCORSConfiguration(t *testing.T) {
	s := newSite(t)
	id := s.imported()
	path := publisherAPI + "/apis/" + id
	holds := func(when string, want ...string) {
		t.Helper()
		a := s.want(200, every("pat"), "GET", path, nil)
		for _, w := range want {
			w, wanted := strings.CutPrefix(w, "!")
			if strings.Contains(a.text, w) == wanted {
				t.Errorf("%s the API is %s, which is wrong about %s", when, a.text, w)
			}
		}
	}
	put := func(status int, body map[string]any) string {
		t.Helper()
		return s.want(status, every("pat"), "PUT", path, body).text
	}
	const open = `"corsConfiguration":{"corsConfigurationEnabled":false,"accessControlAllowOrigins":["*"],"accessControlAllowCredentials":false,"accessControlAllowHeaders":[],"accessControlAllowMethods":[]}`
	const listed = `"corsConfiguration":{"corsConfigurationEnabled":true,"accessControlAllowOrigins":["https://app.example.org"],"accessControlAllowCredentials":true,"accessControlAllowHeaders":["Authorization"],"accessControlAllowMethods":["GET","POST"],"accessControlExposeHeaders":["X-A"],"accessControlMaxAge":0}`
	configuration := map[string]any{
		"corsConfigurationEnabled": true, "accessControlAllowOrigins": []string{"https://app.example.org"}, "accessControlAllowCredentials": true,
		"accessControlAllowHeaders": []string{"Authorization"}, "accessControlAllowMethods": []string{"GET", "POST"}, "accessControlExposeHeaders": []string{"X-A"}, "accessControlMaxAge": 0,
	}
	headers := map[string]any{"request": []any{policy("headers", map[string]any{"set": map[string]string{"X": "1"}})}}
	off := map[string]any{"request": []any{policy("cors", map[string]any{"enabled": false})}}
	on := map[string]any{"request": []any{policy("cors", map[string]any{"origins": []string{"https://other.example.org"}})}}
	enabled := map[string]any{"corsConfigurationEnabled": true}
	disabled := map[string]any{"corsConfigurationEnabled": false}

	holds("imported", open, "!apiPolicies")
	put(200, map[string]any{"corsConfiguration": configuration})
	holds("configured", listed, "!apiPolicies")
	put(200, map[string]any{"apiPolicies": headers})
	holds("with other policies set", listed, `"policyName":"headers"`)
	put(200, map[string]any{"description": "x"})
	holds("with something else set", listed, `"policyName":"headers"`)
	put(200, s.want(200, every("pat"), "GET", path, nil).body)
	holds("put back as it was read", listed, `"policyName":"headers"`)
	put(200, map[string]any{"apiPolicies": on})
	holds("with the policy itself", `"accessControlAllowOrigins":["https://other.example.org"]`, "!apiPolicies")
	put(200, map[string]any{"corsConfiguration": disabled})
	holds("no longer enabled", open, "!apiPolicies")
	put(200, map[string]any{"apiPolicies": off})
	put(200, s.want(200, every("pat"), "GET", path, nil).body)
	holds("switched off, and put back as it was read", open, `"parameters":{"enabled":false}`)
	if text := put(400, map[string]any{"apiPolicies": on, "corsConfiguration": enabled}); !strings.Contains(text, "use one of them") {
		t.Errorf("CORS set twice is answered %s", text)
	}
	if text := put(400, map[string]any{"corsConfiguration": map[string]any{"corsConfigurationEnabled": true, "accessControlAllowCredentials": true}}); !strings.Contains(text, "cannot be allowed to every origin") {
		t.Errorf("credentials for everybody are answered %s", text)
	}
	created := s.want(201, every("pat"), "POST", publisherAPI+"/apis", map[string]any{"name": "Drawn", "version": "1", "context": "/drawn", "corsConfiguration": configuration})
	if !strings.Contains(created.text, listed) {
		t.Errorf("an API that is created with it is %s", created.text)
	}
}

// The policies of existing files and scripts, as ours.
func TestPoliciesByOtherNames(t *testing.T) {
	s := newSite(t)
	path := publisherAPI + "/apis/" + s.imported()
	for _, tt := range []struct {
		name       string
		parameters map[string]any
		want       string // the policies that come of it, or a part of the refusal
	}{
		{"addHeader", map[string]any{"headerName": "X-A", "headerValue": "1"}, `headers {"set":{"X-A":"1"}}`},
		{"setHeader", map[string]any{"headerName": "X-A"}, `headers {"set":{"X-A":""}}`},
		{"removeHeader", map[string]any{"headerName": "X-A"}, `headers {"remove":["X-A"]}`},
		{"addQueryParam", map[string]any{"paramKey": "a", "paramValue": "1"}, `query {"add":{"a":"1"}}`},
		{"removeQueryParam", map[string]any{"paramKey": "a"}, `query {"remove":["a"]}`},
		{"rewriteResourcePath", map[string]any{"newResourcePath": "new/path", "includeQueryParams": true}, `rewrite {"path":"/new/path"}`},
		{"rewriteResourcePath", map[string]any{"newResourcePath": "/new"}, `rewrite {"path":"/new"} query {"clear":true}`},
		{"rewriteResourcePath", map[string]any{"newResourcePath": "/{uri.var.nothing}"}, `refused: {nothing} is no parameter`},
		{"rewriteResourcePath", map[string]any{"newResourcePath": "/a?b=c"}, `refused: no query`},
		{"changeHTTPMethod", map[string]any{"updatedMethod": "POST"}, `rewrite {"method":"POST"}`},
		{"addHeader", map[string]any{"headerValue": "1"}, "refused: the policy addHeader: it needs the parameter headerName"},
		{"jsonToXML", nil, `refused: there is no policy`},
	} {
		status, refusal := 200, ""
		if after, ok := strings.CutPrefix(tt.want, "refused: "); ok {
			status, refusal = 400, after
		}
		a := s.want(status, every("pat"), "PUT", path, map[string]any{"apiPolicies": map[string]any{"request": []any{policy(tt.name, tt.parameters)}}})
		if status == 400 {
			if !strings.Contains(a.text, refusal) {
				t.Errorf("%s %v is answered %s", tt.name, tt.parameters, a.text)
			}
			continue
		}
		var got []string
		for _, p := range a.body["apiPolicies"].(map[string]any)["request"].([]any) {
			settings, err := json.Marshal(p.(map[string]any)["parameters"])
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, p.(map[string]any)["policyName"].(string)+" "+string(settings))
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s %v gives %s, want %s", tt.name, tt.parameters, got, tt.want)
		}
	}
	header := policy("addHeader", map[string]any{"headerName": "X-A", "headerValue": "1"})
	a := s.want(200, every("pat"), "PUT", path, map[string]any{"apiPolicies": map[string]any{"response": []any{header}}})
	if !strings.Contains(a.text, `"apiPolicies":{"request":[],"response":[{"policyName":"headers"`) {
		t.Errorf("a policy of the response side gives %s", a.text)
	}
}
