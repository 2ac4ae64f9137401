package gateway_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// cached is a gateway with a cache before a backend that numbers its answers.
type cached struct {
	t     *testing.T
	g     *gateway.Gateway
	front *httptest.Server
	calls atomic.Int64
	now   atomic.Int64 // seconds since start
	says  http.Header  // of the backend's answers
	serve http.HandlerFunc
}

func newCached(t *testing.T, policies ...string) *cached {
	c := &cached{t: t, says: http.Header{}}
	target := backend(t, func(w http.ResponseWriter, r *http.Request) {
		n := c.calls.Add(1)
		maps.Copy(w.Header(), c.says)
		w.Header()["Date"] = []string{c.time().Format(http.TimeFormat)}
		if c.serve != nil {
			c.serve(w, r)
			return
		}
		if tag := w.Header().Get("Etag"); tag != "" && r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprintf(w, "%d", n)
	})
	c.g, c.front = serve(t, target, func(g *gateway.Gateway) {
		g.Now = c.time
		g.APIs.(*store).apis["echo"].Settings.Policies = saidPolicies(policies...)
	})
	return c
}

func (c *cached) time() time.Time { return start.Add(time.Duration(c.now.Load()) * time.Second) }

// get calls with further headers, and returns the status, the body and the header.
func (c *cached) get(target string, headers ...string) (int, string, http.Header) {
	c.t.Helper()
	return c.call("GET", target, headers...)
}

func (c *cached) call(method, target string, headers ...string) (int, string, http.Header) {
	c.t.Helper()
	res, body := raw(c.t, c.front, method+" /echo/1.0"+target+" HTTP/1.1\nHost: g\nConnection: close\n"+strings.Join(append(headers, ""), "\n")+"\n")
	return res.StatusCode, body, res.Header
}

const good = "Authorization: Bearer good"

func TestCacheKeepsWhatMayBeKept(t *testing.T) {
	date := func(after time.Duration) string { return start.Add(after).Format(http.TimeFormat) }
	for _, tt := range []struct {
		name, settings string
		says           http.Header
		request        []string
		target         string
		kept           bool
	}{
		{"max-age", "{}", http.Header{"Cache-Control": {"max-age=60"}}, nil, "", true},
		{"s-maxage before max-age", "{}", http.Header{"Cache-Control": {"max-age=0, s-maxage=60"}}, nil, "", true},
		{"Expires", "{}", http.Header{"Expires": {date(time.Minute)}}, nil, "", true},
		{"max-age before Expires", "{}", http.Header{"Expires": {date(time.Minute)}, "Cache-Control": {"max-age=0"}}, nil, "", false},
		{"Expires in the past", "{}", http.Header{"Expires": {date(-time.Minute)}}, nil, "", false},
		{"Expires that is no date", `{"lifetime":"1m"}`, http.Header{"Expires": {"0"}}, nil, "", false},
		{"nothing said", "{}", nil, nil, "", false},
		{"nothing said, and the policy's own", `{"lifetime":"1m"}`, nil, nil, "", true},
		{"old already", "{}", http.Header{"Cache-Control": {"max-age=60"}, "Age": {"60"}}, nil, "", false},
		{"no-store", `{"lifetime":"1m"}`, http.Header{"Cache-Control": {"max-age=60", "No-Store"}}, nil, "", false},
		{"private", `{"lifetime":"1m"}`, http.Header{"Cache-Control": {`private="Set-Cookie", max-age=60`}}, nil, "", false},
		{"a cookie set", `{"lifetime":"1m"}`, http.Header{"Set-Cookie": {"a=b"}}, nil, "", false},
		{"Vary by everything", `{"lifetime":"1m"}`, http.Header{"Vary": {"Accept, *"}}, nil, "", false},
		{"events", `{"lifetime":"1m"}`, http.Header{"Content-Type": {"text/event-stream"}}, nil, "", false},
		{"trailers", `{"lifetime":"1m"}`, http.Header{"Trailer": {"Sum"}}, nil, "", false},
		{"too large", `{"lifetime":"1m","maxBody":1000}`, http.Header{"X-Size": {"1001"}}, nil, "", false},
		{"as large as may be", `{"lifetime":"1m","maxBody":1000}`, http.Header{"X-Size": {"1000"}}, nil, "", true},
		{"too large in pieces", `{"lifetime":"1m","maxBody":1000}`, http.Header{"X-Size": {"-1001"}}, nil, "", false},
		{"in pieces", `{"lifetime":"1m","maxBody":1000}`, http.Header{"X-Size": {"-1000"}}, nil, "", true},
		{"a part was asked for", `{"lifetime":"1m"}`, nil, []string{"Range: bytes=0-1"}, "", false},
		{"the request says no-store", `{"lifetime":"1m"}`, nil, []string{"Cache-Control: no-store"}, "", false},
		{"not found", `{"lifetime":"1m"}`, http.Header{"X-Status": {"404"}}, nil, "", false},
		{"not found, for a while", `{}`, http.Header{"X-Status": {"404"}, "Cache-Control": {"max-age=60"}}, nil, "", true},
		{"the backend's failure", `{"lifetime":"1m"}`, http.Header{"X-Status": {"500"}, "Cache-Control": {"max-age=60"}}, nil, "", false},
		{"open to everybody", `{"lifetime":"1m"}`, nil, nil, "/", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCached(t, "cache - "+tt.settings)
			c.says = tt.says
			c.serve = func(w http.ResponseWriter, r *http.Request) {
				var size, status int
				fmt.Sscan(w.Header().Get("X-Size"), &size)
				if status = 200; w.Header().Get("X-Status") != "" {
					fmt.Sscan(w.Header().Get("X-Status"), &status)
				}
				w.WriteHeader(status)
				fmt.Fprintf(w, "%0*d", max(1, size, -size), c.calls.Load())
				if size < 0 {
					w.(http.Flusher).Flush()
				}
			}
			target := tt.target
			if target == "" {
				target = "/any/x"
			}
			_, first, _ := c.get(target, append(tt.request, good)...)
			_, second, header := c.get(target, append(tt.request, good)...)
			if kept := c.calls.Load() == 1; kept != tt.kept || kept != (first == second) || kept != strings.Contains(header.Get("Cache-Status"), "hit") {
				t.Errorf("kept: %v, want %v: %.20q, %.20q, %v", kept, tt.kept, first, second, header)
			}
		})
	}
}

