package rest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a publisher says of the backends of an API is given back in the same words, but for
// the secrets; and what was given back may be sent again.
func TestEndpointConfigComesBack(t *testing.T) {
	s := newSite(t)
	for name, tt := range map[string]struct{ sent, back string }{
		"one address": {
			`{"endpoint_type":"http","production_endpoints":{"url":"https://a.example"},"sandbox_endpoints":[{"url":"https://b.example"}]}`,
			`{"endpoint_type":"http","production_endpoints":{"url":"https://a.example"},"sandbox_endpoints":{"url":"https://b.example"}}`,
		},
		"several in turn, as clients write them": {
			`{"endpoint_type":"load_balance","algoCombo":"org.apache.synapse.endpoints.algorithms.RoundRobin","algoClassName":"org.apache.synapse.endpoints.algorithms.RoundRobin","sessionManagement":"http","sessionTimeOut":"","failOver":true,
			  "production_endpoints":[{"url":"https://a.example","endpoint_type":"http","template_not_supported":false,"config":{"actionDuration":"20000","retryErroCode":[],"suspendDuration":"2000","suspendMaxDuration":"60000","factor":"1.0"}},{"url":"https://b.example","weight":3}]}`,
			`{"endpoint_type":"load_balance","algoCombo":"org.apache.synapse.endpoints.algorithms.RoundRobin","algoClassName":"org.apache.synapse.endpoints.algorithms.RoundRobin","sessionManagement":"http",
			  "production_endpoints":[{"url":"https://a.example","config":{"actionDuration":20000,"suspendDuration":2000,"suspendMaxDuration":60000}},{"url":"https://b.example","weight":3}],"gatehouse":{"production":{"sticky":"cookie"}}}`,
		},
		"one after the other": {
			`{"endpoint_type":"failover","failOver":"True","production_endpoints":{"url":"https://a.example"},"production_failovers":[{"url":"https://b.example"},{"url":"https://c.example"}],"sandbox_endpoints":{"url":"https://d.example"},"sandbox_failovers":[]}`,
			`{"endpoint_type":"failover","production_endpoints":{"url":"https://a.example"},"production_failovers":[{"url":"https://b.example"},{"url":"https://c.example"}],"sandbox_endpoints":{"url":"https://d.example"}}`,
		},
		"patience": {
			`{"endpoint_type":"http","production_endpoints":{"url":"https://a.example"},"gatehouse":{"production":{"connectTimeout":"2s","idleTimeout":"90s","inFlight":50,"attempts":3,"failureStatuses":[503],"breaker":{"failures":9,"window":"20s"},"healthCheck":{"path":"/healthz","interval":"5s","timeout":"1s","unhealthy":1,"healthy":1},"http2":true}}}`,
			`{"endpoint_type":"http","production_endpoints":{"url":"https://a.example"},"gatehouse":{"production":{"connectTimeout":"2s","idleTimeout":"1m30s","inFlight":50,"attempts":3,"failureStatuses":[503],"breaker":{"failures":9,"window":"20s"},"healthCheck":{"path":"/healthz","interval":"5s","timeout":"1s","unhealthy":1,"healthy":1},"http2":true}}}`,
		},
		"security of each kind of keys": {
			`{"endpoint_type":"http","production_endpoints":{"url":"https://a.example"},"sandbox_endpoints":{"url":"https://b.example"},"endpoint_security":{
			  "production":{"enabled":true,"type":"OAUTH","tokenUrl":"https://t.example/token","clientId":"gw","clientSecret":"canary","username":"u","password":"canary","grantType":"PASSWORD","customParameters":"{\"scope\":\"a b\"}"},
			  "sandbox":{"enabled":true,"type":"basic","username":"u","password":"canary","customParameters":{}}}}`,
			`{"endpoint_type":"http","production_endpoints":{"url":"https://a.example"},"sandbox_endpoints":{"url":"https://b.example"},"endpoint_security":{
			  "production":{"enabled":true,"type":"OAUTH","tokenUrl":"https://t.example/token","clientId":"gw","clientSecret":"","username":"u","password":"","grantType":"PASSWORD","customParameters":{"scope":"a b"}},
			  "sandbox":{"enabled":true,"type":"BASIC","username":"u","password":""}}}`,
		},
		"a key in a header": {
			`{"endpoint_type":"http","production_endpoints":{"url":"https://a.example"},"endpoint_security":{"production":{"enabled":true,"type":"API_KEY","apiKeyIdentifier":"X-Api-Key","apiKeyIdentifierType":"HEADER","apiKeyValue":"canary"},"sandbox":{"enabled":false}}}`,
			`{"endpoint_type":"http","production_endpoints":{"url":"https://a.example"},"endpoint_security":{"production":{"enabled":true,"type":"APIKEY","apiKeyIdentifier":"X-Api-Key","apiKeyIdentifierType":"HEADER","apiKeyValue":""}}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			id := strings.ReplaceAll(name, " ", "-")
			api := map[string]any{"name": strings.ReplaceAll(name, ",", ""), "version": "1", "context": "/" + strings.ReplaceAll(id, ",", ""), "endpointConfig": json.RawMessage(tt.sent)}
			made := s.want(201, every("pat"), "POST", publisherAPI+"/apis", api)
			same := func(what string, a answer) {
				t.Helper()
				var want any
				if err := json.Unmarshal([]byte(tt.back), &want); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, a.body["endpointConfig"]); diff != "" {
					t.Errorf("%s (-want +got):\n%s", what, diff)
				}
				if strings.Contains(a.text, "canary") {
					t.Errorf("%s gives a secret back: %s", what, a.text)
				}
			}
			same("the answer", made)
			path := publisherAPI + "/apis/" + made.get("id")
			got := s.want(200, every("pat"), "GET", path, nil)
			same("read", got)
			same("sent again, with blank secrets", s.want(200, every("pat"), "PUT", path, map[string]any{"endpointConfig": got.body["endpointConfig"]}))
		})
	}
}

func TestEndpointConfigIsRefused(t *testing.T) {
	s := newSite(t)
	const a = `"production_endpoints":{"url":"https://a.example"}`
	for sent, says := range map[string]string{
		`{"endpoint_type":"awslambda",` + a + `}`:                                                                                                                                           "awslambda",
		`{"endpoint_type":"load_balance","sessionManagement":"soap",` + a + `}`:                                                                                                             "sessionManagement",
		`{"endpoint_type":"load_balance","algoCombo":"x.Random",` + a + `}`:                                                                                                                 "algorithm",
		`{"endpoint_type":"http","production_failovers":[{"url":"x"}],` + a + `}`:                                                                                                           "failover",
		`{"endpoint_type":"failover","production_failovers":[{"url":"ftp://x"}],` + a + `}`:                                                                                                 "ftp://x",
		`{"endpoint_type":"http","production_endpoints":[{"url":"https://a.example"},{"url":"https://b.example"}]}`:                                                                         "several targets",
		`{"production_endpoints":{"url":"https://me:secret@a.example"}}`:                                                                                                                    "user name or password",
		`{` + a + `,"gatehouse":{"production":{"brakes":{}}}}`:                                                                                                                              "brakes",
		`{` + a + `,"gatehouse":{"production":{"idleTimeout":"soon"}}}`:                                                                                                                     "soon",
		`{` + a + `,"gatehouse":{"production":{"inFlight":-1}}}`:                                                                                                                            "inFlight",
		`{` + a + `,"gatehouse":{"production":{"tls":{"ca":"nonsense"}}}}`:                                                                                                                  "PEM",
		`{` + a + `,"gatehouse":{"production":{"tls":{"certificate":"x"}}}}`:                                                                                                                "needs its key",
		`{` + a + `,"gatehouse":{"production":{"tls":{"certificate":"x","key":"canary"}}}}`:                                                                                                 "belong together",
		`{` + a + `,"endpoint_security":{"production":{"enabled":true,"type":"DIGEST","username":"u","password":"p"}}}`:                                                                     "DIGEST",
		`{` + a + `,"endpoint_security":{"production":{"enabled":true,"type":"BASIC","username":"u","password":""}}}`:                                                                       "lacks a secret",
		`{` + a + `,"endpoint_security":{"production":{"enabled":true,"type":"APIKEY","apiKeyIdentifier":"Host","apiKeyValue":"p"}}}`:                                                       "Host",
		`{` + a + `,"endpoint_security":{"production":{"enabled":true,"type":"APIKEY","apiKeyIdentifier":"k","apiKeyIdentifierType":"QUERY_PARAMETER","apiKeyValue":"p"}}}`:                 "QUERY_PARAMETER",
		`{` + a + `,"endpoint_security":{"production":{"enabled":true,"type":"OAUTH","grantType":"IMPLICIT","tokenUrl":"https://t.example","clientId":"c","clientSecret":"p"}}}`:            "IMPLICIT",
		`{` + a + `,"endpoint_security":{"production":{"enabled":true,"type":"OAUTH","grantType":"CLIENT_CREDENTIALS","tokenUrl":"file:///etc/passwd","clientId":"c","clientSecret":"p"}}}`: "tokenUrl",
		`{"sandbox_endpoints":null,"endpoint_security":{"sandbox":{"enabled":true}}}`:                                                                                                       "sandbox_endpoints",
	} {
		answer := s.want(400, every("pat"), "POST", publisherAPI+"/apis", map[string]any{"name": "A", "version": "1", "context": "/a", "endpointConfig": json.RawMessage(sent)})
		if !strings.Contains(answer.get("description"), says) || strings.Contains(answer.text, "canary") {
			t.Errorf("%s: %s does not tell of %s", sent, answer.text, says)
		}
	}
}

// A secret that is left blank stays, unless it would go to another host.
func TestSecretsDoNotMoveToOtherHosts(t *testing.T) {
	s := newSite(t)
	const security = `,"endpoint_security":{"production":{"enabled":true,"type":"BASIC","username":"u","password":"%"}}}`
	config := func(password, urls string) map[string]any {
		return map[string]any{"name": "A", "version": "1", "context": "/a", "endpointConfig": json.RawMessage(`{"endpoint_type":"failover",` + urls + strings.ReplaceAll(security, "%", password))}
	}
	made := s.want(201, every("pat"), "POST", publisherAPI+"/apis", config("canary", `"production_endpoints":{"url":"https://a.example/v1"}`))
	path := publisherAPI + "/apis/" + made.get("id")
	for _, step := range []struct {
		name, password, urls string
		status               int
	}{
		{"another path of the same host", "", `"production_endpoints":{"url":"https://a.example/v2"}`, 200},
		{"another host", "", `"production_endpoints":{"url":"https://evil.example/v1"}`, 400},
		{"the same host, in the clear", "", `"production_endpoints":{"url":"http://a.example/v1"}`, 400},
		{"another host behind it", "", `"production_endpoints":{"url":"https://a.example/v1"},"production_failovers":[{"url":"https://evil.example"}]`, 400},
		{"another host, with the secret", "canary", `"production_endpoints":{"url":"https://b.example"}`, 200},
		{"the first host again", "", `"production_endpoints":{"url":"https://a.example/v1"}`, 400},
	} {
		if a := s.want(step.status, every("pat"), "PUT", path, config(step.password, step.urls)); strings.Contains(a.text, "canary") {
			t.Errorf("%s: %s", step.name, a.text)
		}
	}
}
