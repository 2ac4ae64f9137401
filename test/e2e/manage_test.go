package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// The parts of the Management API.
const (
	publisherAPI = "/api/am/publisher/v4"
	storeAPI     = "/api/am/devportal/v3"
	adminAPI     = "/api/am/admin/v4"
)

// everyScope is what management clients ask for; the roles of a person decide.
const everyScope = "apim:api_create apim:api_publish apim:api_view apim:subscribe apim:app_manage apim:sub_manage apim:subscription_block apim:admin apim:tier_manage apim:bl_manage"

// manager returns an access token for the Management API, as a client gets it: it
// registers with a person's password, then asks the Token API on the portal.
func (h *house) manager(t testing.TB, p person) string {
	t.Helper()
	if token, ok := h.managers[p]; ok {
		return token
	}
	r := request(t, http.MethodPost, h.Portal+"/client-registration/v0.17/register",
		`{"clientName":"e2e","owner":"`+p.qualified()+`","grantType":"password refresh_token","saasApp":true}`)
	r.Header.Set("Content-Type", "application/json")
	r.SetBasicAuth(p.qualified(), p.password)
	var client struct{ ClientID, ClientSecret string }
	h.send(t, r).decode(t, http.StatusOK, &client)

	r = request(t, http.MethodPost, h.Portal+"/oauth2/token", passwordForm(p, everyScope))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(client.ClientID, client.ClientSecret)
	var got tokens
	h.send(t, r).decode(t, http.StatusOK, &got)
	if h.managers == nil {
		h.managers = map[person]string{}
	}
	h.managers[p] = got.Access
	return got.Access
}

// decode reads an answer that must have a status as JSON; into may be nil.
func (r reply) decode(t testing.TB, status int, into any) {
	t.Helper()
	if r.status != status {
		t.Fatalf("%d %s, want %d", r.status, r.body, status)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal([]byte(r.body), into); err != nil {
		t.Fatalf("%s: %v", r.body, err)
	}
}

// manage sends JSON to the Management API for p. The answer must have a status.
func (h *house) manage(t testing.TB, p person, method, path string, body any, status int, into any) {
	t.Helper()
	var text io.Reader = http.NoBody
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.NewReader(encoded)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, h.Portal+path, text)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+h.manager(t, p))
	r.Header.Set("Content-Type", "application/json")
	h.send(t, r).decode(t, status, into)
}

// publish imports a definition and publishes the API. It returns its id.
func (h *house) publish(t testing.TB, p person, name, document, context, backend string) string {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	file, err := form.CreateFormFile("file", "definition.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(file, document); err != nil {
		t.Fatal(err)
	}
	beside, err := json.Marshal(map[string]any{
		"name": name, "version": "1.0.0", "context": context, "policies": []string{"Gold", "Unlimited"},
		"endpointConfig": map[string]any{"endpoint_type": "http", "production_endpoints": map[string]string{"url": backend}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := form.WriteField("additionalProperties", string(beside)); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	r := request(t, http.MethodPost, h.Portal+publisherAPI+"/apis/import-openapi", body.String())
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Authorization", "Bearer "+h.manager(t, p))
	var api struct{ ID string }
	h.send(t, r).decode(t, http.StatusCreated, &api)
	h.move(t, p, api.ID, "Publish")
	return api.ID
}

// move moves an API along its lifecycle.
func (h *house) move(t testing.TB, p person, api, action string) {
	t.Helper()
	query := url.Values{"apiId": {api}, "action": {action}}
	h.manage(t, p, http.MethodPost, publisherAPI+"/apis/change-lifecycle?"+query.Encode(), nil, http.StatusOK, nil)
}

// application makes an application with production keys that may use the grants, by
// default all.
func (h *house) application(t testing.TB, p person, name string, grants ...string) application {
	t.Helper()
	var app struct{ ApplicationID string }
	name = strings.ReplaceAll(name, "/", " ")
	h.manage(t, p, http.MethodPost, storeAPI+"/applications", map[string]any{"name": name, "throttlingPolicy": "Unlimited", "tokenType": "JWT"}, http.StatusCreated, &app)
	if grants == nil {
		grants = []string{"password", "refresh_token", "client_credentials"}
	}
	var keys struct{ ConsumerKey, ConsumerSecret string }
	h.manage(t, p, http.MethodPost, storeAPI+"/applications/"+app.ApplicationID+"/generate-keys",
		map[string]any{"keyType": "PRODUCTION", "grantTypesToBeSupported": grants}, http.StatusOK, &keys)
	return application{app.ApplicationID, keys.ConsumerKey, keys.ConsumerSecret}
}

// subscribe subscribes an application to an API and returns the subscription's id.
func (h *house) subscribe(t testing.TB, p person, app application, api string) string {
	t.Helper()
	var sub struct{ SubscriptionID string }
	h.manage(t, p, http.MethodPost, storeAPI+"/subscriptions",
		map[string]any{"applicationId": app.id, "apiId": api, "throttlingPolicy": "Gold"}, http.StatusCreated, &sub)
	return sub.SubscriptionID
}

// block blocks a subscription, or opens it again.
func (h *house) block(t testing.TB, p person, subscription string, blocked bool) {
	t.Helper()
	query, verb := url.Values{"subscriptionId": {subscription}}, "unblock"
	if blocked {
		verb = "block"
		query.Set("blockState", "BLOCKED")
	}
	h.manage(t, p, http.MethodPost, publisherAPI+"/subscriptions/"+verb+"-subscription?"+query.Encode(), nil, http.StatusOK, nil)
}
