package rest

import (
	"slices"

	"github.com/gatehouse/gatehouse"
)

// certificateInfo is a client certificate of an API.
type certificateInfo struct {
	Alias     string            `json:"alias"`
	APIID     string            `json:"apiId"`
	Tier      string            `json:"tier"`
	KeyType   gatehouse.KeyType `json:"keyType"`
	Authority bool              `json:"authority"` // whoever shows a certificate that it vouches for is let in too
}

func (h *Handler) listCertificates(r *request) (any, error) {
	a, err := h.Publisher.API(r.Context(), r.by, r.PathValue("apiId"))
	if err != nil {
		return nil, err
	}
	alias, kind := r.URL.Query().Get("alias"), gatehouse.KeyType(r.PathValue("keyType"))
	found := slices.DeleteFunc(slices.Clone(a.Settings.Security.Certificates), func(c gatehouse.ClientCertificate) bool {
		return alias != "" && c.Alias != alias || kind != "" && c.Type != kind
	})
	return page(r, found, func(c gatehouse.ClientCertificate) (certificateInfo, error) {
		return certificateInfo{c.Alias, a.ID, c.Tier, c.Type, c.Authority}, nil
	})
}

// addCertificate reads the parts certificate, alias, tier and authority.
func (h *Handler) addCertificate(r *request) (any, error) {
	parts, err := r.parts()
	if err != nil {
		return nil, err
	}
	kind, err := gatehouse.ParseKeyType(r.PathValue("keyType"))
	if err != nil {
		return nil, err
	}
	id := r.PathValue("apiId")
	said := gatehouse.ClientCertificate{Alias: string(parts["alias"]), Type: kind, Tier: string(parts["tier"]), Authority: string(parts["authority"]) == "true"}
	c, err := h.Publisher.AddCertificate(r.Context(), r.by, id, said, parts["certificate"])
	if err != nil {
		return nil, err
	}
	return certificateInfo{c.Alias, id, c.Tier, c.Type, c.Authority}, nil
}

func (h *Handler) removeCertificate(r *request) (any, error) {
	return nil, h.Publisher.RemoveCertificate(r.Context(), r.by, r.PathValue("apiId"), r.PathValue("alias"))
}
