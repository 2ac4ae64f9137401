package tokenapi_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/tokenapi"
)

// provider is somebody who vouches for users, with an ES256 key.
type provider struct {
	name string
	key  *ecdsa.PrivateKey
}

func newProvider(t testing.TB, name string) *provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return &provider{name, key}
}

func (p *provider) jwks(t testing.TB) json.RawMessage {
	t.Helper()
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &p.key.PublicKey, KeyID: "one", Algorithm: "ES256", Use: "sig"}}})
	must(t, err)
	return text
}

// trust lets johnsorg trust p's JWTs.
func (h *house) trust(t testing.TB, p *provider, change ...func(*gatehouse.TrustedIssuer)) {
	t.Helper()
	i := gatehouse.TrustedIssuer{Kind: gatehouse.IssuerJWT, Issuer: p.name, JWKS: p.jwks(t)}
	for _, f := range change {
		f(&i)
	}
	_, err := h.people.TrustIssuer(context.Background(), "johnsorg", i)
	must(t, err)
}

// signJWT signs claims with a header, as p does or as key does.
func signJWT(t testing.TB, algorithm jose.SignatureAlgorithm, key any, header map[jose.HeaderKey]any, claims map[string]any) string {
	t.Helper()
	options := &jose.SignerOptions{ExtraHeaders: header}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	must(t, err)
	text, err := json.Marshal(claims)
	must(t, err)
	object, err := signer.Sign(text)
	must(t, err)
	compact, err := object.CompactSerialize()
	must(t, err)
	return compact
}

// claims are those of a good assertion about john, changed by pairs; nil takes one away.
func (h *house) claims(p *provider, change ...any) map[string]any {
	c := map[string]any{
		"iss": p.name, "sub": "john@johns.org", "aud": issuer + "/token", "exp": h.now.Add(5 * time.Minute).Unix(),
		"iat": h.now.Unix(), "jti": gatehouse.NewID(time.Now()),
	}
	for i := 0; i < len(change); i += 2 {
		if c[change[i].(string)] = change[i+1]; change[i+1] == nil {
			delete(c, change[i].(string))
		}
	}
	return c
}

func (h *house) bear(t testing.TB, assertion, scope string) *reply {
	t.Helper()
	return h.post(t, "/token", form("grant_type", gatehouse.GrantJWTBearer, "assertion", assertion, "scope", scope))
}

func TestATrustedIssuersJWTGivesAToken(t *testing.T) {
	h := newHouse(t)
	h.allowed(t, "partner", gatehouse.GrantJWTBearer, gatehouse.GrantRefreshToken)
	p := newProvider(t, "https://login.example")
	h.trust(t, p, func(i *gatehouse.TrustedIssuer) { i.Audience = "gatehouse" })
	for name, change := range map[string][]any{
		"for the token endpoint":    {},
		"for the issuer":            {"aud", issuer},
		"for the name it was told":  {"aud", "gatehouse"},
		"for several":               {"aud", []string{"https://other.example", issuer}},
		"with the organization key": {"sub", "john@johns.org@johnsorg"},
		"without an id":             {"jti", nil},
		"without a time of issue":   {"iat", nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := h.bear(t, signJWT(t, jose.ES256, p.key, map[jose.HeaderKey]any{"kid": "one"}, h.claims(p, change...)), "news_write")
			access, refresh := got.pair(t)
			if got.text("scope") != "news_write" || refresh != "" || !h.active(t, access) {
				t.Errorf("answered %s", got.raw)
			}
		})
	}
}

