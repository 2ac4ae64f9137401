package gateway_test

import (
	"bufio"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// withPolicies puts a gateway before a backend, with policies for all calls of its API. Each
// is said by its name, its side or -, and its settings, parted by spaces.
func withPolicies(tb testing.TB, backend string, said ...string) *httptest.Server {
	tb.Helper()
	_, front := serve(tb, backend, func(g *gateway.Gateway) {
		g.APIs.(*store).apis["echo"].Settings.Policies = saidPolicies(said...)
	})
	return front
}

func saidPolicies(said ...string) []gatehouse.Policy {
	var list []gatehouse.Policy
	for _, s := range said {
		name, rest, _ := strings.Cut(s, " ")
		side, settings, _ := strings.Cut(rest, " ")
		list = append(list, gatehouse.Policy{Name: name, Side: gatehouse.Side(strings.Trim(side, "-")), Settings: json.RawMessage(settings)})
	}
	return list
}

// echo answers with the body that it gets, in the framing in which it gets it.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	w.Header().Set("Seen-Length", fmt.Sprint(r.ContentLength))
	w.Header().Set("Seen-Sum", r.Trailer.Get("Sum")+r.Trailer.Get("Forged"))
	if err != nil {
		w.WriteHeader(http.StatusTeapot)
	}
	w.Write(body)
}

// post sends a body with a media type and returns the answer with its body.
func post(tb testing.TB, front *httptest.Server, media, body string, more ...string) (*http.Response, string) {
	tb.Helper()
	return raw(tb, front, fmt.Sprintf("POST /echo/1.0/any HTTP/1.1\nHost: g\nConnection: close\nAuthorization: Bearer good\nContent-Type: %s\n%sContent-Length: %d\n\n%s",
		media, strings.Join(more, ""), len(body), body))
}

// pieces sends a body in pieces.
func pieces(tb testing.TB, front *httptest.Server, media, body string) (*http.Response, string) {
	tb.Helper()
	return raw(tb, front, fmt.Sprintf("POST /echo/1.0/any HTTP/1.1\nHost: g\nConnection: close\nAuthorization: Bearer good\nContent-Type: %s\nTransfer-Encoding: chunked\nTrailer: Sum\n\n%x\n%s\n0\nSum: 42\nForged: 1\n\n",
		media, len(body), body))
}

func TestBodiesOfRequestsAreBounded(t *testing.T) {
	front := withPolicies(t, backend(t, echo), `body-size request {"max":10}`, `json-threat request {"maxSize":5}`)
	for _, tt := range []struct {
		name, media, body string
		status            int
	}{
		{"none", "text/plain", "", 200},
		{"as much as may be", "text/plain", "1234567890", 200},
		{"check 128: one byte more", "text/plain", "12345678901", 413},
		{"as much as the policy reads", "application/json", "12345", 200},
		{"check 128: more than the policy reads", "application/json", "123456", 413},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if res, body := post(t, front, tt.media, tt.body); res.StatusCode != tt.status {
				t.Errorf("status %d, want %d: %s", res.StatusCode, tt.status, body)
			}
			if tt.body == "" {
				return
			}
			res, body := pieces(t, front, tt.media, tt.body)
			if res.StatusCode != tt.status {
				t.Errorf("in pieces: status %d, want %d: %s", res.StatusCode, tt.status, body)
			}
			if tt.status == 200 && (body != tt.body || res.Header.Get("Seen-Length") != "-1" || res.Header.Get("Seen-Sum") != "42") {
				t.Errorf("check 123: the backend sees %q, length %s, trailers %q", body, res.Header.Get("Seen-Length"), res.Header.Get("Seen-Sum"))
			}
		})
	}
}

