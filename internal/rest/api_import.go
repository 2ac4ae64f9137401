package rest

import (
	"cmp"
	"encoding/json"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/publisher"
)

// importOpenAPI draws up an API from a multipart body: the document in file or
// inlineAPIDefinition, and in additionalProperties, as JSON, what an API has beside it.
func (h *Handler) importOpenAPI(r *request) (any, error) {
	parts, err := r.parts()
	if err != nil {
		return nil, err
	}
	document, err := parts.document("file", "inlineAPIDefinition")
	if err != nil {
		return nil, err
	}
	var body apiBody
	if extra := parts["additionalProperties"]; len(extra) > 0 {
		if err := json.Unmarshal(extra, &body); err != nil {
			return nil, jsonError("additionalProperties", err)
		}
	}
	if err := body.fixed(); err != nil {
		return nil, err
	}
	changes, err := body.changes()
	if err != nil {
		return nil, err
	}
	a, warnings, err := h.Publisher.Import(r.Context(), r.by, document, changes)
	if err != nil {
		return nil, h.importClash(r, err, document, &body)
	}
	r.w.Header().Set("Location", publisherPrefix+"/apis/"+a.ID)
	answer, err := h.wireAPI(r, a)
	if err != nil {
		return nil, err
	}
	answer.Warnings = warnings
	return answer, nil
}

// importClash finds out what a refused import would have been called.
func (h *Handler) importClash(r *request, err error, document []byte, body *apiBody) error {
	if gatehouse.KindOf(err) != gatehouse.Conflict {
		return err
	}
	draft, readErr := publisher.ReadOpenAPI(document)
	if readErr != nil {
		return err
	}
	return h.clash(r, err, cmp.Or(body.Name, draft.API.Name), cmp.Or(body.Context, draft.API.Context))
}

// updateDocument replaces an API's document by that of a multipart body.
func (h *Handler) updateDocument(r *request) (any, error) {
	parts, err := r.parts()
	if err != nil {
		return nil, err
	}
	document, err := parts.document("apiDefinition", "file")
	if err != nil {
		return nil, err
	}
	if _, err := h.Publisher.UpdateDocument(r.Context(), r.by, r.PathValue("apiId"), document); err != nil {
		return nil, err
	}
	return h.getDocument(r)
}

// document returns the OpenAPI document, which stands in one of two parts.
func (p parts) document(name, other string) ([]byte, error) {
	document, second := p[name], p[other]
	switch {
	case len(p["url"]) > 0:
		return nil, gatehouse.Errorf(gatehouse.Invalid, "importing by url is not supported yet: fetch the document and send it as %s", name)
	case len(document) > 0 && len(second) > 0:
		return nil, gatehouse.Errorf(gatehouse.Invalid, "the body has a document in %s and in %s: send one of them", name, other)
	case len(document) == 0 && len(second) == 0:
		return nil, gatehouse.Errorf(gatehouse.Invalid, "the body holds no OpenAPI document: send it as the part %s", name)
	case len(document) == 0:
		return second, nil
	}
	return document, nil
}
