package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// petDocument is of OpenAPI 3.0, petDocument31 the same in 3.1, and petDocument20 what of it
// Swagger 2.0 can say.
const petDocument = `
openapi: 3.0.3
info: {title: Pets, version: "1"}
paths:
  /pets/{id}:
    parameters:
      - {name: id, in: path, required: true, schema: {type: integer, format: int32, minimum: 1}}
      - {name: X-Trace, in: header, schema: {type: string, pattern: '^[a-f\u0030-9]{4}$'}}
    get:
      parameters:
        - {name: limit, in: query, schema: {type: integer, maximum: 10, exclusiveMaximum: true}}
        - {name: tag, in: query, schema: {type: array, items: {type: string, enum: [cat, "1"]}}}
        - {name: ids, in: query, explode: false, schema: {type: array, maxItems: 2, items: {type: integer}}}
        - {name: deep, in: query, style: deepObject, schema: {type: object}}
        - {name: filter, in: query, content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}
        - {$ref: '#/components/parameters/Yes'}
      responses:
        "200": {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}, text/csv: {}}}
        4XX: {$ref: '#/components/responses/Problem'}
        default: {description: else, content: {application/json: {schema: {type: object}}}}
    put:
      requestBody: {required: true, content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}, text/csv: {schema: {type: string}}}}
      responses: {"204": {description: ok}}
    post:
      requestBody: {content: {application/*: {schema: {type: array, uniqueItems: true, items: {type: number, multipleOf: 0.1}}}}}
      responses: {default: {description: ok}}
    delete:
      responses: {default: {description: ok}}
components:
  parameters:
    Yes: {name: yes, in: query, schema: {type: boolean}}
  responses:
    Problem: {description: no, content: {application/problem+json: {schema: {required: [title]}}}}
  schemas:
    Pet:
      id: https://pets.example/pet
      type: object
      required: [name, id, secret]
      additionalProperties: false
      example: {nullable: true, type: string}
      properties:
        id: {type: integer, format: int64, readOnly: true}
        secret: {type: string, writeOnly: true}
        name: {type: string, minLength: 2, maxLength: 20}
        tag: {type: string, nullable: true, enum: [cat, dog]}
        born: {type: string, format: date}
        weight: {type: number, minimum: 0, exclusiveMinimum: true}
        kind:
          oneOf: [{$ref: '#/components/schemas/Pet'}, {type: string}]
          discriminator: {propertyName: name}
        "a/b~c": {type: integer}
`

// petDocument31 writes as 3.1 what 3.0 writes otherwise.
var petDocument31 = strings.NewReplacer(
	"openapi: 3.0.3", "openapi: 3.1.0", "maximum: 10, exclusiveMaximum: true", "exclusiveMaximum: 10",
	"minimum: 0, exclusiveMinimum: true", "exclusiveMinimum: 0", "type: string, nullable: true, enum: [cat, dog]", "type: [string, 'null'], enum: [cat, dog, null]",
).Replace(petDocument)

// petAPI is the API of a document, with policies.
func petAPI(backend, document string, said ...string) *gatehouse.API {
	a := &gatehouse.API{ID: "echo", OrgKey: "default", Name: "echo", Context: "/echo", Version: "1.0", State: gatehouse.Published, Production: backend, Document: document}
	for _, method := range []string{"GET", "PUT", "POST", "DELETE"} {
		a.Resources = append(a.Resources, gatehouse.Resource{Method: method, Template: "/pets/{id}"})
	}
	a.Settings.Policies = saidPolicies(said...)
	return a
}

func validated(tb testing.TB, backend, document string, said ...string) *httptest.Server {
	tb.Helper()
	a := petAPI(backend, document, said...)
	if err := gateway.Check(a); err != nil {
		tb.Fatal(err)
	}
	_, front := serve(tb, backend, func(g *gateway.Gateway) { g.APIs.(*store).apis["echo"] = a })
	return front
}

