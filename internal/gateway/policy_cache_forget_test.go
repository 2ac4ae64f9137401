package gateway_test

import (
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/gatehouse/gatehouse"
)

func TestCacheForgets(t *testing.T) {
	c := newCached(t)
	s := c.g.APIs.(*store)
	apply := func(policies ...gatehouse.Policy) {
		a := echoAPI(s.apis["echo"].Production)
		for i := range a.Resources {
			if a.Resources[i].Method == "GET" {
				a.Resources[i].Policies = policies // the others drop what it keeps all the same
			}
		}
		s.apis["echo"] = a
		if err := c.g.Apply(t.Context(), "echo"); err != nil {
			t.Fatal(err)
		}
	}
	apply(saidPolicies(`cache - {"lifetime":"1m"}`)...)
	kept := func(target string) bool {
		_, _, h := c.get(target, good)
		return h.Get("Age") != ""
	}
	for _, target := range []string{"/any/x", "/any/x?a=1", "/any/y"} {
		kept(target)
	}
	step := func(name string, x, query, y bool) {
		t.Helper()
		if gotX, gotQuery, gotY := kept("/any/x"), kept("/any/x?a=1"), kept("/any/y"); gotX != x || gotQuery != query || gotY != y {
			t.Errorf("%s: kept %v, %v, %v, want %v, %v, %v", name, gotX, gotQuery, gotY, x, query, y)
		}
	}
	step("before", true, true, true)
	c.call("POST", "/any/x", good, "Content-Length: 0")
	step("a call that changes something", false, false, true)
	c.serve = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusConflict) }
	c.call("PUT", "/any/x", good, "Content-Length: 0")
	c.call("OPTIONS", "/any/x", good)
	c.serve = nil
	step("a call that failed", true, true, true)
	apply(saidPolicies(`cache - {"lifetime":"1m"}`)...)
	step("the API changed", false, false, false)
	step("kept again", true, true, true)
	if err := c.g.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	step("all APIs were loaded", false, false, false)
}

func TestCacheForgetsWhatIsOnItsWay(t *testing.T) {
	c := newCached(t, `cache - {"lifetime":"1m"}`)
	arrived, release := make(chan bool), make(chan bool)
	c.serve = func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" && r.URL.RawQuery == "slow" {
			arrived <- true
			<-release
		}
		io.WriteString(w, "as it was")
	}
	done := make(chan bool)
	go func() {
		defer close(done)
		c.get("/any/x?slow", good)
	}()
	<-arrived
	c.call("DELETE", "/any/x", good)
	close(release)
	<-done
	c.serve = nil
	if _, body, h := c.get("/any/x?slow", good); h.Get("Age") != "" || body != "3" {
		t.Errorf("an answer from before the change is kept: %q", body)
	}
}

func TestCacheForgetsForBothKindsOfKeys(t *testing.T) {
	c := newCached(t)
	s := c.g.APIs.(*store)
	s.apis["echo"].Sandbox = s.apis["echo"].Production
	s.apis["echo"].Settings.Policies = saidPolicies(`cache - {"lifetime":"1m","share":true}`)
	c.g.Tokens = users{c.g.Tokens}
	if err := c.g.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	const sandbox = "Authorization: Bearer brief"
	c.get("/any/x", good)
	if _, _, h := c.get("/any/x", sandbox); h.Get("Age") != "" {
		t.Error("a sandbox key gets the answer of the production backend")
	}
	c.call("DELETE", "/any/x", good)
	if _, _, h := c.get("/any/x", sandbox); h.Get("Age") != "" {
		t.Error("a change is not seen with the other kind of key")
	}
}

func TestCacheKeepsNoHalfAnswers(t *testing.T) {
	for name, serve := range map[string]http.HandlerFunc{
		"shorter than it says": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			io.WriteString(w, "half")
		},
		"cut between pieces": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
		"until the connection ends": func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				panic(err)
			}
			defer conn.Close()
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n\r\nhalf")
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCached(t, `cache - {"lifetime":"1m"}`)
			c.serve = serve
			r, err := http.NewRequest("GET", c.front.URL+"/echo/1.0/any/x", nil)
			if err != nil {
				t.Fatal(err)
			}
			io.ReadAll(do(t, r).Body)
			c.serve = nil
			if _, body, h := c.get("/any/x", good); body != "2" || h.Get("Age") != "" {
				t.Errorf("check 126: the next caller gets %q", body)
			}
		})
	}
}

func TestCacheCallsTheBackendOnceForMany(t *testing.T) {
	c := newCached(t, `cache - {"lifetime":"1m"}`)
	arrived, release := make(chan bool, 100), make(chan bool)
	c.serve = func(w http.ResponseWriter, _ *http.Request) {
		arrived <- true
		<-release
		io.WriteString(w, "x")
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if status, body, _ := c.get("/any/x", good); status != 200 || body != "x" {
				t.Errorf("answered %d %q", status, body)
			}
		})
	}
	<-arrived
	close(release)
	wg.Wait()
	if n := c.calls.Load(); n != 1 {
		t.Errorf("the backend was called %d times", n)
	}
}
