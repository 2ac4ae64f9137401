package tokenapi

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

func FuzzClientMetadata(f *testing.F) {
	for _, seed := range []string{
		`{"redirect_uris":["https://a.example/b"],"jwks":{"keys":[{"kty":"EC","crv":"P-256","x":"","y":""}]}}`,
		`{"public_password_grant":true,"scope":"a b"}`, `null`, `[]`, `{"logo_uri":"https://0x7f.1/"}`, `{"jwks":{"keys":[null]}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		body, err := parseClient([]byte(text))
		if err != nil {
			return
		}
		if body.PublicPassword || body.RegistrationHash != "" {
			t.Error("a client sets what is ours")
		}
		k := gatehouse.Keys{
			Type: gatehouse.Production, Grants: gatehouse.DefaultGrants, Format: gatehouse.FormatJWT, Algorithm: "ES256",
			Access: gatehouse.DefaultAccessLifetime, Refresh: gatehouse.DefaultRefreshLifetime, Callbacks: body.RedirectURIs, Metadata: body.ClientMetadata,
		}
		if k.Validate(&gatehouse.Organization{}) != nil {
			return
		}
		for _, uri := range body.RedirectURIs {
			if strings.ContainsAny(uri, "#* ") || strings.HasPrefix(strings.ToLower(uri), "javascript:") || strings.HasPrefix(strings.ToLower(uri), "data:") {
				t.Errorf("%q is a redirect URI", uri)
			}
		}
		if set, err := parseKeys(body.JWKS); err == nil {
			for i := range set.Keys {
				if !set.Keys[i].IsPublic() {
					t.Error("a key that is not public")
				}
			}
		}
	})
}
