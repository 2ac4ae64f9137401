package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// raw writes bytes to the gateway's plain listener and reads one answer. The connection
// is closed afterwards.
func (h *house) raw(t testing.TB, text string) reply {
	t.Helper()
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(h.GatewayHTTP, "http://"), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(15 * time.Second)); err != nil {
		t.Fatal(err)
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = io.WriteString(conn, text) // a server that has heard enough may hang up
	}()
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body) // of a refusal that is cut off, what arrived
	conn.Close()
	<-sent
	return reply{answer.StatusCode, answer.Header, string(body)}
}

// head writes the head of a request, headers as "Name: value" lines.
func (h *house) head(method, target string, headers ...string) string {
	host := strings.TrimPrefix(h.GatewayHTTP, "http://")
	return method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\n" + strings.Join(append(headers, "", ""), "\r\n")
}

// What a client may have meant by a strange target must be the same to the gateway,
// which authorises it, and to the backend, which serves it; or it is refused. The token
// holds the scope read: whatever serves /update is a hole.
func TestTargetsThatCheat(t *testing.T) {
	h := furnish(t)
	const base = orgnews
	host := strings.TrimPrefix(h.GatewayHTTP, "http://")
	token := "Authorization: Bearer " + h.token(t, john, "read").Access
	h.backend.saw()
	for _, row := range []struct {
		check  int
		target string
		status int
		sees   string // the target at the backend, empty when the call must not reach it
	}{
		{92, base + "/articles/../update", 400, ""},
		{92, base + "/articles/..", 400, ""},
		{92, base + "/./update", 400, ""},
		{92, base + "//update", 400, ""},
		{92, "/" + base + "/update", 400, ""},
		{92, "/../" + base + "/articles", 400, ""},
		{93, base + "/articles/%2e%2e/update", 400, ""},
		{93, base + "/articles/%2E./update", 400, ""},
		{93, base + "/articles/%2e%2e%2fupdate", 400, ""},
		{93, base + "/articles/..%2fupdate", 400, ""},
		{93, base + "%2fupdate", 400, ""},
		{93, base + "/articles/..%5cupdate", 400, ""},
		{93, base + `/articles/..\update`, 400, ""},
		{94, base + "/articles/%252e%252e/update", 400, ""},
		{94, base + "/articles/%252e%252e%252fupdate", 400, ""},
		{94, base + "/articles/100%25", 400, ""},
		{95, base + "/..;/update", 400, ""},
		{95, base + "/articles/..;x=1/update", 400, ""},
		{95, base + "/articles;/../update", 400, ""},
		{95, base + "/articles;jsessionid=1", 400, ""},
		{95, base + "/articles%3b", 400, ""},
		{96, base + "/articles/%00", 400, ""},
		{96, base + "/articles/\x00", 400, ""},
		{96, base + "/articles/%c0%ae%c0%ae/update", 400, ""},
		{96, base + "/articles/%c0%af", 400, ""},
		{96, base + "/articles/%ff", 400, ""},
		{96, base + "/articles/%zz", 400, ""},
		{96, base + "/articles/%2", 400, ""},
		{96, base + "/articles/%", 400, ""},
		{96, base + "/articles /update", 400, ""},
		{96, base + "/articles\t/update", 400, ""},
		{96, base + "/articles#/update", 400, ""},
		{96, base + "/articles%0d%0aX-Evil:1", 400, ""},
		{97, base + "../articles", 404, ""},
		{97, base + "%2e%2e/articles", 404, ""},
		{97, base + ".evil/articles", 404, ""},
		{97, base + "1/articles", 404, ""},
		{97, "/t/johnsorg/orgnews2/1.0.0/articles", 404, ""},
		{97, "/orgnews/1.0.0/articles", 404, ""},
		{97, "/t/default/orgnews/1.0.0/articles", 404, ""},
		{98, base + "/UPDATE", 404, ""},
		{98, "/T/johnsorg/orgnews/1.0.0/articles", 404, ""},
		{98, "/t/JOHNSORG/orgnews/1.0.0/articles", 404, ""},
		{99, base + "/%75pdate", 403, ""},
		{99, base + "/%75%70%64%61%74%65", 403, ""},
		{99, base + "/%61rticles", 200, "/v1/articles"},
		{99, "/t/johnsorg/%6frgnews/1.0.0/update", 403, ""},
		{100, base + "/articles?/../update", 200, "/v1/articles?/../update"},
		{100, base + "/update?/../articles", 403, ""},
		{100, "http://evil.example" + base + "/articles", 400, ""},
		{100, "http://" + host + base + "/articles", 400, ""},
		{100, "*", 400, ""},
		{101, base + "/articles/", 200, "/v1/articles/"},
		{101, base + "/articles/caf%c3%a9", 200, "/v1/articles/caf%C3%A9"},
		{101, base + "/articles/a%20b", 200, "/v1/articles/a%20b"},
		{101, base + "/articles/1/2", 404, ""},
	} {
		t.Run(fmt.Sprintf("check %d %q", row.check, strings.TrimPrefix(row.target, base)), func(t *testing.T) {
			r := h.raw(t, h.head("GET", row.target, token, "Connection: close"))
			if r.status != row.status {
				t.Errorf("%d %s, want %d", r.status, r.body, row.status)
			}
			var want []string
			if row.sees != "" {
				want = []string{row.sees}
			}
			if got := h.targets(); !slices.Equal(got, want) {
				t.Errorf("the backend saw %q, want %q", got, want)
			}
		})
	}
	t.Run("check 99: an escaped letter keeps the policy, and the right token passes", func(t *testing.T) {
		update := "Authorization: Bearer " + h.token(t, john, "update").Access
		if r := h.raw(t, h.head("GET", base+"/%75pdate", update, "Connection: close")); r.status != http.StatusOK {
			t.Errorf("%d %s", r.status, r.body)
		}
		if got := h.targets(); !slices.Equal(got, []string{"/v1/update"}) {
			t.Errorf("the backend saw %q", got)
		}
	})
}

