package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
)

// claims are what a JWT access token holds (RFC 9068, section 2.2). The audience is the
// issuer: the gateway is the resource server that every access token is for.
type claims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	ClientID  string   `json:"client_id"`
	Party     string   `json:"azp"`
	Scope     string   `json:"scope"`
	IssuedAt  int64    `json:"iat"`
	NotBefore int64    `json:"nbf"`
	Expires   int64    `json:"exp"`
	ID        string   `json:"jti"`
	For       string   `json:"aut"`     // APPLICATION or APPLICATION_USER
	Org       string   `json:"org"`     // organization key
	KeyType   string   `json:"keytype"` // PRODUCTION or SANDBOX
	Username  string   `json:"username,omitempty"`
	Family    string   `json:"family,omitempty"`

	UserInfo []string `json:"userinfo_claims,omitempty"` // what /userinfo was asked for by name

	Confirm *gatehouse.Binding `json:"cnf,omitempty"` // RFC 7800
	Actor   json.RawMessage    `json:"act,omitempty"` // RFC 8693, section 4.1
}

func (t *Tokens) claims(a *gatehouse.Authorization) claims {
	c := claims{
		Issuer: t.Issuer, Subject: a.Subject, Audience: append(audience{t.Issuer}, a.Audience...), Actor: a.Actor, ClientID: a.ConsumerKey, Party: a.ConsumerKey,
		Scope: strings.Join(a.Scopes, " "), IssuedAt: a.IssuedAt.Unix(), NotBefore: a.IssuedAt.Unix(), Expires: a.ExpiresAt.Unix(),
		ID: a.ID, For: string(a.For), Org: a.OrgKey, KeyType: string(a.KeyType), Username: a.Username, Family: a.Family,
	}
	c.UserInfo = a.SignIn.ClaimNames.UserInfo
	if a.Binding != (gatehouse.Binding{}) {
		c.Confirm = &a.Binding
	}
	return c
}

// audience is one string, or several as a list (RFC 7519, section 4.1.3).
type audience []string

// MarshalJSON writes one string alone.
func (a audience) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

// UnmarshalJSON reads either form.
func (a *audience) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		*a = audience{""}
		return json.Unmarshal(text, &(*a)[0])
	}
	return json.Unmarshal(text, (*[]string)(a))
}

// base64url is strict, so that a token has one spelling only. It still skips line breaks.
var base64url = base64.RawURLEncoding.Strict()

// sign returns the compact JWS of c (RFC 7515, section 7.1).
func (k *signingKey) sign(c claims) (string, error) {
	payload, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("claims: %w", err)
	}
	token := make([]byte, 0, len(k.header)+1+base64url.EncodedLen(len(payload))+1+base64url.EncodedLen(k.signatureLength))
	token = append(append(token, k.header...), '.')
	token = base64url.AppendEncode(token, payload)
	digest := sha256.Sum256(token)
	signature, err := k.signDigest(digest)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return string(base64url.AppendEncode(append(token, '.'), signature)), nil
}

func (k *signingKey) signDigest(digest [sha256.Size]byte) ([]byte, error) {
	switch private := k.private.(type) {
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, private, digest[:])
		if err != nil {
			return nil, err
		}
		signature := make([]byte, k.signatureLength) // R and S, 32 bytes each (RFC 7518, section 3.4)
		r.FillBytes(signature[:32])
		s.FillBytes(signature[32:])
		return signature, nil
	case *rsa.PrivateKey:
		return rsa.SignPKCS1v15(nil, private, crypto.SHA256, digest[:])
	}
	return nil, fmt.Errorf("a key of type %T cannot sign", k.private)
}

func (k *signingKey) verifyDigest(digest [sha256.Size]byte, signature []byte) bool {
	if len(signature) != k.signatureLength {
		return false
	}
	switch public := k.private.Public().(type) {
	case *ecdsa.PublicKey:
		return ecdsa.Verify(public, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature) == nil
	}
	return false
}

// readJWT returns what a JWT of ours says, ended or not, and the id of its key. The key is found by the whole
// header, byte for byte: a header that we did not write names no key, so neither its
// algorithm nor anything else in it is ever believed.
func (t *Tokens) readJWT(token string) (a *gatehouse.Authorization, keyID string, err error) {
	header, rest, _ := strings.Cut(token, ".")
	payload, signature, ok := strings.Cut(rest, ".")
	key := t.Keys.byHeader(header)
	if !ok || key == nil || strings.ContainsAny(signature, "\r\n") {
		return nil, "", errInvalid
	}
	mark, err := base64url.DecodeString(signature)
	if err != nil {
		return nil, "", errInvalid
	}
	if !key.verifyDigest(digest(token[:len(header)+1+len(payload)]), mark) {
		return nil, "", errInvalid
	}
	text, err := base64url.DecodeString(payload)
	if err != nil {
		return nil, "", errInvalid
	}
	c, err := readClaims(string(text))
	if err != nil || c.Issuer != t.Issuer || len(c.Audience) == 0 || c.Audience[0] != t.Issuer {
		return nil, "", errInvalid
	}
	return c.authorization(), key.id, nil
}

func (c *claims) authorization() *gatehouse.Authorization {
	a := &gatehouse.Authorization{
		ID: c.ID, ConsumerKey: c.ClientID, OrgKey: c.Org, KeyType: gatehouse.KeyType(c.KeyType), For: gatehouse.TokenUser(c.For),
		Subject: c.Subject, Username: c.Username, Scopes: strings.Split(c.Scope, " "), Family: c.Family,
		IssuedAt: time.Unix(c.IssuedAt, 0).UTC(), ExpiresAt: time.Unix(c.Expires, 0).UTC(), Actor: c.Actor,
	}
	if len(c.Audience) > 1 {
		a.Audience = c.Audience[1:]
	}
	a.SignIn.ClaimNames.UserInfo = c.UserInfo
	if c.Confirm != nil {
		a.Binding = *c.Confirm
	}
	return a
}
