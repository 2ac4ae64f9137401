package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// store answers for definitions, tokens and keys; the error, once set, for everything.
type store struct {
	mu   sync.Mutex
	apis map[string]*gatehouse.API
	err  error
}

func (s *store) KnownAPIs(context.Context) ([]*gatehouse.API, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var apis []*gatehouse.API
	for _, a := range s.apis {
		apis = append(apis, a)
	}
	return apis, s.err
}

func (s *store) KnownAPI(_ context.Context, id string) (*gatehouse.API, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.apis[id]; a != nil || s.err != nil {
		return a, s.err
	}
	return nil, gatehouse.Errorf(gatehouse.NotFound, "no such API")
}

func (s *store) Verify(_ context.Context, token string) (*gatehouse.Authorization, error) {
	a := &gatehouse.Authorization{ID: token, ConsumerKey: "key", OrgKey: "default", KeyType: gatehouse.Production, For: gatehouse.ForUser, ExpiresAt: gatehouse.EndOfTime}
	switch token {
	case "good":
		return a, nil
	case "brief":
		a.ExpiresAt = start.Add(100 * time.Millisecond)
		return a, nil
	}
	return nil, gatehouse.Errorf(gatehouse.Unauthenticated, "no such token")
}

func (s *store) Stands(*gatehouse.Authorization) bool { return true }

func (s *store) VerifyInternal(string) (*gatehouse.Authorization, error) {
	return nil, gatehouse.Errorf(gatehouse.Unauthenticated, "no such key")
}

func (s *store) Client(context.Context, string) (*gatehouse.Client, error) {
	return &gatehouse.Client{Subscriptions: []gatehouse.Subscription{{APIID: "echo", State: gatehouse.Unblocked}}}, nil
}

// start is the time it always is.
var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func echoAPI(backend string) *gatehouse.API {
	a := &gatehouse.API{ID: "echo", OrgKey: "default", Name: "echo", Context: "/echo", Version: "1.0", State: gatehouse.Published, Production: backend}
	for _, m := range gatehouse.Methods {
		a.Resources = append(a.Resources, gatehouse.Resource{Method: m, Template: "/any/*"})
	}
	a.Resources = append(a.Resources,
		gatehouse.Resource{Method: "GET", Template: "/update"}, gatehouse.Resource{Method: "GET", Template: "/item/{id}"},
		gatehouse.Resource{Method: "GET", Template: "/", Auth: gatehouse.AuthNone})
	return a
}

// serve puts a gateway before a backend and returns the gateway with its address.
func serve(tb testing.TB, backend string, change func(*gateway.Gateway)) (*gateway.Gateway, *httptest.Server) {
	tb.Helper()
	s := &store{apis: map[string]*gatehouse.API{"echo": echoAPI(backend)}}
	egress, err := gatehouse.ParseEgress("private")
	if err != nil {
		tb.Fatal(err)
	}
	g := &gateway.Gateway{
		APIs: s, Tokens: s, Clients: s, Egress: egress, Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return start }, OwnEngine: os.Getenv("GATEHOUSE_ENGINE") != "nethttp",
	}
	if change != nil {
		change(g)
	}
	if err := g.Load(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "ours")
		g.ServeHTTP(w, r)
	}))
	front.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	if os.Getenv("GATEHOUSE_ENGINE") == "nethttp" {
		front.Start()
		tb.Cleanup(func() { front.Close(); g.Close() })
		return g, front
	}
	own := &wire.Server{Handler: front.Config.Handler, Log: g.Log, MaxHead: http.DefaultMaxHeaderBytes}
	front.URL = "http://" + front.Listener.Addr().String()
	go own.Serve(front.Listener)
	tb.Cleanup(func() { own.Close(); front.Close(); g.Close() })
	return g, front
}

// backend serves a handler.
func backend(tb testing.TB, h http.HandlerFunc) string {
	tb.Helper()
	s := httptest.NewServer(h)
	tb.Cleanup(s.Close)
	return s.URL
}

// raw sends text, line by line as it stands, and returns the answer with its body.
func raw(tb testing.TB, front *httptest.Server, text string) (*http.Response, string) {
	tb.Helper()
	conn, err := net.Dial("tcp", front.Listener.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, strings.ReplaceAll(text, "\n", "\r\n")); err != nil {
		tb.Fatal(err)
	}
	method, _, _ := strings.Cut(text, " ")
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		tb.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return res, string(body)
}

