package e2e

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"maps"
	"math/big"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSchemesOfCredentials(t *testing.T) {
	onEachStore(t, func(t *testing.T, h *house) {
		t.Run("API keys", h.keysOpen)
		t.Run("keys of one API", h.keysOfOneAPI)
		t.Run("passwords", h.passwordsOpen)
		t.Run("certificates", h.certificatesOpen)
		t.Run("a header of its own", h.headerOfItsOwn)
		t.Run("without subscriptions", h.withoutSubscriptions)
		t.Run("versions", h.versionsTakeOver)
	})
}

// secure says how the API of the house is opened; what it does not say is as at first.
func (h *house) secure(t *testing.T, says map[string]any) {
	t.Helper()
	body := map[string]any{"securityScheme": []string{"oauth2"}, "authorizationHeader": "Authorization", "apiKeyHeader": "apikey", "policies": []string{"Gold", "Unlimited"}}
	maps.Copy(body, says)
	h.manage(t, john, http.MethodPut, publisherAPI+"/apis/"+h.api, body, http.StatusOK, nil)
}

// newKey is an API key as it was made.
type newKey struct{ APIKey, KeyUUID string }

// generate makes an API key under a path of the Store.
func (h *house) generate(t *testing.T, path string, body map[string]any) (k newKey) {
	t.Helper()
	h.manage(t, john, http.MethodPost, storeAPI+path+"/generate", body, http.StatusOK, &k)
	return k
}

// with calls the gateway with headers, "name: value".
func (h *house) with(t testing.TB, method, path string, headers ...string) reply {
	t.Helper()
	r := request(t, method, h.Gateway+path, "")
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	return h.send(t, r)
}

