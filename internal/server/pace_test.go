package server

import (
	"bufio"
	"bytes"
	"context"
	"errors"
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

// hurried answers on a plain address and one over TLS, and has no patience.
func hurried(t *testing.T, patience time.Duration, h http.HandlerFunc) listeners {
	t.Helper()
	ls, err := listen(t.Context(), "gateway-listen", []config.Listener{{Addr: "127.0.0.1:0"}, {TLS: true, Addr: "127.0.0.1:0"}}, 0, testCertificate(t), quiet)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range ls {
		l.pace = pace{body: patience, take: patience}
	}
	ls.serve(h, make(chan error, len(ls)))
	t.Cleanup(func() { ls.shutdown(context.Background(), 0) })
	return ls
}

// spoken are the ways to speak to the addresses of hurried.
func spoken() map[string]func(ls listeners) (client *http.Client, url string) {
	http1, http2, h2c := new(http.Protocols), new(http.Protocols), new(http.Protocols)
	http1.SetHTTP1(true)
	http2.SetHTTP2(true)
	h2c.SetUnencryptedHTTP2(true)
	return map[string]func(ls listeners) (*http.Client, string){
		"HTTP/1.1":          func(ls listeners) (*http.Client, string) { return insecure(http1), ls[0].url() },
		"HTTP/1.1 over TLS": func(ls listeners) (*http.Client, string) { return insecure(http1), ls[1].url() },
		"HTTP/2":            func(ls listeners) (*http.Client, string) { return insecure(h2c), ls[0].url() },
		"HTTP/2 over TLS":   func(ls listeners) (*http.Client, string) { return insecure(http2), ls[1].url() },
	}
}

// slow is a body that begins and does not go on until the test ends.
type slow struct {
	begin io.Reader
	end   <-chan struct{}
}

func (s *slow) Read(p []byte) (int, error) {
	if n, err := s.begin.Read(p); err == nil {
		return n, nil
	}
	<-s.end
	return 0, io.EOF
}

// Check 129: a body that does not arrive is cut, whoever waits for it.
func TestSlowBodiesAreCut(t *testing.T) {
	for how, speak := range spoken() {
		t.Run(how, func(t *testing.T) {
			read := make(chan error, 1)
			ls := hurried(t, 30*time.Millisecond, func(w http.ResponseWriter, r *http.Request) {
				_, err := io.Copy(io.Discard, r.Body)
				read <- err
				http.Error(w, "too slow", http.StatusRequestTimeout)
			})
			client, url := speak(ls)
			defer client.CloseIdleConnections()
			go client.Post(url, "text/plain", &slow{strings.NewReader("begun"), t.Context().Done()})
			if err := <-read; !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the body ended with %v, want a deadline", err)
			}
		})
	}
}

// Check 129: a byte now and then is not enough.
func TestBodiesInDropsAreCut(t *testing.T) {
	read := make(chan error, 1)
	ls := hurried(t, 200*time.Millisecond, func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		read <- err
	})
	conn := dial(t, ls[0])
	io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
	drop, enough := time.NewTicker(20*time.Millisecond), time.After(5*time.Second)
	defer drop.Stop()
	for {
		select {
		case err := <-read:
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the body ended with %v, want a deadline", err)
			}
			return
		case <-drop.C:
			io.WriteString(conn, "x")
		case <-enough:
			t.Fatal("the body is still waited for")
		}
	}
}

// Check 129: net/http reads away what the handler left of a body before it answers. That
// must end as well.
func TestSlowBodiesThatNobodyReadsAreCut(t *testing.T) {
	ls := hurried(t, 30*time.Millisecond, func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusUnauthorized) })
	conn := dial(t, ls[0])
	io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx")
	if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 401 ") {
		t.Errorf("read %q, %v; want 401 and the end of the connection", answer, err)
	}
}

// Check 129: an answer that is not taken is cut.
func TestSlowReadersAreCut(t *testing.T) {
	for how, speak := range spoken() {
		t.Run(how, func(t *testing.T) {
			wrote := make(chan error, 1)
			ls := hurried(t, 30*time.Millisecond, func(w http.ResponseWriter, r *http.Request) {
				var err error
				for part := make([]byte, 1<<20); err == nil; {
					_, err = w.Write(part)
				}
				wrote <- err
			})
			client, url := speak(ls)
			defer client.CloseIdleConnections()
			resp, err := client.Get(url)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			<-wrote // the client never reads, so only the cut ends the handler
		})
	}
}

