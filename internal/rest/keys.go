package rest

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
)

// keyManager is what the clients call the issuer of keys.
const keyManager = "Resident Key Manager"

// keysInfo is an application's keys of one type. Their id is the consumer key.
type keysInfo struct {
	KeyMappingID         string            `json:"keyMappingId"`
	KeyManager           string            `json:"keyManager"`
	ConsumerKey          string            `json:"consumerKey"`
	ConsumerSecret       string            `json:"consumerSecret"` // whole in the answer that makes it, masked ever after
	SupportedGrantTypes  []string          `json:"supportedGrantTypes"`
	CallbackURL          string            `json:"callbackUrl"`
	KeyState             string            `json:"keyState"` // APPROVED
	KeyType              gatehouse.KeyType `json:"keyType"`
	Mode                 string            `json:"mode"` // CREATED
	GroupID              string            `json:"groupId"`
	Token                *tokenInfo        `json:"token"` // in the answer that makes them
	AdditionalProperties tokenProperties   `json:"additionalProperties"`
	GrantUses            []grantUseInfo    `json:"grantUses"` // who still depends on which grant type
}

// grantUseInfo is how often keys used a grant type, and on which day last (UTC).
type grantUseInfo struct {
	GrantType   string `json:"grantType"`
	Uses        int64  `json:"uses"`
	LastUsedDay string `json:"lastUsedDay"`
}

// tokenProperties are what tokens are like: their lifetimes in seconds, -1 without an end,
// how many seconds a refresh token that was used gives its answer once more, and JWT or
// OPAQUE.
type tokenProperties struct {
	Access  seconds               `json:"application_access_token_expiry_time"`
	Refresh seconds               `json:"refresh_token_expiry_time"`
	Grace   *seconds              `json:"refresh_token_grace_time"`
	Format  gatehouse.TokenFormat `json:"token_format"`

	Algorithm     string `json:"token_signing_algorithm"` // of JWTs: ES256 or RS256
	RevokesBefore *bool  `json:"revoke_previous_token"`   // a new access token ends the one before it
}

// seconds reads a number that some clients write as text; N/A and nothing mean 0, the
// default.
type seconds int64

func (s *seconds) UnmarshalJSON(text []byte) error {
	number := strings.Trim(string(text), `"`)
	if number == "" || number == "null" || strings.EqualFold(number, "N/A") {
		*s = 0
		return nil
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < -1 || n > 1<<32 {
		return gatehouse.Errorf(gatehouse.Invalid, "a lifetime must be a number of seconds, or -1")
	}
	*s = seconds(n)
	return nil
}

func (s seconds) duration() time.Duration { return time.Duration(s) * time.Second }

func newKeysInfo(k *gatehouse.Keys) (keysInfo, error) {
	grace := seconds(k.Grace / time.Second)
	info := keysInfo{
		KeyMappingID: k.ConsumerKey, KeyManager: keyManager, ConsumerKey: k.ConsumerKey, SupportedGrantTypes: append([]string{}, k.Grants...),
		CallbackURL: strings.Join(k.Callbacks, ","), KeyState: "APPROVED", KeyType: k.Type, Mode: "CREATED",
		AdditionalProperties: tokenProperties{seconds(k.Access / time.Second), seconds(k.Refresh / time.Second), &grace, k.Format, k.Algorithm, &k.RevokesBefore},
		GrantUses:            []grantUseInfo{},
	}
	if len(k.Secrets) > 0 {
		info.ConsumerSecret = masked(&k.Secrets[0])
	}
	return info, nil
}

// usedKeysInfo is newKeysInfo with how often the keys used each grant type.
func (h *Handler) usedKeysInfo(r *request) func(*gatehouse.Keys) (keysInfo, error) {
	return func(k *gatehouse.Keys) (keysInfo, error) {
		info, err := newKeysInfo(k)
		if err != nil {
			return info, err
		}
		uses, err := h.Store.GrantUses(r.Context(), r.by, k)
		for _, u := range uses {
			info.GrantUses = append(info.GrantUses, grantUseInfo{u.Grant, u.Uses, u.LastDay.Format(time.DateOnly)})
		}
		return info, err
	}
}

// masked shows what is known of a secret: its end.
func masked(s *gatehouse.Secret) string { return "****" + s.Hint }

// keysBody is what a developer says of keys.
type keysBody struct {
	KeyType                 string          `json:"keyType"`
	GrantTypesToBeSupported []string        `json:"grantTypesToBeSupported"`
	SupportedGrantTypes     []string        `json:"supportedGrantTypes"` // the same when keys are changed
	CallbackURL             string          `json:"callbackUrl"`
	Scopes                  []string        `json:"scopes"`       // of the first token
	ValidityTime            seconds         `json:"validityTime"` // of access tokens
	AdditionalProperties    tokenProperties `json:"additionalProperties"`
}

func (b *keysBody) newKeys() (apistore.NewKeys, error) {
	t, err := gatehouse.ParseKeyType(b.KeyType)
	n := apistore.NewKeys{
		Type: t, Grants: b.GrantTypesToBeSupported, Algorithm: b.AdditionalProperties.Algorithm, Format: b.AdditionalProperties.Format, Access: b.AdditionalProperties.Access.duration(), Refresh: b.AdditionalProperties.Refresh.duration(),
	}
	if b.AdditionalProperties.Grace != nil {
		n.Grace = b.AdditionalProperties.Grace.duration()
	}
	if b.AdditionalProperties.RevokesBefore != nil {
		n.RevokesBefore = *b.AdditionalProperties.RevokesBefore
	}
	if n.Grants == nil {
		n.Grants = b.SupportedGrantTypes
	}
	if n.Access == 0 {
		n.Access = b.ValidityTime.duration()
	}
	if b.CallbackURL != "" {
		n.Callbacks = strings.Split(b.CallbackURL, ",")
	}
	return n, err
}

// tokenInfo is an access token. It is shown here and nowhere again.
type tokenInfo struct {
	AccessToken  string   `json:"accessToken"`
	TokenScopes  []string `json:"tokenScopes"`
	ValidityTime int64    `json:"validityTime"` // in seconds
}

func (h *Handler) token(ctx context.Context, by *gatehouse.Member, applicationID string, t gatehouse.KeyType, scopes []string, lifetime time.Duration) (*tokenInfo, error) {
	token, a, err := h.Store.AccessToken(ctx, by, applicationID, t, scopes, lifetime)
	if err != nil {
		return nil, err
	}
	return &tokenInfo{token, a.Scopes, a.ExpiresIn(h.Now())}, nil
}

func (h *Handler) generateKeys(r *request) (any, error) {
	var body keysBody
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	n, err := body.newKeys()
	if err != nil {
		return nil, err
	}
	if len(body.Scopes) > gatehouse.MaxScopes {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "a token has at most %d scopes", gatehouse.MaxScopes)
	}
	id := r.PathValue("applicationId")
	k, secret, err := h.Store.GenerateKeys(r.Context(), r.by, id, n)
	if err != nil {
		return nil, err
	}
	info, err := newKeysInfo(k)
	if err != nil {
		return nil, err
	}
	info.ConsumerSecret = secret
	if slices.Contains(k.Grants, gatehouse.GrantClientCredentials) {
		info.Token, err = h.token(r.Context(), r.by, id, k.Type, body.Scopes, 0)
	}
	return info, err
}

