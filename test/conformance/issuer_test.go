package conformance

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// trustedIssuer says who somebody is: the organization trusts its assertions.
const trustedIssuer = "https://login.johns.example"

// trust makes the organization trust an issuer.
func (h *house) trust(t *testing.T) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "1", Use: "sig", Algorithm: string(jose.ES256)}}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(file, set, 0o600); err != nil {
		t.Fatal(err)
	}
	h.command(t, "", "issuer", "add", "--org", "johnsorg", "--issuer", trustedIssuer, "--jwks-file", file)
	h.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "1"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
}

// assertion returns what the trusted issuer says of John. It is good once.
func (h *house) assertion(t *testing.T) string {
	t.Helper()
	now := time.Now()
	text, err := jwt.Signed(h.signer).Claims(jwt.Claims{
		Issuer: trustedIssuer, Subject: "john@johns.org", Audience: jwt.Audience{h.issuer}, ID: rand.Text(),
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(4 * time.Minute)),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}
