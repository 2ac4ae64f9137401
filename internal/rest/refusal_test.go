package rest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/gatehouse/gatehouse"
)

// each calls visit for every route that the areas describe.
func each(s *site, visit func(method, path string, scopes []string)) {
	for _, prefix := range []string{publisherAPI, storeAPI, adminAPI} {
		doc, err := openapi3.NewLoader().LoadFromData([]byte(s.want(200, "", "GET", prefix+"/openapi.json", nil).text))
		must(s.t, err)
		for path, item := range doc.Paths.Map() {
			for method, operation := range item.Operations() {
				var scopes []string
				for _, way := range *operation.Security {
					scopes = append(scopes, way["OAuth2Security"]...)
				}
				visit(method, prefix+strings.NewReplacer("{", "", "}", "").Replace(path), scopes)
			}
		}
	}
}

// Check 138: every route refuses whoever has no token, or none of its scopes.
func TestEveryRouteAsksForATokenWithAScope(t *testing.T) {
	s := newSite(t)
	routes := 0
	each(s, func(method, path string, scopes []string) {
		routes++
		for _, scope := range scopes {
			if gatehouse.PortalScopes[scope] == nil {
				t.Errorf("%s %s: nobody can get the scope %s", method, path, scope)
			}
		}
		if a := s.want(401, "", method, path, nil); a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s %s: 401 without WWW-Authenticate", method, path)
		}
		s.want(401, "nonsense", method, path, nil)
		s.want(403, "johnsorg/ann:default,read", method, path, nil)
		s.want(401, "johnsorg/nobody:apim.admin,"+every("ann"), method, path, nil)
	})
	if routes < 35 {
		t.Errorf("only %d routes were tried", routes)
	}
}

// Check 138: a token with every scope does not help a member without the role.
func TestRolesDecideWhateverTheTokenSays(t *testing.T) {
	s := newSite(t)
	id := s.imported()
	rows := []struct{ user, method, path string }{
		{"sue", "GET", publisherAPI + "/apis"},
		{"sue", "GET", publisherAPI + "/search"},
		{"sue", "GET", publisherAPI + "/apis/" + id},
		{"sue", "DELETE", publisherAPI + "/apis/" + id},
		{"sue", "GET", publisherAPI + "/apis/" + id + "/swagger"},
		{"sue", "GET", publisherAPI + "/apis/" + id + "/lifecycle-state"},
		{"sue", "GET", publisherAPI + "/subscriptions?apiId=" + id},
		{"cleo", "POST", publisherAPI + "/apis/change-lifecycle?action=Block&apiId=" + id},
		{"cleo", "POST", publisherAPI + "/subscriptions/block-subscription?subscriptionId=x&blockState=BLOCKED"},
		{"cleo", "POST", publisherAPI + "/subscriptions/unblock-subscription?subscriptionId=x"},
		{"cleo", "DELETE", publisherAPI + "/apis/" + id},
		{"pat", "GET", adminAPI + "/applications"},
		{"pat", "DELETE", adminAPI + "/applications/x"},
	}
	for _, row := range rows {
		s.want(403, every(row.user), row.method, row.path, nil)
	}
	s.want(403, every("sue"), "POST", publisherAPI+"/apis", map[string]any{"name": "a", "version": "1", "context": "/a"})
	s.want(403, every("cleo"), "PUT", publisherAPI+"/apis/"+id, map[string]any{"description": "mine"})
}

