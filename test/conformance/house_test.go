package conformance

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// house is a running gatehouse with what the clients need: an organization with a person,
// a published API, and applications that prove who they are in different ways.
type house struct {
	*program
	store  client // made on the Store, subscribed to the API; has a secret
	reader client // has a secret, which it may send either way, and signs people in
	keyed  client // private_key_jwt
	public client // no credential
	bound  client // has a secret; its tokens are bound to its key by DPoP
	// management is an access token for the Management API. It is the initial access token
	// of registrations too.
	management string
	api        string      // a resource of the API
	signer     jose.Signer // of the issuer that the organization trusts
}

// client is an application as its code knows it.
type client struct {
	ID     string `json:"id"`
	Secret string `json:"secret,omitempty"`
	PEM    string `json:"pem,omitempty"` // its private key in PKCS #8
	KeyID  string `json:"kid,omitempty"`
}

// Grant types with long names.
const (
	deviceGrant        = "urn:ietf:params:oauth:grant-type:device_code"
	jwtBearerGrant     = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	tokenExchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange"
)

const (
	john          = "john@johns.org@johnsorg"
	johnsPassword = `+John&p=%25 w"ö\rd'$`
	redirectURI   = "http://127.0.0.1:7777/back"
	signedOutURI  = "http://127.0.0.1:7777/bye"
)

const definition = `{"openapi":"3.0.3","info":{"title":"Orgnews","version":"1.0.0"},"paths":{
"/articles":{"get":{"security":[{"default":["read"]}],"responses":{"200":{"description":"OK"}}}}},
"components":{"securitySchemes":{"default":{"type":"oauth2","flows":{"password":{"tokenUrl":"https://127.0.0.1/token",
"scopes":{"read":"Read"},"x-scopes-bindings":{"read":"reader"}}}}}}}`

// furnish starts a gatehouse and makes it a house.
func furnish(t *testing.T) *house {
	t.Helper()
	h := &house{program: start(t)}
	h.command(t, "", "org", "create", "johnsorg", "--name", "John's Organization")
	h.command(t, johnsPassword+"\n", "user", "create", "john@johns.org", "--org", "johnsorg", "--password-file", "-",
		"--role", "admin", "--role", "publisher", "--role", "subscriber", "--role", "reader")
	h.trust(t)
	h.manage(t)
	h.publish(t)
	code := []string{"authorization_code", "refresh_token", deviceGrant}
	h.reader = h.register(t, map[string]any{"client_name": "Reader", "grant_types": append(code, "password", "client_credentials")})
	h.public = h.register(t, map[string]any{"client_name": "Phone", "grant_types": code, "token_endpoint_auth_method": "none"})
	h.bound = h.register(t, map[string]any{"client_name": "Bank", "grant_types": append(code, "password", "client_credentials"), "token_endpoint_auth_method": "client_secret_basic", "dpop_bound_access_tokens": true})
	h.keyed = h.registerKeyed(t, append(code, "client_credentials"))
	h.subscribe(t, "Bank")
	return h
}

