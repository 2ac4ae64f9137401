package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/gatehousetest"
)

// tier makes a tier of john's organization.
func (h *house) tier(t testing.TB, level, name string, fields map[string]any) (id string) {
	t.Helper()
	body := map[string]any{"policyName": name, "defaultLimit": perHour(1000)}
	for field, value := range fields {
		body[field] = value
	}
	var made struct{ PolicyID string }
	h.manage(t, john, http.MethodPost, adminAPI+"/throttling/policies/"+level, body, http.StatusCreated, &made)
	return made.PolicyID
}

// perHour is a limit of calls in an hour.
func perHour(calls int) map[string]any {
	return map[string]any{"type": "REQUESTCOUNTLIMIT", "requestCount": map[string]any{"timeUnit": "hour", "unitTime": 1, "requestCount": calls}}
}

// change changes the API of the house.
func (h *house) change(t testing.TB, fields map[string]any) {
	t.Helper()
	h.manage(t, john, http.MethodPut, publisherAPI+"/apis/"+h.api, fields, http.StatusOK, nil)
}

// subscribeAnew gives the application another tier for the API of the house.
func (h *house) subscribeAnew(t testing.TB, tier string) {
	t.Helper()
	h.manage(t, john, http.MethodDelete, storeAPI+"/subscriptions/"+h.sub, nil, http.StatusOK, nil)
	var sub struct{ SubscriptionID string }
	h.manage(t, john, http.MethodPost, storeAPI+"/subscriptions",
		map[string]any{"applicationId": h.app.id, "apiId": h.api, "throttlingPolicy": tier}, http.StatusCreated, &sub)
	h.sub = sub.SubscriptionID
}

// Scenario 16: three calls pass on each level in turn, the fourth is refused with the
// level's code, and says when to come again.
func TestTheFourthCallOfThree(t *testing.T) {
	onEachStore(t, func(t *testing.T, h *house) {
		limited := map[string]any{"defaultLimit": perHour(3)}
		bursting := map[string]any{"rateLimitCount": 3, "rateLimitTimeUnit": "min"}
		h.tier(t, "advanced", "Three", limited)
		h.tier(t, "application", "Three", limited)
		h.tier(t, "application", "Bursts", bursting)
		h.tier(t, "subscription", "Three", limited)
		h.tier(t, "subscription", "Bursts", bursting)
		h.change(t, map[string]any{"policies": []string{"Three", "Bursts", "Gold"}})
		onApplication := func(tier string) func() {
			return func() {
				h.manage(t, john, http.MethodPut, storeAPI+"/applications/"+h.app.id, map[string]any{"name": "Newsreader", "throttlingPolicy": tier}, http.StatusOK, nil)
			}
		}
		document := func(tier string) func() {
			return func() { h.document(t, tier) }
		}
		token := h.token(t, john, "read").Access
		for _, tt := range []struct {
			name      string
			set, undo func()
			status    int
			code      string
		}{
			{"API", func() { h.change(t, map[string]any{"apiThrottlingPolicy": "Three"}) }, func() { h.change(t, map[string]any{"apiThrottlingPolicy": "Unlimited"}) }, 429, "900800"},
			{"backends", func() {
				h.change(t, map[string]any{"maxTps": map[string]any{"production": 3, "productionTimeUnit": "HOUR"}})
			}, func() { h.change(t, map[string]any{"maxTps": map[string]any{}}) }, 503, "900801"},
			{"resource", document("Three"), document("Unlimited"), 429, "900802"},
			{"application", onApplication("Three"), onApplication("Unlimited"), 429, "900803"},
			{"subscription", func() { h.subscribeAnew(t, "Three") }, func() { h.subscribeAnew(t, "Gold") }, 429, "900804"},
			{"subscription's burst", func() { h.subscribeAnew(t, "Bursts") }, func() { h.subscribeAnew(t, "Gold") }, 429, "900807"},
			{"application's burst", onApplication("Bursts"), onApplication("Unlimited"), 429, "900809"},
		} {
			t.Run(tt.name, func(t *testing.T) {
				tt.set()
				third(t, tt.status, tt.code, func() reply { return h.call(t, http.MethodGet, orgnews+"/articles", token) })
				tt.undo()
				h.call(t, http.MethodGet, orgnews+"/articles", token).is(t, "without the limit", http.StatusOK, "")
			})
		}
	})
}

