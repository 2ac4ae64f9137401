package e2e

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/gatehouse/gatehouse/internal/gatehousetest"
)

// Scenarios 18 and 19.
func (h *house) versionsTakeOver(t *testing.T) {
	h.secure(t, nil)
	api := h.publish(t, john, "Weather", definition, "/weather", h.backend.URL+"/one")
	h.subscribe(t, john, h.app, api)
	token := h.token(t, john, "").Access
	at := func(path string) reply { return h.call(t, "GET", "/t/johnsorg/weather"+path+"/articles", token) }
	at("").is(t, "no default version", 404, "404")
	h.manage(t, john, http.MethodPut, publisherAPI+"/apis/"+api, map[string]any{"isDefaultVersion": true}, 200, nil)
	at("").is(t, "the first version by default", 200, "")

	var two struct{ ID, LifeCycleStatus string }
	h.manage(t, john, http.MethodPost, publisherAPI+"/apis/copy-api?apiId="+api+"&newVersion=2.0.0&defaultVersion=true", nil, 201, &two)
	h.manage(t, john, http.MethodPut, publisherAPI+"/apis/"+two.ID, map[string]any{"endpointConfig": map[string]any{"production_endpoints": map[string]string{"url": h.backend.URL + "/two"}}}, 200, nil)
	at("/2.0.0").is(t, "check 107: a version that is not published", 404, "404")
	var internal newKey
	h.manage(t, john, http.MethodPost, publisherAPI+"/apis/"+two.ID+"/generate-key", nil, 200, &internal)
	h.with(t, "GET", "/t/johnsorg/weather/2.0.0/articles", "Internal-Key: "+internal.APIKey).is(t, "scenario 18: its publisher tries it out", 200, "")
	h.with(t, "GET", "/t/johnsorg/weather/1.0.0/articles", "Internal-Key: "+internal.APIKey).is(t, "the key at another version", 403, "900908")
	h.backend.saw()
	at("").is(t, "the default stays where it was", 200, "")
	if seen := h.backend.saw(); len(seen) != 1 || seen[0].Target != "/one/articles" {
		t.Errorf("check 107: before it is published the backend saw %+v", seen)
	}
	publish := func(id, checklist string) {
		h.manage(t, john, http.MethodPost, publisherAPI+"/apis/change-lifecycle?action=Publish&apiId="+id+"&lifecycleChecklist="+checklist, nil, 200, nil)
	}
	publish(two.ID, "Deprecate%20old%20versions%20after%20publishing%20the%20API:true")
	at("/2.0.0").is(t, "scenario 19: the old token at the new version", 200, "")
	h.backend.saw()
	at("").is(t, "the default moves", 200, "")
	if seen := h.backend.saw(); len(seen) != 1 || seen[0].Target != "/two/articles" {
		t.Errorf("scenario 19: once it is published the backend saw %+v", seen)
	}
	at("/1.0.0").is(t, "scenario 18: a deprecated version, for who subscribed before", 200, "")
	h.manage(t, john, http.MethodPost, storeAPI+"/subscriptions", map[string]any{"applicationId": h.application(t, john, "Late").id, "apiId": api, "throttlingPolicy": "Gold"}, 409, nil)

	var three struct{ ID string }
	h.manage(t, john, http.MethodPost, publisherAPI+"/apis/copy-api?apiId="+two.ID+"&newVersion=3.0.0", nil, 201, &three)
	publish(three.ID, "Requires%20re-subscription%20when%20publishing%20the%20API:true")
	at("/3.0.0").is(t, "scenario 19: where everybody subscribes anew", 403, "900908")
	h.move(t, john, two.ID, "Deprecate")
	h.move(t, john, two.ID, "Retire")
	at("").is(t, "the default version is retired", 404, "404")
	at("/2.0.0").is(t, "scenario 18: a retired version", 404, "404")
}