// targets returns the targets that the backend saw.
func (h *house) targets() []string {
	var targets []string
	for _, s := range h.backend.saw() {
		targets = append(targets, s.Target)
	}
	return targets
}

// Headers that would make the backend do something else than what was authorised, or
// believe a caller what only the gateway may say, do not arrive.
func TestHeadersThatCheat(t *testing.T) {
	h := furnish(t)
	bearer := h.token(t, john, "read").Access
	token := "Authorization: Bearer " + bearer
	h.backend.saw()
	for _, row := range []struct {
		name    string
		query   string
		headers []string
		status  int
		lacks   []string // headers that the backend must not see, or not with that value
	}{
		{"check 103: another method by header", "", []string{token, "X-HTTP-Method-Override: PUT", "X-Method-Override: PUT", "X-HTTP-Method: PUT"}, 200,
			[]string{"X-Http-Method-Override", "X-Method-Override", "X-Http-Method"}},
		{"check 105: another path by header", "", []string{token, "X-Original-URL: /v1/update", "X-Rewrite-URL: /v1/update", "X-Forwarded-Prefix: /x", "X-Forwarded-Uri: /v1/update"}, 200,
			[]string{"X-Original-Url", "X-Rewrite-Url", "X-Forwarded-Prefix", "X-Forwarded-Uri"}},
		{"check 105: another host by header", "", []string{token, "X-Forwarded-Host: evil.example", "Forwarded: host=evil.example"}, 200,
			[]string{"Forwarded", "X-Forwarded-Host: evil.example"}},
		{"check 111: two Authorization headers", "", []string{token, "Authorization: Bearer other"}, 400, nil},
		{"check 111: two Authorization headers, the good one last", "", []string{"Authorization: Bearer other", token}, 400, nil},
		{"check 111: a token in the query is not read", "?access_token=" + bearer, nil, 401, nil},
		{"check 111: a token in the query does not pass", "?a=1&access_token=" + bearer + "&b=2", []string{token}, 200, []string{"Authorization"}},
		{"check 112: bearer in lower case", "", []string{"Authorization: bearer " + bearer}, 200, []string{"Authorization"}},
		{"check 112: BEARER in capitals", "", []string{"AUTHORIZATION: BEARER " + bearer}, 200, []string{"Authorization"}},
		{"check 112: a tab behind Bearer", "", []string{"Authorization: Bearer\t" + bearer}, 401, nil},
		{"check 112: two spaces behind Bearer", "", []string{"Authorization: Bearer  " + bearer}, 401, nil},
		{"check 112: a comma list", "", []string{"Authorization: Bearer " + bearer + ", Bearer x"}, 401, nil},
		{"check 112: no token behind Bearer", "", []string{"Authorization: Bearer"}, 401, nil},
		{"check 112: 16 KiB of token", "", []string{"Authorization: Bearer " + strings.Repeat("x", 16<<10)}, 401, nil},
		{"check 112: Basic", "", []string{"Authorization: Basic " + bearer}, 401, nil},
		{"check 113: the token does not pass", "", []string{token}, 200, []string{"Authorization"}},
		{"check 114: Connection names a header of the gateway", "", []string{token, "Connection: X-Forwarded-For, X-Forwarded-Proto, Traceparent"}, 200, nil},
		{"check 114: Connection names Authorization", "", []string{token, "Connection: Authorization"}, 200, []string{"Authorization"}},
		{"check 115: who calls is not the caller's to say", "", []string{token, "X-JWT-Assertion: me", "X_JWT_Assertion: me", "X-Forwarded-User: me", "X_Forwarded_User: me", "X-Real-IP: 1.2.3.4", "X-WSO2-User: me", "X-Forwarded-For: 1.2.3.4"}, 200,
			[]string{"X-Jwt-Assertion", "X_jwt_assertion", "X-Forwarded-User", "X_forwarded_user", "X-Real-Ip", "X-Wso2-User", "X-Forwarded-For: 1.2.3.4"}},
		{"check 116: hop-by-hop headers end here", "", []string{token, "Connection: X-Mine", "X-Mine: 1", "Keep-Alive: 5", "Proxy-Authorization: x", "TE: gzip", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"}, 200,
			[]string{"X-Mine", "Keep-Alive", "Proxy-Authorization", "Te", "Upgrade", "Http2-Settings", "Connection"}},
		{"check 117: a NUL in a value", "", []string{token, "X-A: a\x00b"}, 400, nil},
		{"check 117: a lone CR in a value", "", []string{token, "X-A: a\rX-B: b"}, 400, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := h.raw(t, h.head("GET", orgnews+"/articles"+row.query, row.headers...))
			if r.status != row.status {
				t.Errorf("%d %s, want %d", r.status, r.body, row.status)
			}
			seen := h.backend.saw()
			if row.status != http.StatusOK {
				if len(seen) != 0 {
					t.Errorf("the backend saw %v", seen)
				}
				return
			}
			if len(seen) != 1 {
				t.Fatalf("the backend saw %d requests", len(seen))
			}
			honest(t, seen[0], bearer, row.lacks)
		})
	}
}

