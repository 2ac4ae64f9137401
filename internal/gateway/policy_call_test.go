package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// with gives the API policies, each a name and its settings parted by a space.
func with(said ...string) func(*gateway.Gateway) {
	return func(g *gateway.Gateway) {
		a := g.APIs.(*store).apis["echo"]
		for _, s := range said {
			name, settings, _ := strings.Cut(s, " ")
			a.Settings.Policies = append(a.Settings.Policies, gatehouse.Policy{Name: name, Settings: json.RawMessage(settings)})
		}
	}
}

// answers is a backend that speaks of CORS itself.
func answers(t *testing.T) string {
	return backend(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "https://backend.example")
		w.Header().Set("X-Method", r.Method)
	})
}

func TestCORSOfAnAPI(t *testing.T) {
	const page, other = "https://page.example", "https://other.example"
	const listed = `cors {"origins":["https://page.example","https://*.below.example"],"credentials":true,"methods":["GET","POST"],"headers":["X-Mine"],"exposed":["X-Seen"],"maxAge":5}`
	const preflight, call, refused = "preflight", "call", "refused"
	for _, tt := range []struct {
		name, policy, kind, origin string
		want                       map[string]string // headers of the answer; empty for none
	}{
		{"without settings every page", "", preflight, page, map[string]string{"Allow-Origin": "*", "Allow-Methods": "GET, HEAD", "Max-Age": "600", "Allow-Credentials": "", "Vary": ""}},
		{"empty settings say the same", "cors {}", preflight, page, map[string]string{"Allow-Origin": "*", "Allow-Methods": "GET, HEAD", "Max-Age": "600", "Vary": ""}},
		{"a listed page asks", listed, preflight, page, map[string]string{
			"Allow-Origin": page, "Allow-Credentials": "true", "Allow-Methods": "GET", "Allow-Headers": "X-Mine", "Max-Age": "5", "Vary": "Origin", "Expose-Headers": ""}},
		{"another page asks", listed, preflight, other, map[string]string{"Allow-Origin": "", "Allow-Credentials": "", "Allow-Methods": "", "Allow-Headers": "", "Max-Age": "", "Vary": "Origin"}},
		{"a page below a listed one asks", listed, preflight, "https://a.b.below.example", map[string]string{"Allow-Origin": "https://a.b.below.example"}},
		{"not that one itself", listed, preflight, "https://below.example", map[string]string{"Allow-Origin": ""}},
		{"nor one with its name at the end", listed, preflight, "https://evilbelow.example", map[string]string{"Allow-Origin": ""}},
		{"nor one that hides a host before it", listed, preflight, "https://evil.example/.below.example", map[string]string{"Allow-Origin": ""}},
		{"nor no origin", listed, preflight, "null", map[string]string{"Allow-Origin": ""}},
		{"a listed page calls", listed, call, page, map[string]string{"Allow-Origin": page, "Allow-Credentials": "true", "Expose-Headers": "X-Seen", "Vary": "Origin", "Allow-Methods": ""}},
		{"another page calls", listed, call, other, map[string]string{"Allow-Origin": "", "Expose-Headers": "", "Vary": "Origin"}},
		{"no page calls", listed, call, "", map[string]string{"Allow-Origin": "", "Vary": "Origin"}},
		{"a listed page is refused", listed, refused, page, map[string]string{"Allow-Origin": page, "Allow-Credentials": "true", "Expose-Headers": "X-Seen", "Vary": "Origin"}},
		{"another page is refused", listed, refused, other, map[string]string{"Allow-Origin": "", "Vary": "Origin"}},
		{"off: the backend speaks", `cors {"enabled":false}`, call, page, map[string]string{"Allow-Origin": "https://backend.example", "Vary": ""}},
		{"off: OPTIONS is a call", `cors {"enabled":false}`, "options", page, map[string]string{"Allow-Origin": "https://backend.example", "X-Method": "OPTIONS", "Allow-Methods": ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var change func(*gateway.Gateway)
			if tt.policy != "" {
				change = with(tt.policy)
			}
			_, front := serve(t, answers(t), change)
			const token = "Authorization: Bearer good\n"
			head := map[string]string{
				preflight: "OPTIONS /echo/1.0/update", call: "GET /echo/1.0/any", refused: "GET /echo/1.0/any", "options": "OPTIONS /echo/1.0/any"}[tt.kind] + " HTTP/1.1\nHost: g\nConnection: close\n"
			if tt.origin != "" {
				head += "Origin: " + tt.origin + "\n"
			}
			head += map[string]string{preflight: "Access-Control-Request-Method: GET\n", call: token, "options": token + "Access-Control-Request-Method: GET\n"}[tt.kind]
			res, _ := raw(t, front, head+"\n")
			if want := map[string]int{refused: 401}[tt.kind]; want != 0 && res.StatusCode != want || want == 0 && res.StatusCode != 200 {
				t.Errorf("status %d", res.StatusCode)
			}
			for name, want := range tt.want {
				if name != "Vary" && name != "X-Method" {
					name = "Access-Control-" + name
				}
				if got := strings.Join(res.Header[name], "|"); got != want {
					t.Errorf("checks 102 and 118: %s is %q, want %q", name, got, want)
				}
			}
		})
	}
}