func (h *house) keysOpen(t *testing.T) {
	h.secure(t, nil)
	const path = orgnews + "/articles"
	keys := "/applications/" + h.app.id + "/api-keys/PRODUCTION"
	first := h.generate(t, keys, map[string]any{"keyName": "first", "validityPeriod": 3600})
	h.with(t, "GET", path, "apikey: "+first.APIKey).is(t, "a scheme that the API does not look at", 401, "900902")

	h.secure(t, map[string]any{"securityScheme": []string{"oauth2", "api_key", "oauth_basic_auth_api_key_mandatory"}})
	h.backend.saw()
	h.with(t, "GET", path, "apikey: "+first.APIKey, "X-Plain: kept").is(t, "a key in the header", 200, "")
	h.with(t, "GET", path+"?a=b&apikey="+first.APIKey+"&c=d").is(t, "a key in the query", 200, "")
	for _, seen := range h.backend.saw() {
		if seen.Header.Get("Apikey") != "" || strings.Contains(seen.Target, "apikey") || strings.Contains(seen.Target, first.APIKey) {
			t.Errorf("check 113: the key reached the backend: %+v", seen)
		}
		if strings.Contains(seen.Target, "?") && seen.Target != "/v1/articles?a=b&c=d" {
			t.Errorf("the rest of the query arrived as %s", seen.Target)
		}
	}
	h.call(t, "GET", path, h.token(t, john, "").Access).is(t, "a token still opens it", 200, "")
	refused := h.with(t, "GET", path)
	if refused.is(t, "no credentials", 401, "900902"); !strings.Contains(strings.Join(refused.header.Values("WWW-Authenticate"), "\n"), `API Key realm="`) {
		t.Errorf("the challenges are %q", refused.header.Values("WWW-Authenticate"))
	}
	garbage := h.with(t, "GET", path, "apikey: canary")
	if garbage.is(t, "garbage", 401, "900901"); strings.Contains(garbage.body, "canary") {
		t.Errorf("the refusal repeats the key: %s", garbage.body)
	}
	h.with(t, "GET", path, "apikey: "+first.APIKey, "apikey: "+first.APIKey).is(t, "a key twice", 400, "400")

	sandbox := h.generate(t, strings.Replace(keys, "PRODUCTION", "SANDBOX", 1), map[string]any{})
	h.with(t, "GET", path, "apikey: "+sandbox.APIKey).is(t, "scenario 14: a sandbox key and no sandbox", 403, "900901")

	// The caller is at 127.0.0.1, whatever it says of itself.
	elsewhere := h.generate(t, keys, map[string]any{"keyName": "elsewhere", "additionalProperties": map[string]any{"permittedIP": "192.0.2.0/24"}})
	h.with(t, "GET", path, "apikey: "+elsewhere.APIKey, "X-Forwarded-For: 192.0.2.7").is(t, "check 131: an address that is made up", 403, "900908")
	here := h.generate(t, keys, map[string]any{"keyName": "here", "additionalProperties": map[string]any{"permittedIP": "127.0.0.0/8, ::1", "permittedReferer": "*.johns.org/*"}})
	h.with(t, "GET", path, "apikey: "+here.APIKey, "Referer: https://www.johns.org/news").is(t, "from here, by the right page", 200, "")
	h.with(t, "GET", path, "apikey: "+here.APIKey, "Referer: https://johns.org.evil/").is(t, "by another page", 403, "900908")

	h.block(t, john, h.sub, true)
	h.with(t, "GET", path, "apikey: "+first.APIKey).is(t, "check 106: a blocked subscription", 401, "900907")
	h.block(t, john, h.sub, false)
	h.with(t, "GET", path, "apikey: "+first.APIKey).is(t, "an opened subscription", 200, "")

	// The use of a key is written down some seconds later; its revocation is in force now.
	h.manage(t, john, http.MethodPost, storeAPI+keys+"/revoke", map[string]any{"keyUUID": first.KeyUUID}, 200, nil)
	h.with(t, "GET", path, "apikey: "+first.APIKey).is(t, "a revoked key", 401, "900901")
	h.with(t, "GET", path, "apikey: "+here.APIKey, "Referer: https://www.johns.org/").is(t, "its neighbour", 200, "")

	h.nowhere(t, first.APIKey, here.APIKey)

	app := h.application(t, john, "Short lived")
	gone := h.generate(t, "/applications/"+app.id+"/api-keys/PRODUCTION", map[string]any{})
	h.with(t, "GET", path, "apikey: "+gone.APIKey).is(t, "a key whose application is not subscribed", 403, "900908")
	h.subscribe(t, john, app, h.api)
	h.with(t, "GET", path, "apikey: "+gone.APIKey).is(t, "once it is", 200, "")
	h.manage(t, john, http.MethodDelete, storeAPI+"/applications/"+app.id, nil, 200, nil)
	h.with(t, "GET", path, "apikey: "+gone.APIKey).is(t, "check 106: once the application is gone", 401, "900901")
}

// nowhere checks that secrets stand neither in the data folder nor in the log (checks 155
// and 156).
func (h *house) nowhere(t *testing.T, secrets ...string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(h.Data, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, h.Log) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range secrets {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s holds a secret", filepath.Base(file))
			}
		}
	}
}

func (h *house) keysOfOneAPI(t *testing.T) {
	h.secure(t, map[string]any{"securityScheme": []string{"api_key"}})
	path := "/apis/" + h.api + "/api-keys"
	k := h.generate(t, path, map[string]any{"keyName": "of orgnews", "keyType": "PRODUCTION"})
	call := func() reply { return h.with(t, "GET", orgnews+"/articles", "apikey: "+k.APIKey) }
	call().is(t, "a key that no application has taken up", 403, "900908")
	name := map[string]any{"keyUUID": k.KeyUUID, "applicationId": h.app.id}
	h.manage(t, john, http.MethodPost, storeAPI+path+"/associate", name, 200, nil)
	call().is(t, "once one has", 200, "")
	other := h.publish(t, john, "Elsewhere", definition, "/elsewhere", h.backend.URL)
	h.subscribe(t, john, h.app, other)
	h.manage(t, john, http.MethodPut, publisherAPI+"/apis/"+other, map[string]any{"securityScheme": []string{"api_key"}}, 200, nil)
	h.with(t, "GET", "/t/johnsorg/elsewhere/1.0.0/articles", "apikey: "+k.APIKey).is(t, "at another API that the application subscribes to", 403, "900908")
	h.manage(t, john, http.MethodPost, storeAPI+path+"/dissociate", name, 200, nil)
	call().is(t, "once it is let go", 403, "900908")
	h.manage(t, john, http.MethodPost, storeAPI+path+"/revoke", name, 200, nil)
	call().is(t, "once it is revoked", 401, "900901")
}

