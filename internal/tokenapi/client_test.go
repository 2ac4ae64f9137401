package tokenapi_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
	"github.com/gatehouse/gatehouse/internal/tokenapi"
)

// told returns keys of john's whose metadata are m.
func (h *house) told(t testing.TB, name string, m gatehouse.ClientMetadata) (key, secret string) {
	t.Helper()
	_, key, secret = h.client(t, name, apistore.NewKeys{Metadata: m})
	return key, secret
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return key
}

func newRSAKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	return key
}

// keySet writes public keys down as go-jose does.
func keySet(t testing.TB, keys ...jose.JSONWebKey) json.RawMessage {
	t.Helper()
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	must(t, err)
	return text
}

// sign makes a JWT; header is names and values in pairs.
func sign(t testing.TB, algorithm jose.SignatureAlgorithm, key any, claims any, header ...string) string {
	t.Helper()
	opts := &jose.SignerOptions{}
	for i := 0; i < len(header); i += 2 {
		opts.WithHeader(jose.HeaderKey(header[i]), header[i+1])
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, opts)
	must(t, err)
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	must(t, err)
	return text
}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// asserted asks for a token with an assertion; more is names and values in pairs.
func (h *house) asserted(t testing.TB, assertion string, more ...string) *reply {
	t.Helper()
	return h.post(t, "/token", form(append([]string{
		"grant_type", "client_credentials", "client_assertion_type", assertionType, "client_assertion", assertion}, more...)...), as("", ""))
}

// Check 61: two ways at once; check 62: two clients at once.
func TestOneWayOfAuthentication(t *testing.T) {
	h := newHouse(t)
	const grant = "grant_type=client_credentials&"
	for _, body := range []string{"client_secret=" + h.secret, "client_assertion=a.b.c", "client_assertion_type=x", "client_secret=&client_id=" + h.key} {
		h.post(t, "/token", grant+body).wants(t, 400, "invalid_request")
	}
	h.post(t, "/token", grant+"client_secret=x&client_assertion=y&client_id="+h.key, as("", "")).wants(t, 400, "invalid_request")
	h.post(t, "/token", grant+"client_id=another").wants(t, 400, "invalid_request")
	h.post(t, "/token", grant+"client_id="+h.key).pair(t)
	h.post(t, "/token", grant, func(r *http.Request) { r.Header.Add("Authorization", r.Header.Get("Authorization")) }).wants(t, 400, "invalid_request")
}

// Check 63: there is no falling back to a weaker way, nor to a stronger.
func TestNoDowngrade(t *testing.T) {
	h := newHouse(t)
	signing := newKey(t)
	set := keySet(t, jose.JSONWebKey{Key: signing.Public()})
	basic, basicSecret := h.told(t, "basic", gatehouse.ClientMetadata{AuthMethod: gatehouse.ClientSecretBasic, JWKS: set})
	post, postSecret := h.told(t, "post", gatehouse.ClientMetadata{AuthMethod: gatehouse.ClientSecretPost})
	signed, _ := h.told(t, "signed", gatehouse.ClientMetadata{AuthMethod: gatehouse.ClientPrivateKeyJWT, JWKS: set})
	public, _ := h.told(t, "public", gatehouse.ClientMetadata{AuthMethod: gatehouse.ClientPublic})
	// The signing client had a secret before it had a key.
	secret, kept := gatehouse.NewSecret("old", h.now, time.Time{})
	must(t, h.db.UpdateKeys(t.Context(), signed, func(k *gatehouse.Keys) error {
		k.Secrets = append(k.Secrets, kept)
		return nil
	}))
	const grant = "grant_type=client_credentials&"
	for name, got := range map[string]*reply{
		"a secret in the body of one that uses Basic": h.post(t, "/token", grant+"client_id="+basic+"&client_secret="+basicSecret, as("", "")),
		"Basic of one that uses the body":             h.post(t, "/token", grant, as(post, postSecret)),
		"a secret of one that signs":                  h.post(t, "/token", grant, as(signed, secret)),
		"nothing of one that signs":                   h.post(t, "/token", grant+"client_id="+signed, as("", "")),
		"nothing of one with a secret":                h.post(t, "/token", grant+"client_id="+h.key, as("", "")),
		"an empty secret of a public one":             h.post(t, "/token", grant, as(public, "")),
		"an assertion of one with a secret and a key": h.asserted(t, sign(t, jose.ES256, signing, claims(h, basic))),
		"an assertion of one with a secret":           h.asserted(t, sign(t, jose.ES256, signing, claims(h, h.key))),
	} {
		t.Run(name, func(t *testing.T) { got.wants(t, 401, "invalid_client") })
	}
	h.post(t, "/token", grant, as(basic, basicSecret)).pair(t)
	h.post(t, "/token", grant+"client_id="+post+"&client_secret="+postSecret, as("", "")).pair(t)
}