// honest checks what a backend may see of a GET of /articles.
func honest(t *testing.T, s sight, token string, lacks []string) {
	t.Helper()
	if s.Method != http.MethodGet || !strings.HasPrefix(s.Target, "/v1/articles") || strings.Contains(fmt.Sprint(s), token) {
		t.Errorf("the backend saw %v", s)
	}
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Traceparent"} {
		if s.Header.Get(name) == "" {
			t.Errorf("the backend misses %s", name)
		}
	}
	for _, header := range lacks {
		name, value, anything := strings.Cut(header, ": ")
		if got := s.Header[name]; !anything && got != nil || anything && slices.Contains(got, value) {
			t.Errorf("the backend saw %s: %q", name, got)
		}
	}
}

// Check 104.
func TestMethodsThatCheat(t *testing.T) {
	h := furnish(t)
	token := "Authorization: Bearer " + h.token(t, john, "read update").Access
	h.backend.saw()
	for _, method := range []string{"TRACE", "TRACK", "get", "Get", "FROB", "PROPFIND", "CONNECT", "PRI"} {
		r := h.raw(t, h.head(method, orgnews+"/articles", token, "Connection: close"))
		if r.status != http.StatusMethodNotAllowed && r.status != http.StatusNotImplemented && r.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", method, r.status, r.body)
		}
	}
	if seen := h.backend.saw(); len(seen) != 0 {
		t.Errorf("the backend saw %v", seen)
	}
}

