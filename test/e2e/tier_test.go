package e2e

import (
	"encoding/json"
	"net/http"
	"strconv"
	"testing"
	"time"
)

// guarded is an API with a resource that has a tier of its own.
const guarded = `
openapi: 3.0.3
info: {title: Guarded, version: 1.0.0}
paths:
  /open:
    get: {x-auth-type: None, x-throttling-tier: 10KPerMin, responses: {'200': {description: OK}}}
  /plain:
    get: {responses: {'200': {description: OK}}}
`

// Scenario 16: every tier lets as many calls of one minute through as it says, and none more.
func TestTiersAreKept(t *testing.T) {
	h := furnish(t)
	api := h.publish(t, john, "Guarded", guarded, "/guarded", h.backend.URL)
	const path = "/t/johnsorg/guarded/1.0.0"
	t.Run("no limit, no word of one", func(t *testing.T) {
		app := h.application(t, john, "Unlimited")
		h.manage(t, john, http.MethodPost, storeAPI+"/subscriptions", map[string]any{"applicationId": app.id, "apiId": api, "throttlingPolicy": "Unlimited"}, http.StatusCreated, nil)
		token := h.post(t, "/token", app, passwordForm(john, "")).tokens(t).Access
		if r := h.call(t, http.MethodGet, path+"/plain", token); r.status != http.StatusOK || r.header.Get("RateLimit-Limit") != "" {
			t.Errorf("%d %v", r.status, r.header)
		}
	})
	t.Run("application", func(t *testing.T) {
		tokens := []string{h.token(t, john, "read").Access, h.token(t, tom, "").Access}
		paths := []string{"/articles", "/articles/", "/%61rticles", "/articles?a=b"}
		h.manage(t, john, http.MethodPut, storeAPI+"/applications/"+h.app.id, map[string]any{"name": "Newsreader", "throttlingPolicy": "10PerMin"}, http.StatusOK, nil)
		n := 0
		exhaust(t, 10, "900803", func() reply { // check 131: neither tokens nor spellings make more of it
			n++
			return h.call(t, http.MethodGet, orgnews+paths[n%len(paths)], tokens[n%len(tokens)])
		})
		h.manage(t, john, http.MethodPut, storeAPI+"/applications/"+h.app.id, map[string]any{"name": "Newsreader", "throttlingPolicy": "Unlimited"}, http.StatusOK, nil)
		h.call(t, http.MethodGet, orgnews+"/articles", tokens[0]).is(t, "without the limit", http.StatusOK, "")
	})
	t.Run("subscription", func(t *testing.T) {
		bronze := map[string]any{"name": "Guarded", "version": "1.0.0", "context": "/guarded", "policies": []string{"Bronze"}}
		h.manage(t, john, http.MethodPut, publisherAPI+"/apis/"+api, bronze, http.StatusOK, nil)
		app := h.application(t, tom, "Bronze")
		h.manage(t, tom, http.MethodPost, storeAPI+"/subscriptions", map[string]any{"applicationId": app.id, "apiId": api, "throttlingPolicy": "Bronze"}, http.StatusCreated, nil)
		token := h.post(t, "/token", app, passwordForm(tom, "")).tokens(t).Access
		exhaust(t, 1000, "900804", func() reply { return h.call(t, http.MethodGet, path+"/plain", token) })
	})
	t.Run("resource", func(t *testing.T) {
		exhaust(t, 10_000, "900802", func() reply { return h.call(t, http.MethodGet, path+"/open", "") })
	})
}

// exhaust calls until it is refused, and checks that exactly limit calls of one minute
// passed and that the refusal says when to come again.
func exhaust(t *testing.T, limit int, code string, call func() reply) {
	t.Helper()
	passed, left := 0, limit
	for range 3 * limit {
		r := call()
		if r.status != http.StatusOK {
			if passed != limit {
				t.Errorf("%d calls passed, want %d", passed, limit)
			}
			r.is(t, "one too many", http.StatusTooManyRequests, code)
			r.saysWhen(t)
			return
		}
		remaining, err := strconv.Atoi(r.header.Get("RateLimit-Remaining"))
		if err != nil || r.header.Get("RateLimit-Limit") != strconv.Itoa(limit) {
			t.Fatalf("the headers of call %d: %v", passed+1, r.header)
		}
		if remaining >= left {
			passed = 0 // the next minute has begun
		}
		passed, left = passed+1, remaining
	}
	t.Fatalf("no call was refused in %d", 3*limit)
}

// saysWhen checks that a refusal tells in seconds, and as a date, when the next minute
// begins.
func (r reply) saysWhen(t *testing.T) {
	t.Helper()
	seconds, err := strconv.Atoi(r.header.Get("Retry-After"))
	if err != nil || seconds < 1 || seconds > 60 || r.header.Get("RateLimit-Reset") != strconv.Itoa(seconds) {
		t.Errorf("Retry-After: %q, RateLimit-Reset: %q", r.header.Get("Retry-After"), r.header.Get("RateLimit-Reset"))
	}
	var body struct{ NextAccessTime string }
	if err := json.Unmarshal([]byte(r.body), &body); err != nil {
		t.Fatal(err)
	}
	next, err := time.Parse("2006-Jan-02 15:04:05-0700 MST", body.NextAccessTime)
	if err != nil || next.Second() != 0 || time.Until(next) > time.Minute {
		t.Errorf("nextAccessTime: %q", body.NextAccessTime)
	}
}