func TestWhatTheBackendIsSent(t *testing.T) {
	for _, tt := range []struct{ policy, call, want string }{
		{`rewrite {"path":"/v2/{rest}"}`, "GET /any/a%20b/c", "GET /base/v2/a%20b/c"},
		{`rewrite {"path":"/v2/{rest}"}`, "GET /any/a%2Db/", "GET /base/v2/a-b/"},
		{`rewrite {"path":"/v2/{rest}"}`, "GET /any", "GET /base/v2"},
		{`rewrite {"path":"/v2/{rest}"}`, "GET /any/", "GET /base/v2/"},
		{`rewrite {"path":"/fixed%20path"}`, "GET /any/x?a=1", "GET /base/fixed%20path?a=1"},
		{`rewrite {"method":"POST"}`, "PUT /any/x", "POST /base/any/x"},
		{`rewrite {"method":"GET"}`, "HEAD /any/x", "GET /base/any/x"},
		{`query {"set":{"a":"1 &"},"add":{"b":"2"}}`, "GET /any?a=x&b=1&c=%zz", "GET /base/any?b=1&c=%zz&a=1+%26&b=2"},
		{`query {"set":{"a":"1"}}`, "GET /any", "GET /base/any?a=1"},
		{`query {"remove":["a"]}`, "GET /any?a=1;a=2&%61=3&b=4&A=5", "GET /base/any?b=4&A=5"},
		{`query {"remove":["a"]}`, "GET /any?a=1", "GET /base/any"},
		{`query {"remove":["a"]}`, "GET /any?x=1;a=2&b=3;a=4;c=5&a", "GET /base/any?x=1&b=3;c=5"},
		{`query {"rename":{"old":"a b"}}`, "GET /any?old=%20x&old&o=1", "GET /base/any?a+b=%20x&a+b&o=1"},
		{`query {"clear":true,"add":{"key":"v"}}`, "GET /any?a=1", "GET /base/any?key=v"},
	} {
		reached := ""
		target := backend(t, func(_ http.ResponseWriter, r *http.Request) { reached = r.Method + " " + r.RequestURI })
		_, front := serve(t, target+"/base", func(g *gateway.Gateway) {
			a := g.APIs.(*store).apis["echo"]
			for i := range a.Resources {
				if a.Resources[i].Template == "/any/*" {
					name, settings, _ := strings.Cut(tt.policy, " ")
					a.Resources[i].Policies = []gatehouse.Policy{{Name: name, Settings: json.RawMessage(settings)}}
				}
			}
		})
		method, path, _ := strings.Cut(tt.call, " ")
		res, _ := raw(t, front, method+" /echo/1.0"+path+" HTTP/1.1\nHost: g\nConnection: close\nAuthorization: Bearer good\n\n")
		if res.StatusCode != 200 || reached != tt.want {
			t.Errorf("%s: %s is answered %d, the backend gets %q, want %q", tt.policy, tt.call, res.StatusCode, reached, tt.want)
		}
	}
}

