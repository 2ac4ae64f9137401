package token_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/token"
)

// published returns the JWK Set as a client reads it.
func (m *mint) published(t testing.TB) jose.JSONWebKeySet {
	t.Helper()
	text, err := json.Marshal(m.Keys.Public())
	must(t, err)
	var set jose.JSONWebKeySet
	must(t, json.Unmarshal(text, &set))
	return set
}

// private returns the id and the private key of an algorithm.
func (m *mint) private(t testing.TB, algorithm string) (string, crypto.Signer) {
	t.Helper()
	all, err := m.db.SigningKeys(t.Context())
	must(t, err)
	for _, k := range all {
		if k.Algorithm == algorithm {
			der, err := token.Open(masterKey, k.Sealed, k.ID)
			must(t, err)
			key, err := x509.ParsePKCS8PrivateKey(der)
			must(t, err)
			return k.ID, key.(crypto.Signer)
		}
	}
	t.Fatalf("there is no %s key", algorithm)
	return "", nil
}

// RFC 9068, sections 2.1 and 2.2: anybody with the published keys reads our tokens.
func TestGoJoseReadsOurTokens(t *testing.T) {
	m := newMint(t)
	for _, name := range []string{"ES256", "RS256"} {
		t.Run(name, func(t *testing.T) {
			text, a := m.issue(t, clientOf(formats[name]), "john")
			parsed, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(name)})
			must(t, err)
			var got map[string]any
			must(t, parsed.Claims(m.published(t), &got))
			want := map[string]any{
				"iss": issuer, "aud": issuer, "sub": "john", "client_id": "key", "azp": "key", "scope": "read update",
				"iat": float64(m.now.Unix()), "nbf": float64(m.now.Unix()), "exp": float64(m.now.Unix() + 3600),
				"jti": a.ID, "aut": "APPLICATION_USER", "org": "johnsorg", "keytype": "PRODUCTION", "username": "john@johns.org@johnsorg", "family": a.Family,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if typ := parsed.Headers[0].ExtraHeaders[jose.HeaderType]; typ != "at+jwt" {
				t.Errorf("typ is %v", typ)
			}
		})
	}
}

// forged is a claims set that would be accepted if the token were ours.
func (m *mint) forged() map[string]any {
	return map[string]any{
		"iss": issuer, "aud": issuer, "sub": "admin", "client_id": "key", "scope": "apim:admin", "iat": m.now.Unix(), "exp": m.now.Unix() + 3600,
		"jti": gatehouse.NewID(m.now), "aut": "APPLICATION_USER", "org": "johnsorg", "keytype": "PRODUCTION",
	}
}

// signed makes a token with go-jose.
func signed(t testing.TB, algorithm jose.SignatureAlgorithm, key any, header map[jose.HeaderKey]any, claims any) string {
	t.Helper()
	options := &jose.SignerOptions{ExtraHeaders: header}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	must(t, err)
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	must(t, err)
	return text
}

type header = map[jose.HeaderKey]any

