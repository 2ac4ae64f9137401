package e2e

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/gatehousetest"
)

// opaque makes an application whose access tokens are opaque, subscribed to the house's API.
func (h *house) opaque(t testing.TB) application {
	t.Helper()
	app := h.application(t, john, "Opaque")
	format := map[string]any{"additionalProperties": map[string]string{"token_format": "OPAQUE"}}
	h.manage(t, john, http.MethodPut, storeAPI+"/applications/"+app.id+"/oauth-keys/"+app.key, format, http.StatusOK, nil)
	h.subscribe(t, john, app, h.api)
	return app
}

// redefine replaces the definition of the house's API.
func (h *house) redefine(t testing.TB, document string) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if err := form.WriteField("apiDefinition", document); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	r := request(t, http.MethodPut, h.Portal+publisherAPI+"/apis/"+h.api+"/swagger", body.String())
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Authorization", "Bearer "+h.manager(t, john))
	h.send(t, r).decode(t, http.StatusOK, nil)
}

// scopes returns what an introspection says of a token's scopes.
func (h *house) scopes(t testing.TB, app application, token string) string {
	t.Helper()
	var says struct{ Scope string }
	h.post(t, "/introspect", app, revokeForm(token)).decode(t, http.StatusOK, &says)
	return says.Scope
}

// check 74: what is taken from a scope, an API or a user is gone from living opaque tokens:
// at once on the node that took it, within a second on every other, for /introspect as
// for a call. New tokens lack it at once, a JWT keeps what it was issued with.
func TestCheck74RightsTakenFromLivingTokens(t *testing.T) {
	onEachStore(t, func(t *testing.T, h *house) { testRightsTaken(t, h, h) })
	t.Run("the other node", func(t *testing.T) {
		dsn := gatehousetest.Postgres(t)
		a := furnish(t, "GATEHOUSE_DATABASE="+dsn)
		node := gatehousetest.Run(t, "serve", "GATEHOUSE_DATABASE="+dsn, "GATEHOUSE_DATA="+a.Data, "GATEHOUSE_GATEWAY_URL="+a.Gateway)
		testRightsTaken(t, a, &house{Process: node, client: node.Client(t), backend: a.backend})
	})
}

// testRightsTaken takes rights on h, or by the command line, and asks other.
func testRightsTaken(t *testing.T, h, other *house) {
	app := h.opaque(t)
	const asked = "read update news_read"
	signIn := func(app application) string {
		return h.post(t, "/token", app, passwordForm(john, asked)).tokens(t).Access
	}
	opaque, jwt := signIn(app), signIn(h.app)
	if strings.Contains(opaque, ".") || !strings.Contains(jwt, ".") {
		t.Fatalf("want an opaque token and a JWT: %s %s", opaque, jwt)
	}
	call := func(at *house, path, token string) func() reply {
		return func() reply { return at.call(t, http.MethodGet, orgnews+path, token) }
	}
	says := func(at *house, want string) {
		t.Helper()
		if got := at.scopes(t, app, opaque); got != want {
			t.Errorf("the opaque token says %q, want %q", got, want)
		}
	}
	for _, at := range []*house{h, other} {
		call(at, "/update", opaque)().is(t, "update before", http.StatusOK, "")
		call(at, "/news", opaque)().is(t, "news before", http.StatusOK, "")
		says(at, asked)
	}

	without := strings.NewReplacer("[update]", "[read]", ", update: Change", "", ", update: editor", "").Replace(definition)
	h.redefine(t, without)
	says(h, "read news_read")
	if got := h.post(t, "/token", app, passwordForm(john, asked)).tokens(t).Scope; got != "read news_read" {
		t.Errorf("a new token, without the scope: %q", got)
	}
	h.redefine(t, strings.ReplaceAll(definition, "update: editor", "update: chief"))
	call(h, "/update", opaque)().is(t, "the scope is bound to another role", http.StatusForbidden, "900910")
	eventually(t, "a scope that is bound to another role", call(other, "/update", opaque), http.StatusForbidden, "900910")
	says(other, "read news_read")

	h.Command(t, "", "user", "roles", john.name, "--org", john.org, "--role", "admin", "--role", "reader")
	for _, at := range []*house{h, other} {
		eventually(t, "a role that was taken", call(at, "/news", opaque), http.StatusForbidden, "900910")
		says(at, "read")
		call(at, "/update", jwt)().is(t, "a JWT keeps its scopes", http.StatusOK, "")
		call(at, "/news", jwt)().is(t, "a JWT keeps its scopes", http.StatusOK, "")
	}
	h.Command(t, "", "user", "roles", john.name, "--org", john.org, "--role", "admin")
	eventually(t, "the last role that was taken", call(other, "/articles/1", opaque), http.StatusForbidden, "900910")
	says(other, "default")
	h.Command(t, "", "user", "roles", john.name, "--org", john.org, "--role", "admin", "--role", "employee", "--role", "chief", "--role", "manager")
	eventually(t, "a role that was given back", call(other, "/news", opaque), http.StatusOK, "")
	says(other, "update news_read")
}