func TestBodyIsReadOnceAndAfterTheCallIsLetThrough(t *testing.T) {
	front := withPolicies(t, backend(t, echo), `json-threat - {}`, `json-threat - {"maxSize":100}`, `body-size request {"max":100}`)
	if res, body := post(t, front, "application/json", `{"a":1}`); res.StatusCode != 200 || body != `{"a":1}` || res.Header.Get("Seen-Length") != "7" {
		t.Errorf("status %d, the backend sees %q of length %s", res.StatusCode, body, res.Header.Get("Seen-Length"))
	}
	for token, want := range map[string]string{"bad": "401", "good": "100"} {
		conn, err := net.Dial("tcp", front.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprintf(conn, "POST /echo/1.0/any HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 7\r\nExpect: 100-continue\r\n\r\n", token)
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || !strings.Contains(line, want) {
			t.Errorf("check 128: a caller with a %s token that waits before its body is answered %q, %v, want %s", token, line, err, want)
		}
	}
}

func TestIncompleteBodyIsToldFromThreats(t *testing.T) {
	front := withPolicies(t, backend(t, func(http.ResponseWriter, *http.Request) { t.Error("the backend was called") }), `json-threat - {}`)
	conn, err := net.Dial("tcp", front.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "POST /echo/1.0/any HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer good\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{}")
	conn.(*net.TCPConn).CloseWrite()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || res.StatusCode != 400 {
		t.Fatalf("%v, %v", res, err)
	}
	if body, _ := io.ReadAll(res.Body); !strings.Contains(string(body), "102511") {
		t.Errorf("answered with %s", body)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	front := withPolicies(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, r.URL.RawQuery)
		if strings.HasPrefix(r.URL.RawQuery, "flush") {
			w.(http.Flusher).Flush()
			io.WriteString(w, "more")
		}
	}), `body-size response {"max":10}`)
	get := func(query string) (*http.Response, string, error) {
		r, err := http.NewRequest("GET", front.URL+"/echo/1.0/any?"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		res := do(t, r)
		body, err := io.ReadAll(res.Body)
		return res, string(body), err
	}
	for query, want := range map[string]int{"1234567890": 200, "12345678901": 502, "flush": 200} {
		if res, body, err := get(query); res.StatusCode != want || err != nil || want == 200 && !strings.HasPrefix(body, query) {
			t.Errorf("%s: status %d, %q, %v, want %d", query, res.StatusCode, body, err, want)
		}
	}
	if _, body, err := get("flush789"); err == nil {
		t.Errorf("check 126: an answer that is cut off ends as if it were complete: %q", body)
	}
}

func TestTimeouts(t *testing.T) {
	done := make(chan bool)
	target := backend(t, func(w http.ResponseWriter, r *http.Request) {
		wait := func() {
			select {
			case <-r.Context().Done():
			case <-done:
			}
		}
		switch r.URL.RawQuery {
		case "silent":
			wait()
		case "stalls":
			io.WriteString(w, "data: x\n")
			w.(http.Flusher).Flush()
			wait()
		case "drips":
			for r.Context().Err() == nil {
				io.WriteString(w, "data: x\n")
				w.(http.Flusher).Flush()
			}
		default:
			io.ReadAll(r.Body)
		}
	})
	t.Cleanup(func() { close(done) }) // runs before the backend closes
	for _, tt := range []struct {
		name, policy, query string
		status              int
		cut                 bool
	}{
		{"check 129: no first byte", `timeouts - {"firstByte":"20ms"}`, "silent", 504, false},
		{"check 129: the whole call", `timeouts - {"whole":"20ms"}`, "silent", 504, false},
		{"check 129: silence within the answer", `timeouts - {"idle":"20ms"}`, "stalls", 200, true},
		{"the whole call ends a stream", `timeouts - {"whole":"50ms"}`, "drips", 200, true},
		{"in time", `timeouts - {"firstByte":"30s","idle":"30s","whole":"30s"}`, "", 200, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			front := withPolicies(t, target, `timeouts - {"firstByte":"1ms","whole":"1ms"}`, tt.policy) // the last one holds
			r, err := http.NewRequest("GET", front.URL+"/echo/1.0/any?"+tt.query, nil)
			if err != nil {
				t.Fatal(err)
			}
			res := do(t, r)
			body, err := io.ReadAll(res.Body)
			if res.StatusCode != tt.status || (err != nil) != tt.cut {
				t.Errorf("status %d, %.80q, %v", res.StatusCode, body, err)
			}
			if tt.status == 504 && !strings.Contains(string(body), "101504") {
				t.Errorf("answered with %s", body)
			}
		})
	}
}

func TestTimeoutsHoldForHTTP2Backends(t *testing.T) {
	target := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	target.EnableHTTP2 = true
	target.StartTLS()
	defer target.Close()
	roots := x509.NewCertPool()
	roots.AddCert(target.Certificate())
	_, front := serve(t, target.URL, func(g *gateway.Gateway) {
		g.Roots = roots
		g.APIs.(*store).apis["echo"].Settings.Policies = saidPolicies(`timeouts - {"firstByte":"20ms"}`)
	})
	if res, body := post(t, front, "text/plain", "x"); res.StatusCode != 504 || !strings.Contains(body, "101504") {
		t.Errorf("answered with %d %s, want 504", res.StatusCode, body)
	}
}

