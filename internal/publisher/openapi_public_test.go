package publisher_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/publisher"
)

// Check 135: a console that reads the document sends tokens to the gateway alone.
func TestDocumentForCallersLeadsToTheGatewayAlone(t *testing.T) {
	const gateway = "https://gateway.example.org/t/johnsorg/api/v1"
	for _, file := range definitions(t, "testdata/good") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text := read(t, file)
			public, err := publisher.DocumentFor(text, gateway)
			if err != nil {
				t.Fatal(err)
			}
			for _, backend := range []string{"petstore.example.org", "sandbox.example.org", "orders.internal", "ignored.example.org", "weather.example.org", "x-gatehouse", "backend-secret"} {
				if strings.Contains(string(public), backend) {
					t.Errorf("the document still tells of %s", backend)
				}
			}
			before, err := publisher.ReadOpenAPI(text)
			if err != nil {
				t.Fatal(err)
			}
			after, err := publisher.ReadOpenAPI(public)
			if err != nil {
				t.Fatalf("the written document is not right: %v\n%s", err, public)
			}
			if after.API.Production != gateway || after.API.Sandbox != "" {
				t.Errorf("it leads to %q and %q", after.API.Production, after.API.Sandbox)
			}
			if diff := cmp.Diff(before.API, after.API, cmpopts.IgnoreFields(gatehouse.API{}, "Production", "Sandbox"), withoutPolicies); diff != "" {
				t.Errorf("the API changed (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before.Scopes, after.Scopes); diff != "" {
				t.Errorf("the scopes changed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDocumentForCallersKnowsPathsServers(t *testing.T) {
	public, err := publisher.DocumentFor([]byte(`
openapi: 3.0.3
info: {title: a, version: 1.0, description: "one\ntwo \u2028 😀"}
paths:
  /a:
    servers: [{url: https://one.internal}]
    get: &op
      servers: [{url: https://two.internal}]
      responses: {200: {description: 0x1F, content: {text/plain: {example: 1e3}}}}
    put: *op
`), "https://gateway.example.org/a/1.0")
	if err != nil {
		t.Fatal(err)
	}
	if got := string(public); strings.Contains(got, "internal") || !strings.Contains(got, `"version":"1.0"`) || !strings.Contains(got, `"one\u000atwo \u2028 😀"`) {
		t.Errorf("got %s", got)
	}
	if _, err := publisher.DocumentFor([]byte("[]"), "https://gateway.example.org"); gatehouse.KindOf(err) != gatehouse.Invalid {
		t.Errorf("a list is no document: %v", err)
	}
}
