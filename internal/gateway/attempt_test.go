package gateway_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// behind sets how the backend of the API echo is called.
func behind(b gatehouse.Backend) func(*gateway.Gateway) {
	return func(g *gateway.Gateway) {
		g.APIs.(*store).apis["echo"].Settings.Backends.Production = b
	}
}

// counted is a backend that counts what reaches it.
type counted struct {
	*httptest.Server
	calls atomic.Int64
}

func newCounted(tb testing.TB, h http.HandlerFunc) *counted {
	c := &counted{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.calls.Add(1)
		h(w, r)
	}))
	tb.Cleanup(c.Close)
	return c
}

func nobody(tb testing.TB) string {
	tb.Helper()
	closed := httptest.NewServer(nil)
	closed.Close()
	return closed.URL
}

func ok(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.Path, body)
}

// hangUp reads a request and closes the connection instead of an answer.
func hangUp(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	panic(http.ErrAbortHandler)
}

func unwell(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }

// send sends a call with a body, or without one, and returns the answer with its code.
func send(t *testing.T, front *httptest.Server, method, body string) (res *http.Response, text, code string) {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequest(method, front.URL+"/echo/1.0/any/x", reader)
	if err != nil {
		t.Fatal(err)
	}
	res = do(t, r)
	read, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var refusal struct{ Code string }
	_ = json.Unmarshal(read, &refusal)
	return res, string(read), refusal.Code
}

// What is tried again, where, and how often each target is called.
func TestAttempts(t *testing.T) {
	for _, tt := range []struct {
		name         string
		first, other http.HandlerFunc // nil: nobody listens
		method, body string
		attempts     int
		status       int
		answer       string
		calls        [2]int64
	}{
		{"nobody listens: the other one is called", nil, ok, "GET", "", 0, 200, "GET /v2/any/x ", [2]int64{0, 1}},
		{"nobody listens: a POST with a body too, nothing was sent", nil, ok, "POST", "body", 0, 200, "POST /v2/any/x body", [2]int64{0, 1}},
		{"it hangs up: a GET is tried again", hangUp, ok, "GET", "", 0, 200, "GET /v2/any/x ", [2]int64{1, 1}},
		{"it hangs up: a DELETE without a body too", hangUp, ok, "DELETE", "", 0, 200, "DELETE /v2/any/x ", [2]int64{1, 1}},
		{"it hangs up: a POST is not", hangUp, ok, "POST", "", 0, 502, "", [2]int64{1, 0}},
		{"it hangs up: a PATCH is not", hangUp, ok, "PATCH", "", 0, 502, "", [2]int64{1, 0}},
		{"it hangs up: a PUT whose body was sent is not", hangUp, ok, "PUT", "body", 0, 502, "", [2]int64{1, 0}},
		{"a status that counts as a failure: a GET is tried again", unwell, ok, "GET", "", 0, 200, "GET /v2/any/x ", [2]int64{1, 1}},
		{"a status that counts as a failure: a POST is not", unwell, ok, "POST", "", 0, 503, "", [2]int64{1, 0}},
		{"one attempt is one attempt", hangUp, ok, "GET", "", 1, 502, "", [2]int64{1, 0}},
		{"both hang up: two attempts, not more", hangUp, hangUp, "GET", "", 0, 502, "", [2]int64{1, 1}},
		{"both hang up: three attempts, when they are asked for", hangUp, hangUp, "GET", "", 3, 502, "", [2]int64{2, 1}},
		{"nobody listens anywhere", nil, nil, "GET", "", 0, 503, "", [2]int64{0, 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			urls, calls := [2]string{}, [2]*counted{}
			for i, h := range []http.HandlerFunc{tt.first, tt.other} {
				if h == nil {
					urls[i] = nobody(t)
					continue
				}
				calls[i] = newCounted(t, h)
				urls[i] = calls[i].URL
			}
			_, front := serve(t, urls[0]+"/v1", behind(gatehouse.Backend{
				Balance: gatehouse.Failover, More: []gatehouse.Target{{URL: urls[1] + "/v2"}},
				Tuning: gatehouse.Tuning{Attempts: tt.attempts, FailureStatuses: []int{503}},
			}))
			res, text, _ := send(t, front, tt.method, tt.body)
			if res.StatusCode != tt.status || tt.answer != "" && text != tt.answer {
				t.Errorf("answer %d %q, want %d %q", res.StatusCode, text, tt.status, tt.answer)
			}
			for i, c := range calls {
				if c != nil && c.calls.Load() != tt.calls[i] {
					t.Errorf("target %d was called %d times, want %d", i, c.calls.Load(), tt.calls[i])
				}
			}
		})
	}
}

