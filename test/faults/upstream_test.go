//go:build faults

package faults

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// rude returns the URL of a backend that reads a request and then does as it likes with
// the connection.
func rude(t *testing.T, do func(*net.TCPConn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					do(conn.(*net.TCPConn))
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// R21: backends that hang, reset, talk nonsense, answer half, or at too great a length.
func TestR21BackendsThatMisbehave(t *testing.T) {
	h := furnish(t)
	h.Gateway = h.GatewayHTTP
	token := h.signIn(t).Access
	const timeout = 30 * time.Second // for the head of an answer
	kinds := []struct {
		name   string
		want   string
		within time.Duration
		do     func(*net.TCPConn)
	}{
		{"hang", "504", timeout, func(c *net.TCPConn) { io.Copy(io.Discard, c) }},
		{"reset", "502", 0, func(c *net.TCPConn) { c.SetLinger(0) }},
		{"garbage", "502", 0, func(c *net.TCPConn) { io.WriteString(c, "\x00\x01 what?\r\n\r\n") }},
		{"half", "cut", 0, func(c *net.TCPConn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf") }},
		{"header", "502", 0, func(c *net.TCPConn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nX-A: "+strings.Repeat("a", 2<<20)+"\r\n\r\n")
		}},
	}
	apis := map[string]api{}
	for _, k := range kinds {
		apis[k.name] = h.offer(t, k.name, rude(t, k.do), 500)
	}
	calm := percentile(h.latencies(token, 1000), 0.99)
	h.client.CloseIdleConnections()
	before := h.goroutines(t)
	client := &http.Client{Transport: &http.Transport{}}
	var mu sync.Mutex
	var wrong []string
	slowest := map[string]time.Duration{}
	var wg sync.WaitGroup
	for _, k := range kinds {
		for range 4 {
			wg.Go(func() {
				for range 20 {
					time.Sleep(50 * time.Millisecond) // it is not to be a flood as well
					began := time.Now()
					got := outcome(client, apis[k.name].request(t, http.MethodGet, nil))
					took := time.Since(began)
					mu.Lock()
					if slowest[k.name] = max(slowest[k.name], took); got != k.want {
						wrong = append(wrong, k.name+": "+got)
					}
					mu.Unlock()
					if k.within > 0 {
						return // once is long enough
					}
				}
			})
		}
	}
	busy := percentile(h.latencies(token, 1000), 0.99)
	wg.Wait()
	none(t, "R21", "answers that are not 504, 502 or cut", wrong)
	for _, k := range kinds {
		limit := k.within + 500*time.Millisecond
		figures.add(t, "R21", "slowest answer, "+k.name, slowest[k.name].Round(time.Millisecond), limit.String(), slowest[k.name] <= limit)
	}
	figures.add(t, "R21", "99th of other calls", fmt.Sprint(ms(busy), " (before: ", ms(calm), ")"), "a tenth more", busy <= calm+calm/10)
	client.CloseIdleConnections()
	h.client.CloseIdleConnections()
	grown := settles(func() int { defer h.client.CloseIdleConnections(); return h.goroutines(t) }, before, 10*time.Second) - before
	figures.add(t, "R21", "goroutines left behind", grown, "0", grown <= 0)
	if grown > 10 { // a connection that is just being closed is not a leak
		t.Errorf("%d goroutines are left behind", grown)
	}
}

// outcome tells how a call ended: with a status, or cut off before its answer was whole.
func outcome(client *http.Client, r *http.Request) string {
	res, err := client.Do(r)
	if errors.Is(err, io.EOF) {
		return "cut"
	}
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return "cut"
	}
	return fmt.Sprint(res.StatusCode)
}

// R22: a backend that takes 5 s for each of 1,000 calls at once.
func TestR22SlowBackend(t *testing.T) {
	callers := 1000
	h := furnish(t)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(5 * time.Second):
		case <-r.Context().Done():
		}
	}))
	defer backend.Close()
	slow := h.offer(t, "slow", backend.URL, 500)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	answers := map[string]int{}
	var refused []time.Duration
	h.grows(t, "R22", "1,000 callers", 100<<20, func() {
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range callers {
			r := slow.request(t, http.MethodGet, nil)
			wg.Go(func() {
				began := time.Now()
				got := outcome(client, r)
				mu.Lock()
				defer mu.Unlock()
				if answers[got]++; got == "503" {
					refused = append(refused, time.Since(began))
				}
			})
		}
		wg.Wait()
	})
	if answers["200"] == callers {
		t.Skip("no cap of the calls in flight of one API: all 1,000 waited for the backend")
	}
	if answers["200"]+answers["503"] != callers || answers["200"] == 0 {
		t.Errorf("the answers are %v: want 200 and 503", answers)
	}
	slowest := percentile(refused, 0.99)
	figures.add(t, "R22", fmt.Sprint("99th of the 503s; answers: ", answers), ms(slowest), "100ms", slowest <= 100*time.Millisecond)
}