// Check 137: what belongs to another organization, or to another member, is not there.
func TestStrangersFindNothing(t *testing.T) {
	s := newSite(t)
	id := s.imported()
	app := s.want(201, every("sue"), "POST", storeAPI+"/applications", map[string]any{"name": "shop"}).get("applicationId")
	sub := s.want(201, every("sue"), "POST", storeAPI+"/subscriptions", map[string]any{"applicationId": app, "apiId": id}).get("subscriptionId")
	key := s.want(200, every("sue"), "POST", storeAPI+"/applications/"+app+"/generate-keys", map[string]any{}).get("consumerKey")
	applications := []struct {
		method, path string
		body         any
	}{
		{"GET", "/applications/" + app, nil},
		{"PUT", "/applications/" + app, map[string]any{"name": "mine"}},
		{"DELETE", "/applications/" + app, nil},
		{"GET", "/applications/" + app + "/keys", nil},
		{"POST", "/applications/" + app + "/generate-keys", map[string]any{"keyType": "SANDBOX"}},
		{"GET", "/applications/" + app + "/oauth-keys/" + key, nil},
		{"POST", "/applications/" + app + "/oauth-keys/" + key + "/generate-token", map[string]any{}},
		{"POST", "/applications/" + app + "/oauth-keys/" + key + "/generate-secret", map[string]any{}},
		{"GET", "/subscriptions/" + sub, nil},
		{"DELETE", "/subscriptions/" + sub, nil},
		{"GET", "/subscriptions?applicationId=" + app, nil},
		{"POST", "/subscriptions", map[string]any{"applicationId": app, "apiId": id}},
	}
	for _, stranger := range []string{every("sam"), everyIn("other", "olga")} {
		for _, row := range applications {
			s.want(404, stranger, row.method, storeAPI+row.path, row.body)
		}
		if got := s.want(200, stranger, "GET", storeAPI+"/subscriptions?apiId="+id, nil).list(s); len(got) != 0 {
			t.Errorf("a stranger sees %v", got)
		}
	}
	olga := everyIn("other", "olga")
	for _, path := range []string{publisherAPI + "/apis/", storeAPI + "/apis/"} {
		s.want(404, olga, "GET", path+id, nil)
		s.want(404, olga, "GET", path+id+"/swagger", nil)
	}
	s.want(404, olga, "PUT", publisherAPI+"/apis/"+id, map[string]any{"description": "mine"})
	s.want(404, olga, "DELETE", publisherAPI+"/apis/"+id, nil)
	s.want(404, olga, "POST", publisherAPI+"/apis/change-lifecycle?action=Block&apiId="+id, nil)
	s.want(404, olga, "POST", publisherAPI+"/subscriptions/block-subscription?blockState=BLOCKED&subscriptionId="+sub, nil)
	s.want(404, olga, "DELETE", adminAPI+"/applications/"+app, nil)
	for _, path := range []string{publisherAPI + "/apis", storeAPI + "/apis", adminAPI + "/applications"} {
		if got := s.want(200, olga, "GET", path, nil).list(s); len(got) != 0 {
			t.Errorf("%s shows another organization %v", path, got)
		}
	}
	if got := s.want(200, every("ann"), "GET", adminAPI+"/applications?user=sue&name=shop", nil).list(s); len(got) != 1 || got[0]["owner"] != "sue" {
		t.Errorf("the administrator sees %v", got)
	}
	s.want(200, every("ann"), "DELETE", adminAPI+"/applications/"+app, nil)
}

// Check 133: what a page of another site can send without being asked is refused.
func TestOnlyTheRightMediaTypeIsRead(t *testing.T) {
	s := newSite(t)
	for _, mediaType := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json, text/plain"} {
		r := httptest.NewRequest("POST", storeAPI+"/applications", strings.NewReader(`{"name":"shop"}`))
		r.Header.Set("Authorization", "Bearer "+every("sue"))
		r.Header.Set("Content-Type", mediaType)
		if a := s.send(r); a.status != http.StatusUnsupportedMediaType || a.body["code"] != 415.0 {
			t.Errorf("%q: %d %s", mediaType, a.status, a.text)
		}
	}
}

// Check 139: nobody chooses what is not theirs to choose.
func TestFieldsThatAreNotTheCallersAreIgnored(t *testing.T) {
	s := newSite(t)
	a := s.want(201, every("cleo"), "POST", publisherAPI+"/apis", map[string]any{
		"name": "Own", "version": "1", "context": "/own", "id": "x", "provider": "ann", "lifeCycleStatus": "PUBLISHED", "orgId": "y", "createdTime": "1", "unheardOf": map[string]any{},
		"endpointConfig": map[string]any{"endpoint_type": "http", "production_endpoints": map[string]any{"url": "https://backend.internal"}},
	})
	if a.get("provider") != "cleo" || a.get("lifeCycleStatus") != "CREATED" || a.get("id") == "x" || a.get("createdTime") == "1" {
		t.Errorf("made %s", a.text)
	}
	if len(a.body["operations"].([]any)) != 5 {
		t.Errorf("an API without operations opens %s", a.text)
	}
	document := s.want(200, every("cleo"), "GET", publisherAPI+"/apis/"+a.get("id")+"/swagger", nil)
	if document.get("openapi") == "" {
		t.Errorf("the made document is %s", document.text)
	}
	app := s.want(201, every("sue"), "POST", storeAPI+"/applications", map[string]any{"name": "shop", "owner": "ann", "status": "CREATED", "applicationId": "x"})
	if app.get("owner") != "sue" || app.get("status") != "APPROVED" || app.get("applicationId") == "x" {
		t.Errorf("made %s", app.text)
	}
}