// A backend that fails altogether gets a tenth more requests than there are calls, after
// the ten that are saved up; its breaker is off, so that nothing else holds them back.
func TestNoStormOfRetries(t *testing.T) {
	a, b := newCounted(t, hangUp), newCounted(t, unwell)
	_, front := serve(t, a.URL, behind(gatehouse.Backend{
		Balance: gatehouse.LoadBalance, More: []gatehouse.Target{{URL: b.URL}},
		Tuning: gatehouse.Tuning{Attempts: 5, FailureStatuses: []int{503}, Breaker: gatehouse.Breaker{Off: true}},
	}))
	const calls = 400
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range calls / 4 {
				send(t, front, "GET", "")
			}
		})
	}
	all.Wait()
	if got := a.calls.Load() + b.calls.Load(); got < calls+calls/10 || got > calls+calls/10+11 {
		t.Errorf("%d requests for %d calls, want a tenth and ten more", got, calls)
	}
}

// clock is a time that a test moves.
type clock struct{ since atomic.Int64 }

func (c *clock) Now() time.Time          { return start.Add(time.Duration(c.since.Load())) }
func (c *clock) forward(d time.Duration) { c.since.Add(int64(d)) }

// A target that fails is left alone, its callers are told when to come again, one call
// tries it, and then all are let through.
func TestBreaker(t *testing.T) {
	var well atomic.Bool
	target := newCounted(t, func(w http.ResponseWriter, r *http.Request) {
		if !well.Load() {
			hangUp(w, r)
		}
	})
	var c clock
	set := behind(gatehouse.Backend{Tuning: gatehouse.Tuning{Breaker: gatehouse.Breaker{Failures: 3, Suspend: gatehouse.Duration(2 * time.Second)}}})
	g, front := serve(t, target.URL, func(g *gateway.Gateway) { set(g); g.Now = c.Now })
	step := func(name string, status int, code string, calls int64) {
		t.Helper()
		res, text, got := send(t, front, "POST", "")
		if res.StatusCode != status || got != code || target.calls.Load() != calls {
			t.Errorf("%s: %d %s after %d calls, want %d %s after %d", name, res.StatusCode, text, target.calls.Load(), status, code, calls)
		}
		if code == "303001" && res.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", name)
		}
	}
	for i := range int64(3) {
		step("failure", 502, "101500", i+1)
	}
	step("left alone", 503, "303001", 3)
	if state := g.Targets(); len(state) != 1 || state[0].State != "suspended" || state[0].Until == nil || !state[0].Until.Equal(start.Add(2*time.Second)) || state[0].Target != target.URL {
		t.Errorf("the operator reads %+v", state)
	}
	c.forward(2 * time.Second)
	step("the trial fails", 502, "101500", 4)
	step("left alone for longer", 503, "303001", 4)
	c.forward(3 * time.Second)
	step("not yet", 503, "303001", 4)
	well.Store(true)
	c.forward(time.Second)
	step("the trial succeeds", 200, "", 5)
	step("all is well", 200, "", 6)
	if targets, inFlight, retries := g.Counts(); targets["up"] != 1 || inFlight != 0 || retries != 0 {
		t.Errorf("counts %v, %d in flight, %d retries", targets, inFlight, retries)
	}
}

