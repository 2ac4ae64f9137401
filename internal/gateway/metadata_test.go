package gateway_test

import (
	"encoding/json"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

func TestResourceMetadata(t *testing.T) {
	g, _ := serve(t, "http://backend.example", func(g *gateway.Gateway) {
		g.URL = "https://api.example"
		api := g.APIs.(*store).apis["echo"]
		api.Resources[0].Scopes = []string{"write", "read"}
		api.Resources[1].Scopes = []string{"read"}
	})
	for _, tt := range []struct {
		path, resource string // no resource: it is not there
		scopes         []string
	}{
		{"", "https://api.example", nil},
		{"/", "https://api.example", nil},
		{"/echo/1.0", "https://api.example/echo/1.0", []string{"read", "write"}},
		{"/t/default/echo/1.0", "https://api.example/t/default/echo/1.0", []string{"read", "write"}},
		{"/echo/1.0/any", "", nil},
		{"/echo", "", nil},
		{"/t/other/echo/1.0", "", nil},
		{"/echo%2f1.0", "", nil},
	} {
		w := httptest.NewRecorder()
		g.Metadata(w, httptest.NewRequest("GET", gateway.MetadataPath+tt.path, nil))
		if tt.resource == "" {
			if w.Code != 404 {
				t.Errorf("%s: %d %s", tt.path, w.Code, w.Body)
			}
			continue
		}
		var got struct {
			Resource string   `json:"resource"`
			Servers  []string `json:"authorization_servers"`
			Scopes   []string `json:"scopes_supported"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 || w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Fatalf("%s: %d %s", tt.path, w.Code, w.Body)
		}
		if got.Resource != tt.resource || !slices.Equal(got.Servers, []string{"https://api.example"}) || !slices.Equal(got.Scopes, tt.scopes) {
			t.Errorf("%s: %+v", tt.path, got)
		}
	}
	w := httptest.NewRecorder()
	if g.Metadata(w, httptest.NewRequest("POST", gateway.MetadataPath, nil)); w.Code != 405 || w.Header().Get("Allow") == "" {
		t.Errorf("POST: %d", w.Code)
	}
	if org, ok := g.Owner("/echo/1.0"); !ok || org != gatehouse.DefaultOrganization {
		t.Errorf("the API belongs to %q", org)
	}
	if _, ok := g.Owner("/echo/1.0/any"); ok {
		t.Error("a part of an API has an owner")
	}
}