func TestCacheAges(t *testing.T) {
	c := newCached(t, "cache - {}", `headers response {"add":{"X-Policy":"1"}}`)
	c.says = http.Header{"Cache-Control": {"max-age=60"}, "Age": {"10"}, "X-Powered-By": {"x"}}
	ask := func(at int64, want string, headers ...string) http.Header {
		t.Helper()
		c.now.Store(at)
		status, body, header := c.get("/any/x", append(headers, good, "Origin: https://page.example")...)
		if fmt.Sprint(status, " ", body) != want {
			t.Errorf("after %ds with %v: %d %q, want %s", at, headers, status, body, want)
		}
		if header["X-Policy"] != nil && len(header["X-Policy"]) != 1 || header.Get("X-Request-Id") != "ours" || status == 200 && header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("an answer has %v", header)
		}
		return header
	}
	ask(0, "200 1")
	if h := ask(20, "200 1"); h.Get("Age") != "30" || h.Get("Cache-Status") != "Gatehouse; hit" || h.Get("Content-Length") != "1" {
		t.Errorf("a kept answer has %v", h)
	}
	ask(20, "200 1", "Cache-Control: max-age=30")
	ask(20, "200 1", "Cache-Control: min-fresh=30")
	ask(20, "200 1", "Cache-Control: only-if-cached")
	ask(50, "504 "+string(mustBody(t, c)), "Cache-Control: only-if-cached")
	ask(50, "200 3")
	ask(50, "200 4", "Cache-Control: no-cache")
	ask(51, "200 5", "Pragma: no-cache")
	ask(52, "200 6", "Cache-Control: max-age=5")
	ask(53, "200 7", "Cache-Control: min-fresh=55")
	ask(53, "200 7")
}

// mustBody is how the gateway answers only-if-cached; it takes one call of the backend.
func mustBody(t *testing.T, c *cached) string {
	t.Helper()
	c.calls.Add(1)
	status, body, _ := c.get("/any/other", good, "Cache-Control: only-if-cached")
	if status != 504 {
		t.Errorf("only-if-cached is answered %d when there is nothing", status)
	}
	return body
}

