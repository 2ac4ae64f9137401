package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gatehouse/gatehouse/internal/gatehousetest"
)

// everybody is an API that anybody may call, so that a test counts calls and nothing else.
const everybody = `
openapi: 3.0.3
info: {title: Everybody, version: 1.0.0}
paths:
  /*:
    get: {x-auth-type: None, security: [], responses: {'200': {description: OK}}}
    post: {x-auth-type: None, security: [], responses: {'200': {description: OK}}}
`

// served is an API whose endpointConfig a test changes.
type served struct {
	*house
	id, path string
}

func (h *house) serves(t *testing.T, name string) served {
	t.Helper()
	context := "/" + strings.ToLower(name)
	return served{h, h.publish(t, john, name, everybody, context, h.backend.URL), "/t/johnsorg" + context + "/1.0.0/x"}
}

// config sets the API's endpointConfig; the answer must have a status.
func (s served) config(t *testing.T, status int, config string, args ...any) {
	t.Helper()
	s.manage(t, john, http.MethodPut, publisherAPI+"/apis/"+s.id, map[string]any{"endpointConfig": json.RawMessage(fmt.Sprintf(config, args...))}, status, nil)
}

// counting is a backend that counts its calls.
type counting struct {
	*httptest.Server
	calls atomic.Int64
}

func newCounting(t *testing.T, h http.HandlerFunc) *counting {
	c := &counting{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.calls.Add(1)
		io.Copy(io.Discard, r.Body)
		h(w, r)
	}))
	t.Cleanup(c.Close)
	return c
}

func fine(http.ResponseWriter, *http.Request) {}

func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func TestBackendsOfSeveralTargets(t *testing.T) {
	h := furnish(t)
	a := h.serves(t, "Everybody")
	t.Run("calls are spread exactly by weight", func(t *testing.T) {
		one, three := newCounting(t, fine), newCounting(t, fine)
		a.config(t, 200, `{"endpoint_type":"load_balance","production_endpoints":[{"url":%q},{"url":%q,"weight":3}]}`, one.URL, three.URL)
		for range 40 {
			h.call(t, http.MethodGet, a.path, "").is(t, "a call", 200, "")
		}
		if one.calls.Load() != 10 || three.calls.Load() != 30 {
			t.Errorf("40 calls went to %d and %d", one.calls.Load(), three.calls.Load())
		}
	})
	t.Run("when nobody listens, the next target is called, also for a POST with a body", func(t *testing.T) {
		gone, next := httptest.NewServer(nil), newCounting(t, fine)
		gone.Close()
		a.config(t, 200, `{"endpoint_type":"failover","production_endpoints":{"url":%q},"production_failovers":[{"url":%q}]}`, gone.URL, next.URL)
		for range 20 {
			h.send(t, request(t, http.MethodPost, h.Gateway+a.path, "body")).is(t, "a POST", 200, "")
		}
		if next.calls.Load() != 20 {
			t.Errorf("20 calls reached the next target %d times", next.calls.Load())
		}
		if list := h.ops(t, "/debug/backends"); !strings.Contains(list, `"suspended"`) || !strings.Contains(list, gone.URL) {
			t.Errorf("the operator reads %s", list)
		}
		if metrics := h.ops(t, "/metrics"); !strings.Contains(metrics, `gatehouse_backend_targets{state="suspended"} 1`) || strings.Contains(metrics, gone.URL) {
			t.Errorf("the metrics: %s", metrics)
		}
	})
	t.Run("a POST that was sent is never sent again, a GET is", func(t *testing.T) {
		first, next := newCounting(t, hangUp), newCounting(t, fine)
		a.config(t, 200, `{"endpoint_type":"failover","production_endpoints":{"url":%q},"production_failovers":[{"url":%q}]}`, first.URL, next.URL)
		h.send(t, request(t, http.MethodPost, h.Gateway+a.path, "body")).is(t, "a POST", 502, "101500")
		if first.calls.Load() != 1 || next.calls.Load() != 0 {
			t.Errorf("the POST was sent %d and %d times", first.calls.Load(), next.calls.Load())
		}
		h.call(t, http.MethodGet, a.path, "").is(t, "a GET", 200, "")
		if first.calls.Load() != 2 || next.calls.Load() != 1 {
			t.Errorf("the GET was sent %d and %d times", first.calls.Load()-1, next.calls.Load())
		}
	})
	t.Run("a backend that fails is left alone, and its callers are told when to come again", func(t *testing.T) {
		bad := newCounting(t, hangUp)
		a.config(t, 200, `{"endpoint_type":"http","production_endpoints":{"url":%q,"config":{"suspendDuration":"60000"}},"gatehouse":{"production":{"breaker":{"failures":3}}}}`, bad.URL)
		for range 3 {
			h.call(t, http.MethodGet, a.path, "").is(t, "a failure", 502, "101500")
		}
		r := h.call(t, http.MethodGet, a.path, "")
		if r.is(t, "left alone", 503, "303001"); r.header.Get("Retry-After") != "60" || bad.calls.Load() != 3 {
			t.Errorf("Retry-After: %s, %d calls", r.header.Get("Retry-After"), bad.calls.Load())
		}
	})
	t.Run("the operator's bound of patience", func(t *testing.T) {
		a.config(t, 200, `{"endpoint_type":"http","production_endpoints":{"url":%q,"config":{"actionDuration":"120000"}}}`, h.backend.URL)
		a.config(t, 400, `{"endpoint_type":"http","production_endpoints":{"url":%q,"config":{"actionDuration":"120001"}}}`, h.backend.URL)
	})
}