// checks 22, 57, 90: of a header that we did not write nothing is believed, though the
// signature be right.
func TestOnlyOurOwnHeadersAreRead(t *testing.T) {
	m := newMint(t)
	m.issue(t, clientOf(formats["RS256"]), "john") // makes the RS256 key
	id, ours := m.private(t, "ES256")
	rsaID, rsaKey := m.private(t, "RS256")
	m.want(t, signed(t, jose.ES256, ours, header{"kid": id, "typ": "at+jwt"}, m.forged()), lives) // go-jose writes our header

	theirs, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	der, err := x509.MarshalPKIXPublicKey(rsaKey.Public())
	must(t, err)
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	unsigned := func(head string) string {
		payload, _ := json.Marshal(m.forged())
		return base64.RawURLEncoding.EncodeToString([]byte(head)) + "." + base64.RawURLEncoding.EncodeToString(payload) + "."
	}
	withHeader := func(head string) string {
		good := signed(t, jose.ES256, ours, header{"kid": id, "typ": "at+jwt"}, m.forged())
		_, rest, _ := strings.Cut(good, ".")
		return base64.RawURLEncoding.EncodeToString([]byte(head)) + "." + rest
	}
	es, rs := jose.ES256, jose.RS256
	for name, text := range map[string]string{
		"alg none":                          unsigned(`{"alg":"none","kid":"` + id + `","typ":"at+jwt"}`),
		"alg None":                          unsigned(`{"alg":"None","kid":"` + id + `","typ":"at+jwt"}`),
		"our header without a signature":    unsigned(`{"alg":"ES256","kid":"` + id + `","typ":"at+jwt"}`),
		"HS256 with the public key as PEM":  signed(t, jose.HS256, public, header{"kid": rsaID, "typ": "at+jwt"}, m.forged()),
		"HS256 with the public key as DER":  signed(t, jose.HS256, der, header{"kid": rsaID, "typ": "at+jwt"}, m.forged()),
		"RS256 under the ES256 key's id":    signed(t, rs, rsaKey, header{"kid": id, "typ": "at+jwt"}, m.forged()),
		"PS256 with our RSA key":            signed(t, jose.PS256, rsaKey, header{"kid": rsaID, "typ": "at+jwt"}, m.forged()),
		"an id token":                       signed(t, es, ours, header{"kid": id, "typ": "JWT"}, m.forged()),
		"no typ":                            signed(t, es, ours, header{"kid": id}, m.forged()),
		"jku":                               signed(t, es, ours, header{"kid": id, "typ": "at+jwt", "jku": "https://evil.example/jwks"}, m.forged()),
		"x5u":                               signed(t, es, ours, header{"kid": id, "typ": "at+jwt", "x5u": "https://evil.example/x"}, m.forged()),
		"an embedded key of theirs":         signed(t, es, theirs, header{"kid": id, "typ": "at+jwt", "jwk": jose.JSONWebKey{Key: &theirs.PublicKey}}, m.forged()),
		"an unknown crit":                   signed(t, es, ours, header{"kid": id, "typ": "at+jwt", "crit": []string{"exp"}, "exp": 1}, m.forged()),
		"their key under our id":            signed(t, es, theirs, header{"kid": id, "typ": "at+jwt"}, m.forged()),
		"no kid":                            signed(t, es, ours, header{"typ": "at+jwt"}, m.forged()),
		"an unknown kid":                    signed(t, es, theirs, header{"kid": "unknown", "typ": "at+jwt"}, m.forged()),
		"an empty kid":                      signed(t, es, ours, header{"kid": "", "typ": "at+jwt"}, m.forged()),
		"a kid that is a path":              signed(t, jose.HS256, make([]byte, 32), header{"kid": "../../../../dev/null", "typ": "at+jwt"}, m.forged()),
		"a kid that is SQL":                 signed(t, es, theirs, header{"kid": "' OR 1=1 --", "typ": "at+jwt"}, m.forged()),
		"a kid that is a URL":               signed(t, es, theirs, header{"kid": "https://evil.example", "typ": "at+jwt"}, m.forged()),
		"a kid of 8 KiB":                    signed(t, es, theirs, header{"kid": strings.Repeat("k", 8<<10), "typ": "at+jwt"}, m.forged()),
		"a kid with a space behind":         signed(t, es, ours, header{"kid": id + " ", "typ": "at+jwt"}, m.forged()),
		"the header in other words":         withHeader(`{"alg": "ES256","kid":"` + id + `","typ":"at+jwt"}`),
		"the header with alg twice":         withHeader(`{"alg":"none","alg":"ES256","kid":"` + id + `","typ":"at+jwt"}`),
		"the header in another order":       withHeader(`{"typ":"at+jwt","alg":"ES256","kid":"` + id + `"}`),
		"the other key's header":            withHeader(`{"alg":"RS256","kid":"` + rsaID + `","typ":"at+jwt"}`),
		"a header that is no JSON":          withHeader("ES256"),
		"an empty header":                   withHeader(""),
		"a JWE":                             "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA",
		"a consumer key":                    gatehouse.NewConsumerKey(),
		"a refresh token":                   gatehouse.NewRefreshToken(),
		"an opaque token that is not there": "gha_" + gatehouse.RandomText(40),
		"the prefix of an opaque token":     "gha_",
		"nothing":                           "",
		"dots":                              "..",
		"many dots":                         strings.Repeat(".", 8000),
		"100 KiB":                           strings.Repeat("x", 100<<10),
	} {
		t.Run(name, func(t *testing.T) { m.want(t, text, refused) })
	}
}

// check 90: what a token of ours must say. We sign nothing else; should another program
// ever hold our keys, its tokens are not for us.
func TestClaimsThatAreNotOursAreRefused(t *testing.T) {
	m := newMint(t)
	id, ours := m.private(t, "ES256")
	for name, row := range map[string]struct {
		claim string
		value any
		want  string
	}{
		"as it is":                   {"sub", "john", lives},
		"another issuer":             {"iss", "https://other.example", refused},
		"an issuer that begins like": {"iss", issuer + ".evil.example", refused},
		"no issuer":                  {"iss", nil, refused},
		"another audience":           {"aud", "https://other.example", refused},
		"audiences without us":       {"aud", []string{"https://other.example", issuer}, refused},
		"no audience at all":         {"aud", []string{}, refused},
		"an end that is text":        {"exp", "9999999999", refused},
		"an end that is a fraction":  {"exp", 9999999999.5, refused},
		"an end before all time":     {"exp", -1, expired},
		"no end":                     {"exp", nil, expired},
		"no id":                      {"jti", nil, refused},
		"an id that is not ours":     {"jti", "1", refused},
		"a scope that is a list":     {"scope", []string{"read"}, refused},
	} {
		t.Run(name, func(t *testing.T) {
			claims := m.forged()
			claims[row.claim] = row.value
			m.want(t, signed(t, jose.ES256, ours, header{"kid": id, "typ": "at+jwt"}, claims), row.want)
		})
	}
	other := newMint(t)
	text, _ := other.issue(t, clientOf(formats["ES256"]), "john")
	m.want(t, text, refused) // another installation's
}