func TestRequestsAreHeldAgainstTheDocument(t *testing.T) {
	for version, document := range map[string]string{"3.0": petDocument, "3.1": petDocument31} {
		front := validated(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "seen %s", body)
		}), document, `validate request {"maxBody":5000}`)
		for _, tt := range []struct {
			name, request, media, body string
			status                     int
			want                       string
		}{
			{"a parameter in the path", "GET /pets/1", "", "", 200, "seen"},
			{"not of its type", "GET /pets/x", "", "", 400, "Schema validation failed in the Request: the path parameter 'id' must be of type integer"},
			{"a fraction", "GET /pets/1.5", "", "", 400, "must be of type integer"},
			{"out of bounds", "GET /pets/0", "", "", 400, "must be at least 1"},
			{"out of its format", "GET /pets/2147483648", "", "", 400, "must be of the format int32"},
			{"a number that nobody can hold", "GET /pets/1e999999999", "", "", 400, "must be of type integer"},
			{"in the query", "GET /pets/1?limit=9&yes=true", "", "", 200, ""},
			{"an exclusive bound", "GET /pets/1?limit=10", "", "", 400, "the query parameter 'limit' must be less than 10"},
			{"twice", "GET /pets/1?limit=9&limit=9", "", "", 400, "more than once"},
			{"no boolean", "GET /pets/1?yes=1", "", "", 400, "the query parameter 'yes' must be of type boolean"},
			{"a list", "GET /pets/1?tag=cat&tag=1", "", "", 200, ""},
			{"a wrong list", "GET /pets/1?tag=cat&tag=cow", "", "", 400, "the query parameter 'tag' at '/1' must be one of the values"},
			{"a list in one", "GET /pets/1?ids=1,2", "", "", 200, ""},
			{"a list in one that is too long", "GET /pets/1?ids=1,2,3", "", "", 400, "must have at most 2 items"},
			{"what is unknown, and an object", "GET /pets/1?other=x&deep[a]=1", "", "", 200, ""},
			{"json in the query", "GET /pets/1?filter=%7B%22name%22:%22Rex%22,%22secret%22:%22s%22%7D", "", "", 200, ""},
			{"wrong json in the query", "GET /pets/1?filter=%7B%22name%22:1%7D", "", "", 400, "the query parameter 'filter'"},
			{"a body where none is", "GET /pets/1", "application/json", "{}", 400, "there must be no body"},

			{"a body", "PUT /pets/1", "application/json; charset=utf-8", `{"name":"Rex","secret":"s","tag":null,"a/b~c":1,"born":"2020-02-29","weight":0.1}`, 200, `seen {"name"`},
			{"a media type that is not looked into", "PUT /pets/1", "text/csv", `a,b`, 200, ""},
			{"none", "PUT /pets/1", "application/json", "", 400, "the body is missing"},
			{"another media type", "PUT /pets/1", "application/xml", "<a/>", 415, ""},
			{"without a media type", "PUT /pets/1", "", "{}", 415, ""},
			{"no json", "PUT /pets/1", "application/json", `{"name":`, 400, "the body is no JSON"},
			{"a property missing", "PUT /pets/1", "application/json", `{"name":"Rex"}`, 400, `the body lacks the property \"secret\"`},
			{"a property too many", "PUT /pets/1", "application/json", `{"name":"Rex","secret":"s","hunter2":1}`, 400, "the body has a property that the schema does not allow"},
			{"too short", "PUT /pets/1", "application/json", `{"name":"é","secret":"s"}`, 400, "the body at '/name' must have at least 2 characters"},
			{"no date", "PUT /pets/1", "application/json", `{"name":"Rex","secret":"s","born":"2021-02-29"}`, 400, "the body at '/born' must be of the format date"},
			{"not among the values", "PUT /pets/1", "application/json", `{"name":"Rex","secret":"s","tag":"hunter2"}`, 400, "the body at '/tag' must be one of the values"},
			{"a name that is escaped", "PUT /pets/1", "application/json", `{"name":"Rex","secret":"s","a/b~c":"x"}`, 400, "the body at '/a~1b~0c' must be of type integer"},
			{"within", "PUT /pets/1", "application/json", `{"name":"Rex","secret":"s","kind":{"name":"Max","secret":"s","kind":"dog"}}`, 200, ""},
			{"none of the alternatives", "PUT /pets/1", "application/json", `{"name":"Rex","secret":"s","kind":7}`, 400, "the body at '/kind' must be exactly one of the alternatives"},
			{"a number with an end", "POST /pets/1", "application/json", `[1.1, 0.3, 1e2]`, 200, ""},
			{"a number between", "POST /pets/1", "application/vnd.x+json", `[1.15]`, 400, "the body at '/0' must be a multiple of 1/10"},
			{"a number that takes forever", "POST /pets/1", "application/json", `[1e999999]`, 400, "too many digits"},
			{"twice in a list", "POST /pets/1", "application/json", `[1, 1.0]`, 400, "must have no item twice"},
			{"a body that may be missing", "POST /pets/1", "", "", 200, ""},
			{"too large", "POST /pets/1", "application/json", "[" + strings.Repeat("1,", 3000) + "1]", 413, ""},
			{"too deep", "POST /pets/1", "application/json", strings.Repeat("[", 65) + strings.Repeat("]", 65), 400, "more than 64 objects"},
			{"no body", "DELETE /pets/1", "", "", 200, ""},
		} {
			header := ""
			if tt.media != "" {
				header = "Content-Type: " + tt.media + "\n"
			}
			method, target, _ := strings.Cut(tt.request, " ")
			head := method + " /echo/1.0" + target + " HTTP/1.1\nHost: g\nConnection: close\nAuthorization: Bearer good\n" + header
			res, body := raw(t, front, head+fmt.Sprintf("Content-Length: %d\n\n%s", len(tt.body), tt.body))
			if res.StatusCode != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("%s: %s: %d %s, want %d %s", version, tt.name, res.StatusCode, body, tt.status, tt.want)
			}
			if strings.Contains(body, "hunter2") && tt.status != 200 {
				t.Errorf("%s: %s: a value is repeated: %s", version, tt.name, body)
			}
			res, body = raw(t, front, head+fmt.Sprintf("Transfer-Encoding: chunked\n\n%s0\n\n", chunk(tt.body)))
			if res.StatusCode != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("%s: %s in pieces: %d %s, want %d %s", version, tt.name, res.StatusCode, body, tt.status, tt.want)
			}
		}
		for trace, want := range map[string]int{"00ff": 200, "00FF": 400, "0": 400} {
			res, body := raw(t, front, "GET /echo/1.0/pets/1 HTTP/1.1\nHost: g\nConnection: close\nAuthorization: Bearer good\nX-Trace: "+trace+"\n\n")
			if res.StatusCode != want || want == 400 && !strings.Contains(body, "the header parameter 'X-Trace' must match the pattern") {
				t.Errorf("%s: X-Trace %s: %d %s", version, trace, res.StatusCode, body)
			}
		}
		if res, _ := raw(t, front, "HEAD /echo/1.0/pets/x HTTP/1.1\nHost: g\nConnection: close\nAuthorization: Bearer good\n\n"); res.StatusCode != 400 {
			t.Errorf("HEAD is answered %d", res.StatusCode)
		}
	}
}