// password is the Basic header of a person, under a name.
func (p person) header(name string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+p.password))
}

func (h *house) passwordsOpen(t *testing.T) {
	const path = orgnews + "/articles"
	h.secure(t, map[string]any{"securityScheme": []string{"basic_auth"}})
	h.backend.saw()
	h.with(t, "GET", path, john.header(john.qualified())).is(t, "a member", 200, "")
	h.with(t, "GET", path, john.header(john.name)).is(t, "a member, without the organization's key", 200, "")
	for _, seen := range h.backend.saw() {
		if seen.Header.Get("Authorization") != "" {
			t.Error("check 113: the password reached the backend")
		}
	}
	h.with(t, "GET", orgnews+"/update", john.header(john.name)).is(t, "a scope that his roles may have", 200, "")
	h.with(t, "GET", orgnews+"/update", tom.header(tom.name)).is(t, "a scope that his roles may not have", 403, "900910")
	h.call(t, "GET", path, h.token(t, john, "").Access).is(t, "a token where passwords are looked at alone", 401, "900902")

	wrong := person{tom.name, tom.org, "a wrong password"}
	answers := map[string]reply{
		"a wrong password": h.with(t, "GET", path, wrong.header(tom.name)),
		"an unknown user":  h.with(t, "GET", path, wrong.header("nobody")),
		"another's key":    h.with(t, "GET", path, tom.header(tom.name+"@default")),
	}
	for name, r := range answers {
		if r.is(t, name, 401, "900901"); r.body != answers["an unknown user"].body || r.header.Get("WWW-Authenticate") != `Basic realm="Gatehouse", charset="UTF-8"` {
			t.Errorf("check 9: %s is answered %s %v", name, r.body, r.header)
		}
	}

	// What changes of a person is in force at once, although a right password is held for a while.
	ann := person{"ann@johns.org", "johnsorg", "Anns-canary-password"}
	h.person(t, ann, "subscriber", "editor")
	h.with(t, "GET", orgnews+"/update", ann.header(ann.name)).is(t, "with the role", 200, "")
	renewed := person{ann.name, ann.org, "Anns-second-password"}
	h.Command(t, renewed.password+"\n", "user", "password", ann.name, "--password-file", "-")
	eventually(t, "a password that was changed", func() reply { return h.with(t, "GET", path, ann.header(ann.name)) }, 401, "900901")
	h.with(t, "GET", path, renewed.header(ann.name)).is(t, "the new one", 200, "")
	h.Command(t, "", "user", "delete", ann.name, "--org", ann.org)
	eventually(t, "a member who was removed", func() reply { return h.with(t, "GET", path, renewed.header(ann.name)) }, 401, "900901")
}

// certified makes a client with a certificate of its own.
func (h *house) certified(t *testing.T, name string) (*house, []byte) {
	t.Helper()
	k := newHolder(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	client := h.Client(t)
	client.Transport.(*http.Transport).TLSClientConfig.Certificates = []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: k.PrivateKey}}
	with := *h
	with.client = client
	return &with, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// know uploads a client certificate for the API of the house.
func (h *house) know(t *testing.T, alias string, text []byte) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	file, err := form.CreateFormFile("certificate", "client.crt")
	if err == nil {
		_, err = file.Write(text)
	}
	for name, value := range map[string]string{"alias": alias, "tier": "Gold"} {
		if err == nil {
			err = form.WriteField(name, value)
		}
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	r := request(t, http.MethodPost, h.Portal+publisherAPI+"/apis/"+h.api+"/client-certs/PRODUCTION", body.String())
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Authorization", "Bearer "+h.manager(t, john))
	h.send(t, r).decode(t, http.StatusCreated, nil)
}