// checks 26, 77: a token has one spelling, and every other is refused.
func TestEverySpellingButOneIsRefused(t *testing.T) {
	m := newMint(t)
	for name, k := range formats {
		t.Run(name, func(t *testing.T) {
			text, _ := m.issue(t, clientOf(k), "john")
			m.want(t, text, lives)
			_, payload, _ := strings.Cut(text, ".")
			edited, err := json.Marshal(m.forged())
			must(t, err)
			for what, other := range map[string]string{
				"cut to 80 characters":        text[:min(80, len(text)-1)],
				"cut by one":                  text[:len(text)-1],
				"without its first character": text[1:],
				"longer":                      text + "A",
				"padded":                      text + "=",
				"padded twice":                text + "==",
				"a dot more":                  text + ".",
				"a part more":                 text + ".e30",
				"a dot before":                "." + text,
				"capitals":                    strings.ToUpper(text),
				"small letters":               strings.ToLower(text),
				"a space behind":              text + " ",
				"a space before":              " " + text,
				"a new line behind":           text + "\n",
				"NUL behind":                  text + "\x00",
				"a new line in its signature": text[:len(text)-5] + "\r\n" + text[len(text)-5:],
				"quoted":                      `"` + text + `"`,
				"twice":                       text + text,
				"an edited payload":           strings.Replace(text, payload, base64.RawURLEncoding.EncodeToString(edited)+payload[strings.LastIndexByte("."+payload, '.'):], 1),
				"the other alphabet":          strings.NewReplacer("-", "+", "_", "/").Replace(text),
				"its hash":                    gatehouse.HashToken(text),
			} {
				if other != text && m.verdict(t, other) != refused {
					t.Errorf("%s: %q is accepted", what, other)
				}
			}
			for i := range text {
				for _, c := range []byte{'A', 'Q', 'x'} {
					if other := text[:i] + string(c) + text[i+1:]; other != text && m.verdict(t, other) != refused {
						t.Errorf("character %d changed from %c to %c is accepted", i, text[i], c)
					}
				}
			}
		})
	}
}

func FuzzVerify(f *testing.F) {
	m := newMint(f)
	issued := map[string]bool{}
	for _, k := range formats {
		text, _ := m.issue(f, clientOf(k), "john")
		issued[text] = true
		f.Add(text)
		f.Add(text[:len(text)/2])
		f.Add(text + "\n")
	}
	_, private := m.private(f, "ES256")
	f.Add(signed(f, jose.ES256, private, header{"kid": "k", "typ": "at+jwt"}, m.forged()))
	for _, seed := range []string{"", ".", "..", "gha_", "eyJhbGciOiJub25lIn0.e30."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got := m.verdict(t, text); (got == lives) != issued[text] {
			t.Errorf("%q: %s", text, got)
		}
	})
}

func TestSealedTextOpensForItsPurposeOnly(t *testing.T) {
	sealed, err := token.Seal(masterKey, []byte("secret"), "purpose")
	must(t, err)
	again, err := token.Seal(masterKey, []byte("secret"), "purpose")
	must(t, err)
	if sealed == again {
		t.Error("the same text is sealed the same way twice")
	}
	if plain, err := token.Open(masterKey, sealed, "purpose"); err != nil || string(plain) != "secret" {
		t.Errorf("%q %v", plain, err)
	}
	for name, open := range map[string]func() ([]byte, error){
		"another key":     func() ([]byte, error) { return token.Open([32]byte{}, sealed, "purpose") },
		"another purpose": func() ([]byte, error) { return token.Open(masterKey, sealed, "other") },
		"cut":             func() ([]byte, error) { return token.Open(masterKey, sealed[:8], "purpose") },
		"nothing":         func() ([]byte, error) { return token.Open(masterKey, "", "purpose") },
		"no base64":       func() ([]byte, error) { return token.Open(masterKey, "!"+sealed, "purpose") },
		"an edited end":   func() ([]byte, error) { return token.Open(masterKey, sealed[:len(sealed)-4]+"AAAA", "purpose") },
	} {
		if plain, err := open(); err == nil {
			t.Errorf("%s opens it: %q", name, plain)
		}
	}
}

// check 84: the published keys hold no private part, and no symmetric key.
func TestPublishedKeysArePublic(t *testing.T) {
	m := newMint(t)
	m.issue(t, clientOf(formats["RS256"]), "john")
	text, err := json.Marshal(m.Keys.Public())
	must(t, err)
	var set struct{ Keys []map[string]any }
	must(t, json.Unmarshal(text, &set))
	if len(set.Keys) != 2 {
		t.Fatalf("%d keys are published: %s", len(set.Keys), text)
	}
	for _, k := range set.Keys {
		want := map[string]bool{"kty": true, "kid": true, "use": true, "alg": true}
		switch k["kty"] {
		case "EC":
			want["crv"], want["x"], want["y"] = true, true, true
		case "RSA":
			want["n"], want["e"] = true, true
		default:
			t.Errorf("a key of type %v is published", k["kty"])
		}
		got := map[string]bool{}
		for member := range k {
			got[member] = true
		}
		if diff := cmp.Diff(want, got); diff != "" || k["use"] != "sig" {
			t.Error(fmt.Sprint(k["use"]), diff)
		}
	}
}