// Scenario 14: SANDBOX keys go to the sandbox, however many targets there are, and never to
// production when there is none.
func TestSandboxKeysNeedASandbox(t *testing.T) {
	h := furnish(t)
	var keys struct{ ConsumerKey, ConsumerSecret string }
	h.manage(t, john, http.MethodPost, storeAPI+"/applications/"+h.app.id+"/generate-keys",
		map[string]any{"keyType": "SANDBOX", "grantTypesToBeSupported": []string{"password"}}, http.StatusOK, &keys)
	token := h.post(t, "/token", application{h.app.id, keys.ConsumerKey, keys.ConsumerSecret}, passwordForm(john, "")).tokens(t).Access
	a := served{h, h.api, orgnews + "/articles"}
	production, sandbox := newCounting(t, fine), newCounting(t, fine)
	a.config(t, 200, `{"endpoint_type":"load_balance","production_endpoints":[{"url":%q},{"url":%[1]q}],"sandbox_endpoints":[]}`, production.URL)
	r := h.call(t, http.MethodGet, a.path, token)
	if r.is(t, "no sandbox", 403, "900901"); !strings.Contains(r.body, "Sandbox key offered to the API with no sandbox endpoint") {
		t.Errorf("the refusal says %s", r.body)
	}
	a.config(t, 200, `{"endpoint_type":"failover","production_endpoints":{"url":%q},"sandbox_endpoints":{"url":%q}}`, production.URL, sandbox.URL)
	h.call(t, http.MethodGet, a.path, token).is(t, "a sandbox", 200, "")
	a.config(t, 200, `{"endpoint_type":"http","sandbox_endpoints":{"url":%q}}`, sandbox.URL)
	r = h.call(t, http.MethodGet, a.path, h.token(t, john, "").Access)
	if r.is(t, "no production", 403, "900901"); !strings.Contains(r.body, "Production key offered") {
		t.Errorf("the refusal says %s", r.body)
	}
	if production.calls.Load() != 0 || sandbox.calls.Load() != 1 {
		t.Errorf("production was called %d times, the sandbox %d times", production.calls.Load(), sandbox.calls.Load())
	}
}

// ops reads a page of the ops listener.
func (h *house) ops(t *testing.T, path string) string {
	t.Helper()
	r := h.send(t, request(t, http.MethodGet, h.Ops+path, ""))
	if r.status != http.StatusOK {
		t.Fatalf("%s: %d %s", path, r.status, r.body)
	}
	return r.body
}