func (h *Handler) listKeys(r *request) (any, error) {
	all, err := h.Store.Keys(r.Context(), r.by, r.PathValue("applicationId"))
	if err != nil {
		return nil, err
	}
	return page(r, all, h.usedKeysInfo(r))
}

// keys returns the keys that the path names.
func (h *Handler) keys(r *request) (*gatehouse.Keys, error) {
	all, err := h.Store.Keys(r.Context(), r.by, r.PathValue("applicationId"))
	if err != nil {
		return nil, err
	}
	for _, k := range all {
		if k.ConsumerKey == r.PathValue("keyMappingId") {
			return k, nil
		}
	}
	return nil, gatehouse.Errorf(gatehouse.NotFound, "there are no such keys")
}

func (h *Handler) getKeys(r *request) (any, error) {
	k, err := h.keys(r)
	if err != nil {
		return nil, err
	}
	return h.usedKeysInfo(r)(k)
}

// updateKeys changes grants, callbacks and lifetimes. What the interface has no field
// for stays as it is.
func (h *Handler) updateKeys(r *request) (any, error) {
	k, err := h.keys(r)
	if err != nil {
		return nil, err
	}
	var body keysBody
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	n, err := body.newKeys()
	if err != nil {
		return nil, err
	}
	n.Type, n.Algorithm = k.Type, cmp.Or(n.Algorithm, k.Algorithm)
	if body.AdditionalProperties.RevokesBefore == nil {
		n.RevokesBefore = k.RevokesBefore
	}
	if body.AdditionalProperties.Grace == nil {
		n.Grace = k.Grace
	}
	if n.Grants == nil {
		n.Grants = k.Grants
	}
	if n.Access == 0 {
		n.Access = k.Access
	}
	if n.Refresh == 0 {
		n.Refresh = k.Refresh
	}
	if k, err = h.Store.UpdateKeys(r.Context(), r.by, r.PathValue("applicationId"), n); err != nil {
		return nil, err
	}
	return h.usedKeysInfo(r)(k)
}

func (h *Handler) deleteKeys(r *request) (any, error) {
	k, err := h.keys(r)
	if err != nil {
		return nil, err
	}
	return nil, h.Store.DeleteKeys(r.Context(), r.by, r.PathValue("applicationId"), k.Type)
}

// tokenBody asks for an access token of the application itself.
type tokenBody struct {
	ConsumerSecret string   `json:"consumerSecret"` // checked when it is sent
	ValidityPeriod seconds  `json:"validityPeriod"`
	Scopes         []string `json:"scopes"`
}

func (h *Handler) generateToken(r *request) (any, error) {
	k, err := h.keys(r)
	if err != nil {
		return nil, err
	}
	var body tokenBody
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	if len(body.Scopes) > gatehouse.MaxScopes {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "a token has at most %d scopes", gatehouse.MaxScopes)
	}
	if body.ConsumerSecret != "" && k.Matches(body.ConsumerSecret, h.Now()) == nil {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "the consumer secret is none of these keys', or has ended")
	}
	return h.token(r.Context(), r.by, r.PathValue("applicationId"), k.Type, body.Scopes, body.ValidityPeriod.duration())
}