// R22: when as many calls wait for a slow backend as may, the others are refused at once,
// and places that were left are taken again.
func TestCallsInFlightAreCapped(t *testing.T) {
	arrived, answer := make(chan bool), make(chan bool)
	target := newCounted(t, func(_ http.ResponseWriter, r *http.Request) { arrived <- true; <-answer })
	_, front := serve(t, target.URL, behind(gatehouse.Backend{Tuning: gatehouse.Tuning{InFlight: 3}}))
	var all sync.WaitGroup
	wait := func() {
		for range 3 {
			all.Go(func() {
				if res, text, _ := send(t, front, "GET", ""); res.StatusCode != 200 {
					t.Errorf("a call with a place: %d %s", res.StatusCode, text)
				}
			})
		}
		for range 3 {
			<-arrived
		}
	}
	for range 2 {
		wait()
		begin := time.Now()
		for range 20 {
			if res, text, code := send(t, front, "GET", ""); res.StatusCode != 503 || code != "900801" || res.Header.Get("Retry-After") != "1" {
				t.Fatalf("R22: one too many: %d %s", res.StatusCode, text)
			}
		}
		if took := time.Since(begin); took > 20*100*time.Millisecond {
			t.Errorf("R22: 20 refusals took %v", took)
		}
		for range 3 {
			answer <- true
		}
		all.Wait()
	}
	if calls := target.calls.Load(); calls != 6 {
		t.Errorf("the backend was called %d times", calls)
	}
}

// R21: an answer that stops in its middle is cut off; a stream of events may pause for
// longer than that.
func TestAnswerThatPauses(t *testing.T) {
	goOn := make(chan bool)
	target := backend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept") == "text/event-stream" {
			w.Header().Set("Content-Type", "text/event-stream")
		}
		io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		select {
		case <-goOn:
			io.WriteString(w, " and half")
		case <-r.Context().Done():
		}
	})
	_, front := serve(t, target, behind(gatehouse.Backend{Tuning: gatehouse.Tuning{IdleTimeout: gatehouse.Duration(100 * time.Millisecond)}}))
	call := func(accept string) *http.Response {
		r, err := http.NewRequest("GET", front.URL+"/echo/1.0/any", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", accept)
		return do(t, r)
	}
	stream := call("text/event-stream")
	begin := time.Now()
	body, err := io.ReadAll(call("application/json").Body)
	if err == nil || string(body) != "half" {
		t.Errorf("check 126: read %q, %v", body, err)
	}
	if took := time.Since(begin); took > 600*time.Millisecond {
		t.Errorf("R21: it was cut off after %v, want 100ms and half a second at most", took)
	}
	close(goOn)
	if body, err := io.ReadAll(stream.Body); err != nil || string(body) != "half and half" {
		t.Errorf("the stream: read %q, %v", body, err)
	}
}

// A call of a stream does not wait for the backend any more when its stream has begun.
func TestStreamsLeaveTheirPlace(t *testing.T) {
	events := make(chan bool)
	target := backend(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		<-events
	})
	_, front := serve(t, target, behind(gatehouse.Backend{Tuning: gatehouse.Tuning{InFlight: 1}}))
	defer close(events)
	for range 3 {
		r, err := http.NewRequest("GET", front.URL+"/echo/1.0/any", nil)
		if err != nil {
			t.Fatal(err)
		}
		if res := do(t, r); res.StatusCode != 200 {
			t.Errorf("status %d", res.StatusCode)
		}
	}
}