// Check 110: what lasts ends with the credential that opened it, whichever that was.
func TestStreamsEndWithTheirCredentials(t *testing.T) {
	h := furnish(t)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		for err == nil {
			var message []byte
			if _, message, err = conn.Read(r.Context()); err == nil {
				err = conn.Write(r.Context(), websocket.MessageText, message)
			}
		}
	}))
	t.Cleanup(backend.Close)
	h.api = h.publish(t, john, "Live", liveDefinition, "/live", backend.URL)
	h.subscribe(t, john, h.app, h.api)
	const path = "/t/johnsorg/live/1.0.0/chat"
	known, text := h.certified(t, "partner")
	dial := func(h *house, query string, header http.Header) *websocket.Conn {
		t.Helper()
		conn, _, err := websocket.Dial(t.Context(), h.Gateway+path+query, &websocket.DialOptions{HTTPClient: h.client, HTTPHeader: header})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.CloseNow() })
		return conn
	}
	closed := func(what string, conn *websocket.Conn) {
		t.Helper()
		soon, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, _, err := conn.Read(soon); websocket.CloseStatus(err) != 4001 {
			t.Errorf("%s: %v, want it closed with 4001", what, err)
		}
	}

	h.secure(t, map[string]any{"securityScheme": []string{"api_key", "basic_auth"}})
	keys := "/applications/" + h.app.id + "/api-keys/PRODUCTION"
	k := h.generate(t, keys, map[string]any{})
	byKey := dial(h, "?apikey="+k.APIKey, nil)
	ann := person{"ann@johns.org", "johnsorg", "Anns-canary-password"}
	h.person(t, ann, "subscriber")
	name, value, _ := strings.Cut(ann.header(ann.name), ": ")
	byPassword := dial(h, "", http.Header{name: {value}})

	h.manage(t, john, http.MethodPost, storeAPI+keys+"/revoke", map[string]any{"keyUUID": k.KeyUUID}, 200, nil)
	closed("the revocation of its API key", byKey)
	if err := byPassword.Write(t.Context(), websocket.MessageText, []byte("hello")); err != nil {
		t.Errorf("the neighbour was closed too: %v", err)
	}
	if _, _, err := byPassword.Read(t.Context()); err != nil {
		t.Errorf("the neighbour was closed too: %v", err)
	}
	h.Command(t, "Anns-second-password\n", "user", "password", ann.name, "--password-file", "-")
	closed("a change of its password", byPassword)

	h.know(t, "partner", text)
	h.secure(t, map[string]any{"securityScheme": []string{"mutualssl", "mutualssl_mandatory"}})
	byCertificate := dial(known, "", nil)
	h.manage(t, john, http.MethodDelete, publisherAPI+"/apis/"+h.api+"/client-certificates/partner", nil, 200, nil)
	closed("the removal of its certificate", byCertificate)
}

// An API key that one node revokes is refused by the other, and one that it did not know a
// moment ago is taken.
func TestNodesLearnOfAPIKeys(t *testing.T) {
	dsn := gatehousetest.Postgres(t)
	a := furnish(t, "GATEHOUSE_DATABASE="+dsn)
	node := gatehousetest.Run(t, "serve", "GATEHOUSE_DATABASE="+dsn, "GATEHOUSE_DATA="+a.Data, "GATEHOUSE_GATEWAY_URL="+a.Gateway)
	b := &house{Process: node, client: node.Client(t), backend: a.backend}
	a.secure(t, map[string]any{"securityScheme": []string{"api_key", "basic_auth"}})
	keys := "/applications/" + a.app.id + "/api-keys/PRODUCTION"
	k := a.generate(t, keys, map[string]any{})
	onB := func() reply { return b.with(t, "GET", orgnews+"/articles", "apikey: "+k.APIKey) }
	eventually(t, "a key of the other node", onB, 200, "")
	a.block(t, john, a.sub, true)
	eventually(t, "a blocked subscription", onB, 401, "900907")
	a.block(t, john, a.sub, false)
	eventually(t, "an opened subscription", onB, 200, "")
	a.manage(t, john, http.MethodPost, storeAPI+keys+"/revoke", map[string]any{"keyUUID": k.KeyUUID}, 200, nil)
	eventually(t, "a revoked key", onB, 401, "900901")
}