// third calls until it is refused, which must be at the fourth call of one window. When a
// window ends on the way, which the headers tell, it begins again.
func third(t *testing.T, status int, code string, call func() reply) {
	t.Helper()
	passed, left := 0, 3
	for range 12 {
		r := call()
		if r.status != http.StatusOK {
			if passed != 3 {
				t.Errorf("%d calls passed, want 3", passed)
			}
			r.is(t, "the fourth call", status, code)
			seconds, err := strconv.Atoi(r.header.Get("Retry-After"))
			var body struct{ NextAccessTime string }
			if json.Unmarshal([]byte(r.body), &body) != nil || err != nil || seconds < 1 || seconds > 3600 {
				t.Errorf("Retry-After: %q in %s", r.header.Get("Retry-After"), r.body)
			}
			next, err := time.Parse("2006-Jan-02 15:04:05-0700 MST", body.NextAccessTime)
			if err != nil || time.Until(next) > time.Duration(seconds+1)*time.Second {
				t.Errorf("nextAccessTime: %q after %d seconds", body.NextAccessTime, seconds)
			}
			return
		}
		// A burst leaves fewer calls than the other limit, so the headers are its own.
		remaining, err := strconv.Atoi(r.header.Get("RateLimit-Remaining"))
		if err != nil || r.header.Get("RateLimit-Limit") != "3" {
			t.Fatalf("call %d: %v", passed+1, r.header)
		}
		if remaining >= left {
			passed = 0
		}
		passed, left = passed+1, remaining
	}
	t.Fatal("no call was refused")
}

// Scenario 17: whoever a deny policy names is kept out at once, with 403 and 900805;
// switching it off opens again.
func TestDenyPoliciesKeepOut(t *testing.T) {
	onEachStore(t, func(t *testing.T, h *house) {
		johns, toms := h.token(t, john, "read").Access, h.token(t, tom, "").Access
		other := h.application(t, john, "Other")
		h.subscribe(t, john, other, h.api)
		others := h.post(t, "/token", other, passwordForm(john, "")).tokens(t).Access
		itself := h.post(t, "/token", h.app, "grant_type=client_credentials").tokens(t).Access
		const in, out = http.StatusOK, http.StatusForbidden
		for _, tt := range []struct {
			name, kind                          string
			value                               any
			johns, toms, others, itself, nobody int
		}{
			{"API", "API", "/orgnews/1.0.0", out, out, out, out, out},
			{"context", "API", "/t/johnsorg/orgnews", out, out, out, out, out},
			{"another version", "API", "/orgnews/2.0.0", in, in, in, in, in},
			{"application", "APPLICATION", "john@johns.org:Newsreader", out, out, in, out, in},
			{"user", "USER", "tom@johns.org", in, out, in, in, in},
			{"user with the organization", "USER", "john@johns.org@johnsorg", out, in, out, out, in},
			{"address", "IP", map[string]any{"fixedIp": "127.0.0.1"}, out, out, out, out, out},
			{"range", "IPRANGE", map[string]any{"startingIp": "127.0.0.0", "endingIp": "127.255.255.255"}, out, out, out, out, out},
			{"all but a range", "IPRANGE", map[string]any{"startingIp": "127.0.0.0", "endingIp": "127.0.0.9", "invert": true}, in, in, in, in, in},
			{"all but another range", "IPRANGE", map[string]any{"startingIp": "10.0.0.0", "endingIp": "10.0.0.9", "invert": true}, out, out, out, out, out},
		} {
			t.Run(tt.name, func(t *testing.T) {
				calls := []struct {
					who, path, token string
					status           int
				}{
					{"john", "/articles", johns, tt.johns}, {"tom", "/articles", toms, tt.toms}, {"john by another application", "/articles", others, tt.others},
					{"the application itself", "/articles", itself, tt.itself}, {"nobody", "/status", "", tt.nobody},
				}
				check := func(when string, status func(int) int) {
					for _, c := range calls {
						want, code := status(c.status), ""
						if want == out {
							code = "900805"
						}
						h.call(t, http.MethodGet, orgnews+c.path, c.token).is(t, c.who+" "+when, want, code)
					}
				}
				policies := adminAPI + "/throttling/deny-polic"
				var made struct{ ConditionID string }
				h.manage(t, john, http.MethodPost, policies+"ies", map[string]any{"conditionType": tt.kind, "conditionValue": tt.value}, http.StatusCreated, &made)
				check("with the policy", func(status int) int { return status })
				h.manage(t, john, http.MethodPatch, policies+"y/"+made.ConditionID, map[string]any{"conditionStatus": false}, http.StatusOK, nil)
				check("with the policy switched off", func(int) int { return in })
				h.manage(t, john, http.MethodPatch, policies+"y/"+made.ConditionID, map[string]any{"conditionStatus": true}, http.StatusOK, nil)
				check("with the policy switched on again", func(status int) int { return status })
				h.manage(t, john, http.MethodDelete, policies+"y/"+made.ConditionID, nil, http.StatusOK, nil)
				check("without the policy", func(int) int { return in })
			})
		}
	})
}