func TestTargetOnItsWay(t *testing.T) {
	reached := ""
	_, front := serve(t, backend(t, func(_ http.ResponseWriter, r *http.Request) { reached = r.RequestURI })+"/base/", nil)
	for _, tt := range []struct {
		target string
		status int
		want   string // what the backend sees
	}{
		{"/echo/1.0/any/x", 200, "/base/any/x"},
		{"/t/default/echo/1.0/any/x", 200, "/base/any/x"},
		{"/echo/1.0/any/x/", 200, "/base/any/x/"},
		{"/echo/1.0", 200, "/base"},
		{"/echo/1.0/", 200, "/base/"},
		{"/echo/1.0/any/!$&'()*+,=:@~", 200, "/base/any/!$&'()*+,=:@~"},
		{"/echo/1.0/any/a%20b%c3%a9%5b%3f", 200, "/base/any/a%20b%C3%A9%5B%3F"},
		{"/echo/1.0/any?q=%zz&x=a;b&u=é\"", 200, "/base/any?q=%zz&x=a;b&u=é\""},
		{"/echo/1.0/any?a=1&access_token=secret", 200, "/base/any?a=1"}, // check 111
		{"/echo/1.0/%75pdate", 200, "/base/update"},                     // check 99
		{"/echo/1.0/item/a%20b", 200, "/base/item/a%20b"},
		{"/echo/1.0/update?/../any", 200, "/base/update?/../any"}, // check 100

		{"/echo/1.0/UPDATE", 404, ""},     // check 98
		{"/echo/1.0/item/", 404, ""},      // check 101
		{"/echo/1.0/item/..", 400, ""},    // check 101
		{"/echo/1.0/item/a%2fb", 400, ""}, // check 101
		{"/echo/1.0/any/../update", 400, ""},
		{"/echo/1.0/any/%2e%2e/update", 400, ""},
		{"/echo/1.0/any//x", 400, ""},
		{"/echo/1.0/any/%252e%252e", 400, ""},
		{"/echo/1.0/any/..;/x", 400, ""},
		{"/echo/1.0/any/%00", 400, ""},
		{`/echo/1.0/any/..\x`, 400, ""},
		{"/echo/1.0/any#x", 400, ""},
		{"/echo/1.0/any?x#y", 400, ""},
		{"/echo/1.0/any x", 400, ""},
		{"/echo/1.0../any", 404, ""},
		{"/echo/1.0%2e%2e/any", 404, ""},
		{"/echo/1.01/any", 404, ""},
		{"http://127.0.0.1/echo/1.0/any", 400, ""},                 // check 100
		{"/echo/1.0/any?" + strings.Repeat("a", 128<<10), 414, ""}, // check 127
	} {
		reached = ""
		res, _ := raw(t, front, "GET "+tt.target+" HTTP/1.1\nHost: gateway.example\nAuthorization: Bearer good\nConnection: close\n\n")
		if res.StatusCode != tt.status || reached != tt.want {
			t.Errorf("checks 92-101: %.60s: status %d, backend sees %q, want %d, %q", tt.target, res.StatusCode, reached, tt.status, tt.want)
		}
	}
}

func TestRequestsRefusedBeforeTheBackend(t *testing.T) {
	_, front := serve(t, backend(t, func(http.ResponseWriter, *http.Request) { t.Error("the backend was called") }), nil)
	for _, tt := range []struct {
		name, head string
		status     int
	}{
		{"check 104: TRACE", "TRACE /echo/1.0/any HTTP/1.1", 501},
		{"check 104: CONNECT", "CONNECT gateway.example:443 HTTP/1.1", 501},
		{"check 104: lower case", "get /echo/1.0/any HTTP/1.1", 501},
		{"check 104: unknown method", "FROB /echo/1.0/any HTTP/1.1", 501},
		{"check 102: not in the definition", "POST /echo/1.0/update HTTP/1.1", 405},
		{"check 103: an override has no effect", "POST /echo/1.0/update?_method=GET HTTP/1.1\nX-HTTP-Method-Override: GET", 405},
		{"check 111: two Authorization headers", "GET /echo/1.0/any HTTP/1.1\nAuthorization: Bearer good\nAuthorization: Bearer bad", 400},
		{"check 111: the same in the other order", "GET /echo/1.0/any HTTP/1.1\nAuthorization: Bearer bad\nAuthorization: Bearer good", 400},
		{"check 111: a token in the query is none", "GET /echo/1.0/any?access_token=good HTTP/1.1", 401},
		{"check 112: a long token", "GET /echo/1.0/any HTTP/1.1\nAuthorization: Bearer " + strings.Repeat("a", 16<<10), 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res, body := raw(t, front, tt.head+"\nHost: gateway.example\nConnection: close\n\n")
			if res.StatusCode != tt.status {
				t.Errorf("status %d, want %d", res.StatusCode, tt.status)
			}
			if strings.Contains(body, "/echo") || strings.Contains(body, "good") {
				t.Errorf("the answer repeats the path or the token: %s", body)
			}
			if res.Header.Get("X-Request-Id") != "ours" {
				t.Errorf("the answer has the request id %q", res.Header.Get("X-Request-Id"))
			}
		})
	}
}

