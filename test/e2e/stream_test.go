package e2e

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coder/websocket"
)

const liveDefinition = `
openapi: 3.0.3
info: {title: Live, version: 1.0.0}
paths:
  /chat:
    get: {responses: {'101': {description: A WebSocket}}}
`

// check 110: a WebSocket is authorised at the handshake, and is closed within a second of
// the revocation of its token; another token's goes on.
func TestWebSocketsEndWithTheirTokens(t *testing.T) {
	h := furnish(t)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		for {
			kind, message, err := conn.Read(r.Context())
			if err != nil || conn.Write(r.Context(), kind, message) != nil {
				return
			}
		}
	}))
	t.Cleanup(backend.Close)
	api := h.publish(t, john, "Live", liveDefinition, "/live", backend.URL)
	h.subscribe(t, john, h.app, api)
	dial := func(token string) (*websocket.Conn, *http.Response, error) {
		return websocket.Dial(t.Context(), h.Gateway+"/t/johnsorg/live/1.0.0/chat", &websocket.DialOptions{
			HTTPClient: h.client, HTTPHeader: http.Header{"Authorization": {"Bearer " + token}}})
	}
	if _, res, err := dial("nonsense"); err == nil || res.StatusCode != http.StatusUnauthorized {
		t.Errorf("a handshake with a bad token: %v", err)
	}
	echoed := func(conn *websocket.Conn) error {
		if err := conn.Write(t.Context(), websocket.MessageText, []byte("hello")); err != nil {
			return err
		}
		_, _, err := conn.Read(t.Context())
		return err
	}
	revoked, live := h.token(t, john, ""), h.token(t, john, "")
	var conns []*websocket.Conn
	for _, token := range []string{revoked.Access, live.Access} {
		conn, _, err := dial(token)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.CloseNow()
		if err := echoed(conn); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	if r := h.post(t, "/revoke", h.app, revokeForm(revoked.Access)); r.status != http.StatusOK {
		t.Fatalf("revoke: %d", r.status)
	}
	began := time.Now()
	_, _, err := conns[0].Read(t.Context())
	if code := websocket.CloseStatus(err); code != 4001 {
		t.Errorf("closed with %v: %v, want 4001", code, err)
	}
	t.Logf("closed after %v", time.Since(began))
	if err := echoed(conns[1]); err != nil {
		t.Errorf("the other token's connection: %v", err)
	}
}