func chunk(body string) string {
	if body == "" {
		return ""
	}
	return fmt.Sprintf("%x\n%s\n", len(body), body)
}

func TestAnswersAreHeldAgainstTheDocument(t *testing.T) {
	var status int
	var media, body string
	front := validated(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
		if encoding := r.Header.Get("Accept-Encoding"); encoding != "" {
			t.Errorf("the backend is asked for %q", encoding)
		}
		w.Header().Set("Content-Type", media)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}), petDocument, `validate response {"maxBody":200}`)
	for _, tt := range []struct {
		name        string
		status      int
		media, body string
		want        int
		says        string
	}{
		{"as it should be", 200, "application/json", `{"name":"Rex","id":1}`, 200, ""},
		{"without what is read only", 200, "application/json", `{"name":"Rex"}`, 500, `Schema validation failed in the Response: the body lacks the property \"id\"`},
		{"a media type that is not looked into", 200, "text/csv", "a,b", 200, ""},
		{"another media type", 200, "text/html", "<p>", 500, "the Content-Type is none"},
		{"no body", 200, "application/json", "", 500, "the body is missing"},
		{"too large", 200, "application/json", `{"name":"` + strings.Repeat("x", 300) + `"}`, 500, "more than 200 bytes"},
		{"a class of statuses", 404, "application/problem+json", `{"title":"x"}`, 404, ""},
		{"a class of statuses, wrongly", 404, "application/problem+json", `{}`, 500, `lacks the property \"title\"`},
		{"a status that is not named", 500, "application/json", `{}`, 500, "{}"},
		{"a status that is not named, wrongly", 502, "application/json", `[]`, 500, "must be of type object"},
		{"a status that is not named, without a body", 502, "", "", 502, ""},
		{"not modified", 304, "", "", 304, ""},
	} {
		status, media, body = tt.status, tt.media, tt.body
		res, got := raw(t, front, "GET /echo/1.0/pets/1 HTTP/1.1\nHost: g\nConnection: close\nAccept-Encoding: gzip\nAuthorization: Bearer good\n\n")
		if res.StatusCode != tt.want || !strings.Contains(got, tt.says) || tt.want == tt.status && tt.want != 304 && tt.want != 502 && got != tt.body {
			t.Errorf("%s: %d %s, want %d %s", tt.name, res.StatusCode, got, tt.want, tt.says)
		}
	}
}

