package rest

import (
	"cmp"
	"time"

	"github.com/gatehouse/gatehouse"
)

// secretInfo is one consumer secret of many.
type secretInfo struct {
	SecretID             string           `json:"secretId"`
	SecretValue          string           `json:"secretValue"` // whole in the answer that makes it, masked ever after
	AdditionalProperties secretProperties `json:"additionalProperties"`
}

// secretProperties are what is said of a secret. Moments are milliseconds since 1970, 0
// when there is none.
type secretProperties struct {
	Description string `json:"description"`
	CreatedAt   int64  `json:"createdAt"`
	ExpiresAt   int64  `json:"expiresAt"`
	LastUsedAt  int64  `json:"lastUsedAt"`
}

// secretBody asks for a secret.
type secretBody struct {
	AdditionalProperties struct {
		Description string  `json:"description"`
		ExpiresIn   seconds `json:"expiresIn"` // 0 or -1 mean without an end
	} `json:"additionalProperties"`
}

// revokeBody names a secret.
type revokeBody struct {
	SecretID    string `json:"secretId"`
	ReferenceID string `json:"referenceId"` // what older clients call it
}

func newSecretInfo(s gatehouse.Secret) (secretInfo, error) {
	at := func(t time.Time) int64 {
		if t.IsZero() {
			return 0
		}
		return t.UnixMilli()
	}
	return secretInfo{s.ID, masked(&s), secretProperties{s.Name, at(s.CreatedAt), at(s.ExpiresAt), at(s.LastUsed)}}, nil
}

func (h *Handler) generateSecret(r *request) (any, error) {
	k, err := h.keys(r)
	if err != nil {
		return nil, err
	}
	var body secretBody
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	var expires time.Time
	if lifetime := body.AdditionalProperties.ExpiresIn.duration(); lifetime > 0 {
		expires = h.Now().Add(lifetime)
	}
	secret, kept, err := h.Store.AddSecret(r.Context(), r.by, r.PathValue("applicationId"), k.Type, body.AdditionalProperties.Description, expires)
	if err != nil {
		return nil, err
	}
	info, err := newSecretInfo(*kept)
	info.SecretValue = secret
	return info, err
}

func (h *Handler) listSecrets(r *request) (any, error) {
	k, err := h.keys(r)
	if err != nil {
		return nil, err
	}
	return page(r, k.Secrets, newSecretInfo)
}

func (h *Handler) revokeSecret(r *request) (any, error) {
	k, err := h.keys(r)
	if err != nil {
		return nil, err
	}
	var body revokeBody
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	id := cmp.Or(body.SecretID, body.ReferenceID)
	if id == "" {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "secretId is missing: name the secret to revoke")
	}
	return nil, h.Store.RevokeSecret(r.Context(), r.by, r.PathValue("applicationId"), k.Type, id)
}
