package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3gen"
)

// document writes an area's OpenAPI document from its routes. A wire type that cannot be
// described is a bug, so it panics.
func (a *area) document(tokenURL string) []byte {
	doc := &openapi3.T{
		OpenAPI:    "3.0.3",
		Info:       &openapi3.Info{Title: a.title, Version: "v" + a.prefix[strings.LastIndexByte(a.prefix, 'v')+1:]},
		Servers:    openapi3.Servers{{URL: a.prefix}},
		Paths:      openapi3.NewPaths(),
		Components: &openapi3.Components{Schemas: openapi3.Schemas{}},
	}
	generator := openapi3gen.NewGenerator(openapi3gen.CreateTypeNameGenerator(schemaName), openapi3gen.CreateComponentSchemas(
		openapi3gen.ExportComponentSchemasOptions{ExportComponentSchemas: true, ExportTopLevelSchema: true}))
	schema := func(v any) *openapi3.SchemaRef {
		ref, err := generator.NewSchemaRefForValue(v, doc.Components.Schemas)
		if err != nil {
			panic(fmt.Sprintf("describe %T: %v", v, err))
		}
		return ref
	}
	failure := schema(wireError{})
	all := map[string]string{}
	for i := range a.routes {
		r := &a.routes[i]
		o := &openapi3.Operation{Summary: r.summary, Parameters: r.parameters(), Security: r.security(all), Responses: r.responses(schema, failure)}
		switch r.body.(type) {
		case nil:
		case form:
			text := openapi3.NewObjectSchema().WithAnyAdditionalProperties()
			o.RequestBody = &openapi3.RequestBodyRef{Value: openapi3.NewRequestBody().WithRequired(true).WithContent(openapi3.NewContentWithFormDataSchema(text))}
		default:
			o.RequestBody = &openapi3.RequestBodyRef{Value: openapi3.NewRequestBody().WithRequired(true).WithJSONSchemaRef(schema(r.body))}
		}
		doc.AddOperation(r.path, r.method, o)
	}
	doc.Components.SecuritySchemes = openapi3.SecuritySchemes{"OAuth2Security": &openapi3.SecuritySchemeRef{Value: &openapi3.SecurityScheme{
		Type: "oauth2", Flows: &openapi3.OAuthFlows{Password: &openapi3.OAuthFlow{TokenURL: tokenURL, Scopes: all}},
	}}}
	text, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	return text
}

// schemaName names the schema of a wire type; a list is named after what it holds.
func schemaName(t reflect.Type) string {
	name := t.Name()
	if of, ok := strings.CutPrefix(name, "list["); ok {
		of = strings.TrimSuffix(of, "]")
		return of[strings.LastIndexByte(of, '.')+1:] + "List"
	}
	return name
}

var pathParameter = regexp.MustCompile(`\{(\w+)\}`)

func (r *route) parameters() openapi3.Parameters {
	var parameters openapi3.Parameters
	for _, found := range pathParameter.FindAllStringSubmatch(r.path, -1) {
		parameters = append(parameters, &openapi3.ParameterRef{Value: openapi3.NewPathParameter(found[1]).WithSchema(openapi3.NewStringSchema())})
	}
	for name := range strings.FieldsSeq(r.query) {
		of := openapi3.NewStringSchema()
		if name == "limit" || name == "offset" {
			of = openapi3.NewIntegerSchema().WithMin(0)
		}
		parameters = append(parameters, &openapi3.ParameterRef{Value: openapi3.NewQueryParameter(name).WithSchema(of)})
	}
	return parameters
}

// security lists the scopes, any one of which opens the route, and adds them to all.
func (r *route) security(all map[string]string) *openapi3.SecurityRequirements {
	requirements := openapi3.NewSecurityRequirements()
	for _, scope := range r.scopes {
		all[scope] = scope
		requirements.With(openapi3.NewSecurityRequirement().Authenticate("OAuth2Security", scope))
	}
	return requirements
}

func (r *route) responses(schema func(any) *openapi3.SchemaRef, failure *openapi3.SchemaRef) *openapi3.Responses {
	status := r.status
	if status == 0 {
		status = http.StatusOK
	}
	success := openapi3.NewResponse().WithDescription(http.StatusText(status))
	if r.answer != nil {
		success = success.WithJSONSchemaRef(schema(r.answer))
	}
	return openapi3.NewResponses(
		openapi3.WithStatus(status, &openapi3.ResponseRef{Value: success}),
		openapi3.WithName("default", openapi3.NewResponse().WithDescription("An error").WithJSONSchemaRef(failure)),
	)
}
