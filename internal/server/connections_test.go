package server

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
)

func TestConnectionsBeyondTheLimitAreRefused(t *testing.T) {
	ls, err := listen(t.Context(), "gateway-listen", []config.Listener{{Addr: "127.0.0.1:0"}, {TLS: true, Addr: "127.0.0.1:0"}}, 2, testCertificate(t), quiet)
	if err != nil {
		t.Fatal(err)
	}
	ls.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "in") }), make(chan error, 2))
	defer ls.shutdown(context.Background(), 0)
	for _, l := range ls {
		first, second := asks(t, l), asks(t, l)
		if first.answer != "200" || second.answer != "200" {
			t.Fatalf("within the limit: %q, %q", first.answer, second.answer)
		}
		want := "503"
		if l.tls {
			want = "remote error: tls: internal error"
		}
		for range 3 {
			if third := asks(t, l); third.answer != want {
				t.Errorf("beyond the limit: %q, want %q", third.answer, want)
			}
		}
		first.Close()
		for deadline := time.Now().Add(10 * time.Second); asks(t, l).answer != "200"; {
			if time.Now().After(deadline) {
				t.Fatal("a connection that ended makes no room")
			}
		}
		if l.refused.Load() < 3 {
			t.Errorf("counted %d refusals", l.refused.Load())
		}
	}
}

// asked is a connection that stays open and how its first request was answered.
type asked struct {
	net.Conn
	answer string
}

func asks(t *testing.T, l *listener) asked {
	t.Helper()
	conn := dial(t, l)
	if l.tls {
		secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
		if err := secure.Handshake(); err != nil {
			return asked{conn, err.Error()}
		}
		conn = secure
	}
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	head := make([]byte, len("HTTP/1.1 200"))
	if _, err := io.ReadFull(conn, head); err != nil {
		return asked{conn, err.Error()}
	}
	return asked{conn, strings.TrimPrefix(string(head), "HTTP/1.1 ")}
}