// A target that takes too long fails in time, and is not tried again.
func TestFirstByteTimeout(t *testing.T) {
	slow := newCounted(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	_, front := serve(t, slow.URL, behind(gatehouse.Backend{
		Balance: gatehouse.Failover, More: []gatehouse.Target{{URL: slow.URL + "/other"}}, Tuning: gatehouse.Tuning{FirstByteTimeout: gatehouse.Duration(100 * time.Millisecond), Attempts: 3},
	}))
	begin := time.Now()
	res, text, code := send(t, front, "GET", "")
	if took := time.Since(begin); res.StatusCode != 504 || code != "101504" || slow.calls.Load() != 1 || took > 600*time.Millisecond {
		t.Errorf("R21: %d %s after %v and %d calls", res.StatusCode, text, took, slow.calls.Load())
	}
}

// Nor is a call tried again that a policy has lost its patience with.
func TestPolicyThatLosesItsPatience(t *testing.T) {
	slow := newCounted(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	_, front := serve(t, slow.URL, func(g *gateway.Gateway) {
		s := &g.APIs.(*store).apis["echo"].Settings
		s.Policies = []gatehouse.Policy{{Name: "timeouts", Settings: json.RawMessage(`{"firstByte":"50ms"}`)}}
		s.Backends.Production = gatehouse.Backend{Balance: gatehouse.Failover, More: []gatehouse.Target{{URL: slow.URL + "/other"}}, Tuning: gatehouse.Tuning{Attempts: 3}}
	})
	if res, text, code := send(t, front, "GET", ""); res.StatusCode != 504 || code != "101504" || slow.calls.Load() != 1 {
		t.Errorf("%d %s after %d calls", res.StatusCode, text, slow.calls.Load())
	}
}

// The cookie that keeps a caller to a target holds its number, and nothing that a script or
// another path could read.
func TestStickyCookie(t *testing.T) {
	a, b := newCounted(t, ok), newCounted(t, ok)
	_, front := serve(t, a.URL, behind(gatehouse.Backend{Balance: gatehouse.LoadBalance, More: []gatehouse.Target{{URL: b.URL}}, Tuning: gatehouse.Tuning{Sticky: gatehouse.StickyCookie}}))
	res, _, _ := send(t, front, "GET", "")
	cookies := res.Cookies()
	if len(cookies) != 1 || cookies[0].Value != "0" || !cookies[0].HttpOnly || cookies[0].Secure || cookies[0].Path != "/echo/1.0" {
		t.Fatalf("cookies %v", res.Header["Set-Cookie"])
	}
	for range 5 {
		r, err := http.NewRequest("GET", front.URL+"/t/default/echo/1.0/any", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.AddCookie(cookies[0])
		if res := do(t, r); res.Header["Set-Cookie"] != nil {
			t.Errorf("the cookie is set again: %v", res.Header)
		}
	}
	if a.calls.Load() != 6 || b.calls.Load() != 0 {
		t.Errorf("the calls went to %d and %d", a.calls.Load(), b.calls.Load())
	}
	r, err := http.NewRequest("GET", front.URL+"/t/default/echo/1.0/any", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: cookies[0].Name, Value: "7"})
	if got := do(t, r).Cookies(); len(got) != 1 || got[0].Value != "1" || got[0].Path != "/t/default/echo/1.0" {
		t.Errorf("a cookie that names no target is answered with %v", got)
	}
}

// With prior knowledge a backend on http:// is spoken to in HTTP/2, and in nothing else.
func TestHTTP2WithPriorKnowledge(t *testing.T) {
	target := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }))
	target.Config.Protocols = new(http.Protocols)
	target.Config.Protocols.SetUnencryptedHTTP2(true)
	target.Config.Protocols.SetHTTP1(true)
	target.Start()
	defer target.Close()
	for asked, want := range map[bool]string{true: "HTTP/2.0", false: "HTTP/1.1"} {
		_, front := serve(t, target.URL, behind(gatehouse.Backend{Tuning: gatehouse.Tuning{HTTP2: asked}}))
		if _, text, _ := send(t, front, "GET", ""); text != want {
			t.Errorf("the backend is spoken to in %s, want %s", text, want)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	_, front := serve(t, "http://"+l.Addr().String(), behind(gatehouse.Backend{Tuning: gatehouse.Tuning{HTTP2: true}}))
	if res, _, code := send(t, front, "GET", ""); res.StatusCode != 503 || code != "101503" {
		t.Errorf("nobody listens: %d %s", res.StatusCode, code)
	}
}
