//go:build faults

package faults

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// leaving is what clients saw of a node that ends. Clients come through a load balancer
// that asks whether the node is ready, every 50 ms: once it is not, they open no new
// connections, and use on those they have.
type leaving struct {
	mu       sync.Mutex
	unready  atomic.Int64 // when it was first seen, in Unix nanoseconds
	answered int
	broken   []string // resets and connections that were refused
	failed   []string // 5xx
}

func (l *leaving) saw(who string, res *http.Response, err error) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		_, err = io.Copy(io.Discard, res.Body)
		res.Body.Close()
	}
	switch {
	case err != nil:
		l.broken = append(l.broken, who+": "+err.Error())
		return false
	case res.StatusCode >= 500:
		l.failed = append(l.failed, fmt.Sprint(who, ": ", res.StatusCode))
	}
	l.answered++
	return true
}

// keepsCalling calls over a connection that it keeps, until it is told that the
// connection ends and that the node is not ready.
func (l *leaving) keepsCalling(t *testing.T, a api, how string, protocols *http.Protocols) {
	client := &http.Client{Transport: &http.Transport{Protocols: protocols, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, Timeout: 20 * time.Second}
	defer client.CloseIdleConnections()
	for {
		seen := l.unready.Load()
		res, err := client.Do(a.request(t, http.MethodGet, nil))
		if !l.saw(how, res, err) {
			return
		}
		// A client of HTTP/2 hears of the end of its connection below what it can see.
		ends := res.Close || res.ProtoMajor == 2 && time.Since(time.Unix(0, seen)) > 200*time.Millisecond
		if seen != 0 && ends {
			return
		}
	}
}

// asksLate asks once on a connection, which then is idle until some time within the drain.
func (l *leaving) asksLate(t *testing.T, h *house, a api, began *sync.WaitGroup, stopped <-chan struct{}, drain time.Duration) {
	conn := connect(t, h.GatewayHTTP, 30*time.Second)
	in := bufio.NewReader(conn)
	ask := func() (*http.Response, error) {
		if _, err := io.WriteString(conn, a.head("GET", "")); err != nil {
			return nil, err
		}
		return http.ReadResponse(in, nil)
	}
	res, err := ask()
	fine := l.saw("idle, first", res, err)
	began.Done()
	if !fine {
		return
	}
	<-stopped
	time.Sleep(time.Duration(rand.Int64N(int64(drain * 9 / 10))))
	if res, err = ask(); l.saw("idle, in the drain", res, err) && !res.Close {
		l.mu.Lock()
		l.broken = append(l.broken, "idle: an answer in the drain did not end the connection")
		l.mu.Unlock()
	}
}

// R17: SIGTERM under load, with clients that keep their connections.
func TestR17StoppedUnderLoad(t *testing.T) {
	const drain = 2 * time.Second
	h := furnish(t, "GATEHOUSE_DRAIN="+drain.String())
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pause := time.Duration(rand.Int64N(int64(30 * time.Millisecond)))
		if r.URL.RawQuery == "slow" {
			pause = 4 * time.Second // begins before the end, ends behind the drain
		}
		time.Sleep(pause)
		io.WriteString(w, "whole")
	}))
	defer backend.Close()
	plain := h.offer(t, "quick", backend.URL, 500)
	secure := plain
	secure.url = h.Gateway + plain.url[len(h.GatewayHTTP):]
	var http1, http2, h2c http.Protocols
	http1.SetHTTP1(true)
	http2.SetHTTP2(true)
	h2c.SetUnencryptedHTTP2(true)

	var l leaving
	var clients, began sync.WaitGroup
	stopped := make(chan struct{})
	for range 12 {
		clients.Go(func() { l.keepsCalling(t, plain, "HTTP/1.1", &http1) })
		clients.Go(func() { l.keepsCalling(t, secure, "HTTP/1.1 over TLS", &http1) })
		clients.Go(func() { l.keepsCalling(t, plain, "HTTP/2", &h2c) })
		clients.Go(func() { l.keepsCalling(t, secure, "HTTP/2 over TLS", &http2) })
	}
	for range 100 {
		began.Add(1)
		clients.Go(func() { l.asksLate(t, h, plain, &began, stopped, drain) })
	}
	began.Wait()
	long := plain
	long.url += "?slow"
	for range 20 {
		clients.Go(func() {
			res, err := h.client.Do(long.request(t, http.MethodGet, nil))
			l.saw("in flight", res, err)
		})
	}
	time.Sleep(time.Second) // of load
	h.stop(t, &l, stopped, &clients)
	none(t, "R17", fmt.Sprintf("connections broken or refused, %d answers", l.answered), l.broken)
	none(t, "R17", "answers 5xx", l.failed)
}

// stop sends SIGTERM and tells in which order things ended.
func (h *house) stop(t *testing.T, l *leaving, stopped chan struct{}, clients *sync.WaitGroup) {
	t.Helper()
	ready := &http.Client{Transport: &http.Transport{}, Timeout: time.Second}
	defer ready.CloseIdleConnections()
	var closed atomic.Int64
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for {
			res, err := ready.Get(h.Ops + "/readyz")
			if err != nil {
				return
			}
			res.Body.Close()
			if res.StatusCode == http.StatusServiceUnavailable {
				l.unready.CompareAndSwap(0, time.Now().UnixNano())
			}
			if conn, err := tls.Dial("tcp", address(h.Gateway), &tls.Config{InsecureSkipVerify: true}); err == nil {
				conn.Close()
			} else if errors.Is(err, syscall.ECONNREFUSED) {
				closed.CompareAndSwap(0, time.Now().UnixNano())
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	began := time.Now()
	close(stopped)
	code := h.Stop(t)
	took := time.Since(began)
	<-watched
	clients.Wait()
	between := time.Duration(closed.Load() - l.unready.Load())
	ordered := l.unready.Load() != 0 && closed.Load() != 0 && between > 0
	figures.add(t, "R17", "from not ready to no new connections", ms(between), "more than 0", ordered)
	figures.add(t, "R17", fmt.Sprintf("until the exit, with code %d", code), took.Round(time.Millisecond), "30s and 0", code == 0 && took <= 30*time.Second)
	if !ordered || code != 0 {
		t.Errorf("ended with %d; not ready came %v before the closed door", code, between)
	}
}
