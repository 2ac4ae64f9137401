package rest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db"
)

func TestAPIIsImportedPublishedFoundAndCalled(t *testing.T) {
	s := newSite(t)
	id := s.imported()
	a := s.want(200, every("pat"), "GET", publisherAPI+"/apis/"+id, nil)
	if a.get("lifeCycleStatus") != "PUBLISHED" || a.get("provider") != "pat" || a.get("context") != "/petstore" || len(a.body["operations"].([]any)) != 2 || len(a.body["scopes"].([]any)) != 2 {
		t.Errorf("the API is %s", a.text)
	}
	state := s.want(200, every("pat"), "GET", publisherAPI+"/apis/"+id+"/lifecycle-state", nil)
	if state.get("state") != "Published" || !strings.Contains(state.text, `{"event":"Deprecate","targetState":"Deprecated"}`) {
		t.Errorf("the lifecycle is %s", state.text)
	}
	if got := s.want(200, every("pat"), "GET", publisherAPI+"/apis/"+id+"/swagger", nil).text; got != petstore {
		t.Errorf("the document is %q", got)
	}

	sue := every("sue")
	shown := s.want(200, sue, "GET", storeAPI+"/apis/"+id, nil)
	if !strings.Contains(shown.text, "https://gateway.example.org/t/johnsorg/petstore/1.0.0") {
		t.Errorf("the Store shows %s", shown.text)
	}
	document := s.want(200, sue, "GET", storeAPI+"/apis/"+id+"/swagger", nil)
	if strings.Contains(document.text, "internal") || !strings.Contains(document.text, `"https://gateway.example.org/t/johnsorg/petstore/1.0.0"`) {
		t.Errorf("check 135: the Store's document leads elsewhere: %s", document.text)
	}

	app := s.want(201, sue, "POST", storeAPI+"/applications", map[string]any{"name": "shop", "throttlingPolicy": "10PerMin", "tokenType": "JWT"}).get("applicationId")
	sub := s.want(201, sue, "POST", storeAPI+"/subscriptions", map[string]any{"applicationId": app, "apiId": id, "throttlingPolicy": "Gold"}).get("subscriptionId")
	if got := s.want(200, sue, "GET", storeAPI+"/subscriptions?apiId="+id, nil).list(s); len(got) != 1 || got[0]["subscriptionId"] != sub {
		t.Errorf("subscriptions are %v", got)
	}
	if got := s.want(200, sue, "GET", storeAPI+"/subscriptions", nil).list(s); len(got) != 1 {
		t.Errorf("one's own subscriptions are %v", got)
	}
	if got := s.want(200, sue, "GET", storeAPI+"/applications/"+app, nil).text; !strings.Contains(got, `"subscriptionScopes":[{"key":"read"`) {
		t.Errorf("the application is %s", got)
	}
	renamed := s.want(200, sue, "PUT", storeAPI+"/applications/"+app, map[string]any{"name": "shop 2"})
	if renamed.get("name") != "shop 2" || renamed.get("throttlingPolicy") != "10PerMin" || renamed.get("tokenType") != "JWT" {
		t.Errorf("the application became %s", renamed.text)
	}
	if got := s.want(200, every("pat"), "GET", publisherAPI+"/subscriptions?apiId="+id, nil).list(s); len(got) != 1 || got[0]["applicationInfo"].(map[string]any)["subscriber"] != "sue" {
		t.Errorf("subscribers are %v", got)
	}
	s.want(200, every("pat"), "POST", publisherAPI+"/subscriptions/block-subscription?subscriptionId="+sub+"&blockState=PROD_ONLY_BLOCKED", nil)
	if got := s.want(200, sue, "GET", storeAPI+"/subscriptions/"+sub, nil).get("status"); got != "PROD_ONLY_BLOCKED" {
		t.Errorf("the subscription is %s", got)
	}
	s.want(200, every("pat"), "POST", publisherAPI+"/subscriptions/unblock-subscription?subscriptionId="+sub, nil)
	s.want(409, every("pat"), "DELETE", publisherAPI+"/apis/"+id, nil)
	s.want(200, sue, "DELETE", storeAPI+"/subscriptions/"+sub, nil)
	s.want(404, sue, "GET", storeAPI+"/subscriptions/"+sub, nil)
	s.want(200, every("pat"), "DELETE", publisherAPI+"/apis/"+id, nil)
	s.want(404, every("pat"), "GET", publisherAPI+"/apis/"+id, nil)
}

