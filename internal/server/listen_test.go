package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
)

// answerOn listens on free ports and serves h until the test ends.
func answerOn(t *testing.T, h http.HandlerFunc, list ...config.Listener) listeners {
	t.Helper()
	cert, err := openCertificate(config.Config{Data: t.TempDir()}, quiet, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	ls, err := listen(t.Context(), "gateway-listen", list, 0, cert, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("GATEHOUSE_ENGINE") != "nethttp" {
		ls.speakOwn(quiet)
	}
	failed := make(chan error, len(ls))
	ls.serve(h, failed)
	t.Cleanup(func() {
		ls.shutdown(context.Background(), 0)
		select {
		case err := <-failed:
			t.Error(err)
		default:
		}
	})
	return ls
}

func plainHTTP(t *testing.T, h http.HandlerFunc) *listener {
	t.Helper()
	return answerOn(t, h, config.Listener{Addr: "127.0.0.1:0"})[0]
}

func insecure(protocols *http.Protocols) *http.Client {
	return &http.Client{Transport: &http.Transport{Protocols: protocols, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
}

func TestListenersAnswer(t *testing.T) {
	http1, http2, h2c := new(http.Protocols), new(http.Protocols), new(http.Protocols)
	http1.SetHTTP1(true)
	http2.SetHTTP2(true)
	h2c.SetUnencryptedHTTP2(true)
	ls := answerOn(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) },
		config.Listener{TLS: true, Addr: ":0"}, config.Listener{Addr: "127.0.0.1:0"})
	for _, test := range []struct {
		name      string
		l         *listener
		scheme    string
		protocols *http.Protocols
		want      string
	}{
		{"TLS, HTTP/1.1", ls[0], "https://127.0.0.1:", http1, "HTTP/1.1"},
		{"TLS, HTTP/2", ls[0], "https://127.0.0.1:", http2, "HTTP/2.0"},
		{"plain, HTTP/1.1", ls[1], "http://127.0.0.1:", http1, "HTTP/1.1"},
		{"plain, HTTP/2 as gRPC clients begin it", ls[1], "http://127.0.0.1:", h2c, "HTTP/2.0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if !strings.HasPrefix(test.l.url(), test.scheme) || strings.HasSuffix(test.l.url(), ":0") {
				t.Fatalf("bound to %s", test.l.url())
			}
			client := insecure(test.protocols)
			defer client.CloseIdleConnections()
			resp, err := client.Get(test.l.url())
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if body, _ := io.ReadAll(resp.Body); string(body) != test.want {
				t.Errorf("spoke %s", body)
			}
		})
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	l := answerOn(t, http.NotFound, config.Listener{TLS: true, Addr: "127.0.0.1:0"})[0]
	_, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	if err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("got %v", err)
	}
}

// Check 127: a head that is too large is refused, and says what of it is.
func TestLimitsOfTheHead(t *testing.T) {
	l := plainHTTP(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	for _, test := range []struct {
		name, target, headers string
		want                  int
	}{
		{"a target within the limit", "/" + strings.Repeat("a", maxTarget-1), "", 204},
		{"a target beyond it", "/" + strings.Repeat("a", maxTarget), "", 414},
		{"a query beyond it", "/?" + strings.Repeat("a", maxTarget), "", 414},
		{"a target of 128 KiB", "/" + strings.Repeat("a", 128<<10), "", 431},
		{"a header within the limit", "/", "X-A: " + strings.Repeat("a", 60<<10) + "\r\n", 204},
		{"a header of 1 MiB", "/", "X-A: " + strings.Repeat("a", 1<<20) + "\r\n", 431},
		{"20,000 headers", "/", strings.Repeat("X-A: b\r\n", 20_000), 431},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(10 * time.Second))
			go fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", test.target, test.headers)
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil || resp.StatusCode != test.want {
				t.Errorf("got %v, %v, want %d", resp, err, test.want)
			}
		})
	}
}