func TestSwaggerDocumentIsHeldAgainst(t *testing.T) {
	front := validated(t, backend(t, func(http.ResponseWriter, *http.Request) {}), `{"swagger":"2.0","info":{"title":"Pets","version":"1"},"consumes":["application/json"],
		"paths":{"/pets/{id}":{"parameters":[{"name":"id","in":"path","required":true,"type":"integer"}],
		"get":{"responses":{"200":{"description":"ok"}}},"post":{"responses":{"200":{"description":"ok"}}},"delete":{"responses":{"200":{"description":"ok"}}},
		"put":{"parameters":[{"name":"body","in":"body","required":true,"schema":{"$ref":"#/definitions/Pet"}}],"responses":{"200":{"description":"ok"}}}}},
		"definitions":{"Pet":{"type":"object","required":["name"],"properties":{"name":{"type":"string"}}}}}`, `validate request`)
	for request, want := range map[string]int{`/pets/1 {"name":"Rex"}`: 200, `/pets/1 {}`: 400, `/pets/x {"name":"Rex"}`: 400} {
		target, body, _ := strings.Cut(request, " ")
		res, got := raw(t, front, fmt.Sprintf("PUT /echo/1.0%s HTTP/1.1\nHost: g\nConnection: close\nAuthorization: Bearer good\nContent-Type: application/json\nContent-Length: %d\n\n%s", target, len(body), body))
		if res.StatusCode != want {
			t.Errorf("%s: %d %s, want %d", request, res.StatusCode, got, want)
		}
	}
}

// schemaDocument is a document with the schemas A and more, of which A is a body's.
func schemaDocument(schemas string) string {
	return `{"openapi":"3.1.0","info":{"title":"x","version":"1"},"paths":{"/pets/{id}":{"get":{},"post":{},"delete":{},"put":{
		"requestBody":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/A"}}}}}}},"components":{"schemas":` + schemas + `}}`
}

