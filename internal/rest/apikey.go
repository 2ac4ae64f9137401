package rest

import (
	"cmp"
	"net/netip"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
)

// apiKeyBody asks for an API key.
type apiKeyBody struct {
	KeyName              string           `json:"keyName"`
	KeyType              string           `json:"keyType"`        // of a key of an API; else it stands in the path
	ApplicationID        string           `json:"applicationId"`  // whose subscription a key of an API uses
	ValidityPeriod       seconds          `json:"validityPeriod"` // in seconds; 0 or -1 mean without an end
	AdditionalProperties apiKeyProperties `json:"additionalProperties"`
}

// apiKeyProperties are where a key may be used from, in lists with commas between.
type apiKeyProperties struct {
	PermittedIP      string `json:"permittedIP"`      // addresses and networks
	PermittedReferer string `json:"permittedReferer"` // pages: www.a.com/p, www.a.com/*, *.a.com/*
}

// apiKeyAnswer is a new API key. It is shown here and nowhere again.
type apiKeyAnswer struct {
	APIKey       string `json:"apikey"`
	ValidityTime int64  `json:"validityTime"` // in seconds, -1 without an end
	KeyUUID      string `json:"keyUUID"`
	KeyName      string `json:"keyName"`
}

// apiKeyName names an API key, by its id or by the key itself, and an application.
type apiKeyName struct {
	KeyUUID       string `json:"keyUUID"`
	APIKeyUUID    string `json:"apiKeyUUID"` // what some clients call it
	APIKey        string `json:"apikey"`
	ApplicationID string `json:"applicationId"`
}

// apiKeyInfo is an API key as it is listed. Moments are milliseconds since 1970, 0 when
// there is none.
type apiKeyInfo struct {
	KeyUUID              string            `json:"keyUUID"`
	KeyName              string            `json:"keyName"`
	KeyHint              string            `json:"keyHint"` // its end
	KeyType              gatehouse.KeyType `json:"keyType"`
	APIID                string            `json:"apiId"`
	ApplicationID        string            `json:"applicationId"`
	IssuedOn             int64             `json:"issuedOn"`
	ExpiresAt            int64             `json:"expiresAt"`
	LastUsed             int64             `json:"lastUsed"`
	AdditionalProperties apiKeyProperties  `json:"additionalProperties"`
}

func newAPIKeyInfo(k *gatehouse.APIKey) (apiKeyInfo, error) {
	var networks []string
	for _, n := range k.Networks {
		networks = append(networks, networkText(n))
	}
	return apiKeyInfo{
		KeyUUID: k.ID, KeyName: k.Name, KeyHint: "****" + k.Hint, KeyType: k.Type, APIID: k.APIID, ApplicationID: k.ApplicationID,
		IssuedOn: moment(k.CreatedAt), ExpiresAt: moment(k.ExpiresAt), LastUsed: moment(k.LastUsed),
		AdditionalProperties: apiKeyProperties{strings.Join(networks, ","), strings.Join(k.Referers, ",")},
	}, nil
}

// networkText writes a network of one address as the address.
func networkText(n netip.Prefix) string {
	if n.IsSingleIP() {
		return n.Addr().String()
	}
	return n.String()
}

// moment writes a moment in milliseconds since 1970, 0 when there is none.
func moment(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// keyType reads the key type of the path, or else of a body.
func (r *request) keyType(body string) (gatehouse.KeyType, error) {
	return gatehouse.ParseKeyType(cmp.Or(r.PathValue("keyType"), body))
}

func (h *Handler) generateAPIKey(r *request) (any, error) {
	var body apiKeyBody
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	kind, err := r.keyType(body.KeyType)
	if err != nil {
		return nil, err
	}
	n := apistore.NewAPIKey{
		APIID: r.PathValue("apiId"), ApplicationID: cmp.Or(r.PathValue("applicationId"), body.ApplicationID), Type: kind, Name: body.KeyName,
		Networks: body.AdditionalProperties.PermittedIP, Referers: body.AdditionalProperties.PermittedReferer,
	}
	validity := int64(-1)
	if body.ValidityPeriod > 0 {
		n.Lifetime, validity = body.ValidityPeriod.duration(), int64(body.ValidityPeriod)
	}
	key, k, err := h.Store.CreateAPIKey(r.Context(), r.by, n)
	if err != nil {
		return nil, err
	}
	return apiKeyAnswer{key, validity, k.ID, k.Name}, nil
}

func (h *Handler) listAPIKeys(r *request) (any, error) {
	if api := r.PathValue("apiId"); api != "" {
		keys, err := h.Store.APIKeysOf(r.Context(), r.by, api)
		if err != nil {
			return nil, err
		}
		return page(r, keys, newAPIKeyInfo)
	}
	kind, err := r.keyType("")
	if err != nil {
		return nil, err
	}
	keys, err := h.Store.APIKeys(r.Context(), r.by, r.PathValue("applicationId"), kind)
	if err != nil {
		return nil, err
	}
	return page(r, keys, newAPIKeyInfo)
}

// named reads the name of an API key from a body.
func (r *request) named() (id, applicationID string, err error) {
	var body apiKeyName
	if err := r.decode(&body); err != nil {
		return "", "", err
	}
	id = cmp.Or(body.KeyUUID, body.APIKeyUUID, body.APIKey)
	if id == "" {
		return "", "", gatehouse.Errorf(gatehouse.Invalid, "keyUUID is missing: name the API key")
	}
	return id, body.ApplicationID, nil
}

func (h *Handler) revokeAPIKey(r *request) (any, error) {
	id, _, err := r.named()
	if err != nil {
		return nil, err
	}
	return nil, h.Store.RevokeAPIKey(r.Context(), r.by, r.PathValue("applicationId"), r.PathValue("apiId"), id)
}

func (h *Handler) associateAPIKey(r *request) (any, error) {
	id, applicationID, err := r.named()
	if err != nil {
		return nil, err
	}
	if applicationID == "" {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "applicationId is missing: name the application whose subscription the key shall use")
	}
	return nil, h.Store.TakeUpAPIKey(r.Context(), r.by, r.PathValue("apiId"), id, applicationID)
}

func (h *Handler) dissociateAPIKey(r *request) (any, error) {
	id, _, err := r.named()
	if err != nil {
		return nil, err
	}
	return nil, h.Store.TakeUpAPIKey(r.Context(), r.by, r.PathValue("apiId"), id, "")
}
