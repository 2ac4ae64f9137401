package rest_test

import (
	"strings"
	"testing"
)

func TestAPIKeysAreShownOnceListedAndRevoked(t *testing.T) {
	s := newSite(t)
	api := s.imported()
	app := s.want(201, every("sue"), "POST", storeAPI+"/applications", map[string]any{"name": "shop"}).get("applicationId")
	ofApp, ofAPI := storeAPI+"/applications/"+app+"/api-keys", storeAPI+"/apis/"+api+"/api-keys"

	restricted := map[string]any{"permittedIP": "152.23.5.6, 192.168.1.2/24,2001:c00::/23", "permittedReferer": "www.A.com/p,*.a.com/*"}
	made := s.want(200, every("sue"), "POST", ofApp+"/PRODUCTION/generate", map[string]any{"keyName": "first", "validityPeriod": 3600, "additionalProperties": restricted})
	if key := made.get("apikey"); !strings.HasPrefix(key, "ghk_") || made.body["validityTime"] != 3600.0 {
		t.Fatalf("made %s", made.text)
	}
	if made.header.Get("Cache-Control") != "no-store" {
		t.Error("the answer with the key may be stored")
	}
	endless := s.want(200, every("sue"), "POST", ofApp+"/SANDBOX/generate", map[string]any{"validityPeriod": -1})
	if endless.body["validityTime"] != -1.0 {
		t.Errorf("made %s", endless.text)
	}
	list := s.want(200, every("sue"), "GET", ofApp+"/PRODUCTION", nil)
	if items := list.list(s); len(items) != 1 || items[0]["keyUUID"] != made.body["keyUUID"] || items[0]["keyName"] != "first" || strings.Contains(list.text, made.get("apikey")) {
		t.Errorf("check 151: the list is %s", list.text)
	}
	if want := `{"permittedIP":"152.23.5.6,192.168.1.0/24,2001:c00::/23","permittedReferer":"www.a.com/p,*.a.com/*"}`; !strings.Contains(list.text, want) {
		t.Errorf("restrictions are %s", list.text)
	}
	for name, body := range map[string]map[string]any{
		"an address that is none": {"additionalProperties": map[string]any{"permittedIP": "1.2.3"}},
		"a page with a scheme":    {"additionalProperties": map[string]any{"permittedReferer": "https://a.com"}},
		"a page with stars":       {"additionalProperties": map[string]any{"permittedReferer": "*a.com/*"}},
		"a name with a line":      {"keyName": "a\nb"},
	} {
		if a := s.call(every("sue"), "POST", ofApp+"/PRODUCTION/generate", body); a.status != 400 {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
	s.want(409, every("sue"), "POST", ofApp+"/PRODUCTION/generate", map[string]any{"keyName": "First"})
	s.want(400, every("sue"), "POST", ofApp+"/TEST/generate", map[string]any{})

	bound := s.want(200, every("sue"), "POST", ofAPI+"/generate", map[string]any{"keyName": "bound", "keyType": "PRODUCTION"})
	name := map[string]any{"keyUUID": bound.get("keyUUID"), "applicationId": app}
	s.want(200, every("sue"), "POST", ofAPI+"/associate", name)
	if items := s.want(200, every("sue"), "GET", ofAPI, nil).list(s); len(items) != 1 || items[0]["applicationId"] != app || items[0]["apiId"] != api {
		t.Errorf("the API's keys are %v", items)
	}
	s.want(200, every("sue"), "POST", ofAPI+"/dissociate", name)
	s.want(400, every("sue"), "POST", ofAPI+"/associate", map[string]any{"keyUUID": bound.get("keyUUID")})

	// Check 137: what is another's is not there.
	for _, stranger := range []string{every("sam"), everyIn("other", "olga")} {
		s.want(404, stranger, "POST", ofApp+"/PRODUCTION/generate", map[string]any{})
		s.want(404, stranger, "GET", ofApp+"/PRODUCTION", nil)
		s.want(404, stranger, "POST", ofApp+"/PRODUCTION/revoke", map[string]any{"keyUUID": made.get("keyUUID")})
		s.want(404, stranger, "POST", ofAPI+"/revoke", map[string]any{"keyUUID": bound.get("keyUUID")})
		s.want(404, stranger, "POST", ofAPI+"/associate", name)
		if n := len(s.want(200, stranger, "GET", ofAPI, nil).list(s)); n != 0 {
			t.Errorf("%s sees %d keys", stranger, n)
		}
	}
	theirs := s.want(201, every("sam"), "POST", storeAPI+"/applications", map[string]any{"name": "theirs"}).get("applicationId")
	s.want(404, every("sam"), "POST", ofAPI+"/associate", map[string]any{"keyUUID": bound.get("keyUUID"), "applicationId": theirs})
	s.want(404, every("sam"), "POST", ofAPI+"/dissociate", map[string]any{"keyUUID": bound.get("keyUUID")})
	s.want(400, every("sue"), "POST", ofApp+"/PRODUCTION/revoke", map[string]any{})
	s.want(200, every("sue"), "POST", ofApp+"/PRODUCTION/revoke", map[string]any{"apikey": made.get("apikey")})
	s.want(404, every("sue"), "POST", ofApp+"/PRODUCTION/revoke", map[string]any{"keyUUID": made.get("keyUUID")})
	s.want(200, every("sue"), "POST", ofAPI+"/revoke", map[string]any{"keyUUID": bound.get("keyUUID")})
}