func TestDocumentsThatCannotBeHeldAgainstAreRefused(t *testing.T) {
	doubled := `{"A":{"$ref":"#/components/schemas/S0"}`
	for i := range 40 {
		doubled += fmt.Sprintf(`,"S%d":{"allOf":[{"$ref":"#/components/schemas/S%d"},{"$ref":"#/components/schemas/S%d"}]}`, i, i+1, i+1)
	}
	doubled += `,"S40":{"type":"string"}}`
	for _, tt := range []struct{ name, document, want string }{
		{"no document", "", "without an OpenAPI document"},
		{"no OpenAPI", `{}`, "no OpenAPI 3"},
		{"neither JSON nor YAML", "a: [", "cannot be read"},
		{"an operation missing", `{"openapi":"3.0.0","paths":{"/pets/{id}":{"get":{}}}}`, "says nothing of PUT /pets/{id}"},
		{"check 132: a schema that is itself", schemaDocument(`{"A":{"allOf":[{"$ref":"#/components/schemas/A"}]}}`), "refers to itself"},
		{"check 132: alternatives that double", schemaDocument(doubled), "too many alternatives"},
		{"check 132: a pattern that looks ahead", schemaDocument(`{"A":{"pattern":"^(?=a)a"}}`), "RE2"},
		{"check 132: a pattern that is large", schemaDocument(`{"A":{"pattern":"(a{1,100}){1,10}b{1,999}c{1,999}"}}`), "repeats too"},
		{"check 132: a pattern that is long", schemaDocument(`{"A":{"pattern":"` + strings.Repeat("a", 1001) + `"}}`), "more than 1000 characters"},
		{"a reference to a file", schemaDocument(`{"A":{"$ref":"file:///etc/passwd"}}`), "never fetched"},
		{"a reference to an address", schemaDocument(`{"A":{"$ref":"https://example.com/schema"}}`), "never fetched"},
		{"a reference to nothing", schemaDocument(`{"A":{"$ref":"#/components/schemas/B"}}`), "schema at /paths/~1pets~1%7Bid%7D/put"},
		{"a dynamic reference", schemaDocument(`{"A":{"$dynamicRef":"#x"}}`), "$dynamicRef"},
		{"no schema", schemaDocument(`{"A":{"type":7}}`), "cannot be used"},
	} {
		err := gateway.Check(petAPI("http://b.example", tt.document, `validate request`))
		if gatehouse.KindOf(err) != gatehouse.Invalid || !strings.Contains(gatehouse.MessageOf(err), tt.want) {
			t.Errorf("%s: %v, want something with %q", tt.name, err, tt.want)
		}
	}
}

func TestMessagesThatWouldTakeLongAreRefused(t *testing.T) {
	front := validated(t, backend(t, func(http.ResponseWriter, *http.Request) {}),
		schemaDocument(`{"A":{"anyOf":[{"type":"null"},{"properties":{"a":{"$ref":"#/components/schemas/A"}},"required":["b"]},{"properties":{"a":{"$ref":"#/components/schemas/A"}},"required":["c"]},{"properties":{"a":{"$ref":"#/components/schemas/A"}}}]}}`), `validate request`)
	for depth, want := range map[int]int{3: 200, 60: 400} {
		body := strings.Repeat(`{"a":`, depth) + "null" + strings.Repeat("}", depth)
		res, got := raw(t, front, fmt.Sprintf("PUT /echo/1.0/pets/1 HTTP/1.1\nHost: g\nConnection: close\nAuthorization: Bearer good\nContent-Type: application/json\nContent-Length: %d\n\n%s", len(body), body))
		if res.StatusCode != want || want == 400 && !strings.Contains(got, "too large or too deep") {
			t.Errorf("check 132: %d objects within each other: %d %s, want %d", depth, res.StatusCode, got, want)
		}
	}
}