// claims are those of an assertion that is good, changed by pairs.
func claims(h *house, client string, change ...any) map[string]any {
	c := map[string]any{"iss": client, "sub": client, "aud": issuer, "exp": h.now.Add(time.Minute).Unix(), "iat": h.now.Unix(), "jti": gatehouse.NewID(h.now)}
	for i := 0; i < len(change); i += 2 {
		if c[change[i].(string)] = change[i+1]; change[i+1] == nil {
			delete(c, change[i].(string))
		}
	}
	return c
}

func TestAssertionsThatHold(t *testing.T) {
	h := newHouse(t)
	ec, other, rsaKey := newKey(t), newKey(t), newRSAKey(t)
	client, _ := h.told(t, "signed", gatehouse.ClientMetadata{AuthMethod: gatehouse.ClientPrivateKeyJWT, JWKS: keySet(t,
		jose.JSONWebKey{Key: other.Public(), KeyID: "other"}, jose.JSONWebKey{Key: ec.Public(), KeyID: "ec"}, jose.JSONWebKey{Key: rsaKey.Public()})})
	for name, assertion := range map[string]string{
		"the issuer":             sign(t, jose.ES256, ec, claims(h, client)),
		"the token endpoint":     sign(t, jose.ES256, ec, claims(h, client, "aud", issuer+"/token"), "kid", "ec"),
		"a list of one":          sign(t, jose.ES256, ec, claims(h, client, "aud", []string{issuer})),
		"PS256":                  sign(t, jose.PS256, rsaKey, claims(h, client)),
		"RS256":                  sign(t, jose.RS256, rsaKey, claims(h, client)),
		"five minutes":           sign(t, jose.ES256, ec, claims(h, client, "exp", h.now.Add(5*time.Minute).Unix())),
		"a clock a little ahead": sign(t, jose.ES256, ec, claims(h, client, "iat", h.now.Add(10*time.Second).Unix(), "nbf", h.now.Add(10*time.Second).Unix())),
		"no iat":                 sign(t, jose.ES256, ec, claims(h, client, "iat", nil)),
	} {
		t.Run(name, func(t *testing.T) { h.asserted(t, assertion).pair(t) })
	}
	h.asserted(t, sign(t, jose.ES256, ec, claims(h, client)), "client_id", client).pair(t)
	got := h.post(t, "/revoke", form("token", "x", "client_assertion_type", assertionType, "client_assertion", sign(t, jose.ES256, ec, claims(h, client, "aud", issuer+"/revoke"))), as("", ""))
	if got.status != 200 {
		t.Errorf("the endpoint's own URL: %s", got.raw)
	}
}