func TestCORS(t *testing.T) {
	_, front := serve(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "https://evil.example")
		w.Header().Set("Access-Control-Allow-Credentials", "true")
	}), nil)
	const request = " HTTP/1.1\nHost: g\nConnection: close\nOrigin: https://page.example\n"

	res, _ := raw(t, front, "OPTIONS /echo/1.0/update"+request+"Access-Control-Request-Method: GET\n\n")
	if res.StatusCode != 200 || res.Header.Get("Access-Control-Allow-Methods") != "GET, HEAD" || res.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("check 102: preflight is answered %d %v", res.StatusCode, res.Header)
	}
	if !strings.Contains(res.Header.Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Error("a page may not send its token")
	}
	for _, authorization := range []string{"", "Authorization: Bearer good\n"} {
		res, _ = raw(t, front, "GET /echo/1.0/any"+request+authorization+"\n")
		if got := res.Header["Access-Control-Allow-Origin"]; len(got) != 1 || got[0] != "*" || res.Header["Access-Control-Allow-Credentials"] != nil {
			t.Errorf("check 118: CORS headers of a %d are not the gateway's: %v", res.StatusCode, res.Header)
		}
	}
	res, _ = raw(t, front, "GET /echo/1.0/any HTTP/1.1\nHost: g\nConnection: close\nAuthorization: Bearer good\n\n")
	if res.Header["Access-Control-Allow-Origin"] != nil {
		t.Error("CORS headers without an Origin")
	}
}

func TestChangesAreInForceAtOnce(t *testing.T) {
	target := backend(t, func(http.ResponseWriter, *http.Request) {})
	g, front := serve(t, target, nil)
	s := g.APIs.(*store)
	status := func() int {
		res, _ := raw(t, front, "GET /echo/1.0/any HTTP/1.1\nHost: g\nConnection: close\nAuthorization: Bearer good\n\n")
		return res.StatusCode
	}
	step := func(name string, do func() error, wantErr bool, want int) {
		t.Helper()
		if err := do(); (err != nil) != wantErr {
			t.Errorf("%s: error %v", name, err)
		}
		if got := status(); got != want {
			t.Errorf("check 106: %s: status %d, want %d", name, got, want)
		}
	}
	apply := func() error { return g.Apply(t.Context(), "echo") }
	step("published", apply, false, 200)
	s.err = errors.New("out of reach")
	step("the database is gone when one API changes: the table stays", apply, true, 200)
	step("the database is gone when all are loaded: the table stays", func() error { return g.Load(t.Context()) }, true, 200)
	s.err = nil
	blocked := echoAPI(target)
	blocked.State = gatehouse.Blocked
	s.apis["echo"] = blocked
	step("blocked", apply, false, 503)
	broken := echoAPI("http://[::1")
	s.apis["echo"] = broken
	step("a change that cannot be compiled", apply, true, 503)
	s.apis["echo"] = echoAPI(target)
	step("back again", apply, false, 200)
	delete(s.apis, "echo")
	step("deleted", apply, false, 404)
	s.apis["echo"] = echoAPI(target)
	step("all loaded", func() error { return g.Load(t.Context()) }, false, 200)
}

func TestBeforeTheFirstLoadThereAreNoAPIs(t *testing.T) {
	g := &gateway.Gateway{Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/echo/1.0/any", nil)
	if g.ServeHTTP(w, r); w.Code != 404 {
		t.Errorf("status %d, want 404", w.Code)
	}
}