// Two nodes that share a Redis let as much through as one. When it is gone nobody is
// refused for it, and each node counts for itself; when it is back both count together
// again within five seconds. No API can reach it.
func TestNodesShareTheirLimits(t *testing.T) {
	dsn, redis := gatehousetest.Postgres(t), gatehousetest.Redis(t)
	a := furnish(t, "GATEHOUSE_DATABASE="+dsn, "GATEHOUSE_REDIS=redis://"+redis.Address)
	node := gatehousetest.Run(t, "serve", "GATEHOUSE_DATABASE="+dsn, "GATEHOUSE_DATA="+a.Data, "GATEHOUSE_GATEWAY_URL="+a.Gateway, "GATEHOUSE_REDIS=redis://"+redis.Address)
	b := &house{Process: node, client: node.Client(t), backend: a.backend}
	a.tier(t, "subscription", "Fifty", map[string]any{"defaultLimit": perHour(50)})
	a.change(t, map[string]any{"policies": []string{"Fifty", "Gold"}})
	token := a.token(t, john, "read").Access
	both := []*house{a, b}
	// Each subscription begins with nothing used; an hour may end on the way, at worst.
	pass := func(calls int) int {
		var passed atomic.Int64
		var all sync.WaitGroup
		for _, h := range both {
			for range 4 {
				all.Go(func() {
					for range calls / 8 {
						switch r := h.call(t, http.MethodGet, orgnews+"/articles", token); {
						case r.status == http.StatusOK:
							passed.Add(1)
						case r.code() != "900804":
							t.Errorf("%d %s", r.status, r.body)
						}
					}
				})
			}
		}
		all.Wait()
		return int(passed.Load())
	}
	anew := func() {
		a.subscribeAnew(t, "Fifty")
		eventually(t, "the new subscription on the other node", func() reply { return b.call(t, http.MethodGet, orgnews+"/articles", token) }, http.StatusOK, "")
	}
	anew()
	if got := 1 + pass(160); got != 50 {
		t.Errorf("%d calls passed on two nodes, want 50", got)
	}
	redis.Kill()
	anew()
	if got := 1 + pass(160); got < 50 || got > 100 {
		t.Errorf("%d calls passed on two nodes without Redis, want 50 to 100", got)
	}
	redis.Start(t)
	began := time.Now()
	for _, h := range both {
		for {
			h.call(t, http.MethodGet, orgnews+"/articles", token)
			if h.metric(t, "gatehouse_limits_counted_apart") == "0" {
				break
			}
			if time.Since(began) > 5*time.Second {
				t.Fatal("the nodes do not count together again")
			}
			<-time.After(20 * time.Millisecond)
			anew() // a used-up subscription asks nobody
		}
	}
	t.Logf("counted together again after %v", time.Since(began).Round(time.Millisecond))
	anew()
	if got := 1 + pass(160); got != 50 {
		t.Errorf("%d calls passed on two nodes when Redis was back, want 50", got)
	}
	a.publish(t, john, "Inside", guarded, "/inside", "http://"+redis.Address)
	a.call(t, http.MethodGet, "/t/johnsorg/inside/1.0.0/open", "").is(t, "check 141: an API whose backend is the Redis", http.StatusBadGateway, "101500")
}

// metric returns the value of a metric.
func (h *house) metric(t *testing.T, name string) string {
	t.Helper()
	for line := range strings.Lines(h.ops(t, "/metrics")) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// document replaces the document of the API of the house: its articles get a tier.
func (h *house) document(t testing.TB, tier string) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	text := strings.Replace(definition, "  /articles:\n    get: {", "  /articles:\n    get: {x-throttling-tier: "+tier+", ", 1)
	if err := errors.Join(form.WriteField("apiDefinition", text), form.Close()); err != nil {
		t.Fatal(err)
	}
	r := request(t, http.MethodPut, h.Portal+publisherAPI+"/apis/"+h.api+"/swagger", body.String())
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Authorization", "Bearer "+h.manager(t, john))
	h.send(t, r).decode(t, http.StatusOK, nil)
}