// check 22: everything that is wrong with an assertion is one answer, and asks nobody.
func TestAssertionsThatAreRefused(t *testing.T) {
	h := newHouse(t)
	h.allowed(t, "partner", gatehouse.GrantJWTBearer)
	h.KeySets = &tokenapi.KeySets{Outbound: &http.Client{Transport: refuse{t}}, Now: h.Now}
	p, stranger := newProvider(t, "https://login.example"), newProvider(t, "https://stranger.example")
	h.trust(t, p)
	public, err := x509.MarshalPKIXPublicKey(&p.key.PublicKey)
	must(t, err)
	secret := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "."
	body, err := json.Marshal(h.claims(p))
	must(t, err)
	none += base64.RawURLEncoding.EncodeToString(body) + "."
	good := func(change ...any) string { return signJWT(t, jose.ES256, p.key, nil, h.claims(p, change...)) }
	header := func(pairs ...any) string {
		extra := map[jose.HeaderKey]any{}
		for i := 0; i < len(pairs); i += 2 {
			extra[jose.HeaderKey(pairs[i].(string))] = pairs[i+1]
		}
		return signJWT(t, jose.ES256, stranger.key, extra, h.claims(p))
	}
	own := jose.JSONWebKey{Key: &stranger.key.PublicKey}
	for name, text := range map[string]string{
		"another audience":                 good("aud", "https://other.example"),
		"no audience":                      good("aud", nil),
		"an audience that begins like us":  good("aud", issuer+"/token/x"),
		"another issuer":                   good("iss", "https://other.example"),
		"no issuer":                        good("iss", nil),
		"an issuer nobody trusts":          signJWT(t, jose.ES256, stranger.key, nil, h.claims(stranger)),
		"too far ahead":                    good("exp", h.now.Add(61*time.Minute).Unix()),
		"no end":                           good("exp", nil),
		"ended":                            good("exp", h.now.Unix()),
		"an end that is text":              good("exp", "tomorrow"),
		"not yet":                          good("nbf", h.now.Add(2*time.Minute).Unix()),
		"issued in the future":             good("iat", h.now.Add(2*time.Minute).Unix()),
		"nobody":                           good("sub", "nobody"),
		"no subject":                       good("sub", nil),
		"another organization's user":      good("sub", "jane@janes.org"),
		"another organization's, by name":  good("sub", "jane@janes.org@janesorg"),
		"a long id":                        good("jti", strings.Repeat("x", 2000)),
		"alg none":                         none,
		"HS256 with the public key":        signJWT(t, jose.HS256, secret, nil, h.claims(p)),
		"another's key":                    header(),
		"another's key by its id":          header("kid", "one"),
		"an id that is a path":             header("kid", "../../../dev/null"),
		"an id that is SQL":                header("kid", "one' OR '1'='1"),
		"an id that is a URL":              header("kid", "https://stranger.example/jwks"),
		"jku in the header":                header("jku", "https://stranger.example/jwks"),
		"x5u in the header":                header("x5u", "https://stranger.example/cert"),
		"a key in the header":              header("jwk", own),
		"an unknown critical header":       signJWT(t, jose.ES256, p.key, map[jose.HeaderKey]any{"crit": []string{"more"}, "more": 1}, h.claims(p)),
		"no JWT":                           "nothing",
		"an edited body":                   edited(good()),
		"a JWE":                            "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0....",
		"longer than any":                  good("more", strings.Repeat("x", 17<<10)),
		"a signature that is cut":          good()[:100],
		"an algorithm that is not allowed": signJWT(t, jose.HS512, []byte(strings.Repeat("k", 64)), nil, h.claims(p)),
	} {
		t.Run(name, func(t *testing.T) { h.bear(t, text, "").wants(t, 400, "invalid_grant") })
	}
	h.bear(t, "", "").wants(t, 400, "invalid_request")
	if got := h.bear(t, good(), ""); got.status != 200 {
		t.Errorf("the good one: %s", got.raw)
	}
}

// edited changes one letter of a JWT's claims.
func edited(text string) string {
	at := strings.IndexByte(text, '.') + 20
	letter := byte('A')
	if text[at] == letter {
		letter = 'B'
	}
	return text[:at] + string(letter) + text[at+1:]
}

// refuse fails the test when anything is asked for.
type refuse struct{ t testing.TB }

func (r refuse) RoundTrip(q *http.Request) (*http.Response, error) {
	r.t.Errorf("%s was asked", q.URL)
	return nil, http.ErrServerClosed
}

