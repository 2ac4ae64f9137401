package token_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/token"
)

// idToken writes an ID token for john that goes with the access token "access".
func (m *mint) idToken(t testing.TB, algorithm string, in gatehouse.SignIn) string {
	t.Helper()
	c := clientOf(formats["ES256"])
	c.Metadata.IDTokenAlgorithm = algorithm
	john := member("john")
	a := c.Authorize(john, []string{"openid"}, m.now)
	a.SignIn = in
	text, err := m.IDToken(t.Context(), c, a, "access", &john.User)
	must(t, err)
	return text
}

func TestClientsReadIDTokens(t *testing.T) {
	m := newMint(t)
	in := gatehouse.SignIn{
		At: m.now.Add(-time.Minute), Methods: []string{"pwd"}, Nonce: "n", Session: "s", ClaimNames: gatehouse.ClaimNames{IDToken: []string{"email"}, UserInfo: []string{"name"}},
	}
	for setting, algorithm := range map[string]jose.SignatureAlgorithm{"": jose.RS256, "RS256": jose.RS256, "ES256": jose.ES256} {
		t.Run("signed as the client's metadata say: "+setting, func(t *testing.T) {
			parsed, err := jwt.ParseSigned(m.idToken(t, setting, in), []jose.SignatureAlgorithm{algorithm})
			must(t, err)
			set := m.published(t)
			var got map[string]any
			must(t, parsed.Claims(set.Key(parsed.Headers[0].KeyID)[0].Key, &got))
			want := map[string]any{
				"iss": issuer, "sub": "john", "aud": "key", "azp": "key", "iat": float64(m.now.Unix()), "exp": float64(m.now.Add(time.Hour).Unix()),
				"auth_time": float64(m.now.Add(-time.Minute).Unix()), "nonce": "n", "sid": "s", "amr": []any{"pwd"}, "email": "john@johns.org",
				"at_hash": "oFYf1knNtrqnhAVfBRuteQ",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatIsNotKnownOfASignInIsNotSaid(t *testing.T) {
	m := newMint(t)
	parsed, err := jwt.ParseSigned(m.idToken(t, "ES256", gatehouse.SignIn{}), []jose.SignatureAlgorithm{jose.ES256})
	must(t, err)
	var got map[string]any
	must(t, parsed.UnsafeClaimsWithoutVerification(&got))
	for _, name := range []string{"auth_time", "nonce", "sid", "amr", "email"} {
		if got[name] != nil {
			t.Errorf("%s is %v", name, got[name])
		}
	}
}

func TestBackendsReadWhatTheyAreTold(t *testing.T) {
	m := newMint(t)
	for _, algorithm := range []jose.SignatureAlgorithm{jose.RS256, jose.ES256} {
		claims := map[string]any{"sub": "john", "exp": m.now.Add(time.Minute).Unix()}
		text, err := m.BackendJWT(t.Context(), string(algorithm), m.now.Add(time.Minute), claims)
		must(t, err)
		parsed, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{algorithm})
		must(t, err)
		set := m.published(t)
		var got map[string]any
		must(t, parsed.Claims(set.Key(parsed.Headers[0].KeyID)[0].Key, &got))
		want := map[string]any{"iss": issuer, "sub": "john", "exp": float64(m.now.Add(time.Minute).Unix())}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

// check 57: the kinds of tokens are never taken for each other.
func TestIDTokensAreNoOtherTokens(t *testing.T) {
	m := newMint(t)
	id := m.idToken(t, "ES256", gatehouse.SignIn{At: m.now})
	m.want(t, id, "refused")
	access, _ := m.issue(t, clientOf(formats["ES256"]), "john")
	logout, err := m.LogoutToken(t.Context(), clientOf(formats["ES256"]), "john", "s")
	must(t, err)
	m.want(t, logout, "refused")
	told, err := m.BackendJWT(t.Context(), "ES256", m.now.Add(time.Minute), map[string]any{"sub": "john"})
	must(t, err)
	m.want(t, told, "refused")
	_, key := m.private(t, "ES256")
	signedBy := func(key any, algorithm jose.SignatureAlgorithm, header map[jose.HeaderKey]any) string {
		return signed(t, algorithm, key, header, map[string]any{"iss": issuer, "sub": "john", "azp": "key"})
	}
	kid, _ := m.private(t, "ES256")
	for name, text := range map[string]string{
		"an access token": access, "a logout token": logout, "what a backend is told": told, "nothing": "", "a short text": "a.b.c", "a long one": strings.Repeat("a", token.MaxLength+1),
		"a damaged one":       id[:len(id)-6] + "AAAAAA",
		"an unknown key":      signedBy(key, jose.ES256, map[jose.HeaderKey]any{"kid": "unknown", "typ": "JWT"}),
		"no key":              signedBy(key, jose.ES256, map[jose.HeaderKey]any{"typ": "JWT"}),
		"no type":             signedBy(key, jose.ES256, map[jose.HeaderKey]any{"kid": kid}),
		"a shared key":        signedBy([]byte(strings.Repeat("k", 32)), jose.HS256, map[jose.HeaderKey]any{"kid": kid, "typ": "JWT"}),
		"without a signature": "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.e30.",
	} {
		if hint, err := m.ReadIDToken(text); gatehouse.KindOf(err) != gatehouse.Invalid {
			t.Errorf("%s was read: %+v, %v", name, hint, err)
		}
	}
	m.now = m.now.Add(48 * time.Hour)
	if hint, err := m.ReadIDToken(id); err != nil || hint.Subject != "john" || hint.ConsumerKey != "key" {
		t.Errorf("an old ID token as a hint: %+v, %v", hint, err)
	}
	if _, err := m.ReadIDToken(signedBy(key, jose.ES256, map[jose.HeaderKey]any{"kid": kid, "typ": "JWT"})); err != nil {
		t.Errorf("the forgeries were refused for another reason: %v", err)
	}
}

func FuzzReadIDToken(f *testing.F) {
	m := newMint(f)
	good := m.idToken(f, "ES256", gatehouse.SignIn{At: m.now})
	f.Add(good)
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add(`{"payload":"e30","signatures":[]}`)
	f.Fuzz(func(t *testing.T, text string) {
		if hint, err := m.ReadIDToken(text); err == nil && text != good {
			t.Errorf("%q was read as %+v", text, hint)
		}
	})
}
