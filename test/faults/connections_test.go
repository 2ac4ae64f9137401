//go:build faults

package faults

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// crowd is many raw connections that stay open.
type crowd struct {
	mu     sync.Mutex
	open   []net.Conn
	failed []string
	took   []time.Duration // from the dial to the first answer
}

// join opens n connections to url, by a number of dialers, asks once on each, and keeps
// them. It returns how long all of it took.
func (c *crowd) join(url string, n, dialers int, head string) time.Duration {
	began := time.Now()
	var wg sync.WaitGroup
	next := make(chan struct{}, n)
	for range n {
		next <- struct{}{}
	}
	close(next)
	for range dialers {
		wg.Go(func() {
			for range next {
				began := time.Now()
				conn, err := enter(url, head)
				c.mu.Lock()
				if c.took = append(c.took, time.Since(began)); err != nil {
					c.failed = append(c.failed, err.Error())
				} else {
					c.open = append(c.open, conn)
				}
				c.mu.Unlock()
			}
		})
	}
	wg.Wait()
	return time.Since(began)
}

func (c *crowd) leave() {
	for _, conn := range c.open {
		conn.Close()
	}
	c.open = nil
}

// enter opens a connection and asks once.
func enter(url, head string) (net.Conn, error) {
	conn, err := net.DialTimeout("tcp", address(url), 10*time.Second)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(time.Minute))
	if strings.HasPrefix(url, "https:") {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	}
	_, err = io.WriteString(conn, head)
	if err == nil {
		var res *http.Response
		if res, err = http.ReadResponse(bufio.NewReaderSize(conn, 16), nil); err == nil && res.StatusCode != http.StatusOK {
			err = fmt.Errorf("answered %d", res.StatusCode)
		}
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// R18: 5,000 connections in a second, plain and over TLS; then more than the limit.
func TestR18ConnectionsInAFlood(t *testing.T) {
	n, over := 5000, 1000
	if testing.Short() {
		n, over = 500, 100
	}
	h := furnish(t, fmt.Sprint("GATEHOUSE_MAX_CONNECTIONS=", n+100))
	h.Gateway, h.GatewayHTTP = h.GatewayHTTP, h.Gateway // the caller whose calls are timed is no part of the crowd over TLS
	token := h.signIn(t).Access
	head := "GET " + call + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\n\r\n"
	for _, url := range []string{h.Gateway, h.GatewayHTTP} {
		how, _, _ := strings.Cut(url, ":")
		calm := percentile(h.latencies(token, 300), 0.99)
		var all, surplus crowd
		var took time.Duration
		spent := h.cpu(t)
		joined := make(chan struct{})
		go func() {
			defer close(joined)
			took = all.join(url, n, 200, head)
		}()
		busy := percentile(h.latencies(token, 300), 0.99)
		<-joined
		figures.add(t, "R18", fmt.Sprint(n, " connections with a call each, ", how, ", took"), took.Round(time.Millisecond), "1s", took <= time.Second)
		figures.add(t, "R18", "CPU time of the server for each, "+how, (h.cpu(t)-spent)/time.Duration(n), "none", true)
		none(t, "R18", "refused below the limit, "+how, all.failed)
		figures.add(t, "R18", "99th of calls on a kept connection, "+how, fmt.Sprint(ms(busy), " (before: ", ms(calm), ")"), "twice", busy <= 2*calm)

		surplus.join(url, over, 50, head)
		counts := map[string]int{}
		for _, err := range surplus.failed {
			counts[refusal(err)]++
		}
		figures.add(t, "R18", fmt.Sprintf("refused of %d over the limit, %s: %v", over, how, counts), len(surplus.failed), fmt.Sprint("at least ", over-100), len(surplus.failed) >= over-100)
		if counts["other"] > 0 || len(surplus.failed) < over-100 {
			t.Errorf("%s: the excess was answered %v, the first %s", how, counts, surplus.failed[0])
		}
		all.leave()
		surplus.leave()
		open := func() int { return int(h.metric(t, "gatehouse_connections")) }
		if left := settles(open, 20, 10*time.Second); left > 20 {
			t.Errorf("%s: %d connections are left behind", how, left)
		}
		if h.calls(token) != http.StatusOK {
			t.Errorf("%s: no call works afterwards", how)
		}
	}
}

// refusal tells in which way a connection was refused.
func refusal(err string) string {
	switch {
	case strings.Contains(err, "answered 503"):
		return "503"
	case strings.Contains(err, "tls: internal error"):
		return "alert"
	case strings.Contains(err, "reset by peer"), strings.Contains(err, "broken pipe"):
		return "reset"
	case strings.HasSuffix(err, "EOF"):
		return "closed"
	}
	return "other"
}

// R19: 10,000 connections on which nothing happens.
func TestR19IdleConnections(t *testing.T) {
	n := 10_000
	if testing.Short() {
		n = 1000
	}
	h := furnish(t, fmt.Sprint("GATEHOUSE_MAX_CONNECTIONS=", n+100))
	token := h.signIn(t).Access
	head := "GET " + call + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\n\r\n"
	for _, url := range []string{h.GatewayHTTP, h.Gateway} {
		how, _, _ := strings.Cut(url, ":")
		var all crowd
		before := h.memory(t)
		all.join(url, n, 100, head)
		grown := h.memory(t) - before
		figures.add(t, "R19", fmt.Sprint("memory grown by with ", n, " idle, MiB, ", how), grown>>20, "250", grown <= 250<<20)
		none(t, "R19", "failed while they were opened, "+how, all.failed)
		var fresh, late crowd
		fresh.join(h.other(url), 300, 1, head)
		figures.add(t, "R19", "99th of a call on a fresh connection, "+how, ms(percentile(fresh.took, 0.99)), "20ms", percentile(fresh.took, 0.99) <= 20*time.Millisecond)
		none(t, "R19", "fresh ones that failed, "+how, fresh.failed)
		for _, conn := range all.open[:min(len(all.open), 500)] { // they still are what they were
			if _, err := io.WriteString(conn, head); err != nil {
				late.failed = append(late.failed, err.Error())
			} else if res, err := http.ReadResponse(bufio.NewReaderSize(conn, 16), nil); err != nil || res.StatusCode != http.StatusOK {
				late.failed = append(late.failed, fmt.Sprint(res, err))
			}
		}
		none(t, "R19", "idle ones that did not answer in the end, "+how, late.failed)
		fresh.leave()
		all.leave()
		settles(func() int { return int(h.metric(t, "gatehouse_connections")) }, 20, 20*time.Second)
	}
}

// other returns the gateway's other address: the one that url is not is not full.
func (h *house) other(url string) string {
	if url == h.Gateway {
		return h.GatewayHTTP
	}
	return h.Gateway
}