// Who waits for us is not slow: silence of a backend is not cut, at the beginning of an
// answer, in its middle, before a body is read, or after.
func TestWhoWaitsIsNotCut(t *testing.T) {
	const patience = 50 * time.Millisecond
	for how, speak := range spoken() {
		t.Run(how, func(t *testing.T) {
			more := make(chan bool)
			ls := hurried(t, patience, func(w http.ResponseWriter, r *http.Request) {
				silence := func() { <-time.After(3 * patience) }
				silence()
				body := make([]byte, len("answered"))
				for _, half := range [][]byte{body[:4], body[4:]} {
					if _, err := io.ReadFull(r.Body, half); err != nil {
						t.Errorf("the body: %v", err)
					}
					silence()
					more <- true
				}
				w.Write(body)
				http.NewResponseController(w).Flush()
				silence()
				if r.Context().Err() != nil {
					t.Error("the request was cancelled")
				}
				io.WriteString(w, " in the end")
			})
			client, url := speak(ls)
			defer client.CloseIdleConnections()
			for range 2 { // the second on the same connection
				body, send := io.Pipe()
				go func() {
					io.WriteString(send, "answ")
					<-more
					io.WriteString(send, "ered")
					<-more
					send.Close()
				}()
				resp, err := client.Post(url, "text/plain", body)
				if err != nil {
					t.Fatal(err)
				}
				if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "answered in the end" {
					t.Errorf("read %q, %v", body, err)
				}
				resp.Body.Close()
				<-time.After(2 * patience)
			}
		})
	}
}

// A reverse proxy may read a body for its backend when the request has already ended. On
// HTTP/2 there is nothing left then to set a deadline on.
func TestBodiesThatAreReadTooLate(t *testing.T) {
	for _, speak := range spoken() {
		late := make(chan io.Reader, 1)
		ls := hurried(t, time.Minute, func(w http.ResponseWriter, r *http.Request) { late <- r.Body })
		client, url := speak(ls)
		resp, err := client.Post(url, "text/plain", strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		_, _ = io.ReadAll(<-late) // which must not panic; HTTP/2 hands over what has arrived
		client.CloseIdleConnections()
	}
}

// The body of a gRPC call may be a stream, on which nothing is said for hours.
func TestSilentStreamsOfGRPCAreNotCut(t *testing.T) {
	const patience = 30 * time.Millisecond
	ls := hurried(t, patience, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %v", body, err)
	})
	client, url := spoken()["HTTP/2"](ls)
	defer client.CloseIdleConnections()
	said, say := io.Pipe()
	go func() {
		io.WriteString(say, "one ")
		<-time.After(4 * patience)
		io.WriteString(say, "two")
		say.Close()
	}()
	resp, err := client.Post(url, "application/grpc", said)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); string(body) != "one two <nil>" {
		t.Errorf("read %q", body)
	}
}

// Check 128: a body that is refused is not asked for.
func TestContinueIsNotSentForNothing(t *testing.T) {
	l := plainHTTP(t, func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusUnauthorized) })
	conn := dial(t, l)
	io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
	if resp, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || resp.StatusCode != 401 {
		t.Errorf("got %v, %v", resp, err)
	}
}

// A large answer arrives whole, piece by piece.
func TestPiecesArrive(t *testing.T) {
	answer := bytes.Repeat([]byte("0123456789abcdef"), (5*piece+123)/16)
	ls := hurried(t, 10*time.Second, func(w http.ResponseWriter, r *http.Request) { w.Write(answer) })
	for how, speak := range spoken() {
		client, url := speak(ls)
		resp, err := client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(got, answer) {
			t.Errorf("%s: %d bytes, %v", how, len(got), err)
		}
		resp.Body.Close()
		client.CloseIdleConnections()
	}
}

func dial(t *testing.T, l *listener) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	return conn
}

func testCertificate(t *testing.T) *certificate {
	t.Helper()
	cert, err := openCertificate(config.Config{Data: t.TempDir()}, quiet, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}