// Check 127.
func TestOversizedHeads(t *testing.T) {
	h := furnish(t)
	token := "Authorization: Bearer " + h.token(t, john, "read").Access
	h.backend.saw()
	many := make([]string, 20_000)
	for i := range many {
		many[i] = fmt.Sprintf("X-%d: %d", i, i)
	}
	for name, row := range map[string]struct {
		head   string
		status []int
	}{
		"1 MiB of header":  {h.head("GET", orgnews+"/articles", token, "X-Long: "+strings.Repeat("x", 1<<20)), []int{431}},
		"20,000 headers":   {h.head("GET", orgnews+"/articles", append(many, token)...), []int{431}},
		"128 KiB of path":  {h.head("GET", orgnews+"/articles/"+strings.Repeat("x", 128<<10), token), []int{414, 431}},
		"20 KiB of path":   {h.head("GET", orgnews+"/articles/"+strings.Repeat("x", 20<<10), token), []int{414}},
		"20 KiB of query":  {h.head("GET", orgnews+"/articles?"+strings.Repeat("x", 20<<10), token), []int{414}},
		"20 KiB at /token": {h.head("POST", "/token?"+strings.Repeat("x", 20<<10), "Content-Length: 0"), []int{414}},
	} {
		if r := h.raw(t, row.head); !slices.Contains(row.status, r.status) {
			t.Errorf("%s: %d %s, want one of %d", name, r.status, r.body, row.status)
		}
	}
	if seen := h.backend.saw(); len(seen) != 0 {
		t.Errorf("the backend saw %d calls", len(seen))
	}
}

// Check 128: a call is judged by its head, before any of its body is read.
func TestBodiesWaitForTheDecision(t *testing.T) {
	h := furnish(t, "GATEHOUSE_MAX_BODY=1MiB")
	token := "Authorization: Bearer " + h.token(t, john, "update").Access
	h.backend.saw()
	put := func(headers ...string) string { return h.head("PUT", orgnews+"/articles/1", headers...) }
	for name, row := range map[string]struct {
		text   string
		status int
	}{
		"a large body without a token is 401 at once":  {put("Content-Length: 1000000000"), 401},
		"no 100 Continue without a token":              {put("Content-Length: 10", "Expect: 100-continue"), 401},
		"a length beyond the limit is 413 at once":     {put(token, "Content-Length: 1048577"), 413},
		"a chunked body beyond the limit is 413":       {put(token, "Transfer-Encoding: chunked") + "100001\r\n" + strings.Repeat("x", 1<<20+1) + "\r\n0\r\n\r\n", 413},
		"no 100 Continue for a body beyond the limit":  {put(token, "Content-Length: 1048577", "Expect: 100-continue"), 413},
		"100 Continue for a body within it, from here": {put(token, "Content-Length: 2", "Expect: 100-continue"), 100},
	} {
		if r := h.raw(t, row.text); r.status != row.status {
			t.Errorf("%s: %d %s, want %d", name, r.status, r.body, row.status)
		}
	}
}