// Checks 22 and 64: assertions that do not hold.
func TestAssertionsThatDoNot(t *testing.T) {
	h := newHouse(t)
	ec, other, rsaKey := newKey(t), newKey(t), newRSAKey(t)
	client, _ := h.told(t, "signed", gatehouse.ClientMetadata{AuthMethod: gatehouse.ClientPrivateKeyJWT, JWKS: keySet(t,
		jose.JSONWebKey{Key: ec.Public(), KeyID: "ec"}, jose.JSONWebKey{Key: rsaKey.Public(), KeyID: "ps", Algorithm: "PS256"}, jose.JSONWebKey{Key: other.Public(), KeyID: "enc", Use: "enc"})})
	der, err := x509.MarshalPKIXPublicKey(rsaKey.Public())
	must(t, err)
	good := sign(t, jose.ES256, ec, claims(h, client))
	_, payload, _ := strings.Cut(good, ".")
	es := func(change ...any) string { return sign(t, jose.ES256, ec, claims(h, client, change...)) }
	for name, assertion := range map[string]string{
		"empty":                                "",
		"no JWT":                               "a.b",
		"too long":                             strings.Repeat("a", 9000),
		"alg none":                             base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + payload,
		"HS256 with the public key as secret":  sign(t, jose.HS256, der, claims(h, client)),
		"an algorithm that its key is not for": sign(t, jose.RS256, rsaKey, claims(h, client), "kid", "ps"),
		"another key":                          sign(t, jose.ES256, newKey(t), claims(h, client)),
		"a key for encryption":                 sign(t, jose.ES256, other, claims(h, client), "kid", "enc"),
		"another kid":                          sign(t, jose.ES256, ec, claims(h, client), "kid", "../../ec"),
		"a kid that is SQL":                    sign(t, jose.ES256, ec, claims(h, client), "kid", "' OR 1=1 --"),
		"a key of its own by jku":              sign(t, jose.ES256, newKey(t), claims(h, client), "jku", "http://127.0.0.1:1/jwks"),
		"another issuer":                       es("iss", "somebody"),
		"another subject":                      es("sub", h.key),
		"an unknown client":                    es("iss", "nobody", "sub", "nobody"),
		"no subject":                           es("sub", nil, "iss", nil),
		"no audience":                          es("aud", nil),
		"another server":                       es("aud", "https://other.example"),
		"another endpoint":                     es("aud", issuer+"/revoke"),
		"this server and another":              es("aud", []string{issuer, "https://other.example"}),
		"no end":                               es("exp", nil),
		"ended":                                es("exp", h.now.Unix()),
		"an end too far off":                   es("exp", h.now.Add(6*time.Minute).Unix()),
		"an end as text":                       es("exp", "tomorrow"),
		"from the future":                      es("iat", h.now.Add(2*time.Minute).Unix()),
		"not yet":                              es("nbf", h.now.Add(2*time.Minute).Unix()),
		"no jti":                               es("jti", nil),
		"a long jti":                           es("jti", strings.Repeat("a", 300)),
	} {
		t.Run(name, func(t *testing.T) { h.asserted(t, assertion).wants(t, 401, "invalid_client") })
	}
	h.asserted(t, good, "client_id", h.key).wants(t, 401, "invalid_client")
	h.post(t, "/token", form("grant_type", "client_credentials", "client_assertion_type", "saml", "client_assertion", good), as("", "")).wants(t, 401, "invalid_client")
	h.asserted(t, good).pair(t) // none of it has used the good one up
}

// Check 64: an assertion is good once, also at once.
func TestAssertionIsGoodOnce(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	client, _ := h.told(t, "signed", gatehouse.ClientMetadata{AuthMethod: gatehouse.ClientPrivateKeyJWT, JWKS: keySet(t, jose.JSONWebKey{Key: key.Public()})})
	assertion := sign(t, jose.ES256, key, claims(h, client))
	replies := make([]*reply, 20)
	var wg sync.WaitGroup
	for i := range replies {
		wg.Go(func() { replies[i] = h.asserted(t, assertion) })
	}
	wg.Wait()
	won := 0
	for _, r := range replies {
		if r.status == 200 {
			won++
		} else {
			r.wants(t, 401, "invalid_client")
		}
	}
	if won != 1 {
		t.Errorf("the assertion was taken %d times", won)
	}
}