// Check 129: who is slow with the head is cut.
func TestSlowHeadersAreCut(t *testing.T) {
	if s := newHTTPServer(false, nil, quiet); s.ReadHeaderTimeout != headTimeout || s.IdleTimeout != idleTimeout || s.MaxHeaderBytes != maxHead || s.WriteTimeout != 0 {
		t.Errorf("limits %v, %v, %d, %v", s.ReadHeaderTimeout, s.IdleTimeout, s.MaxHeaderBytes, s.WriteTimeout)
	}
	ls, err := listen(t.Context(), "ops-listen", []config.Listener{{Addr: "127.0.0.1:0"}}, 0, nil, quiet)
	if err != nil {
		t.Fatal(err)
	}
	ls[0].server.ReadHeaderTimeout = 20 * time.Millisecond
	if os.Getenv("GATEHOUSE_ENGINE") != "nethttp" {
		ls.speakOwn(quiet)
	}
	ls.serve(http.NotFoundHandler(), make(chan error, 1))
	defer ls.shutdown(context.Background(), 0)
	conn, err := net.Dial("tcp", ls[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nX-A: ")
	if rest, err := io.ReadAll(conn); err != nil {
		t.Errorf("read %q, then %v; want the end of the connection", rest, err)
	}
}

func TestShutdownLetsRequestsEnd(t *testing.T) {
	for _, test := range []struct {
		name  string
		limit time.Duration
		done  bool // the request is let go before the limit
		want  string
	}{
		{"a request that ends is answered", 10 * time.Second, true, "whole answer"},
		{"a request that does not is cut", 10 * time.Millisecond, false, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			began, release := make(chan struct{}), make(chan struct{})
			l := plainHTTP(t, func(w http.ResponseWriter, r *http.Request) {
				close(began)
				select {
				case <-release:
				case <-r.Context().Done():
				}
				io.WriteString(w, "whole answer")
			})
			answer := make(chan string)
			go func() {
				resp, err := http.Get(l.url())
				if err != nil {
					answer <- ""
					return
				}
				defer resp.Body.Close()
				body, _ := io.ReadAll(resp.Body)
				answer <- string(body)
			}()
			<-began
			stopped := make(chan error)
			go func() { stopped <- listeners{l}.shutdown(context.Background(), test.limit) }()
			for { // until the port is closed
				conn, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					break
				}
				conn.Close()
			}
			if test.done {
				close(release)
			}
			if err := <-stopped; (err == nil) != test.done {
				t.Errorf("shutdown says %v", err)
			}
			if got := <-answer; got != test.want {
				t.Errorf("the client got %q", got)
			}
		})
	}
}

// While an address is left, it answers, on new connections too, and every answer ends its
// connection.
func TestDrainAnswersAndEndsConnections(t *testing.T) {
	for how, speak := range spoken() {
		t.Run(how, func(t *testing.T) {
			ls := hurried(t, time.Minute, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.RemoteAddr) })
			client, url := speak(ls)
			defer client.CloseIdleConnections()
			ask := func() string {
				resp, err := client.Get(url)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				return string(body)
			}
			kept := ask()
			if again := ask(); again != kept {
				t.Fatalf("before, connections are kept: %s, %s", kept, again)
			}
			ls.drain(0)
			if told := ask(); told != kept {
				t.Errorf("the connection ended before it was told: %s, %s", kept, told)
			}
			for deadline := time.Now().Add(10 * time.Second); ask() == kept; { // GOAWAY follows the answer
				if time.Now().After(deadline) {
					t.Fatal("the connection is used on")
				}
			}
		})
	}
}

// A handshake has its own use of the header that ends a connection.
func TestDrainLetsHandshakesBe(t *testing.T) {
	l := plainHTTP(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, w.Header().Get("Connection")) })
	listeners{l}.drain(0)
	conn := dial(t, l)
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(resp.Body); len(body) > 0 {
		t.Errorf("Connection: %s", body)
	}
}

func TestTakenAddressNamesItsSettingAndLeavesNothingBound(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	list := []config.Listener{{Addr: free.Addr().String()}, {Addr: taken.Addr().String()}}
	_, err = listen(t.Context(), "portal-listen", list, 0, nil, quiet)
	if err == nil || !strings.Contains(err.Error(), "portal-listen http://"+taken.Addr().String()) {
		t.Errorf("got %v", err)
	}
	again, err := net.Listen("tcp", free.Addr().String())
	if err != nil {
		t.Fatalf("the first address is still bound: %v", err)
	}
	again.Close()
}
