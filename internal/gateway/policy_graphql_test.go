package gateway_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestGraphQLIsGuarded(t *testing.T) {
	reached := 0
	front := withPolicies(t, backend(t, func(w http.ResponseWriter, r *http.Request) { reached++; echo(w, r) }),
		`graphql request {"schema":"type Query{pets:[Pet!]! secret:String} type Mutation{addPet(name:String):Pet} type Pet{name:String friends:[Pet!]!}",
			"maxDepth":3,"maxComplexity":20,"costs":{"Query.pets":10},"scopes":{"Mutation.addPet":["update"],"Query.secret":["admin"]},"noIntrospection":true}`)
	quoted := func(query string) string {
		b, err := json.Marshal(map[string]string{"query": query})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, tt := range []struct {
		name, media, body string
		status            int
		code              string
	}{
		{"a query", "application/json", quoted(`{pets{name}}`), 200, ""},
		{"two of them", "application/json", "[" + quoted(`{pets{name}}`) + "," + quoted(`{__typename}`) + "]", 200, ""},
		{"as it is", "application/graphql", `{pets{name}}`, 200, ""},
		{"one that does not fit the schema", "application/json", quoted(`{dogs{name}}`), 422, "900422"},
		{"one that is none", "application/json", quoted(`{pets`), 422, "900422"},
		{"a query said twice", "application/json", `{"query":"{pets{name}}","query":"{secret}"}`, 422, "900422"},
		{"a hash alone", "application/json", `{"extensions":{"persistedQuery":{"sha256Hash":"x"}}}`, 422, "900422"},
		{"another media type", "text/plain", quoted(`{pets{name}}`), 422, "900422"},
		{"too deep", "application/json", quoted(`{pets{friends{friends{name}}}}`), 400, "900820"},
		{"too dear", "application/json", quoted(`{a:pets{name} b:pets{name}}`), 400, "900821"},
		{"too dear together", "application/json", "[" + quoted(`{pets{name}}`) + "," + quoted(`{pets{name}}`) + "]", 400, "900821"},
		{"without its scope", "application/json", quoted(`mutation{addPet(name:"x"){name}}`), 403, "900910"},
		{"without its scope, in a fragment", "application/json", quoted(`{...F} fragment F on Query{secret}`), 403, "900910"},
		{"without its scope, by another name", "application/json", quoted(`{pets:secret}`), 403, "900910"},
		{"for the schema", "application/json", quoted(`{__schema{types{name}}}`), 403, "900910"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := reached
			res, body := post(t, front, tt.media, tt.body)
			if res.StatusCode != tt.status || !strings.Contains(body, tt.code) {
				t.Errorf("answered %d %s, want %d %s", res.StatusCode, body, tt.status, tt.code)
			}
			if tt.status == 200 && body != tt.body {
				t.Errorf("the backend got %s", body)
			}
			if tt.status != 200 && reached != before {
				t.Error("it reached the backend")
			}
		})
	}
	for target, status := range map[string]int{
		"/any?query=%7Bpets%7Bname%7D%7D": 200, "/any?query=%7Bsecret%7D": 403, "/any": 422, "/any?query=%7Bpets%7Bname%7D%7D&query=%7Bsecret%7D": 422,
	} {
		if res, body := raw(t, front, "GET /echo/1.0"+target+" HTTP/1.1\nHost: g\nConnection: close\nAuthorization: Bearer good\n\n"); res.StatusCode != status {
			t.Errorf("GET %s: %d %s, want %d", target, res.StatusCode, body, status)
		}
	}
	res, body := raw(t, front, "POST /echo/1.0/any?query=%7Bsecret%7D HTTP/1.1\nHost: g\nConnection: close\nAuthorization: Bearer good\nContent-Type: application/json\nContent-Length: 24\n\n"+`{"query":"{pets{name}}"}`)
	if res.StatusCode != 422 {
		t.Errorf("a query in the URL beside one in the body: %d %s", res.StatusCode, body)
	}
}
