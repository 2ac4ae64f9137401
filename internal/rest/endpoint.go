package rest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
)

// endpointConfig says where calls are sent, and how. The field names are those that the
// clients know; what they have no name for stands under gatehouse.
type endpointConfig struct {
	Type                string                      `json:"endpoint_type"`
	Production          endpoints                   `json:"production_endpoints,omitempty"`
	ProductionFailovers endpoints                   `json:"production_failovers,omitempty"`
	Sandbox             endpoints                   `json:"sandbox_endpoints,omitempty"`
	SandboxFailovers    endpoints                   `json:"sandbox_failovers,omitempty"`
	AlgoCombo           string                      `json:"algoCombo,omitempty"`
	AlgoClassName       string                      `json:"algoClassName,omitempty"`
	SessionManagement   string                      `json:"sessionManagement,omitempty"`
	Security            map[string]endpointSecurity `json:"endpoint_security,omitempty"`
	Gatehouse           map[string]json.RawMessage  `json:"gatehouse,omitempty"` // by "production" and "sandbox"
}

// roundRobin is what clients call the only algorithm that there is.
const roundRobin = "org.apache.synapse.endpoints.algorithms.RoundRobin"

// endpoints are one address, written as an object, or several, as a list. Either is read
// wherever the other is.
type endpoints []endpoint

// UnmarshalJSON reads an object, a list, or null.
func (e *endpoints) UnmarshalJSON(text []byte) error {
	*e = nil
	if text = bytes.TrimSpace(text); len(text) > 0 && text[0] == '[' {
		return json.Unmarshal(text, (*[]endpoint)(e))
	}
	var one *endpoint
	if err := json.Unmarshal(text, &one); err != nil || one == nil {
		return err
	}
	*e = endpoints{*one}
	return nil
}

// endpoint is one address of a backend.
type endpoint struct {
	URL    string        `json:"url"`
	Weight int           `json:"weight,omitempty"` // its share of the calls, against the others'
	Config *addressRules `json:"config,omitempty"` // of the first address, for all
}

// addressRules is how patient the gateway is, in milliseconds. Numbers are read in quotes
// too, as the clients write them.
type addressRules struct {
	ActionDuration     number `json:"actionDuration,omitzero"`     // how long a backend may take for its answer
	SuspendDuration    number `json:"suspendDuration,omitzero"`    // how long one that failed is left alone at first
	SuspendMaxDuration number `json:"suspendMaxDuration,omitzero"` // and at most
}

type number int64

// UnmarshalJSON reads 30000, "30000", "" and null.
func (n *number) UnmarshalJSON(text []byte) error {
	s := strings.Trim(string(text), `"`)
	if *n = 0; s == "" || s == "null" {
		return nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f >= 0 && f <= 1e9) {
		return gatehouse.Errorf(gatehouse.Invalid, "a duration in an endpoint's config is a number of milliseconds, not %.40q", text)
	}
	*n = number(f)
	return nil
}

func (n number) duration() gatehouse.Duration {
	return gatehouse.Duration(time.Duration(n) * time.Millisecond)
}

func milliseconds(d gatehouse.Duration) number {
	return number(time.Duration(d).Milliseconds())
}

// tuningBody is what clients have no name for.
type tuningBody struct {
	gatehouse.Tuning
	TLS *tlsBody `json:"tls,omitempty"`
}

type tlsBody struct {
	CA          string `json:"ca,omitempty"`
	Certificate string `json:"certificate,omitempty"`
	Key         string `json:"key,omitempty"` // read, never written
}

// fixed refuses the types that there are not.
func (c *endpointConfig) fixed() error {
	switch {
	case c.Type != "" && !slices.Contains([]string{"http", string(gatehouse.LoadBalance), string(gatehouse.Failover)}, c.Type):
		return gatehouse.Errorf(gatehouse.Invalid, "endpoint_type %q is not supported: use http, %s or %s", c.Type, gatehouse.LoadBalance, gatehouse.Failover)
	case c.AlgoCombo != "" && c.AlgoCombo != roundRobin || c.AlgoClassName != "" && c.AlgoClassName != roundRobin:
		return gatehouse.Errorf(gatehouse.Invalid, "another algorithm than %s is not supported", roundRobin)
	case !slices.Contains([]string{"", "none", "http", "transport"}, c.SessionManagement):
		return gatehouse.Errorf(gatehouse.Invalid, "sessionManagement %q is not supported: use none, or http for a cookie", c.SessionManagement)
	}
	return nil
}

// read returns the URLs of the first targets, and all else.
func (c *endpointConfig) read() (production, sandbox string, b gatehouse.Backends, err error) {
	if production, err = c.backend(&b.Production, "production", c.Production, c.ProductionFailovers); err != nil {
		return "", "", b, err
	}
	sandbox, err = c.backend(&b.Sandbox, "sandbox", c.Sandbox, c.SandboxFailovers)
	return production, sandbox, b, err
}

