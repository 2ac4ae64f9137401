package rest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"
)

// certificate returns a self-signed certificate in PEM.
func certificate(t *testing.T, until time.Time) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "caller"}, NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestSecuritySchemesAreSetAndKept(t *testing.T) {
	s := newSite(t)
	path := publisherAPI + "/apis/" + s.imported()
	get := func() answer { return s.want(200, every("pat"), "GET", path, nil) }
	if a := get(); fmt.Sprint(a.body["securityScheme"]) != "[oauth2 oauth_basic_auth_api_key_mandatory]" || a.get("authorizationHeader") != "Authorization" || a.get("apiKeyHeader") != "apikey" {
		t.Errorf("what nobody has set: %s", a.text)
	}
	for sent, want := range map[string]string{
		"api_key":                              "[api_key oauth_basic_auth_api_key_mandatory]",
		"basic_auth":                           "[basic_auth oauth_basic_auth_api_key_mandatory]",
		"oauth2 api_key":                       "[oauth2 api_key oauth_basic_auth_api_key_mandatory]",
		"mutualssl":                            "[mutualssl mutualssl_mandatory]", // else nothing would open it, or everything
		"mutualssl oauth2":                     "[oauth2 oauth_basic_auth_api_key_mandatory mutualssl]",
		"mutualssl mutualssl_mandatory oauth2": "[oauth2 mutualssl mutualssl_mandatory]",
		"mutualssl mutualssl_mandatory oauth2 oauth_basic_auth_api_key_mandatory": "[oauth2 oauth_basic_auth_api_key_mandatory mutualssl mutualssl_mandatory]",
	} {
		s.want(200, every("pat"), "PUT", path, map[string]any{"securityScheme": strings.Fields(sent)})
		s.want(200, every("pat"), "PUT", path, map[string]any{"description": "what is not named stays"})
		if got := fmt.Sprint(get().body["securityScheme"]); got != want {
			t.Errorf("%s is %s, want %s", sent, got, want)
		}
	}
	s.want(200, every("pat"), "PUT", path, map[string]any{"authorizationHeader": "X-Token", "apiKeyHeader": "X-Key", "audiences": []string{"us"}, "isDefaultVersion": true})
	if a := get(); a.get("authorizationHeader") != "X-Token" || a.get("apiKeyHeader") != "X-Key" || fmt.Sprint(a.body["audiences"]) != "[us]" || a.body["isDefaultVersion"] != true {
		t.Errorf("the API is %s", a.text)
	}
	if a := s.want(200, every("sue"), "GET", strings.Replace(path, publisherAPI, storeAPI, 1), nil); !strings.Contains(a.text, `"defaultVersionURLs":{"https":"https://gateway.example.org/t/johnsorg/petstore"}`) {
		t.Errorf("the Store shows %s", a.text)
	}
	for want, body := range map[string]map[string]any{
		"securityScheme":           {"securityScheme": []string{"oauth"}},
		"cannot carry":             {"authorizationHeader": "Content-Length"},
		"a header each":            {"authorizationHeader": "x-key"},
		"at most 50 audiences":     {"audiences": strings.Fields(strings.Repeat("a ", 51))},
		"cannot carry credentials": {"apiKeyHeader": "a b"},
	} {
		if a := s.want(400, every("pat"), "PUT", path, body); !strings.Contains(a.text, want) {
			t.Errorf("%v: %s, want something with %s", body, a.text, want)
		}
	}
}

func TestClientCertificates(t *testing.T) {
	s := newSite(t)
	path := publisherAPI + "/apis/" + s.imported()
	good := certificate(t, time.Now().Add(time.Hour))
	for _, tt := range []struct {
		name, path string
		parts      map[string]string
		status     int
	}{
		{"a certificate", "/client-certs/SANDBOX", map[string]string{"alias": "one", "tier": "Gold", "certificate": good}, 201},
		{"without a key type, and a tier", "/client-certificates", map[string]string{"alias": "two", "certificate": good}, 201},
		{"the same alias", "/client-certificates", map[string]string{"alias": "two", "certificate": good}, 409},
		{"no certificate", "/client-certificates", map[string]string{"alias": "three", "certificate": "hello"}, 400},
		{"two certificates", "/client-certificates", map[string]string{"alias": "three", "certificate": good + good}, 400},
		{"one that has ended", "/client-certificates", map[string]string{"alias": "three", "certificate": certificate(t, time.Now().Add(-time.Hour))}, 400},
		{"no alias", "/client-certificates", map[string]string{"certificate": good}, 400},
		{"an unknown tier", "/client-certificates", map[string]string{"alias": "three", "tier": "Platinum", "certificate": good}, 400},
	} {
		if a := s.upload(every("pat"), "POST", path+tt.path, tt.parts); a.status != tt.status {
			t.Errorf("%s: %d %s, want %d", tt.name, a.status, a.text, tt.status)
		}
	}
	if a := s.upload(every("sue"), "POST", path+"/client-certificates", map[string]string{"alias": "mine", "certificate": good}); a.status != 403 {
		t.Errorf("a subscriber lets herself in: %d %s", a.status, a.text)
	}
	if list := s.want(200, every("pat"), "GET", path+"/client-certificates", nil).list(s); len(list) != 2 {
		t.Errorf("the certificates are %v", list)
	}
	list := s.want(200, every("pat"), "GET", path+"/client-certs/SANDBOX", nil).list(s)
	if len(list) != 1 || list[0]["alias"] != "one" || list[0]["tier"] != "Gold" || list[0]["keyType"] != "SANDBOX" {
		t.Errorf("for the sandbox: %v", list)
	}
	s.want(200, every("pat"), "PUT", path, map[string]any{"securityScheme": []string{"mutualssl", "mutualssl_mandatory"}})
	if n := len(s.want(200, every("pat"), "GET", path+"/client-certificates", nil).list(s)); n != 2 {
		t.Errorf("a change of the schemes leaves %d certificates", n)
	}
	s.want(200, every("pat"), "DELETE", path+"/client-certificates/one", nil)
	s.want(404, every("pat"), "DELETE", path+"/client-certs/SANDBOX/one", nil)
}