func TestKeysAndSecrets(t *testing.T) {
	s := newSite(t)
	sue := every("sue")
	app := s.want(201, sue, "POST", storeAPI+"/applications", map[string]any{"name": "shop"}).get("applicationId")
	path := storeAPI + "/applications/" + app
	made := s.want(200, sue, "POST", path+"/generate-keys", map[string]any{
		"keyType": "SANDBOX", "grantTypesToBeSupported": []string{"refresh_token", "password", "client_credentials"}, "validityTime": 600,
		"additionalProperties": map[string]any{"refresh_token_expiry_time": "N/A"},
	})
	key, secret := made.get("consumerKey"), made.get("consumerSecret")
	if len(secret) < 40 || made.body["token"].(map[string]any)["accessToken"] != "token of "+key || made.body["token"].(map[string]any)["validityTime"].(float64) > 600 {
		t.Fatalf("made %s", made.text)
	}
	s.want(409, sue, "POST", path+"/generate-keys", map[string]any{"keyType": "SANDBOX"})
	listed := s.want(200, sue, "GET", path+"/keys", nil)
	if strings.Contains(listed.text, secret) || listed.list(s)[0]["consumerSecret"] != "****"+secret[len(secret)-4:] {
		t.Errorf("the secret is shown again: %s", listed.text)
	}
	path += "/oauth-keys/" + key
	if got := s.want(200, sue, "PUT", path, map[string]any{"supportedGrantTypes": []string{"password"}, "callbackUrl": "https://app.example.org/back"}); !strings.Contains(got.text, `"supportedGrantTypes":["password"],"callbackUrl":"https://app.example.org/back"`) ||
		!strings.Contains(got.text, `"application_access_token_expiry_time":600`) {
		t.Errorf("changed %s", got.text)
	}
	s.want(400, sue, "PUT", path, map[string]any{"supportedGrantTypes": []string{"implicit"}})
	properties := map[string]any{"refresh_token_grace_time": 30, "token_format": "OPAQUE", "token_signing_algorithm": "RS256", "revoke_previous_token": true}
	changed := s.want(200, sue, "PUT", path, map[string]any{"supportedGrantTypes": []string{gatehouse.GrantDeviceCode}, "additionalProperties": properties})
	if !strings.Contains(changed.text, `"refresh_token_grace_time":30,"token_format":"OPAQUE","token_signing_algorithm":"RS256","revoke_previous_token":true`) || !strings.Contains(changed.text, `"application_access_token_expiry_time":600`) {
		t.Errorf("changed %s", changed.text)
	}
	if kept := s.want(200, sue, "PUT", path, map[string]any{"callbackUrl": ""}); !strings.Contains(kept.text, `"refresh_token_grace_time":30,"token_format":"OPAQUE","token_signing_algorithm":"RS256","revoke_previous_token":true`) || !strings.Contains(kept.text, gatehouse.GrantDeviceCode) {
		t.Errorf("what was not said changed: %s", kept.text)
	}
	today := gatehouse.Day(time.Now())
	must(t, s.people.Store.(*db.DB).UseGrants(t.Context(), []gatehouse.GrantUse{{ConsumerKey: key, Grant: "password", Uses: 1204, LastDay: today}}))
	uses := `"grantUses":[{"grantType":"password","uses":1204,"lastUsedDay":"` + today.Format(time.DateOnly) + `"}]`
	for _, where := range []string{path, strings.TrimSuffix(path, "/oauth-keys/"+key) + "/keys"} {
		if got := s.want(200, sue, "GET", where, nil); !strings.Contains(got.text, uses) {
			t.Errorf("%s: %s", where, got.text)
		}
	}

	second := s.want(201, sue, "POST", path+"/generate-secret", map[string]any{"additionalProperties": map[string]any{"description": "laptop", "expiresIn": 86400}})
	if second.get("secretValue") == secret || len(second.get("secretValue")) < 40 {
		t.Errorf("the second secret is %s", second.text)
	}
	secrets := s.want(200, sue, "GET", path+"/secrets", nil)
	if len(secrets.list(s)) != 2 || strings.Contains(secrets.text, second.get("secretValue")) || !strings.Contains(secrets.text, `"description":"laptop"`) {
		t.Errorf("secrets are %s", secrets.text)
	}
	s.want(200, sue, "POST", path+"/generate-token", map[string]any{"consumerSecret": secret, "validityPeriod": 60, "scopes": []string{"read"}})
	s.want(400, sue, "POST", path+"/generate-token", map[string]any{"consumerSecret": "wrong"})
	s.want(204, sue, "POST", path+"/revoke-secret", map[string]any{"secretId": second.get("secretId")})
	s.want(404, sue, "POST", path+"/revoke-secret", map[string]any{"secretId": second.get("secretId")})
	s.want(400, sue, "POST", path+"/generate-token", map[string]any{"consumerSecret": second.get("secretValue")})
	s.want(200, sue, "POST", path+"/generate-token", map[string]any{"consumerSecret": secret})
	s.want(200, sue, "DELETE", path, nil)
	s.want(404, sue, "GET", path, nil)
}

