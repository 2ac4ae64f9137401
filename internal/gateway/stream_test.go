package gateway_test

import (
	"bufio"
	"context"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

func TestPiecesArriveAsTheyAreSent(t *testing.T) {
	for _, tt := range []struct{ name, header, value string }{
		{"events", "Content-Type", "text/event-stream"},
		{"chunks", "Content-Type", "application/json"},
		{"a long answer of known length", "Content-Length", "1000000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			next := make(chan bool)
			_, front := serve(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set(tt.header, tt.value)
				for range 3 {
					io.WriteString(w, "data: x\n")
					w.(http.Flusher).Flush()
					<-next // the reader asks for another one when it has this one
				}
			}), nil)
			r, err := http.NewRequest("GET", front.URL+"/echo/1.0/any", nil)
			if err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewReader(do(t, r).Body)
			for range 3 {
				if line, err := lines.ReadString('\n'); line != "data: x\n" {
					t.Fatalf("read %q, %v", line, err)
				}
				next <- true
			}
		})
	}
}

func TestStreamEndsWithItsToken(t *testing.T) {
	_, front := serve(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "data: x\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}), nil)
	r, err := http.NewRequest("GET", front.URL+"/echo/1.0/any", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer brief")
	r.Header.Set("Accept", "text/event-stream")
	if body, err := io.ReadAll(do(t, r).Body); err == nil || string(body) != "data: x\n" {
		t.Errorf("check 110: read %q, %v, want an event and then the cut", body, err)
	}
}

func TestCallerThatLeavesCancelsTheBackend(t *testing.T) {
	arrived, left := make(chan bool), make(chan bool)
	_, front := serve(t, backend(t, func(_ http.ResponseWriter, r *http.Request) {
		arrived <- true
		<-r.Context().Done()
		left <- true
	}), nil)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", front.URL+"/echo/1.0/any", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer good")
	failed := make(chan error)
	transport := &http.Transport{}
	go func() {
		res, err := transport.RoundTrip(r)
		if err == nil {
			res.Body.Close()
		}
		failed <- err
	}()
	<-arrived
	cancel()
	<-left
	if err := <-failed; err == nil {
		t.Error("the caller got an answer")
	}
}

func TestWebSocket(t *testing.T) {
	_, front := serve(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		for {
			kind, message, err := conn.Read(r.Context())
			if err != nil {
				return
			}
			if err := conn.Write(r.Context(), kind, append([]byte("echo "), message...)); err != nil {
				return
			}
		}
	}), nil)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	dial := func(token string) (*websocket.Conn, *http.Response, error) {
		return websocket.Dial(t.Context(), front.URL+"/echo/1.0/any/chat", &websocket.DialOptions{
			HTTPClient: client, HTTPHeader: http.Header{"Authorization": {"Bearer " + token}}})
	}
	if _, res, err := dial("bad"); err == nil || res.StatusCode != 401 {
		t.Errorf("check 110: the handshake with a bad token: %v", err)
	}
	conn, _, err := dial("good")
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Write(t.Context(), websocket.MessageText, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, message, err := conn.Read(t.Context()); string(message) != "echo hello" {
		t.Errorf("read %q, %v", message, err)
	}
	if err := conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
	brief, _, err := dial("brief")
	if err != nil {
		t.Fatal(err)
	}
	defer brief.CloseNow()
	if _, _, err := brief.Read(t.Context()); err == nil {
		t.Error("check 110: the connection outlives its token")
	}
}

func TestTrailersPassBothWays(t *testing.T) {
	_, front := serve(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Sum")
		body, _ := io.ReadAll(r.Body)
		w.Write(body)
		w.Header().Set("Sum", r.Trailer.Get("Sum"))
		w.Header().Set(http.TrailerPrefix+"Forged", r.Trailer.Get("X-Forwarded-User")+r.Trailer.Get("X-Real-Ip"))
	}), nil)
	r, err := http.NewRequest("POST", front.URL+"/echo/1.0/any", io.MultiReader(strings.NewReader("body")))
	if err != nil {
		t.Fatal(err)
	}
	r.Trailer = http.Header{"Sum": {"42"}, "X-Forwarded-User": {"root"}, "X-Real-Ip": {"1.2.3.4"}}
	res := do(t, r)
	if body, err := io.ReadAll(res.Body); string(body) != "body" {
		t.Errorf("read %q, %v", body, err)
	}
	if res.Trailer.Get("Sum") != "42" {
		t.Errorf("the trailers came back as %v", res.Trailer)
	}
	if forged := res.Trailer.Get("Forged"); forged != "" {
		t.Errorf("check 115: a trailer says what no header may: %q", forged)
	}
}

func TestHTTP2Backend(t *testing.T) {
	target := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Grpc-Status")
		w.Header().Set("Te-Seen", r.Header.Get("Te"))
		io.WriteString(w, r.Proto)
		w.Header().Set("Grpc-Status", "0")
	}))
	target.EnableHTTP2 = true
	target.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	target.StartTLS()
	defer target.Close()
	roots := x509.NewCertPool()
	roots.AddCert(target.Certificate())
	_, front := serve(t, target.URL, func(g *gateway.Gateway) { g.Roots = roots })
	r, err := http.NewRequest("POST", front.URL+"/echo/1.0/any", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Te", "trailers")
	res := do(t, r)
	body, err := io.ReadAll(res.Body)
	if string(body) != "HTTP/2.0" || res.Trailer.Get("Grpc-Status") != "0" || res.Header.Get("Te-Seen") != "trailers" {
		t.Errorf("read %q, %v, trailers %v", body, err, res.Trailer)
	}

	_, strict := serve(t, target.URL, nil)
	r, err = http.NewRequest("GET", strict.URL+"/echo/1.0/any", nil)
	if err != nil {
		t.Fatal(err)
	}
	if res := do(t, r); res.StatusCode != 502 {
		t.Errorf("a certificate from nobody known is answered %d, want 502", res.StatusCode)
	}
}