func TestVersionsAreCopied(t *testing.T) {
	s := newSite(t)
	id := s.imported()
	app := s.want(201, every("sue"), "POST", storeAPI+"/applications", map[string]any{"name": "shop"}).get("applicationId")
	s.want(201, every("sue"), "POST", storeAPI+"/subscriptions", map[string]any{"applicationId": app, "apiId": id, "throttlingPolicy": "Gold"})
	cp := publisherAPI + "/apis/copy-api?apiId=" + id
	if a := s.want(400, every("pat"), "POST", cp, nil); !strings.Contains(a.text, "newVersion") {
		t.Errorf("without a version: %s", a.text)
	}
	two := s.want(201, every("pat"), "POST", cp+"&newVersion=2.0.0&defaultVersion=true", nil)
	if two.get("lifeCycleStatus") != "CREATED" || two.get("version") != "2.0.0" || two.get("context") != "/petstore" || len(two.body["operations"].([]any)) != 2 {
		t.Errorf("the copy is %s", two.text)
	}
	if a := s.want(409, every("pat"), "POST", cp+"&newVersion=2.0.0", nil); a.body["code"] != 900252.0 {
		t.Errorf("the version twice: %s", a.text)
	}
	s.want(403, every("sue"), "POST", cp+"&newVersion=3.0.0", nil)
	three := s.want(201, every("pat"), "POST", cp+"&newVersion=3.0.0", nil)

	state := s.want(200, every("pat"), "GET", publisherAPI+"/apis/"+two.get("id")+"/lifecycle-state", nil)
	if len(state.body["checkItems"].([]any)) != 2 {
		t.Errorf("the checklist is %s", state.text)
	}
	publish := func(id, checklist string) {
		s.want(200, every("pat"), "POST", publisherAPI+"/apis/change-lifecycle?action=Publish&apiId="+id+"&lifecycleChecklist="+checklist, nil)
	}
	subscribed := func(id string) int {
		return len(s.want(200, every("sue"), "GET", storeAPI+"/subscriptions?apiId="+id, nil).list(s))
	}
	publish(three.get("id"), "Requires%20re-subscription%20when%20publishing%20the%20API:true")
	publish(two.get("id"), "Deprecate%20old%20versions%20after%20publishing%20the%20API:true,Require%20re-subscription:false")
	if subscribed(two.get("id")) != 1 || subscribed(three.get("id")) != 0 {
		t.Errorf("scenario 19: %d subscribe to 2.0.0 and %d to 3.0.0", subscribed(two.get("id")), subscribed(three.get("id")))
	}
	for version, want := range map[string]string{id: "DEPRECATED", two.get("id"): "PUBLISHED", three.get("id"): "PUBLISHED"} {
		if got := s.want(200, every("pat"), "GET", publisherAPI+"/apis/"+version, nil).get("lifeCycleStatus"); got != want {
			t.Errorf("scenario 19: %s is %s, want %s", version, got, want)
		}
	}
}

func TestContextsWithAVersionInside(t *testing.T) {
	s := newSite(t)
	api := func(name, context string) map[string]any {
		return map[string]any{"name": name, "version": "1.0", "context": context}
	}
	for _, tt := range []struct {
		name, context string
		status        int
		want          string
	}{
		{"Inside", "/a/{version}/b", 201, "/a/{version}/b"},
		{"First", "/{version}/pets", 201, "/{version}/pets"},
		{"Last", "/last/{version}", 201, "/last"},
		{"Twice", "/{version}/x/{version}/y", 400, ""},
		{"Part", "/a{version}/b", 400, ""},
		{"Taken", "/a/1.0/b", 201, "/a/1.0/b"}, // at /a/1.0/b/1.0
		{"SamePlace", "/a/b", 409, ""},         // the default version of Inside would be there
	} {
		a := s.call(every("pat"), "POST", publisherAPI+"/apis", api(tt.name, tt.context))
		if a.status != tt.status || a.get("context") != tt.want {
			t.Errorf("%s: %d %s, want %d %s", tt.context, a.status, a.text, tt.status, tt.want)
		}
	}
}

func TestAnAPIWithoutTiersNeedsNoSubscription(t *testing.T) {
	s := newSite(t)
	path := publisherAPI + "/apis/" + s.imported()
	if a := s.want(200, every("pat"), "PUT", path, map[string]any{"policies": []string{}}); fmt.Sprint(a.body["policies"]) != "[DefaultSubscriptionless]" {
		t.Errorf("without tiers: %s", a.text)
	}
	s.want(200, every("pat"), "PUT", path, map[string]any{"policies": []string{"DefaultSubscriptionless"}})
	s.want(400, every("pat"), "PUT", path, map[string]any{"policies": []string{"Gold", "DefaultSubscriptionless"}})
	if a := s.want(200, every("pat"), "PUT", path, map[string]any{"policies": []string{"Gold"}}); fmt.Sprint(a.body["policies"]) != "[Gold]" {
		t.Errorf("with a tier again: %s", a.text)
	}
}