// Keys at a jwks_uri are read when they are needed, and not for every stranger's kid
// (check 85).
func TestKeysAtAnAddress(t *testing.T) {
	h := newHouse(t)
	first, second := newKey(t), newKey(t)
	set, asked := keySet(t, jose.JSONWebKey{Key: first.Public(), KeyID: "first"}), 0
	address := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Write(set)
	}))
	t.Cleanup(address.Close)
	h.KeySets = &tokenapi.KeySets{Outbound: address.Client(), Now: func() time.Time { return h.now }}
	client, _ := h.told(t, "signed", gatehouse.ClientMetadata{AuthMethod: gatehouse.ClientPrivateKeyJWT, JWKSURI: address.URL})
	signed := func(key crypto.Signer, kid string) *reply {
		return h.asserted(t, sign(t, jose.ES256, key, claims(h, client), "kid", kid))
	}
	signed(first, "first").pair(t)
	for range 5 {
		signed(second, "second").wants(t, 401, "invalid_client")
	}
	if asked != 1 {
		t.Errorf("strangers made %d calls", asked)
	}
	set = keySet(t, jose.JSONWebKey{Key: second.Public(), KeyID: "second"})
	h.now = h.now.Add(2 * time.Minute)
	signed(second, "second").pair(t)
	address.Close()
	h.now = h.now.Add(11 * time.Minute)
	signed(second, "second").pair(t) // the keys that were read last are still good
}

// certificate makes a certificate for client authentication, by itself or by an
// authority.
func certificate(t testing.TB, h *house, name string, by *x509.Certificate, byKey crypto.Signer) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(h.now.UnixNano()), Subject: pkix.Name{CommonName: name, Organization: []string{"Example"}}, DNSNames: []string{name + ".example"},
		NotBefore: h.now.Add(-time.Hour), NotAfter: h.now.Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true, IsCA: by == nil,
	}
	if by == nil {
		by, byKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by, key.Public(), byKey)
	must(t, err)
	c, err := x509.ParseCertificate(der)
	must(t, err)
	return c, key
}

// presents makes a request come over a connection that proved a certificate's key.
func presents(chain ...*x509.Certificate) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Del("Authorization")
		r.TLS = &tls.ConnectionState{PeerCertificates: chain}
	}
}

// Check 67.
func TestCertificates(t *testing.T) {
	h := newHouse(t)
	ca, caKey := certificate(t, h, "ca", nil, nil)
	mine, _ := certificate(t, h, "mine", ca, caKey)
	theirs, _ := certificate(t, h, "theirs", ca, caKey)
	self, selfKey := certificate(t, h, "mine", nil, nil)
	self2, _ := certificate(t, h, "mine", nil, nil)
	h.ClientCAs = x509.NewCertPool()
	h.ClientCAs.AddCert(ca)
	bySubject, _ := h.told(t, "subject", gatehouse.ClientMetadata{AuthMethod: gatehouse.ClientTLS, TLSSubject: "CN=mine,O=Example"})
	byName, _ := h.told(t, "name", gatehouse.ClientMetadata{AuthMethod: gatehouse.ClientTLS, TLSName: "mine.example"})
	bySelf, _ := h.told(t, "self", gatehouse.ClientMetadata{AuthMethod: gatehouse.ClientSelfSignedTLS,
		JWKS: keySet(t, jose.JSONWebKey{Key: selfKey.Public(), Certificates: []*x509.Certificate{self}})})
	ask := func(client string, chain ...*x509.Certificate) *reply {
		return h.post(t, "/token", form("grant_type", "client_credentials", "client_id", client), presents(chain...))
	}
	for name, got := range map[string]*reply{
		"another client's":                                  ask(bySubject, theirs),
		"another client's by name":                          ask(byName, theirs),
		"self-signed where CA demanded":                     ask(bySubject, self),
		"self-signed, with the CA sent along":               ask(bySubject, self, ca),
		"no certificate":                                    ask(bySubject),
		"no certificate, self-signed":                       ask(bySelf),
		"another self-signed":                               ask(bySelf, self2),
		"one that a CA vouches for where one is registered": ask(bySelf, mine),
		"of a client with a secret":                         ask(h.key, mine),
		"a header from outside": h.post(t, "/token", form("grant_type", "client_credentials", "client_id", bySelf), as("", ""),
			setHeader("X-SSL-Cert", base64.StdEncoding.EncodeToString(self.Raw)), setHeader("X-Forwarded-Client-Cert", "x")),
	} {
		t.Run(name, func(t *testing.T) { got.wants(t, 401, "invalid_client") })
	}
	ask(bySubject, mine).pair(t)
	ask(byName, mine).pair(t)
	access, _ := ask(bySelf, self).pair(t)
	got := h.post(t, "/introspect", form("token", access))
	if cnf, _ := got.body["cnf"].(map[string]any); cnf["x5t#S256"] == nil || got.text("token_type") != "Bearer" {
		t.Errorf("the token is not bound to the certificate: %s", got.raw)
	}
	h.ClientCAs = nil
	ask(bySubject, mine).wants(t, 401, "invalid_client")
	h.now = h.now.Add(2 * time.Hour)
	h.ClientCAs = x509.NewCertPool()
	h.ClientCAs.AddCert(ca)
	ask(bySubject, mine).wants(t, 401, "invalid_client")
}

