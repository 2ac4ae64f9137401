package e2e

import (
	"context"
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
  /news:
    get: {security: [{default: [read]}], responses: {'101': {description: A WebSocket}}}
components:
  securitySchemes:
    default:
      type: oauth2
      flows:
        password: {tokenUrl: https://127.0.0.1/token, scopes: {read: Read}, x-scopes-bindings: {read: reader}}
`

// live publishes an API of WebSockets that send back what they are sent, for applications to
// call.
func (h *house) live(t *testing.T, apps ...application) (dial func(path, token string) (*websocket.Conn, *http.Response, error)) {
	t.Helper()
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
	for _, app := range apps {
		h.subscribe(t, john, app, api)
	}
	return func(path, token string) (*websocket.Conn, *http.Response, error) {
		return websocket.Dial(t.Context(), h.Gateway+"/t/johnsorg/live/1.0.0"+path, &websocket.DialOptions{
			HTTPClient: h.client, HTTPHeader: http.Header{"Authorization": {"Bearer " + token}}})
	}
}

// echoed sends a message and waits for it to come back.
func echoed(t *testing.T, conn *websocket.Conn) error {
	if err := conn.Write(t.Context(), websocket.MessageText, []byte("hello")); err != nil {
		return err
	}
	_, _, err := conn.Read(t.Context())
	return err
}

// check 110: a WebSocket is authorised at the handshake, and is closed within a second of
// the revocation of its token; another token's goes on.
func TestWebSocketsEndWithTheirTokens(t *testing.T) {
	h := furnish(t)
	dial := h.live(t, h.app)
	if _, res, err := dial("/chat", "nonsense"); err == nil || res.StatusCode != http.StatusUnauthorized {
		t.Errorf("a handshake with a bad token: %v", err)
	}
	revoked, live := h.token(t, john, ""), h.token(t, john, "")
	var conns []*websocket.Conn
	for _, token := range []string{revoked.Access, live.Access} {
		conn, _, err := dial("/chat", token)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.CloseNow()
		if err := echoed(t, conn); err != nil {
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
	if err := echoed(t, conns[1]); err != nil {
		t.Errorf("the other token's connection: %v", err)
	}
}

// check 74: a WebSocket is closed when the scope that opened it is taken from its opaque
// token; a JWT's goes on.
func TestCheck74WebSocketsEndWithTheirScopes(t *testing.T) {
	h := furnish(t)
	app := h.opaque(t)
	dial := h.live(t, h.app, app)
	open := func(app application) *websocket.Conn {
		conn, _, err := dial("/news", h.post(t, "/token", app, passwordForm(tom, "read")).tokens(t).Access)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.CloseNow() })
		if err := echoed(t, conn); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	opaque, jwt := open(app), open(h.app)
	h.Command(t, "", "user", "roles", tom.name, "--org", tom.org)
	began := time.Now()
	soon, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, _, err := opaque.Read(soon)
	if code := websocket.CloseStatus(err); code < 4000 {
		t.Errorf("closed with %v: %v", code, err)
	}
	t.Logf("closed after %v with %v", time.Since(began), websocket.CloseStatus(err))
	if err := echoed(t, jwt); err != nil {
		t.Errorf("the JWT's connection: %v", err)
	}
}
