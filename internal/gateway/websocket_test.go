package gateway_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// echoes answers every message with itself; "burst" with a long one.
func echoes(t *testing.T) string {
	return backend(t, func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		conn.SetReadLimit(-1)
		for {
			kind, message, err := conn.Read(r.Context())
			if err != nil {
				return
			}
			if string(message) == "burst" {
				message = make([]byte, 5000)
			}
			if err := conn.Write(r.Context(), kind, message); err != nil {
				return
			}
		}
	})
}

// dial opens a WebSocket through a gateway whose API has a policy.
func dial(t *testing.T, policy string) (*gateway.Gateway, *store, *websocket.Conn) {
	t.Helper()
	api := echoAPI(echoes(t))
	if policy != "" {
		api.Settings.Policies = []gatehouse.Policy{{Name: "websocket", Settings: json.RawMessage(policy)}}
	}
	s := &store{apis: map[string]*gatehouse.API{"echo": api}}
	g, front := serve(t, "", func(g *gateway.Gateway) { g.APIs, g.Tokens = s, s })
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	conn, _, err := websocket.Dial(t.Context(), front.URL+"/echo/1.0/any/chat", &websocket.DialOptions{
		HTTPClient: client, HTTPHeader: http.Header{"Authorization": {"Bearer good"}}})
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(-1)
	t.Cleanup(func() { conn.CloseNow() })
	return g, s, conn
}

func TestMessagesOfAWebSocketAreBounded(t *testing.T) {
	for name, tt := range map[string]struct {
		policy string
		sends  []string
		code   websocket.StatusCode // that closes it; 0 when all are answered
	}{
		"within":                  {`{"maxMessage":1000,"perMinute":3}`, []string{strings.Repeat("a", 1000), "b", "c"}, 0},
		"one message too many":    {`{"perMinute":2}`, []string{"a", "b", "c"}, 4003},
		"a message too long":      {`{"maxMessage":1000}`, []string{"a", strings.Repeat("a", 1001)}, 1009},
		"an answer too long":      {`{"maxMessage":1000}`, []string{"burst"}, 1009},
		"without the policy":      {"", []string{strings.Repeat("a", 1<<20), "burst"}, 0},
		"too long without policy": {"", []string{strings.Repeat("a", 1<<20+1)}, 1009},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, conn := dial(t, tt.policy)
			var err error
			for _, message := range tt.sends {
				if err = conn.Write(t.Context(), websocket.MessageText, []byte(message)); err != nil {
					break
				}
				if _, _, err = conn.Read(t.Context()); err != nil {
					break
				}
			}
			if got := websocket.CloseStatus(err); tt.code == 0 && err != nil || tt.code != 0 && got != tt.code {
				t.Errorf("closed with %v, %v, want %v", got, err, tt.code)
			}
		})
	}
}

// check 110: a stream is cut when what let it through is gone, and no other one is.
func TestStreamsAreCutWhenTheirRightEnds(t *testing.T) {
	g, s, conn := dial(t, "")
	go g.Watch(t.Context())
	echoed := func() error {
		if err := conn.Write(t.Context(), websocket.MessageText, []byte("a")); err != nil {
			return err
		}
		_, _, err := conn.Read(t.Context())
		return err
	}
	g.Changed() // something that does not concern it
	time.Sleep(2 * 250 * time.Millisecond)
	if err := echoed(); err != nil {
		t.Fatalf("a change that does not concern it cuts it: %v", err)
	}
	s.mu.Lock()
	s.apis["echo"].State = gatehouse.Blocked
	s.mu.Unlock()
	if err := g.Apply(t.Context(), "echo"); err != nil {
		t.Fatal(err)
	}
	g.Changed()
	_, _, err := conn.Read(t.Context())
	if got := websocket.CloseStatus(err); got != 4001 {
		t.Errorf("closed with %v, %v, want 4001", got, err)
	}
}