// A policy answers, and the answer goes the way of a backend's: without what a backend must
// not say, with the request id, the rest of the limits and CORS.
func TestAnswersWithoutABackend(t *testing.T) {
	for _, tt := range []struct {
		policies   []string
		call       string
		status     int
		header     map[string]string
		body, kind string
	}{
		{[]string{`mock {"body":{"id": 1},"headers":{"X-Mine":"1","Server":"x","Access-Control-Allow-Origin":"https://evil.example"}}`}, "GET /any", 200,
			map[string]string{"X-Mine": "1", "Server": "", "Access-Control-Allow-Origin": "*", "X-Request-Id": "ours", "Ratelimit-Limit": "1000"}, `{"id":1}`, "application/json"},
		{[]string{`mock {"status":404,"body":"nothing\n","contentType":"text/csv"}`}, "GET /any", 404, nil, "nothing\n", "text/csv"},
		{[]string{`mock {"body":"text"}`}, "HEAD /any", 200, map[string]string{"Content-Length": "4"}, "", "text/plain; charset=utf-8"},
		{[]string{`mock {"status":204}`}, "DELETE /any", 204, map[string]string{"Content-Length": ""}, "", ""},
		{[]string{`mock {}`, `headers {"set":{"X-Side":"response"}}`}, "GET /any", 200, map[string]string{"X-Side": "response", "Content-Length": "0"}, "", ""},
		{[]string{`redirect {"to":"https://new.example"}`}, "GET /any?a=1", 302, map[string]string{"Location": "https://new.example/", "X-Request-Id": "ours"}, "", ""},
		{[]string{`redirect {"to":"https://new.example:8443/v2/x","status":308,"query":true}`}, "POST /any?a=\"é&access_token=t", 308,
			map[string]string{"Location": "https://new.example:8443/v2/x?a=%22%C3%A9"}, "", ""},
		{[]string{`redirect {"to":"/update","status":301}`}, "GET /any", 301, map[string]string{"Location": "https://gateway.example/echo/1.0/update"}, "", ""},
	} {
		_, front := serve(t, "", func(g *gateway.Gateway) {
			g.URL = "https://gateway.example"
			a := g.APIs.(*store).apis["echo"]
			with(tt.policies...)(g)
			for i := range a.Settings.Policies {
				if a.Settings.Policies[i].Name == "headers" {
					a.Settings.Policies[i].Side = gatehouse.ResponseSide
				}
			}
			for i := range a.Resources {
				a.Resources[i].Tier = "Bronze"
			}
			if err := gateway.Check(a); err != nil {
				t.Errorf("%s: an API without an endpoint is refused: %v", tt.policies, err)
			}
		})
		method, path, _ := strings.Cut(tt.call, " ")
		res, body := raw(t, front, method+" /echo/1.0"+path+" HTTP/1.1\nHost: g\nConnection: close\nOrigin: https://page.example\nAuthorization: Bearer good\n\n")
		if res.StatusCode != tt.status || body != tt.body || res.Header.Get("Content-Type") != tt.kind {
			t.Errorf("%s: answered %d %q of type %q", tt.policies, res.StatusCode, body, res.Header.Get("Content-Type"))
		}
		for name, want := range tt.header {
			if got := strings.Join(res.Header[name], "|"); got != want {
				t.Errorf("%s: %s is %q, want %q", tt.policies, name, got, want)
			}
		}
		if res, _ := raw(t, front, "GET /echo/1.0/any HTTP/1.1\nHost: g\nConnection: close\n\n"); res.StatusCode != 401 {
			t.Errorf("%s: without a token answered %d", tt.policies, res.StatusCode)
		}
	}
}

func TestOnlyAPIsThatAreAnsweredNeedNoBackend(t *testing.T) {
	a := echoAPI("")
	a.Resources[0].Policies = []gatehouse.Policy{{Name: "mock"}}
	if err := gateway.Check(a); gatehouse.KindOf(err) != gatehouse.Invalid || !strings.Contains(gatehouse.MessageOf(err), "has no backend") || !strings.Contains(gatehouse.MessageOf(err), "HEAD /any/*") {
		t.Errorf("one resource of many is answered: %v", err)
	}
	a.State = gatehouse.Created
	if err := gateway.Check(a); err != nil {
		t.Errorf("not yet published: %v", err)
	}
	a.State, a.Sandbox = gatehouse.Published, "http://127.0.0.1"
	if err := gateway.Check(a); err != nil {
		t.Errorf("with a sandbox endpoint alone: %v", err)
	}
}

