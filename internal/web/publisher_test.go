package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

func TestImportAndPublish(t *testing.T) {
	s := newSite(t)
	b := s.as("paula@johnsorg")
	document := strings.ReplaceAll(orders(t), "Orders API", "Parcels")
	tests := []struct {
		name   string
		fields map[string]string
		file   string
		status int
		says   string
	}{
		{"a file", map[string]string{"context": "/parcels"}, document, http.StatusSeeOther, ""},
		{"pasted text", map[string]string{"text": strings.ReplaceAll(document, "Parcels", "Letters"), "context": "/letters"}, "", http.StatusSeeOther, ""},
		{"the same again", map[string]string{"context": "/parcels"}, document, 400, "There is an API Parcels 2.1 already"},
		{"nothing", nil, "", 400, "Choose an OpenAPI file, or paste its text."},
		{"a bad document comes back", map[string]string{"text": "openapi: 3.0.3\n<script>alert(1)</script>"}, "", 400, "&lt;script&gt;"},
		{"every problem is told", map[string]string{"text": "openapi: 3.0.3"}, "", 400, "things to put right"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			fields := map[string]string{"csrf": b.csrf("/publisher")}
			for name, value := range test.fields {
				fields[name] = value
			}
			a := b.upload(fields, test.file)
			a.want(t, test.status, test.says)
			if test.status != http.StatusSeeOther {
				return
			}
			path, _, _ := strings.Cut(a.Header.Get("Location"), "?")
			b.get(a.Header.Get("Location")).want(t, 200, "Look it over, then publish it.", "Created", "https://orders.example.org/v2")
			b.post(path, path+"/do", url.Values{"action": {string(gatehouse.Publish)}}).want(t, http.StatusSeeOther)
			b.get(path).want(t, 200, "Published", "See it in the Store", "Deprecate")
			s.as("dev@johnsorg").get("/apis/"+strings.TrimPrefix(path, "/publisher/apis/")).want(t, 200, "Subscribe and get a token")
		})
	}
	t.Run("warnings are told, and the API is there", func(t *testing.T) {
		odd := strings.Replace(document, "name: orderId", "name: another", 1)
		a := b.upload(map[string]string{"csrf": b.csrf("/publisher"), "text": strings.ReplaceAll(odd, "Parcels", "Odd"), "context": "/odd"}, "")
		a.want(t, 200, "must define exactly all path parameters", "Created")
	})
	t.Run("without the form's token", func(t *testing.T) {
		b.upload(map[string]string{"csrf": "x", "text": document}, "").want(t, 403)
	})
	t.Run("more than the limit", func(t *testing.T) {
		b.upload(map[string]string{"csrf": b.csrf("/publisher")}, strings.Repeat("#", gatehouse.MaxDefinition+1<<20)).want(t, 413, "at most 10 MiB")
	})
}

func TestPublisherIsForThoseWhoMay(t *testing.T) {
	s := newSite(t)
	path := "/publisher/apis/" + s.api.ID
	t.Run("a subscriber may not look", func(t *testing.T) {
		b := s.as("dev@johnsorg")
		b.get("/publisher").want(t, 403, "role creator or publisher")
		b.get(path).want(t, 403)
		b.post("/", path+"/do", url.Values{"action": {"Block"}}).want(t, 403)
		b.upload(map[string]string{"csrf": b.csrf("/"), "text": orders(t)}, "").want(t, 403)
	})
	t.Run("a creator may not publish", func(t *testing.T) {
		b := s.as("cora@johnsorg")
		b.get(path).want(t, 200, "Moving it takes the role publisher.")
		b.post(path, path+"/do", url.Values{"action": {"Block"}}).want(t, 403)
		b.post(path, path+"/settings", nil).want(t, 403)
	})
	t.Run("another organization's publisher finds nothing", func(t *testing.T) {
		b := s.as("stranger")
		b.get(path).want(t, 404)
		b.post("/publisher", path+"/do", url.Values{"action": {"Block"}}).want(t, 404)
	})
}

func TestLifecycleAndSettings(t *testing.T) {
	s := newSite(t)
	b := s.as("paula@johnsorg")
	path := "/publisher/apis/" + s.api.ID
	b.post(path, path+"/do", url.Values{"action": {"Retire"}}).want(t, 409, "does not allow")
	b.post(path, path+"/do", url.Values{"action": {"Block"}}).want(t, http.StatusSeeOther)
	b.get(path).want(t, 200, "Blocked", "Re-Publish")
	b.post(path, path+"/settings", url.Values{"production": {"not a URL"}, "tier": {"Gold"}}).want(t, 409, "cannot be a backend")
	r := b.post(path, path+"/settings", url.Values{"production": {"https://new.example.org"}, "description": {"New words"}, "tier": {"Gold"}})
	r.want(t, http.StatusSeeOther)
	b.get(r.Header.Get("Location")).want(t, 200, "Saved.", "https://new.example.org", "New words", `value="Gold" checked`)
}

func TestSubscribersAreListed(t *testing.T) {
	s := newSite(t)
	api := "/apis/" + s.api.ID
	s.as("dev@johnsorg").post(api, api+"/start", url.Values{"tier": {"Gold"}, "env": {"PRODUCTION"}}).want(t, 200)
	s.as("paula@johnsorg").get("/publisher"+api).want(t, 200, "DefaultApplication", "1 application")
}