func TestRegistrationIsIdempotentAndKeepsOlderSecrets(t *testing.T) {
	s := newSite(t)
	register := func(user, secret string) answer {
		r := httptest.NewRequest("POST", "/client-registration/v0.17/register", strings.NewReader(
			`{"clientName":"rest_api_import_export_admin","callbackUrl":"www.google.lk","grantType":"password refresh_token urn:unknown","saasApp":true,"owner":"sue","tokenScope":"Production"}`))
		r.Header.Set("Content-Type", "application/json")
		r.SetBasicAuth(user, secret)
		return s.send(r)
	}
	first, second := register("pat@johnsorg", password), register("pat@johnsorg", password)
	if first.status != http.StatusOK || first.get("clientId") != second.get("clientId") || first.get("clientSecret") == second.get("clientSecret") {
		t.Fatalf("got %s and %s", first.text, second.text)
	}
	if first.get("appOwner") != "pat" || first.get("callBackURL") != "www.google.lk" {
		t.Errorf("check 139: the owner is who proves a password: %s", first.text)
	}
	client, err := s.apps.Store.Client(t.Context(), first.get("clientId"))
	must(t, err)
	for _, a := range []answer{first, second} {
		if client.Matches(a.get("clientSecret"), client.CreatedAt) == nil {
			t.Errorf("the secret of %s does not work", a.text)
		}
	}
	if got := register("admin", password); got.status != http.StatusOK {
		t.Errorf("a user of the default organization: %s", got.text)
	}
	for _, user := range []string{"pat@johnsorg", "nobody@johnsorg", "pat@other", "pat"} {
		if got := register(user, "wrong password"); got.status != http.StatusUnauthorized || !strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Basic ") || got.get("description") != "unknown user or wrong password" {
			t.Errorf("%s with a wrong password: %d %s", user, got.status, got.text)
		}
	}
}

func TestEachAreaDescribesItself(t *testing.T) {
	s := newSite(t)
	for _, prefix := range []string{publisherAPI, storeAPI, adminAPI} {
		a := s.want(200, "", "GET", prefix+"/openapi.json", nil)
		doc, err := openapi3.NewLoader().LoadFromData([]byte(a.text))
		must(t, err)
		if err := doc.Validate(t.Context()); err != nil {
			t.Errorf("%s: %v", prefix, err)
		}
	}
}
