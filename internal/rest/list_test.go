package rest_test

import (
	"fmt"
	"net/url"
	"slices"
	"testing"
)

func TestQueryFindsWhatItSays(t *testing.T) {
	s := newSite(t)
	pat := every("pat")
	for _, name := range []string{"Menu", "MenuAPI", "Orders"} {
		for _, version := range []string{"1.0.0", "2.1.0"} {
			s.want(201, pat, "POST", publisherAPI+"/apis", map[string]any{"name": name, "version": version, "context": "/" + name, "tags": []string{"food"}})
		}
	}
	rows := []struct {
		query string
		want  []string
	}{
		{"", []string{"Menu 1.0.0", "Menu 2.1.0", "MenuAPI 1.0.0", "MenuAPI 2.1.0", "Orders 1.0.0", "Orders 2.1.0"}},
		{`name:"Menu" version:"2.1.0"`, []string{"Menu 2.1.0"}},
		{`name:"Menu" version:"2.1.0" provider:"pat"`, []string{"Menu 2.1.0"}},
		{`name:"Menu" provider:"ann"`, nil},
		{"name:Menu version:2.1.0", []string{"Menu 2.1.0", "MenuAPI 2.1.0"}},
		{"menuapi 2.1", []string{"MenuAPI 2.1.0"}},
		{"context:/orders", []string{"Orders 1.0.0", "Orders 2.1.0"}},
		{"status:PUBLISHED", nil},
		{"tag:food name:orders version:1", []string{"Orders 1.0.0", "Orders 2.1.0"}},
		{`type:"APIProduct" name:"Menu"`, nil},
		{`type:"MCP" name:"Menu"`, nil},
		{`type:HTTP name:"orders" version:"1.0.0"`, []string{"Orders 1.0.0"}},
	}
	for _, row := range rows {
		for _, path := range []string{"/apis", "/search"} {
			var got []string
			for _, item := range s.want(200, pat, "GET", publisherAPI+path+"?dryRun=true&query="+url.QueryEscape(row.query), nil).list(s) {
				got = append(got, fmt.Sprint(item["name"], " ", item["version"]))
			}
			if !slices.Equal(got, row.want) {
				t.Errorf("%q finds %v, want %v", row.query, got, row.want)
			}
		}
	}
	for _, query := range []string{`name:"Menu`, "colour:red", string(make([]byte, 2000))} {
		s.want(400, pat, "GET", publisherAPI+"/apis?query="+url.QueryEscape(query), nil)
	}
}

// A client that asks on until count is 0 must come to an end.
func TestPagesEnd(t *testing.T) {
	s := newSite(t)
	for i := range 5 {
		s.want(201, every("sue"), "POST", storeAPI+"/applications", map[string]any{"name": fmt.Sprint("app", i)})
	}
	seen := 0
	for offset := 0; ; offset += 2 {
		a := s.want(200, every("sue"), "GET", fmt.Sprintf("%s/applications?limit=2&offset=%d", storeAPI, offset), nil)
		seen += len(a.list(s))
		p := a.body["pagination"].(map[string]any)
		if p["total"] != 5.0 || (p["next"] == "") != (offset >= 4) || (p["previous"] == "") != (offset == 0) {
			t.Errorf("offset %d: %v", offset, p)
		}
		if a.body["count"] == 0.0 {
			break
		}
	}
	if seen != 5 {
		t.Errorf("saw %d applications, want 5", seen)
	}
	for _, path := range []string{"/applications?limit=-1", "/applications?offset=x"} {
		s.want(400, every("sue"), "GET", storeAPI+path, nil)
	}
	if got := s.want(200, every("sue"), "GET", storeAPI+"/applications?query=PP3", nil).list(s); len(got) != 1 {
		t.Errorf("a part of the name finds %v", got)
	}
	if got := s.want(200, every("sue"), "GET", storeAPI+"/throttling-policies/application", nil).list(s); got[0]["name"] != "10PerMin" {
		t.Errorf("tiers are %v", got)
	}
	s.want(404, every("sue"), "GET", storeAPI+"/throttling-policies/custom", nil)
}