// A client may ask for tokens that are bound to its certificate, whatever it proves
// itself with.
func TestCertificateBoundTokens(t *testing.T) {
	h := newHouse(t)
	c, _ := certificate(t, h, "mine", nil, nil)
	key, secret := h.told(t, "bound", gatehouse.ClientMetadata{CertificateBound: true})
	with := func(chain ...*x509.Certificate) func(*http.Request) {
		return func(r *http.Request) {
			presents(chain...)(r)
			r.SetBasicAuth(key, secret)
		}
	}
	h.login(t, "", with()).wants(t, 400, "invalid_request")
	_, refresh := h.login(t, "", with(c)).pair(t)
	h.refresh(t, refresh, "", with()).wants(t, 400, "invalid_request")
	h.refresh(t, refresh, "", with(c)).pair(t)
}

// Check 13: a public client.
func TestPublicClient(t *testing.T) {
	h := newHouse(t)
	key, secret := h.told(t, "public", gatehouse.ClientMetadata{AuthMethod: gatehouse.ClientPublic})
	if secret != "" {
		t.Error("a public client was given a secret")
	}
	login := func(key string) *reply {
		return h.post(t, "/token", form("grant_type", "password", "username", "john@johns.org@johnsorg", "password", password, "client_id", key), as("", ""))
	}
	login(key).wants(t, 400, "unauthorized_client")
	h.post(t, "/token", form("grant_type", "client_credentials", "client_id", key), as("", "")).wants(t, 400, "unauthorized_client")
	allowed, _ := h.told(t, "allowed", gatehouse.ClientMetadata{AuthMethod: gatehouse.ClientPublic, PublicPassword: true})
	access, refresh := login(allowed).pair(t)
	again := h.post(t, "/token", form("grant_type", "refresh_token", "refresh_token", refresh, "client_id", allowed), as("", ""))
	if _, next := again.pair(t); next == refresh {
		t.Error("a public client's refresh token does not rotate")
	}
	h.post(t, "/introspect", form("token", access, "client_id", allowed), as("", "")).wants(t, 401, "invalid_client") // check 76
	if got := h.post(t, "/revoke", form("token", access, "client_id", allowed), as("", "")); got.status != 200 || h.active(t, access) {
		t.Errorf("revocation by a public client: %s", got.raw)
	}
}