func TestAPIThatAsksForWhatIsNotThereIsRefused(t *testing.T) {
	s := newSite(t)
	for field, value := range map[string]any{
		"type": "GRAPHQL", "visibility": "RESTRICTED", "accessControl": "RESTRICTED", "subscriptionAvailability": "ALL_TENANTS", "endpointImplementationType": "INLINE",
		"unauthenticatedThrottlingPolicy": "Gold", "maxTps": map[string]any{"production": -1}, "apiThrottlingPolicy": "Platinum", "securityScheme": []string{"saml"},
		"endpointConfig": map[string]any{"endpoint_security": map[string]any{"production": map[string]any{"enabled": true}}},
		"policies":       []string{"Platinum"}, "operations": []any{map[string]any{"target": "no-slash", "verb": "GET"}}, "name": 7,
	} {
		body := map[string]any{"name": "A", "version": "1", "context": "/a"}
		body[field] = value
		if a := s.want(400, every("pat"), "POST", publisherAPI+"/apis", body); !slices.Contains([]string{"operations", "policies", "endpointConfig", "apiThrottlingPolicy", "maxTps"}, field) && !strings.Contains(a.get("description"), field) {
			t.Errorf("%s: %s does not name the field", field, a.text)
		}
	}
}

func TestConflictsAreToldApart(t *testing.T) {
	s := newSite(t)
	id := s.imported()
	rows := []struct {
		name, version, context string
		code                   float64
	}{
		{"PETSTORE", "1.0.0", "/petstore", 900250},
		{"Petstore", "2.0.0", "/elsewhere", 900250},
		{"Another", "1.0.0", "/petstore", 900251},
	}
	for _, row := range rows {
		a := s.want(409, every("pat"), "POST", publisherAPI+"/apis", map[string]any{"name": row.name, "version": row.version, "context": row.context})
		if a.body["code"] != row.code {
			t.Errorf("%v: %s", row, a.text)
		}
		extra := fmt.Sprintf(`{"name":%q,"version":%q,"context":%q}`, row.name, row.version, row.context)
		if a := s.upload(every("pat"), "POST", publisherAPI+"/apis/import-openapi", map[string]string{"inlineAPIDefinition": petstore, "additionalProperties": extra}); a.body["code"] != row.code {
			t.Errorf("import of %v: %s", row, a.text)
		}
	}
	s.want(400, every("pat"), "PUT", publisherAPI+"/apis/"+id, map[string]any{"context": "/moved"})
	s.want(400, every("pat"), "PUT", publisherAPI+"/apis/"+id, map[string]any{"operations": []any{}})
	whole := s.want(200, every("pat"), "GET", publisherAPI+"/apis/"+id, nil)
	whole.body["description"] = "Pets"
	if a := s.want(200, every("pat"), "PUT", publisherAPI+"/apis/"+id, whole.body); a.get("description") != "Pets" || len(a.body["operations"].([]any)) != 2 {
		t.Errorf("changed %s", a.text)
	}
}

func TestImportTellsWhatIsWrong(t *testing.T) {
	s := newSite(t)
	path := publisherAPI + "/apis/import-openapi"
	a := s.upload(every("pat"), "POST", path, map[string]string{"file": strings.ReplaceAll(petstore, "responses", "respones")})
	if a.status != 400 || len(a.body["error"].([]any)) < 2 || !strings.Contains(a.get("description"), `line 6, column 42: "respones" is not a field of an operation`) {
		t.Errorf("a bad document: %d %s", a.status, a.text)
	}
	if a := s.upload(every("pat"), "POST", path, map[string]string{"url": "http://169.254.169.254/", "file": petstore}); a.status != 400 || !strings.Contains(a.get("description"), "url is not supported") {
		t.Errorf("check 140: a url: %d %s", a.status, a.text)
	}
	for name, parts := range map[string]map[string]string{
		"nothing":            {"additionalProperties": "{}"},
		"two documents":      {"file": petstore, "inlineAPIDefinition": petstore},
		"bad properties":     {"file": petstore, "additionalProperties": "{"},
		"a bad context":      {"file": petstore, "additionalProperties": `{"context":"no slash"}`},
		"what is not served": {"file": petstore, "additionalProperties": `{"visibility":"RESTRICTED"}`},
	} {
		if a := s.upload(every("pat"), "POST", path, parts); a.status != 400 {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
	if a := s.upload(every("pat"), "POST", path, map[string]string{"file": strings.Repeat("#", 11<<20)}); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a large document: %d %s", a.status, a.text)
	}
	if got := s.want(200, every("pat"), "GET", publisherAPI+"/apis", nil).list(s); len(got) != 0 {
		t.Errorf("refused imports left %v", got)
	}
	s.want(413, every("sue"), "POST", storeAPI+"/applications", map[string]any{"name": strings.Repeat("a", 2<<20)})
	id := s.imported()
	changed := strings.ReplaceAll(petstore, "/pets:", "/animals:")
	if a := s.upload(every("pat"), "PUT", publisherAPI+"/apis/"+id+"/swagger", map[string]string{"apiDefinition": changed}); a.status != 200 || a.text != changed {
		t.Errorf("the document is replaced: %d %s", a.status, a.text)
	}
}

func TestUnknownPathsAreToldInJSON(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{publisherAPI + "/nothing", storeAPI + "/", adminAPI + "/settings"} {
		s.want(404, every("ann"), "GET", path, nil)
	}
}