func (c *endpointConfig) backend(b *gatehouse.Backend, key string, list, failovers endpoints) (first string, err error) {
	if c.Type == string(gatehouse.Failover) {
		list = slices.Concat(list, failovers)
	} else if len(failovers) > 0 {
		return "", gatehouse.Errorf(gatehouse.Invalid, "%s_failovers go with the endpoint_type %s", key, gatehouse.Failover)
	}
	if len(list) == 0 {
		if c.Security[key].Enabled {
			return "", gatehouse.Errorf(gatehouse.Invalid, "endpoint_security.%s needs %s_endpoints", key, key)
		}
		return "", nil
	}
	if err := readTuning(b, key, c.Gatehouse[key]); err != nil {
		return "", err
	}
	if c.Type != "http" {
		b.Balance = gatehouse.Balance(c.Type)
	}
	b.Weight = list[0].Weight
	for _, e := range list[1:] {
		b.More = append(b.More, gatehouse.Target{URL: e.URL, Weight: e.Weight})
	}
	if c.SessionManagement == "http" || c.SessionManagement == "transport" {
		if b.Tuning.Sticky == gatehouse.NotSticky {
			b.Tuning.Sticky = gatehouse.StickyCookie
		}
	}
	if rules := list[0].Config; rules != nil {
		for field, value := range map[*gatehouse.Duration]number{
			&b.Tuning.FirstByteTimeout: rules.ActionDuration, &b.Tuning.Breaker.Suspend: rules.SuspendDuration, &b.Tuning.Breaker.MaxSuspend: rules.SuspendMaxDuration,
		} {
			if value > 0 {
				*field = value.duration()
			}
		}
	}
	b.Security, err = c.Security[key].read()
	return list[0].URL, err
}

// readTuning reads what stands under gatehouse. It is ours alone, so a field that nobody
// knows is a mistake.
func readTuning(b *gatehouse.Backend, key string, text json.RawMessage) error {
	if len(text) == 0 {
		return nil
	}
	var body tuningBody
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil {
		return gatehouse.Errorf(gatehouse.Invalid, "endpointConfig.gatehouse.%s: %s", key, strings.TrimPrefix(err.Error(), "json: "))
	}
	b.Tuning = body.Tuning
	if t := body.TLS; t != nil {
		b.TLS = gatehouse.BackendTLS{CA: t.CA, Certificate: t.Certificate, Key: gatehouse.NewBackendSecret(t.Key)}
	}
	return nil
}

// newEndpointConfig writes where the calls of an API are sent. Secrets are left blank.
func newEndpointConfig(a *gatehouse.API) (*endpointConfig, error) {
	c := &endpointConfig{Type: "http", Security: map[string]endpointSecurity{}, Gatehouse: map[string]json.RawMessage{}}
	for _, one := range []struct {
		key             string
		first           string
		b               *gatehouse.Backend
		list, failovers *endpoints
	}{
		{"production", a.Production, &a.Settings.Backends.Production, &c.Production, &c.ProductionFailovers},
		{"sandbox", a.Sandbox, &a.Settings.Backends.Sandbox, &c.Sandbox, &c.SandboxFailovers},
	} {
		if one.first == "" {
			continue
		}
		*one.list = endpoints{{URL: one.first, Weight: one.b.Weight, Config: rules(&one.b.Tuning)}}
		more := one.list
		if one.b.Balance == gatehouse.Failover {
			more = one.failovers
		}
		for _, t := range one.b.More {
			*more = append(*more, endpoint{URL: t.URL, Weight: t.Weight})
		}
		if one.b.Balance != gatehouse.OneTarget {
			c.Type = string(one.b.Balance)
		}
		c.balance(one.b)
		if one.b.Security.Type != gatehouse.NoSecurity {
			c.Security[one.key] = newEndpointSecurity(&one.b.Security)
		}
		if err := c.putTuning(one.key, one.b); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// balance writes what the clients know of spreading calls.
func (c *endpointConfig) balance(b *gatehouse.Backend) {
	if b.Balance != gatehouse.LoadBalance {
		return
	}
	c.AlgoCombo, c.AlgoClassName = roundRobin, roundRobin
	if c.SessionManagement == "" {
		c.SessionManagement = "none"
	}
	if b.Tuning.Sticky == gatehouse.StickyCookie {
		c.SessionManagement = "http"
	}
}

// rules writes what the clients have a name for; nil when nothing is set.
func rules(t *gatehouse.Tuning) *addressRules {
	r := addressRules{milliseconds(t.FirstByteTimeout), milliseconds(t.Breaker.Suspend), milliseconds(t.Breaker.MaxSuspend)}
	if r == (addressRules{}) {
		return nil
	}
	return &r
}

// putTuning writes what rules does not.
func (c *endpointConfig) putTuning(key string, b *gatehouse.Backend) error {
	body := tuningBody{Tuning: b.Tuning}
	body.FirstByteTimeout, body.Breaker.Suspend, body.Breaker.MaxSuspend = 0, 0, 0
	if b.TLS.CA != "" || b.TLS.Certificate != "" {
		body.TLS = &tlsBody{CA: b.TLS.CA, Certificate: b.TLS.Certificate}
	}
	text, err := json.Marshal(body)
	if err == nil && string(text) != "{}" {
		c.Gatehouse[key] = text
	}
	return err
}

// MarshalJSON writes a list where the type asks for one, else an object.
func (c *endpointConfig) MarshalJSON() ([]byte, error) {
	type plain endpointConfig
	wire := struct {
		*plain
		Production any `json:"production_endpoints,omitempty"`
		Sandbox    any `json:"sandbox_endpoints,omitempty"`
	}{plain: (*plain)(c)}
	for list, out := range map[*endpoints]*any{&c.Production: &wire.Production, &c.Sandbox: &wire.Sandbox} {
		switch {
		case len(*list) == 0:
		case c.Type == string(gatehouse.LoadBalance):
			*out = *list
		default:
			*out = (*list)[0]
		}
	}
	return json.Marshal(wire)
}
