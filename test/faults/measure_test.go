//go:build faults

package faults

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// api is one more API, with an application's token for it.
type api struct{ url, token string }

const openDefinition = `
openapi: 3.0.3
info: {title: %s, version: 1.0.0}
paths:
  /articles:
    get: {responses: {'200': {description: OK}}}
    post: {responses: {'200': {description: OK}}}
`

// offer publishes an API with a backend, which so many calls may wait for at once, and
// subscribes an application of its own.
func (h *house) offer(t *testing.T, name, backend string, inFlight int) api {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	file, err := form.CreateFormFile("file", "definition.yaml")
	must(t, err)
	_, err = fmt.Fprintf(file, openDefinition, name)
	must(t, err)
	must(t, form.WriteField("additionalProperties", `{"name":"`+name+`","version":"1.0.0","context":"/`+name+`","policies":["Unlimited"],`+
		`"endpointConfig":{"endpoint_type":"http","production_endpoints":{"url":"`+backend+`"},"gatehouse":{"production":{"inFlight":`+fmt.Sprint(inFlight)+`}}}}`))
	must(t, form.Close())
	r := request(t, h.Portal+"/api/am/publisher/v4/apis/import-openapi", body.String())
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Authorization", "Bearer "+h.manager)
	var made struct{ ID string }
	h.json(t, r, &made)
	h.json(t, h.manage(t, "/api/am/publisher/v4/apis/change-lifecycle?action=Publish&apiId="+made.ID, nil), nil)

	var app struct{ ApplicationID string }
	h.json(t, h.manage(t, "/api/am/devportal/v3/applications", map[string]any{"name": name, "throttlingPolicy": "Unlimited", "tokenType": "JWT"}), &app)
	var keys struct{ ConsumerKey, ConsumerSecret string }
	h.json(t, h.manage(t, "/api/am/devportal/v3/applications/"+app.ApplicationID+"/generate-keys",
		map[string]any{"keyType": "PRODUCTION", "grantTypesToBeSupported": []string{"client_credentials"}}), &keys)
	h.json(t, h.manage(t, "/api/am/devportal/v3/subscriptions", map[string]any{"applicationId": app.ApplicationID, "apiId": made.ID, "throttlingPolicy": "Unlimited"}), nil)
	r = request(t, h.Gateway+"/token", "grant_type=client_credentials")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(keys.ConsumerKey, keys.ConsumerSecret)
	var token tokens
	h.json(t, r, &token)
	return api{url: h.GatewayHTTP + "/t/johnsorg/" + name + "/1.0.0/articles", token: token.Access}
}

// head returns the lines of a request for a that raw connections send.
func (a api) head(method, more string) string {
	host, path, _ := strings.Cut(strings.TrimPrefix(a.url, "http://"), "/")
	return method + " /" + path + " HTTP/1.1\r\nHost: " + host + "\r\nAuthorization: Bearer " + a.token + "\r\n" + more + "\r\n"
}

// request returns a request for a.
func (a api) request(t testing.TB, method string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, a.url, body)
	must(t, err)
	r.Header.Set("Authorization", "Bearer "+a.token)
	return r
}

// address returns the host and port of a URL.
func address(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	return rest
}

// connect opens a raw connection that answers soon or fails; it ends with the test.
func connect(t testing.TB, url string, within time.Duration) net.Conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", address(url), within)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	must(t, c.SetDeadline(time.Now().Add(within)))
	return c
}

// memory returns what the process holds, in bytes.
func (h *house) memory(t testing.TB) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.PID()))
	must(t, err)
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	must(t, err)
	return kib << 10
}

// grows runs do and tells by how much more the process held at most meanwhile.
func (h *house) grows(t testing.TB, number, what string, most int64, do func()) {
	t.Helper()
	h.ops(t, "/debug/pprof/heap?gc=1") // the hashes of passwords are not to hide what comes
	before := h.memory(t)
	held := h.most(t, do)
	figures.add(t, number, fmt.Sprintf("memory grown by, MiB, from %d, %s", before>>20, what), (held-before)>>20, fmt.Sprint(most>>20), held-before <= most)
}

// most runs do and returns the most that the process held meanwhile.
func (h *house) most(t testing.TB, do func()) int64 {
	t.Helper()
	var most atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
				most.Store(max(most.Load(), h.memory(t)))
			}
		}
	}()
	do()
	close(stop)
	<-stopped
	return max(most.Load(), h.memory(t))
}

// cpu returns the CPU time that the process has used, to 10 ms.
func (h *house) cpu(t testing.TB) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", h.PID()))
	must(t, err)
	_, rest, _ := strings.Cut(string(text), ") ")
	var sum time.Duration
	for _, ticks := range strings.Fields(rest)[11:13] { // of user and of system
		n, err := strconv.ParseInt(ticks, 10, 64)
		must(t, err)
		sum += time.Duration(n) * time.Second / 100
	}
	return sum
}

// files returns how many file descriptors the process has open.
func (h *house) files(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", h.PID()))
	must(t, err)
	return len(list)
}

var goroutineTotal = regexp.MustCompile(`goroutine profile: total (\d+)`)

// goroutines returns how many the process runs.
func (h *house) goroutines(t testing.TB) int {
	t.Helper()
	found := goroutineTotal.FindStringSubmatch(h.ops(t, "/debug/pprof/goroutine?debug=1"))
	if found == nil {
		t.Fatal("no count of goroutines")
	}
	n, err := strconv.Atoi(found[1])
	must(t, err)
	return n
}

// metric returns the sum of a metric over its labels.
func (h *house) metric(t testing.TB, name string) (sum float64) {
	t.Helper()
	for line := range strings.Lines(h.ops(t, "/metrics")) {
		if rest, ok := strings.CutPrefix(line, name); ok && (rest[0] == ' ' || rest[0] == '{') {
			fields := strings.Fields(line)
			value, err := strconv.ParseFloat(fields[len(fields)-1], 64)
			must(t, err)
			sum += value
		}
	}
	return sum
}

// ops asks the ops listener.
func (h *house) ops(t testing.TB, path string) string {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, h.Ops+path, nil)
	must(t, err)
	status, body, err := h.send(r)
	must(t, err)
	if status != http.StatusOK {
		t.Fatalf("%s: %d %s", path, status, body)
	}
	return string(body)
}

// settles waits until a count has come down to what it was and returns what it ends at.
func settles(count func() int, was int, within time.Duration) int {
	for end := time.Now().Add(within); ; time.Sleep(100 * time.Millisecond) {
		if n := count(); n <= was || time.Now().After(end) {
			return n
		}
	}
}

// ms rounds a time for the table.
func ms(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
