package rest

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/publisher"
)

// getDocument answers an API's document as it was given, or one made from the API when
// it was drawn up without.
func (h *Handler) getDocument(r *request) (any, error) {
	id := r.PathValue("apiId")
	document, err := h.Publisher.Document(r.Context(), r.by, id)
	if err != nil {
		return nil, err
	}
	if document != "" {
		return documentText([]byte(document)), nil
	}
	a, err := h.Publisher.API(r.Context(), r.by, id)
	if err != nil {
		return nil, err
	}
	scopes, err := h.Publisher.Scopes(r.Context(), r.by)
	if err != nil {
		return nil, err
	}
	made, err := newDocument(a, scopes, h.TokenURL)
	return documentText(made), err
}

// getStoreDocument answers the document for those who call the API: with the gateway
// as its server, and without a word about the backend.
func (h *Handler) getStoreDocument(r *request) (any, error) {
	org, id := &r.by.Organization, r.PathValue("apiId")
	a, err := h.Store.API(r.Context(), org, id)
	if err != nil {
		return nil, err
	}
	document, err := h.Store.Document(r.Context(), org, id)
	if err != nil {
		return nil, err
	}
	text := []byte(document)
	if document == "" {
		scopes, err := h.Store.ScopesOf(r.Context(), org, a)
		if err != nil {
			return nil, err
		}
		if text, err = newDocument(a, scopes, h.TokenURL); err != nil {
			return nil, err
		}
	}
	text, err = publisher.DocumentFor(text, h.GatewayURL+a.BasePath())
	return documentText(text), err
}

func documentText(document []byte) text {
	if trimmed := bytes.TrimLeft(document, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '{' {
		return text{"application/json;charset=utf-8", document}
	}
	return text{"application/yaml;charset=utf-8", document}
}

// newDocument makes an OpenAPI document of an API that has none.
func newDocument(a *gatehouse.API, scopes []gatehouse.Scope, tokenURL string) ([]byte, error) {
	type object = map[string]any
	paths, described, bindings := map[string]object{}, object{}, object{}
	for _, res := range a.Resources {
		item := paths[res.Template]
		if item == nil {
			item = object{}
			paths[res.Template] = item
		}
		o := object{"responses": object{"200": object{"description": "OK"}}, "x-auth-type": res.Auth}
		if res.Tier != "" {
			o["x-throttling-tier"] = res.Tier
		}
		if res.Summary != "" {
			o["summary"] = res.Summary
		}
		if len(res.Scopes) > 0 {
			var ways []object
			for _, s := range res.Scopes { // any one of them opens it
				ways = append(ways, object{"default": []string{s}})
				described[s] = ""
			}
			o["security"] = ways
		}
		item[strings.ToLower(res.Method)] = o
	}
	for _, s := range scopes {
		if _, used := described[s.Name]; !used {
			continue
		}
		described[s.Name] = s.Description
		if len(s.Roles) > 0 {
			var roles []string
			for _, role := range s.Roles {
				roles = append(roles, string(role))
			}
			bindings[s.Name] = strings.Join(roles, ",")
		}
	}
	return json.MarshalIndent(object{
		"openapi": "3.0.3",
		"info":    object{"title": a.Name, "version": a.Version, "description": a.Description},
		"paths":   paths,
		"components": object{"securitySchemes": object{"default": object{
			"type": "oauth2", "flows": object{"password": object{"tokenUrl": tokenURL, "scopes": described, "x-scopes-bindings": bindings}},
		}}},
	}, "", "  ")
}