// call sends a request with a body and reads the JSON of an answer below 300.
func (h *house) call(t *testing.T, r *http.Request, into any) {
	t.Helper()
	res, err := h.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode >= 300 {
		t.Fatalf("%s %s: %s %s", r.Method, r.URL, res.Status, body)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
}

// post sends a body of a type, with the token for the Management API.
func (h *house) post(t *testing.T, url, contentType, body string, into any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Authorization", "Bearer "+h.management)
	h.call(t, r, into)
}

func (h *house) postJSON(t *testing.T, url string, body, into any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	h.post(t, url, "application/json", string(text), into)
}

// manage asks for a token for the Management API as its clients do.
func (h *house) manage(t *testing.T) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.portal+"/client-registration/v0.17/register",
		strings.NewReader(`{"clientName":"conformance","owner":"`+john+`","grantType":"password refresh_token","saasApp":true}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.SetBasicAuth(john, johnsPassword)
	var made struct{ ClientID, ClientSecret string }
	h.call(t, r, &made)
	form := url.Values{"grant_type": {"password"}, "username": {john}, "password": {johnsPassword},
		"scope": {"apim:api_create apim:api_publish apim:api_view apim:subscribe apim:app_manage apim:sub_manage"}}
	if r, err = http.NewRequestWithContext(t.Context(), http.MethodPost, h.portal+"/oauth2/token", strings.NewReader(form.Encode())); err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(made.ClientID, made.ClientSecret)
	var token struct {
		Access string `json:"access_token"`
	}
	h.call(t, r, &token)
	h.management = token.Access
}

const (
	publisherAPI = "/api/am/publisher/v4"
	storeAPI     = "/api/am/devportal/v3"
)

// publish offers an API and subscribes an application of the Store to it.
func (h *house) publish(t *testing.T) {
	t.Helper()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"articles":[]}`)
	}))
	t.Cleanup(backend.Close)
	beside, err := json.Marshal(map[string]any{
		"name": "Orgnews", "version": "1.0.0", "context": "/orgnews", "policies": []string{"Unlimited"},
		"endpointConfig": map[string]any{"endpoint_type": "http", "production_endpoints": map[string]string{"url": backend.URL}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	file, err := form.CreateFormFile("file", "definition.json")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(file, definition) // a buffer takes all
	_ = form.WriteField("additionalProperties", string(beside))
	_ = form.Close()
	var api struct{ ID string }
	h.post(t, h.portal+publisherAPI+"/apis/import-openapi", form.FormDataContentType(), body.String(), &api)
	h.post(t, h.portal+publisherAPI+"/apis/change-lifecycle?action=Publish&apiId="+api.ID, "application/json", "", nil)
	h.api = h.issuer + "/t/johnsorg/orgnews/1.0.0/articles"

	var app struct{ ApplicationID string }
	h.postJSON(t, h.portal+storeAPI+"/applications", map[string]any{"name": "Newsreader", "throttlingPolicy": "Unlimited"}, &app)
	var keys struct{ ConsumerKey, ConsumerSecret string }
	h.postJSON(t, h.portal+storeAPI+"/applications/"+app.ApplicationID+"/generate-keys", map[string]any{
		"keyType": "PRODUCTION", "grantTypesToBeSupported": []string{"password", "refresh_token", "client_credentials", tokenExchangeGrant, jwtBearerGrant},
	}, &keys)
	h.store = client{ID: keys.ConsumerKey, Secret: keys.ConsumerSecret}
	h.subscribe(t, "Newsreader")
}

// subscribe subscribes an application to the API, by name.
func (h *house) subscribe(t *testing.T, name string) {
	t.Helper()
	find := func(path, field string) string {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.portal+storeAPI+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+h.management)
		var found struct{ List []map[string]any }
		h.call(t, r, &found)
		for _, item := range found.List {
			if item["name"] == name || item["name"] == "Orgnews" {
				id, _ := item[field].(string)
				return id
			}
		}
		t.Fatalf("%s lists no %s: %v", path, name, found)
		return ""
	}
	h.postJSON(t, h.portal+storeAPI+"/subscriptions", map[string]any{
		"applicationId": find("/applications?limit=100", "applicationId"), "apiId": find("/apis", "id"), "throttlingPolicy": "Unlimited",
	}, nil)
}

// register registers a client (RFC 7591).
func (h *house) register(t *testing.T, metadata map[string]any) client {
	t.Helper()
	metadata["redirect_uris"] = []string{redirectURI}
	metadata["post_logout_redirect_uris"] = []string{signedOutURI}
	var made struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	h.postJSON(t, h.issuer+"/register", metadata, &made)
	return client{ID: made.ID, Secret: made.Secret}
}

// registerKeyed registers a client with a key of its own.
func (h *house) registerKeyed(t *testing.T, grants []string) client {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	const id = "key-1"
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: id, Use: "sig", Algorithm: string(jose.ES256)}}}
	c := h.register(t, map[string]any{"client_name": "Vault", "grant_types": grants, "token_endpoint_auth_method": "private_key_jwt", "jwks": set})
	c.PEM, c.KeyID = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})), id
	return c
}