func TestAddressesThatMayCall(t *testing.T) {
	for _, tt := range []struct {
		policy, from string
		status       int
	}{
		{`ip-allow {"allow":["127.0.0.1"]}`, "", 200},
		{`ip-allow {"allow":["10.0.0.0/8","2001:db8::/32"]}`, "", 403},
		{`ip-allow {"deny":["127.0.0.0/8"]}`, "", 403},
		{`ip-allow {"deny":["10.0.0.0/8"]}`, "", 200},
		{`ip-allow {"allow":["127.0.0.0/8"],"deny":["127.0.0.1"]}`, "", 403},
		{`ip-allow {"allow":["203.0.113.0/24"]}`, "203.0.113.9", 403}, // check 131: the caller says so itself
	} {
		_, front := serve(t, answers(t), with(tt.policy))
		head := "GET /echo/1.0/any HTTP/1.1\nHost: g\nConnection: close\nAuthorization: Bearer good\n"
		if tt.from != "" {
			head += "X-Forwarded-For: " + tt.from + "\n"
		}
		res, body := raw(t, front, head+"\n")
		if res.StatusCode != tt.status || tt.status == 403 && !strings.Contains(body, `"code":"900805"`) {
			t.Errorf("%s: answered %d %s, want %d", tt.policy, res.StatusCode, body, tt.status)
		}
	}
	_, front := serve(t, answers(t), func(g *gateway.Gateway) {
		with(`ip-allow {"allow":["203.0.113.0/24"]}`)(g)
		g.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	if res, _ := raw(t, front, "GET /echo/1.0/any HTTP/1.1\nHost: g\nConnection: close\nAuthorization: Bearer good\nX-Forwarded-For: 203.0.113.9\n\n"); res.StatusCode != 200 {
		t.Errorf("a trusted proxy is not believed: %d", res.StatusCode)
	}
}

// signer writes down what it is asked to sign.
type signer struct {
	claims []map[string]any
	text   string
	err    error
}

func (s *signer) BackendJWT(_ context.Context, algorithm string, end time.Time, claims map[string]any) (string, error) {
	claims["algorithm"], claims["end"] = algorithm, end
	s.claims = append(s.claims, claims)
	if s.text != "" || s.err != nil {
		return s.text, s.err
	}
	return fmt.Sprint("jwt-", len(s.claims)), nil
}

// known is one client, so that it is the same one in each call.
var known = &gatehouse.Client{
	Application:   gatehouse.Application{ID: "app", Name: "Reader\r\nX-Evil: 1", Owner: "john", Tier: "Unlimited"},
	Subscriptions: []gatehouse.Subscription{{APIID: "echo", State: gatehouse.Unblocked, Tier: "Gold"}},
}

type knownClients struct{}

func (knownClients) Client(context.Context, string) (*gatehouse.Client, error) { return known, nil }

func TestBackendIsToldWhoCalls(t *testing.T) {
	now, s := start, &signer{}
	var told []string
	g, front := serve(t, backend(t, func(_ http.ResponseWriter, r *http.Request) { told = r.Header["X-Jwt-Assertion"] }), func(g *gateway.Gateway) {
		with(`backend-jwt {"lifetime":100}`)(g)
		g.Signer, g.Clients, g.Now = s, knownClients{}, func() time.Time { return now }
	})
	call := func(path, token, want string) {
		t.Helper()
		told = nil
		raw(t, front, "GET /echo/1.0"+path+" HTTP/1.1\nHost: g\nConnection: close\nX-JWT-Assertion: forged\nAuthorization: Bearer "+token+"\n\n")
		if got := strings.Join(told, "|"); got != want {
			t.Errorf("the backend is told %q, want %q", got, want)
		}
	}
	call("/any", "good", "jwt-1")
	call("/update", "good", "jwt-1")
	call("/", "good", "") // a resource for everybody
	now = start.Add(79 * time.Second)
	call("/any", "good", "jwt-1")
	now = start.Add(80 * time.Second)
	call("/any", "good", "jwt-2") // a fifth of its time is left
	g.KeysChanged()
	call("/any", "good", "jwt-3")
	now = start
	call("/any", "brief", "jwt-4")

	const w = "http://wso2.org/claims/"
	want := map[string]any{
		"sub": "", "iat": start.Unix(), "exp": start.Add(100 * time.Second).Unix(), "algorithm": "RS256", "end": start.Add(100 * time.Second),
		w + "subscriber": "john", w + "applicationid": "app", w + "applicationname": "Reader\r\nX-Evil: 1", w + "applicationtier": "Unlimited", w + "apiname": "echo",
		w + "apicontext": "/echo/1.0", w + "version": "1.0", w + "keytype": "PRODUCTION", w + "usertype": "APPLICATION_USER", w + "tier": "Gold",
	}
	if got := fmt.Sprint(s.claims[0]); got != fmt.Sprint(want) {
		t.Errorf("the claims are %s, want %v", got, want)
	}
	if end := s.claims[3]["end"]; end != start.Add(100*time.Millisecond) {
		t.Errorf("it outlives its token: %v", end)
	}
}

// check 119: what cannot be signed, or is too long for a header, does not reach the backend
// without it.
func TestNothingIsForwardedThatCannotBeTold(t *testing.T) {
	for name, s := range map[string]gateway.Signer{
		"it cannot be signed": &signer{err: errors.New("out of reach")}, "check 119: over 8 KiB": &signer{text: strings.Repeat("a", 8<<10+1)}, "nobody signs": nil,
	} {
		_, front := serve(t, backend(t, func(http.ResponseWriter, *http.Request) { t.Errorf("%s: the backend was called", name) }), func(g *gateway.Gateway) {
			with(`backend-jwt {}`)(g)
			g.Signer = s
		})
		if res, body := raw(t, front, "GET /echo/1.0/any HTTP/1.1\nHost: g\nConnection: close\nAuthorization: Bearer good\n\n"); res.StatusCode != 500 || !strings.Contains(body, "900900") {
			t.Errorf("%s: answered %d %s", name, res.StatusCode, body)
		}
	}
}

func TestCallsAreLogged(t *testing.T) {
	for _, tt := range []struct {
		policy, call string
		want         string // without the id; empty for no line
	}{
		{`request-log {}`, "GET /any/secret-path?secret=query HTTP/1.1\nAuthorization: Bearer good\n", `method=GET resource="GET /any/*" status=200 duration=0s application=""`},
		{`request-log {"fields":["path","status","address","api","version","organization","key","user","keytype"],"headers":["x-seen","X-Absent"]}`,
			"GET /any/a%0db/c HTTP/1.1\nX-Seen: 1\nAuthorization: Bearer good\n", ""}, // refused before it is known what it means
		{`request-log {"fields":["path","status","address","api","version","organization","key","user","keytype"],"headers":["x-seen","X-Absent"]}`,
			"GET /any/b?q HTTP/1.1\nX-Seen: a\u009b\u2028b\" x=\"1" + strings.Repeat("y", 300) + "\nAuthorization: Bearer good\n",
			`path=/echo/1.0/any/b status=200 address=127.0.0.1 api=echo version=1.0 organization=default key=key user="" keytype=PRODUCTION headers.X-Seen="a` + "\ufffd\ufffd" + `b\" x=\"1` + strings.Repeat("y", 243) + `…"`},
		{`request-log {"fields":["status","duration"]}`, "GET /any HTTP/1.1\n", `status=401 duration=0s`},
		{`request-log {"fields":["status"],"rate":1e-300}`, "GET /any HTTP/1.1\nAuthorization: Bearer good\n", ``},
		{`request-log {"fields":["status"],"rate":1e-300}`, "GET /any?fail HTTP/1.1\nAuthorization: Bearer good\n", `status=502`},
	} {
		var log bytes.Buffer
		_, front := serve(t, backend(t, func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.RawQuery == "fail" {
				panic(http.ErrAbortHandler)
			}
		}), func(g *gateway.Gateway) {
			with(tt.policy)(g)
			g.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			}}))
		})
		head, rest, _ := strings.Cut(tt.call, " ")
		raw(t, front, head+" /echo/1.0"+strings.TrimSuffix(rest, "\n")+"\nHost: g\nConnection: close\n\n")
		front.Close() // the line is written behind the answer
		got := ""
		for line := range strings.Lines(log.String()) {
			if said, ok := strings.CutPrefix(line, "level=INFO msg=call id=ours "); ok {
				got += strings.TrimSuffix(said, "\n")
			}
		}
		if got != tt.want {
			t.Errorf("%s: the line is\n%s\nwant\n%s", tt.policy, got, tt.want)
		}
	}
}