// check 22: an assertion is good once, also at one moment.
func TestAnAssertionIsGoodOnce(t *testing.T) {
	h := newHouse(t)
	h.allowed(t, "partner", gatehouse.GrantJWTBearer)
	p := newProvider(t, "https://login.example")
	h.trust(t, p)
	for name, change := range map[string][]any{"by its id": {"jti", "first"}, "without an id": {"jti", nil}} {
		text := signJWT(t, jose.ES256, p.key, nil, h.claims(p, change...))
		var all sync.WaitGroup
		var good atomic.Int32
		for range 10 {
			all.Go(func() {
				if h.bear(t, text, "").status == http.StatusOK {
					good.Add(1)
				}
			})
		}
		all.Wait()
		if good.Load() != 1 {
			t.Errorf("%s: %d of 10 got a token", name, good.Load())
		}
	}
	again := signJWT(t, jose.ES256, p.key, nil, h.claims(p, "jti", "first", "exp", h.now.Add(time.Minute).Unix()))
	h.bear(t, again, "").wants(t, 400, "invalid_grant")
}

func TestAnIssuerMayBeForOneClientAndAnotherClaim(t *testing.T) {
	h := newHouse(t)
	h.allowed(t, "partner", gatehouse.GrantJWTBearer)
	p := newProvider(t, "https://login.example")
	h.trust(t, p, func(i *gatehouse.TrustedIssuer) { i.Claim, i.ConsumerKey = "email", h.key })
	good := func(change ...any) string {
		return signJWT(t, jose.ES256, p.key, nil, h.claims(p, append([]any{"sub", "4711", "email", "john@johns.org"}, change...)...))
	}
	if got := h.bear(t, good(), ""); got.status != 200 {
		t.Errorf("answered %s", got.raw)
	}
	h.bear(t, good("email_verified", false), "").wants(t, 400, "invalid_grant")
	h.bear(t, good("email", 7), "").wants(t, 400, "invalid_grant")
	h.allowed(t, "another", gatehouse.GrantJWTBearer)
	h.bear(t, good(), "").wants(t, 400, "invalid_grant")
}

// check 85: keys that live elsewhere are read when they are needed and no more, and a
// flood of unknown ids makes no flood of requests.
func TestKeysThatLiveElsewhere(t *testing.T) {
	h := newHouse(t)
	h.allowed(t, "partner", gatehouse.GrantJWTBearer)
	p := newProvider(t, "https://login.example")
	var asked atomic.Int32
	var status atomic.Int32
	status.Store(200)
	keys := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(int(status.Load()))
		w.Write(p.jwks(t))
	}))
	defer keys.Close()
	h.KeySets = &tokenapi.KeySets{Outbound: keys.Client(), Now: h.Now}
	h.trust(t, p, func(i *gatehouse.TrustedIssuer) { i.JWKS, i.JWKSURI = nil, keys.URL })
	bear := func(id string) *reply {
		return h.bear(t, signJWT(t, jose.ES256, p.key, map[jose.HeaderKey]any{"kid": id}, h.claims(p)), "")
	}
	for range 3 {
		if got := bear("one"); got.status != 200 {
			t.Fatalf("answered %s", got.raw)
		}
	}
	for range 20 {
		bear(gatehouse.RandomText(8)).wants(t, 400, "invalid_grant")
	}
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
	h.now = h.now.Add(2 * time.Minute)
	for range 20 {
		bear(gatehouse.RandomText(8)).wants(t, 400, "invalid_grant")
	}
	if asked.Load() != 2 {
		t.Errorf("asked %d times", asked.Load())
	}
	status.Store(500)
	h.now = h.now.Add(2 * time.Minute)
	bear("two").wants(t, 400, "invalid_grant")
	if got := bear("one"); got.status != 200 {
		t.Errorf("a failure forgot the keys: %s", got.raw)
	}
}

func TestAnIssuersKeysArePublic(t *testing.T) {
	h := newHouse(t)
	p := newProvider(t, "https://login.example")
	private, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key}}})
	must(t, err)
	for name, text := range map[string]string{
		"a private key": string(private), "a secret": `{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}`, "no keys": `{"keys":[]}`, "no JSON": "keys",
	} {
		_, err := h.people.TrustIssuer(t.Context(), "johnsorg", gatehouse.TrustedIssuer{Kind: gatehouse.IssuerJWT, Issuer: p.name, JWKS: json.RawMessage(text)})
		if gatehouse.KindOf(err) != gatehouse.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
