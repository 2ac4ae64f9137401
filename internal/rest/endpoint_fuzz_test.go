package rest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// Whatever a client sends as endpointConfig is refused, or read as backends that are
// given back as they were, without their secrets.
func FuzzEndpointConfig(f *testing.F) {
	for _, seed := range []string{
		`{"endpoint_type":"http","production_endpoints":{"url":"https://a.example","config":{"actionDuration":"30000"}}}`,
		`{"endpoint_type":"load_balance","sessionManagement":"http","production_endpoints":[{"url":"https://a.example"},{"url":"https://b.example","weight":2}]}`,
		`{"endpoint_type":"failover","production_endpoints":{"url":"a"},"production_failovers":[{"url":"b"}],"gatehouse":{"production":{"inFlight":1,"tls":{"key":"zzcanary"}}}}`,
		`{"production_endpoints":{"url":"a"},"endpoint_security":{"production":{"enabled":true,"type":"OAUTH","clientSecret":"zzcanary","customParameters":"{}"}}}`,
		`{"production_endpoints":null}`, `{"production_endpoints":7}`, `[]`, `{"gatehouse":{"production":null}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var c endpointConfig
		if json.Unmarshal(text, &c) != nil || c.fixed() != nil {
			return
		}
		var a gatehouse.API
		var err error
		if a.Production, a.Sandbox, a.Settings.Backends, err = c.read(); err != nil {
			return
		}
		wire, err := newEndpointConfig(&a)
		if err != nil {
			t.Fatal(err)
		}
		back, err := json.Marshal(wire)
		if err != nil {
			t.Fatal(err)
		}
		if a.Settings.Backends.Production.Security.ClientSecret.Plain() == "zzcanary" && strings.Contains(string(back), "zzcanary") {
			t.Errorf("%s comes back as %s", text, back)
		}
		if !json.Valid(back) {
			t.Errorf("%s comes back as %s", text, back)
		}
	})
}