func TestCacheRevalidates(t *testing.T) {
	c := newCached(t, "cache - {}")
	c.says = http.Header{"Cache-Control": {"max-age=60"}, "Etag": {`"v1"`}, "Last-Modified": {start.Format(http.TimeFormat)}}
	for _, tt := range []struct {
		at      int64
		headers []string
		want    string // status, body, how often the backend was called
	}{
		{0, nil, "200 1 1"},
		{10, []string{`If-None-Match: "v0", W/"v1"`}, "304  1"},
		{10, []string{`If-None-Match: "v0"`}, "200 1 1"},
		{10, []string{`If-None-Match: *`}, "304  1"},
		{10, []string{"If-Modified-Since: " + start.Format(http.TimeFormat)}, "304  1"},
		{10, []string{"If-Modified-Since: " + start.Add(-time.Second).Format(http.TimeFormat)}, "200 1 1"},
		{70, nil, "200 1 2"}, // the backend says 304
		{100, nil, "200 1 2"},
		{140, []string{`If-None-Match: "v1"`}, "304  3"},
		{140, []string{`If-None-Match: "v0"`}, "200 1 3"},
		{150, []string{"Cache-Control: no-cache"}, "200 1 4"},
	} {
		c.now.Store(tt.at)
		status, body, header := c.get("/any/x", append(tt.headers, good)...)
		if got := fmt.Sprintf("%d %s %d", status, body, c.calls.Load()); got != tt.want || header.Get("Etag") != `"v1"` {
			t.Errorf("after %ds with %v: %s, want %s: %v", tt.at, tt.headers, got, tt.want, header)
		}
	}
	c.says.Set("Etag", `"v2"`)
	c.now.Store(300)
	if status, body, _ := c.get("/any/x", good); status != 200 || body != "5" {
		t.Errorf("a new answer is told as %d %s", status, body)
	}
	if status, body, h := c.call("HEAD", "/any/x", good); status != 200 || body != "" || h.Get("Content-Length") != "1" || c.calls.Load() != 5 {
		t.Errorf("HEAD is answered %d %q %v", status, body, h)
	}
}

func TestCacheTellsCallersApart(t *testing.T) {
	const other = "Authorization: Bearer brief" // another user
	for _, tt := range []struct {
		name, settings, says string
		first, second        []string
		shared               bool
	}{
		{"the same caller", "{}", "max-age=60", []string{good}, []string{good}, true},
		{"another caller", "{}", "max-age=60", []string{good}, []string{other}, false},
		{"another caller, and the settings share", `{"share":true}`, "max-age=60", []string{good}, []string{other}, true},
		{"another caller, and the backend says public", "{}", "public, max-age=60", []string{good}, []string{other}, true},
		{"another caller, and the backend says s-maxage", "{}", "s-maxage=60", []string{good}, []string{other}, true},
		{"another caller, and the backend says must-revalidate", "{}", "must-revalidate, max-age=60", []string{good}, []string{other}, true},
		{"another cookie", `{"share":true}`, "max-age=60", []string{good, "Cookie: a=1"}, []string{good, "Cookie: a=2"}, false},
		{"another cookie, and must-revalidate", `{"share":true}`, "must-revalidate, max-age=60", []string{good, "Cookie: a=1"}, []string{good}, false},
		{"another cookie, and public", `{}`, "public, max-age=60", []string{good, "Cookie: a=1"}, []string{good}, true},
		{"what Vary names is the same", `{}`, "max-age=60", []string{good, "Accept: a"}, []string{good, "Accept: a", "User-Agent: u"}, true},
		{"what Vary names is another", `{}`, "max-age=60", []string{good, "Accept: a"}, []string{good, "Accept: b"}, false},
		{"what Vary names is missing", `{}`, "max-age=60", []string{good, "Accept: a"}, []string{good}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCached(t, "cache - "+tt.settings)
			c.g.Tokens = users{c.g.Tokens}
			c.says = http.Header{"Cache-Control": {tt.says}, "Vary": {"accept"}}
			c.get("/any/x", tt.first...)
			if _, _, h := c.get("/any/x", tt.second...); (h.Get("Age") != "") != tt.shared {
				t.Errorf("shared: %v, want %v", !tt.shared, tt.shared)
			}
			c.get("/any/x", tt.first...)
			if _, _, h := c.get("/any/x", tt.first...); h.Get("Age") == "" {
				t.Error("the first caller's answer is gone")
			}
			if status, _, _ := c.get("/any/x", "Authorization: Bearer bad"); status != 401 {
				t.Errorf("a caller without a right gets %d", status)
			}
		})
	}
}

// users names the user of a token after it, and takes the brief one for a sandbox key where
// there is a sandbox.
type users struct{ gateway.Tokens }

func (u users) Verify(ctx context.Context, token string) (*gatehouse.Authorization, error) {
	a, err := u.Tokens.Verify(ctx, token)
	if err == nil {
		a.Subject = token
		if s, ok := u.Tokens.(*store); ok && token == "brief" && s.apis["echo"].Sandbox != "" {
			a.KeyType = gatehouse.Sandbox
		}
	}
	return a, err
}