func (h *house) certificatesOpen(t *testing.T) {
	const path = orgnews + "/articles"
	known, text := h.certified(t, "partner")
	unknown, _ := h.certified(t, "partner")
	token := "Authorization: Bearer " + h.token(t, john, "").Access
	h.know(t, "partner", text)
	h.secure(t, map[string]any{"securityScheme": []string{"mutualssl", "mutualssl_mandatory"}})
	pasted := "X-WSO2-CLIENT-CERTIFICATE: " + base64.StdEncoding.EncodeToString(text)
	known.with(t, "GET", path).is(t, "a known certificate", 200, "")
	unknown.with(t, "GET", path).is(t, "an unknown certificate", 401, "900901")
	h.with(t, "GET", path, token).is(t, "a token in the place of a certificate", 401, "900901")
	h.with(t, "GET", path, pasted).is(t, "check 67: a certificate in a header", 401, "900901")

	h.secure(t, map[string]any{"securityScheme": []string{"mutualssl", "mutualssl_mandatory", "oauth2", "oauth_basic_auth_api_key_mandatory"}})
	known.with(t, "GET", path, token).is(t, "both", 200, "")
	known.with(t, "GET", path).is(t, "the certificate alone", 401, "900902")
	h.with(t, "GET", path, token, pasted).is(t, "the token alone", 401, "900901")
	known.with(t, "GET", path, "Authorization: Bearer garbage").is(t, "a bad token with the certificate", 401, "900901")

	h.secure(t, map[string]any{"securityScheme": []string{"mutualssl", "oauth2", "oauth_basic_auth_api_key_mandatory"}})
	h.with(t, "GET", path, token).is(t, "optional: the token alone", 200, "")
	unknown.with(t, "GET", path, token).is(t, "optional: an unknown certificate and a token", 200, "")
	known.with(t, "GET", path).is(t, "optional: the certificate alone", 401, "900902")

	h.secure(t, map[string]any{"securityScheme": []string{"mutualssl", "mutualssl_mandatory"}})
	h.manage(t, john, http.MethodDelete, publisherAPI+"/apis/"+h.api+"/client-certificates/partner", nil, 200, nil)
	known.with(t, "GET", path).is(t, "a certificate that was removed", 401, "900901")
}

func (h *house) headerOfItsOwn(t *testing.T) {
	h.secure(t, nil)
	const path = orgnews + "/articles"
	key := h.generate(t, "/applications/"+h.app.id+"/api-keys/PRODUCTION", map[string]any{"keyName": "custom"}).APIKey
	token := h.token(t, john, "").Access
	h.secure(t, map[string]any{"securityScheme": []string{"oauth2", "api_key"}, "authorizationHeader": "X-Orgnews-Token", "apiKeyHeader": "X-Orgnews-Key"})
	h.backend.saw()
	h.with(t, "GET", path, "X-Orgnews-Token: Bearer "+token, "Authorization: Basic canary").is(t, "a token in the API's header", 200, "")
	h.with(t, "GET", path, "X-Orgnews-Key: "+key).is(t, "a key in the API's header", 200, "")
	for _, seen := range h.backend.saw() {
		for _, name := range []string{"X-Orgnews-Token", "X-Orgnews-Key", "Authorization"} {
			if seen.Header.Get(name) != "" {
				t.Errorf("check 113: %s reached the backend", name)
			}
		}
	}
	h.call(t, "GET", path, token).is(t, "a token in the usual header", 401, "900902")
	h.with(t, "GET", path, "apikey: "+key).is(t, "a key in the usual header", 401, "900902")
}

func (h *house) withoutSubscriptions(t *testing.T) {
	h.secure(t, nil)
	app := h.application(t, john, "Stranger")
	token := h.post(t, "/token", app, passwordForm(john, "read")).tokens(t).Access
	h.call(t, "GET", orgnews+"/articles/1", token).is(t, "an API with subscriptions", 403, "900908")
	h.secure(t, map[string]any{"policies": []string{}})
	h.call(t, "GET", orgnews+"/articles/1", token).is(t, "without", 200, "")
	h.call(t, "GET", orgnews+"/update", token).is(t, "scopes are asked all the same", 403, "900910")
}
