package gatehouse_test

import (
	"encoding/json"
	"testing"

	"github.com/gatehouse/gatehouse"
)

func TestProfile(t *testing.T) {
	good := gatehouse.ClientMetadata{
		Profile: gatehouse.ProfileFAPI2, AuthMethod: gatehouse.ClientPrivateKeyJWT, JWKS: json.RawMessage(`{"keys":[{"kty":"EC"}]}`), RequirePushed: true, DPoPBound: true,
	}
	for name, test := range map[string]struct {
		change func(*gatehouse.ClientMetadata)
		ok     bool
	}{
		"by key and proof":       {func(*gatehouse.ClientMetadata) {}, true},
		"by certificate":         {func(m *gatehouse.ClientMetadata) { m.AuthMethod, m.DPoPBound = gatehouse.ClientSelfSignedTLS, false }, true},
		"bound to a certificate": {func(m *gatehouse.ClientMetadata) { m.CertificateBound, m.DPoPBound = true, false }, true},
		"none":                   {func(m *gatehouse.ClientMetadata) { *m = gatehouse.ClientMetadata{} }, true},
		"by a secret":            {func(m *gatehouse.ClientMetadata) { m.AuthMethod, m.JWKS = gatehouse.ClientSecretBasic, nil }, false},
		"public":                 {func(m *gatehouse.ClientMetadata) { m.AuthMethod, m.JWKS = gatehouse.ClientPublic, nil }, false},
		"requests not pushed":    {func(m *gatehouse.ClientMetadata) { m.RequirePushed = false }, false},
		"tokens not bound":       {func(m *gatehouse.ClientMetadata) { m.DPoPBound = false }, false},
		"another profile":        {func(m *gatehouse.ClientMetadata) { m.Profile = "fapi3" }, false},
	} {
		k := gatehouse.Keys{
			Type: gatehouse.Production, Format: gatehouse.FormatJWT, Algorithm: "ES256", Access: gatehouse.DefaultAccessLifetime, Refresh: gatehouse.DefaultRefreshLifetime, Metadata: good,
		}
		test.change(&k.Metadata)
		if err := k.Validate(&gatehouse.Organization{Key: "johnsorg"}); (err == nil) != test.ok {
			t.Errorf("%s: %v, want allowed: %v", name, err, test.ok)
		}
		if k.Metadata.KeepsRefreshTokens() != (k.Metadata.Profile == gatehouse.ProfileFAPI2) {
			t.Errorf("%s: rotation", name)
		}
	}
}
