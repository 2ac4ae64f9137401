//go:build faults

package faults

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A client that is slow is cut after so long; see internal/server/pace.go. The grace is for
// what comes before we wait for it: 2,000 connections, and answers that fill the buffers on
// their way.
const (
	headCut = 10 * time.Second
	bodyCut = 20 * time.Second
	takeCut = 20 * time.Second
	grace   = 5 * time.Second
)

// drips sends head, then a byte of rest every second, until the server ends the
// connection or the time is over. It returns how long the server let it.
func drips(url, head string, limit time.Duration) (time.Duration, bool) {
	conn, err := net.DialTimeout("tcp", address(url), 10*time.Second)
	if err != nil {
		return 0, false
	}
	defer conn.Close()
	began := time.Now()
	conn.SetDeadline(began.Add(limit))
	if _, err := io.WriteString(conn, head); err != nil {
		return 0, false
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		io.Copy(io.Discard, conn)
	}()
	drop := time.NewTicker(time.Second)
	defer drop.Stop()
	for {
		select {
		case <-ended:
			took := time.Since(began)
			return took, took < limit
		case <-drop.C:
			io.WriteString(conn, "x")
		}
	}
}

// R20 and check 129: 2,000 clients that are slow with heads, bodies and answers.
func TestR20SlowClients(t *testing.T) {
	n := 500
	if testing.Short() {
		n = 50
	}
	const watched = time.Minute
	h := furnish(t)
	h.Gateway = h.GatewayHTTP
	token := h.signIn(t).Access
	var mu sync.Mutex
	var untaken []time.Duration // how long the answers lasted that nobody took
	var begun atomic.Int64
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			io.Copy(io.Discard, r.Body)
			return
		}
		begun.Add(1)
		began := time.Now()
		part := make([]byte, 1<<20)
		for range 64 {
			if _, err := w.Write(part); err != nil {
				break
			}
		}
		mu.Lock()
		defer mu.Unlock()
		untaken = append(untaken, time.Since(began))
	}))
	defer backend.Close()
	slow := h.offer(t, "slow", backend.URL, 2000)
	calm := percentile(h.latencies(token, 500), 0.99)

	cut := map[string][]time.Duration{}
	var spared []string
	var wg sync.WaitGroup
	attack := func(kind, head string) {
		for range n {
			wg.Go(func() {
				took, ended := drips(h.GatewayHTTP, head, watched)
				mu.Lock()
				defer mu.Unlock()
				if cut[kind] = append(cut[kind], took); !ended {
					spared = append(spared, fmt.Sprint(kind, " after ", took))
				}
			})
		}
	}
	attack("head", "GET "+call+" HTTP/1.1\r\nHost: x\r\nX-A: ")
	attack("body", slow.head("POST", "Content-Length: 1000000\r\n"))
	attack("body that is not read", "POST "+call+" HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
	for range n {
		conn := connect(t, h.GatewayHTTP, 2*watched)
		must(t, conn.(*net.TCPConn).SetReadBuffer(4096))
		_, err := io.WriteString(conn, slow.head("GET", ""))
		must(t, err)
	}
	busy := percentile(h.latencies(token, 2000), 0.99)
	wg.Wait()
	all := func() int {
		mu.Lock()
		defer mu.Unlock()
		return int(begun.Load()) - len(untaken)
	}
	if left := settles(all, 0, watched/2); left > 0 || int(begun.Load()) != n {
		spared = append(spared, fmt.Sprintf("%d answers of %d", left, begun.Load()))
	}
	none(t, "R20", fmt.Sprint("not cut of ", 4*n, " slow clients"), spared)
	for kind, limit := range map[string]time.Duration{"head": headCut, "body": bodyCut, "body that is not read": bodyCut} {
		slowest := percentile(cut[kind], 1)
		figures.add(t, "R20", "slowest cut of a "+kind, slowest.Round(time.Millisecond), fmt.Sprint(limit+grace), slowest <= limit+grace)
	}
	slowest := percentile(untaken, 1)
	figures.add(t, "R20", "slowest cut of an answer", slowest.Round(time.Millisecond), fmt.Sprint(takeCut+grace), slowest <= takeCut+grace)
	figures.add(t, "R20", "99th of other calls", fmt.Sprint(ms(busy), " (before: ", ms(calm), ")"), "twice", busy <= 2*calm)
}

// R23: large bodies both ways, with readers that pause: they pass through and are held
// nowhere.
func TestR23LargeBodiesPassThrough(t *testing.T) {
	clients, size := 200, int64(50<<20)
	if testing.Short() {
		clients = 20
	}
	temporary := t.TempDir()
	h := furnish(t, "GATEHOUSE_MAX_BODY=64MiB", "TMPDIR="+temporary)
	part := make([]byte, 64<<10)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			n, err := io.Copy(io.Discard, pausing{r.Body, new(int64)})
			fmt.Fprint(w, n, " ", err)
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(size))
		for range size / int64(len(part)) {
			w.Write(part)
		}
	}))
	defer backend.Close()
	large := h.offer(t, "large", backend.URL, 500)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	for _, way := range []string{http.MethodPost, http.MethodGet} {
		var mu sync.Mutex
		var wrong []string
		h.grows(t, "R23", way, 64<<20, func() {
			var wg sync.WaitGroup
			for range clients {
				wg.Go(func() {
					if err := moves(client, large, way, size); err != nil {
						mu.Lock()
						defer mu.Unlock()
						wrong = append(wrong, err.Error())
					}
				})
			}
			wg.Wait()
		})
		none(t, "R23", fmt.Sprintf("not whole of %d bodies of %d MiB, %s", clients, size>>20, way), wrong)
	}
	none(t, "R23", "temporary files", temporaries(t, h, temporary))
}

// moves sends or gets a large body.
func moves(client *http.Client, large api, way string, size int64) error {
	var body io.Reader
	if way == http.MethodPost {
		body = io.LimitReader(zeroes{}, size)
	}
	r, err := http.NewRequest(way, large.url, body)
	if err != nil {
		return err
	}
	if body != nil {
		r.ContentLength = size
	}
	r.Header.Set("Authorization", "Bearer "+large.token)
	res, err := client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if way == http.MethodPost {
		text, err := io.ReadAll(res.Body)
		if want := fmt.Sprint(size, " <nil>"); string(text) != want || err != nil {
			return fmt.Errorf("%d %q, %w", res.StatusCode, text, err)
		}
		return nil
	}
	if n, err := io.Copy(io.Discard, pausing{bufio.NewReader(res.Body), new(int64)}); n != size || err != nil {
		return fmt.Errorf("%d, %d bytes, %w", res.StatusCode, n, err)
	}
	return nil
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// pausing is a reader that rests for 100 ms at every 8 MiB.
type pausing struct {
	io.Reader
	n *int64
}

func (p pausing) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if *p.n += int64(n); *p.n >= 8<<20 {
		*p.n = 0
		time.Sleep(100 * time.Millisecond)
	}
	return n, err
}

// temporaries returns the files that the process left in a folder or holds without a name.
func temporaries(t *testing.T, h *house, folder string) (all []string) {
	t.Helper()
	left, err := os.ReadDir(folder)
	must(t, err)
	for _, f := range left {
		all = append(all, f.Name())
	}
	open := fmt.Sprintf("/proc/%d/fd/", h.PID())
	held, err := os.ReadDir(open)
	must(t, err)
	for _, f := range held {
		if name, err := os.Readlink(open + f.Name()); err == nil && strings.HasSuffix(name, "(deleted)") {
			all = append(all, name)
		}
	}
	return all
}