// Checks 60 and 68: wrong secrets count against the key and the address alone, and
// right ones are not counted.
func TestWrongSecretsSlowDown(t *testing.T) {
	h := newHouse(t)
	h.Guesses = &tokenapi.Guesses{}
	from := func(address string) func(*http.Request) { return func(r *http.Request) { r.RemoteAddr = address } }
	ask := func(key, secret, address string) *reply {
		return h.post(t, "/token", "grant_type=client_credentials", as(key, secret), from(address))
	}
	for _, key := range []string{h.key, "unknown"} {
		for i := range 10 {
			if got := ask(key, "wrong", "192.0.2.1:1"); got.status != 401 || got.header.Get("Retry-After") != "" {
				t.Fatalf("%s, attempt %d: %d %v", key, i+1, got.status, got.header)
			}
		}
		got := ask(key, "wrong", "192.0.2.1:2")
		if got.wants(t, 401, "invalid_client"); got.header.Get("Retry-After") != "60" {
			t.Errorf("%s: Retry-After is %q", key, got.header.Get("Retry-After"))
		}
	}
	ask(h.key, h.secret, "192.0.2.1:3").wants(t, 401, "invalid_client")
	ask(h.key, h.secret, "192.0.2.2:1").pair(t)
	h.now = h.now.Add(time.Minute)
	ask(h.key, h.secret, "192.0.2.1:4").pair(t)
	for range 5 { // check 131: one network of IPv6 is one address
		ask(h.key, "wrong", "[2001:db8::1]:1").wants(t, 401, "invalid_client")
		ask(h.key, "wrong", "[2001:db8::2]:1").wants(t, 401, "invalid_client")
	}
	ask(h.key, h.secret, "[2001:db8::3]:1").wants(t, 401, "invalid_client")
	ask(h.key, h.secret, "[2001:db8:0:1::3]:1").pair(t)
}

// Check 66: a secret that is revoked or has ended is wrong at once; others are not.
func TestSecretsEnd(t *testing.T) {
	h := newHouse(t)
	second, kept, err := h.store.AddSecret(t.Context(), h.john, h.app.ID, gatehouse.Production, "second", h.now.Add(time.Hour))
	must(t, err)
	ask := func(secret string) *reply {
		return h.post(t, "/token", "grant_type=client_credentials", as(h.key, secret))
	}
	ask(h.secret).pair(t)
	ask(second).pair(t)
	h.now = h.now.Add(time.Hour)
	ask(second).wants(t, 401, "invalid_client")
	must(t, h.store.RevokeSecret(t.Context(), h.john, h.app.ID, gatehouse.Production, kept.ID))
	ask(h.secret).pair(t)
	keys, err := h.store.Keys(t.Context(), h.john, h.app.ID)
	must(t, err)
	if text, _ := json.Marshal(keys); strings.Contains(string(text), h.secret) {
		t.Error("check 65: the secret is kept")
	}
}

// A real client tries Basic and then the body, and remembers what worked.
func TestBasicThenBody(t *testing.T) {
	h := newHouse(t)
	h.Guesses = &tokenapi.Guesses{}
	post, secret := h.told(t, "post", gatehouse.ClientMetadata{AuthMethod: gatehouse.ClientSecretPost})
	server := httptest.NewServer(h.mux)
	t.Cleanup(server.Close)
	for range 15 { // more often than wrong secrets may be sent
		c := clientcredentials.Config{ClientID: post, ClientSecret: secret, TokenURL: server.URL + "/token", AuthStyle: oauth2.AuthStyleAutoDetect}
		if _, err := c.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	c := oauth2.Config{ClientID: h.key, ClientSecret: "wrong", Endpoint: oauth2.Endpoint{TokenURL: server.URL + "/token"}}
	if _, err := c.PasswordCredentialsToken(t.Context(), "john@johns.org@johnsorg", password); err == nil {
		t.Error("a wrong secret was taken")
	}
	c.ClientSecret = h.secret
	first, err := c.PasswordCredentialsToken(t.Context(), "john@johns.org@johnsorg", password)
	must(t, err)
	first.Expiry = time.Now().Add(-time.Hour)
	if second, err := c.TokenSource(t.Context(), first).Token(); err != nil || second.RefreshToken == first.RefreshToken {
		t.Errorf("a wrong attempt before used something up: %v", err)
	}
}