// Checks 140 and 141: neither calls nor token requests reach this server's own listeners,
// however they are written, or its database.
func TestOwnListenersAreNoBackends(t *testing.T) {
	dsn := gatehousetest.Postgres(t)
	h := furnish(t, "GATEHOUSE_DATABASE="+dsn)
	a := h.serves(t, "Everybody")
	port := h.Ops[strings.LastIndexByte(h.Ops, ':')+1:]
	for _, host := range []string{"127.0.0.1", "localhost", "localhost.", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1", "2130706433", "0x7f000001", "0177.0.0.1"} {
		own := "http://" + host + ":" + port
		a.config(t, 200, `{"endpoint_type":"http","production_endpoints":{"url":%q}}`, own)
		if r := h.call(t, http.MethodGet, a.path, ""); r.status != 502 && r.status != 503 || strings.Contains(r.body, port) {
			t.Errorf("check 141: %s as a backend: %d %s", own, r.status, r.body)
		}
		a.config(t, 200, `{"endpoint_type":"http","production_endpoints":{"url":%q},"endpoint_security":{"production":{"enabled":true,"type":"OAUTH","grantType":"CLIENT_CREDENTIALS","tokenUrl":%q,"clientId":"c","clientSecret":"s"}}}`, h.backend.URL, own+"/metrics")
		if r := h.call(t, http.MethodGet, a.path, ""); r.status != 502 || strings.Contains(r.body, port) {
			t.Errorf("check 140: tokens from %s: %d %s", own, r.status, r.body)
		}
	}
	database, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	for name, listener := range map[string]string{"gateway": h.Gateway, "gateway-http": h.GatewayHTTP, "portal": h.Portal, "database": "http://" + database.Host} {
		a.config(t, 200, `{"endpoint_type":"http","production_endpoints":{"url":%q}}`, listener)
		h.call(t, http.MethodGet, a.path, "").is(t, "check 141: "+name, 502, "101500")
	}
}

const (
	backendUser = "gateway-user"
	backendPass = "backend-canary-password"
)

var basicCanary = base64.StdEncoding.EncodeToString([]byte(backendUser + ":" + backendPass))

// signInAtBackends sets security of every kind and calls, well and badly.
func (h *house) signInAtBackends(t *testing.T) {
	t.Helper()
	a := h.serves(t, "Signing")
	issuer := newCounting(t, func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		if id != "gw" || secret != "backend-canary-secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		io.WriteString(w, `{"access_token":"backend-canary-token","token_type":"Bearer","expires_in":3600}`)
	})
	for _, step := range []struct{ security, header, want string }{
		{`{"enabled":true,"type":"BASIC","username":"` + backendUser + `","password":"` + backendPass + `"}`, "Authorization", "Basic " + basicCanary},
		{`{"enabled":true,"type":"BASIC","username":"` + backendUser + `","password":""}`, "Authorization", "Basic " + basicCanary},
		{`{"enabled":true,"type":"APIKEY","apiKeyIdentifier":"X-Api-Key","apiKeyIdentifierType":"HEADER","apiKeyValue":"backend-canary-key"}`, "X-Api-Key", "backend-canary-key"},
		{`{"enabled":true,"type":"OAUTH","grantType":"CLIENT_CREDENTIALS","tokenUrl":"` + issuer.URL + `","clientId":"gw","clientSecret":"backend-canary-secret"}`, "Authorization", "Bearer backend-canary-token"},
	} {
		a.config(t, 200, `{"endpoint_type":"http","production_endpoints":{"url":%q},"endpoint_security":{"production":`+step.security+`}}`, h.backend.URL)
		h.backend.saw()
		for range 3 {
			r := request(t, http.MethodGet, h.Gateway+a.path, "")
			r.Header.Set("X-Api-Key", "the caller's")
			h.send(t, r)
		}
		for _, s := range h.backend.saw() {
			if got := s.Header[step.header]; len(got) != 1 || got[0] != step.want {
				t.Errorf("with %s the backend sees %q", step.security, got)
			}
		}
		var api struct{ EndpointConfig json.RawMessage }
		h.manage(t, john, http.MethodGet, publisherAPI+"/apis/"+a.id, nil, http.StatusOK, &api)
		if strings.Contains(string(api.EndpointConfig), "canary") {
			t.Errorf("a secret is given back: %s", api.EndpointConfig)
		}
	}
	if n := issuer.calls.Load(); n != 1 {
		t.Errorf("%d token requests for three calls", n)
	}
	a.config(t, 200, `{"endpoint_type":"http","production_endpoints":{"url":%q},"endpoint_security":{"production":{"enabled":true,"type":"OAUTH","grantType":"CLIENT_CREDENTIALS","tokenUrl":%q,"clientId":"other","clientSecret":"backend-canary-secret"}}}`, h.backend.URL, issuer.URL)
	h.call(t, http.MethodGet, a.path, "").is(t, "no token", 502, "101500")
	a.config(t, 400, `{"endpoint_type":"http","production_endpoints":{"url":"https://evil.example"},"endpoint_security":{"production":{"enabled":true,"type":"OAUTH","grantType":"CLIENT_CREDENTIALS","tokenUrl":%q,"clientId":"other","clientSecret":""}}}`, issuer.URL)
}

// A backend is signed in at as its publisher says; secrets that are left blank stay.
func TestSigningInAtBackends(t *testing.T) {
	onEachStore(t, func(t *testing.T, h *house) { h.signInAtBackends(t) })
}
