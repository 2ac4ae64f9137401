package gatehouse

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func goodKeys(change func(*Keys)) *Keys {
	k := &Keys{Type: Production, Grants: DefaultGrants, Format: FormatJWT, Algorithm: "ES256", Access: time.Hour, Refresh: time.Hour}
	change(k)
	return k
}

const oneKey = `{"keys":[{"kty":"EC","crv":"P-256","x":"a","y":"b"}]}`

// Check 69: what a registration may say of a client.
func TestClientMetadata(t *testing.T) {
	for _, tt := range []struct {
		name string
		m    ClientMetadata
		ok   bool
	}{
		{"nothing", ClientMetadata{}, true},
		{"an unknown method", ClientMetadata{AuthMethod: "client_secret_jwt"}, false},
		{"private_key_jwt without keys", ClientMetadata{AuthMethod: ClientPrivateKeyJWT}, false},
		{"private_key_jwt with keys", ClientMetadata{AuthMethod: ClientPrivateKeyJWT, JWKS: []byte(oneKey)}, true},
		{"private_key_jwt with their address", ClientMetadata{AuthMethod: ClientPrivateKeyJWT, JWKSURI: "https://app.example/jwks"}, true},
		{"keys and their address together", ClientMetadata{JWKS: []byte(oneKey), JWKSURI: "https://app.example/jwks"}, false},
		{"an address that is not https", ClientMetadata{JWKSURI: "http://app.example/jwks"}, false},
		{"a private key", ClientMetadata{JWKS: []byte(`{"keys":[{"kty":"EC","d":"x"}]}`)}, false},
		{"a shared key", ClientMetadata{JWKS: []byte(`{"keys":[{"kty":"oct","k":"x"}]}`)}, false},
		{"no key", ClientMetadata{JWKS: []byte(`{"keys":[]}`)}, false},
		{"keys that are no set", ClientMetadata{JWKS: []byte(`[1]`)}, false},
		{"too many keys", ClientMetadata{JWKS: []byte(`{"keys":[` + strings.Repeat(`{},`, 50) + `{}]}`)}, false},
		{"TLS without a name", ClientMetadata{AuthMethod: ClientTLS}, false},
		{"TLS with a subject", ClientMetadata{AuthMethod: ClientTLS, TLSSubject: "CN=app"}, true},
		{"TLS with two names", ClientMetadata{AuthMethod: ClientTLS, TLSSubject: "CN=app", TLSName: "app.example"}, false},
		{"a logo", ClientMetadata{LogoURI: "https://app.example/logo.png"}, true},
		{"a logo inside", ClientMetadata{LogoURI: "https://10.0.0.1/logo.png"}, false},
		{"a logo on this machine", ClientMetadata{LogoURI: "https://localhost./logo.png"}, false},
		{"a logo at an address in an old spelling", ClientMetadata{LogoURI: "https://0x7f.1/logo.png"}, false},
		{"a logo that is a script", ClientMetadata{LogoURI: "javascript:alert(1)"}, false},
		{"a scope out of the grammar", ClientMetadata{Scope: "a\tb"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := goodKeys(func(k *Keys) { k.Metadata = tt.m }).Validate(&Organization{})
			if (err == nil) != tt.ok || err != nil && KindOf(err) != Invalid {
				t.Errorf("%v", err)
			}
		})
	}
}

// Checks 29 and 69: where a code may be sent.
func TestRedirects(t *testing.T) {
	for uri, ok := range map[string]bool{
		"https://app.example/back":     true,
		"https://app.example/back?a=b": true,
		"http://127.0.0.1/back":        true,
		"http://127.0.0.1:8080/back":   true,
		"http://[::1]:8080/back":       true,
		"http://localhost:8080/back":   true,
		"com.example.app:/back":        true,
		"":                             false,
		"/back":                        false,
		"www.example.org":              false,
		"http://app.example/back":      false,
		"https://*.app.example/back":   false,
		"https://app.example/back#":    false,
		"https://app.example/b\\ack":   false,
		"https://me@app.example/back":  false,
		"https:///back":                false,
		"javascript:alert(1)":          false,
		"JavaScript:alert(1)":          false,
		"data:text/html,hello":         false,
		"file:///etc/passwd":           false,
		"myapp:/back":                  false,
	} {
		err := goodKeys(func(k *Keys) { k.Callbacks = []string{uri} }).Validate(&Organization{})
		if (err == nil) != ok || err != nil && !errors.Is(err, ErrRedirect) {
			t.Errorf("%q: %v", uri, err)
		}
	}
}