func TestThreatsAreRefused(t *testing.T) {
	front := withPolicies(t, backend(t, echo),
		`json-threat - {"maxJsonDepth":3,"maxPropertyCount":2,"maxArrayElementCount":2,"maxStringLength":4,"maxKeyLength":3,"refuseRepeated":true}`,
		`xml-threat - {"maxXMLDepth":3,"maxElementCount":5,"maxChildrenPerElement":2,"maxAttributeCount":2,"maxAttributeLength":4,"maxTextLength":4,"maxNameLength":3}`)
	for _, tt := range []struct {
		name, media, body string
		status            int
		want              string
	}{
		{"json", "application/json", `{"a":[1,{"b":"abcd"}],"c":null}`, 200, ""},
		{"json by suffix", "application/problem+json; charset=UTF-8", ` [[[]]] `, 200, ""},
		{"depth", "application/json", `[[[[]]]]`, 400, "Threat Protection-JSON: Depth Limit [3] Reached"},
		{"depth that would never end", "application/json", strings.Repeat("[", 100_000), 400, "Depth Limit [3] Reached"},
		{"properties", "application/json", `{"a":1,"b":2,"c":3}`, 400, "Max Property Count [2] Reached"},
		{"elements", "application/json", `[1,2,3]`, 400, "Max Array Length [2] Reached"},
		{"string", "application/json", `["12345"]`, 400, "Max String Length [4] Reached"},
		{"number", "application/json", `[12345]`, 400, "Max String Length [4] Reached"},
		{"name", "application/json", `{"abcd":1}`, 400, "Max Key Length [3] Reached"},
		{"repeated", "application/json", `{"a":1,"a":2}`, 400, "stands twice"},
		{"no json", "application/json", `{"a":1`, 400, "parsing the JSON payload"},
		{"json and more", "application/json", `{} {}`, 400, "parsing the JSON payload"},
		{"not in UTF-8", "application/json", "\"\xff\"", 400, "parsing the JSON payload"},
		{"another encoding", "application/json; charset=utf-16", `{}`, 415, "UTF-8"},
		{"other media pass", "text/plain", strings.Repeat("[", 100), 200, ""},

		{"xml", "text/xml", `<?xml version="1.0"?><a x="1" y="2"><b>text</b><!-- all is well --></a>`, 200, ""},
		{"xml by suffix", "application/soap+xml", ` <p:a xmlns:p="urn"/> `, 200, ""},
		{"xml depth", "application/xml", `<a><a><a><a/></a></a></a>`, 400, "Threat Protection-XML: Depth Limit [3] Reached"},
		{"xml elements", "application/xml", `<a><b><c/><c/></b><b><c/></b></a>`, 400, "Max Element Count [5] Reached"},
		{"xml children", "application/xml", `<a><b/><b/><b/></a>`, 400, "Max Children Per Element [2] Reached"},
		{"xml attributes", "application/xml", `<a x="" y="" z=""/>`, 400, "Max Attribute Count [2] Reached"},
		{"xml attribute", "application/xml", `<a x="12345"/>`, 400, "Max Attribute Length [4] Reached"},
		{"xml text", "application/xml", `<a>12<!-- -->345</a>`, 400, "Max Text Length [4] Reached"},
		{"xml name", "application/xml", `<abcd/>`, 400, "Max Name Length [3] Reached"},
		{"check 132: a document type", "application/xml", `<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`, 400, "Document types"},
		{"check 132: an entity", "application/xml", `<a>&b;</a>`, 400, "parsing the XML payload"},
		{"an instruction", "application/xml", `<?xml-stylesheet href="x"?><a/>`, 400, "Processing instructions"},
		{"two elements", "application/xml", `<a/><a/>`, 400, "parsing the XML payload"},
		{"text outside", "application/xml", `<a/>b`, 400, "parsing the XML payload"},
		{"none", "application/xml", ` `, 400, "parsing the XML payload"},
		{"tags that do not match", "application/xml", `<a></b>`, 400, "parsing the XML payload"},
		{"an attribute twice", "application/xml", `<a x="" x=""/>`, 400, "parsing the XML payload"},
		{"another encoding of xml", "application/xml", `<?xml version="1.0" encoding="UTF-7"?><a/>`, 400, "parsing the XML payload"},
	} {
		res, body := post(t, front, tt.media, tt.body)
		if res.StatusCode != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s: %.60s: %d %.200s, want %d %s", tt.name, tt.body, res.StatusCode, body, tt.status, tt.want)
		}
	}
	for more, want := range map[string]int{"Content-Encoding: gzip\n": 415, "Content-Encoding: identity\n": 200, "Content-Type: text/plain\n": 400} {
		if res, _ := post(t, front, "application/json", "{}", more); res.StatusCode != want {
			t.Errorf("with %q: status %d, want %d", more, res.StatusCode, want)
		}
	}
}

func TestOtherMediaAreRefusedWhenTheyAreToBe(t *testing.T) {
	front := withPolicies(t, backend(t, echo), `json-threat - {"refuseOthers":true}`)
	for media, want := range map[string]int{"application/json": 200, "text/plain": 415, "": 415, "application/xml": 415} {
		if res, _ := post(t, front, media, "1"); res.StatusCode != want {
			t.Errorf("a body of %q is answered %d, want %d", media, res.StatusCode, want)
		}
		if res, _ := pieces(t, front, media, "1"); res.StatusCode != want {
			t.Errorf("a body of %q in pieces is answered %d, want %d", media, res.StatusCode, want)
		}
		if res, _ := post(t, front, media, ""); res.StatusCode != 200 {
			t.Errorf("a call without a body is answered %d", res.StatusCode)
		}
	}
}
