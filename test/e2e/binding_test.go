package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/gatehousetest"
)

func TestBoundTokens(t *testing.T) {
	onEachStore(t, func(t *testing.T, h *house) {
		t.Run("a token that is bound to a key", h.tokenIsBoundToKey)
		t.Run("a client with a certificate of its own", h.tokenIsBoundToCertificate)
		t.Run("a refusal leads to a token", h.refusalLeadsToToken)
	})
}

// holder holds a key and makes proofs with it.
type holder struct{ *ecdsa.PrivateKey }

func newHolder(t testing.TB) holder {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return holder{key}
}

// proof is for one request, and for the token that it brings if there is one.
func (k holder) proof(t testing.TB, method, url, token string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: k.PrivateKey}, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	says := map[string]any{"jti": gatehouse.RandomText(20), "htm": method, "htu": url, "iat": time.Now().Unix()}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		says["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	text, err := jwt.Signed(signer).Claims(says).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// boundToken gets a token by password that is bound to k.
func (h *house) boundToken(t testing.TB, k holder) tokens {
	t.Helper()
	r := h.form(t, "/token", h.app, passwordForm(john, "read"))
	r.Header.Set("DPoP", k.proof(t, "POST", h.Gateway+"/token", ""))
	got := h.send(t, r).tokens(t)
	if got.Type != "DPoP" {
		t.Fatalf("%+v", got)
	}
	return got
}

// proven calls the gateway by a scheme with a token and a proof.
func (h *house) proven(t testing.TB, scheme, token, proof string) reply {
	t.Helper()
	r := request(t, "GET", h.Gateway+orgnews+"/articles/1?a=b", "")
	r.Header.Set("Authorization", scheme+" "+token)
	if proof != "" {
		r.Header.Set("DPoP", proof)
	}
	return h.send(t, r)
}

// Checks 86 to 89.
func (h *house) tokenIsBoundToKey(t *testing.T) {
	mine, other := newHolder(t), newHolder(t)
	token, bearer := h.boundToken(t, mine).Access, h.token(t, john, "read").Access
	at := h.Gateway + orgnews + "/articles/1"
	h.backend.saw()
	proof := mine.proof(t, "GET", at, token)
	h.proven(t, "DPoP", token, proof).is(t, "a proof that holds", 200, "")
	if seen := h.backend.saw(); len(seen) != 1 || seen[0].Header.Get("DPoP") != "" || seen[0].Header.Get("Authorization") != "" {
		t.Errorf("the backend saw %v", seen)
	}
	for name, r := range map[string]reply{
		"check 86: a proof again":                         h.proven(t, "DPoP", token, proof),
		"check 87: no proof":                              h.proven(t, "DPoP", token, ""),
		"check 87: for another path":                      h.proven(t, "DPoP", token, mine.proof(t, "GET", at+"2", token)),
		"check 87: for another method":                    h.proven(t, "DPoP", token, mine.proof(t, "POST", at, token)),
		"check 87: for another token":                     h.proven(t, "DPoP", token, mine.proof(t, "GET", at, bearer)),
		"check 87: for no token":                          h.proven(t, "DPoP", token, mine.proof(t, "GET", at, "")),
		"check 87: by another key":                        h.proven(t, "DPoP", token, other.proof(t, "GET", at, token)),
		"check 88: a bound token as Bearer":               h.proven(t, "Bearer", token, ""),
		"check 88: a bound token as Bearer, with a proof": h.proven(t, "Bearer", token, mine.proof(t, "GET", at, token)),
		"check 89: a Bearer token is not upgraded":        h.proven(t, "DPoP", bearer, mine.proof(t, "GET", at, bearer)),
	} {
		if r.is(t, name, 401, "900901"); !strings.HasPrefix(r.header.Get("WWW-Authenticate"), "DPoP ") {
			t.Errorf("%s: the challenge is %q", name, r.header.Get("WWW-Authenticate"))
		}
	}
	h.proven(t, "Bearer", bearer, mine.proof(t, "GET", at, bearer)).is(t, "check 89: a Bearer token with a proof beside it", 200, "")
	if seen := h.backend.saw(); len(seen) != 1 || seen[0].Header.Get("DPoP") != "" {
		t.Errorf("the backend saw %v", seen)
	}
	r := request(t, "GET", h.Portal+storeAPI+"/apis", "")
	r.Header.Set("Authorization", "Bearer "+h.boundToken(t, mine).Access)
	if got := h.send(t, r); got.status != 401 {
		t.Errorf("check 88: the Management API answers %d", got.status)
	}
}

// Check 86: a proof that one node has seen is used up on the other.
func TestProofOnTheOtherNode(t *testing.T) {
	dsn := gatehousetest.Postgres(t)
	a := furnish(t, "GATEHOUSE_DATABASE="+dsn)
	node := gatehousetest.Run(t, "serve", "GATEHOUSE_DATABASE="+dsn, "GATEHOUSE_DATA="+a.Data, "GATEHOUSE_GATEWAY_URL="+a.Gateway)
	b := &house{Process: node, client: node.Client(t), backend: a.backend, app: a.app}
	k := newHolder(t)
	token := a.boundToken(t, k).Access
	proof := k.proof(t, "GET", a.Gateway+orgnews+"/articles/1", token)
	a.proven(t, "DPoP", token, proof).is(t, "on one node", 200, "")
	b.proven(t, "DPoP", token, proof).is(t, "on the other node", 401, "900901")
	b.proven(t, "DPoP", token, k.proof(t, "GET", a.Gateway+orgnews+"/articles/1", token)).is(t, "a new one on the other node", 200, "")
}

// Check 67: a client that registers itself with a certificate, over real connections.
func (h *house) tokenIsBoundToCertificate(t *testing.T) {
	k := newHolder(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "client"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: k.Public(), Certificates: []*x509.Certificate{c}}}})
	if err != nil {
		t.Fatal(err)
	}
	r := request(t, "POST", h.Gateway+"/register", `{"client_name":"Certified","grant_types":["client_credentials"],"token_endpoint_auth_method":"self_signed_tls_client_auth","jwks":`+string(set)+`}`)
	r.Header.Set("Authorization", "Bearer "+h.manager(t, john))
	r.Header.Set("Content-Type", "application/json")
	var client struct {
		ID string `json:"client_id"`
	}
	h.send(t, r).decode(t, http.StatusCreated, &client)
	var apps struct {
		List []struct{ ApplicationID, Name string }
	}
	h.manage(t, john, "GET", storeAPI+"/applications", nil, 200, &apps)
	for _, a := range apps.List {
		if a.Name == "Certified" {
			h.subscribe(t, john, application{id: a.ApplicationID}, h.api)
		}
	}

	with := h.Client(t)
	with.Transport.(*http.Transport).TLSClientConfig.Certificates = []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: k.PrivateKey}}
	without := h.client
	ask := func() reply {
		r := request(t, "POST", h.Gateway+"/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {client.ID}}.Encode())
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-SSL-Cert", base64.StdEncoding.EncodeToString(der))
		return h.send(t, r)
	}
	ask().fails(t, "without a certificate", 401, "invalid_client")
	h.client = with
	defer func() { h.client = without }()
	token := ask().tokens(t).Access
	h.call(t, "GET", orgnews+"/articles", token).is(t, "with the certificate", 200, "")
	h.client = without
	h.call(t, "GET", orgnews+"/articles", token).is(t, "without a certificate", 401, "900901")
}

// A refusal names the metadata of the API (RFC 9728), which names the server that gives
// tokens, and a token that is asked for the API opens it (RFC 8707).
func (h *house) refusalLeadsToToken(t *testing.T) {
	challenge := h.call(t, "GET", orgnews+"/articles/1", "").header.Get("WWW-Authenticate")
	_, address, _ := strings.Cut(challenge, `resource_metadata="`)
	address, _, _ = strings.Cut(address, `"`)
	var resource struct {
		Resource string
		Servers  []string `json:"authorization_servers"`
		Scopes   []string `json:"scopes_supported"`
	}
	h.send(t, request(t, "GET", address, "")).decode(t, 200, &resource)
	if resource.Resource != h.Gateway+orgnews || !slices.Contains(resource.Scopes, "update") || len(resource.Servers) != 1 {
		t.Fatalf("%+v", resource)
	}
	var server struct {
		Token      string   `json:"token_endpoint"`
		Algorithms []string `json:"dpop_signing_alg_values_supported"`
		Methods    []string `json:"token_endpoint_auth_methods_supported"`
		Bound      bool     `json:"tls_client_certificate_bound_access_tokens"`
	}
	h.send(t, request(t, "GET", resource.Servers[0]+"/.well-known/oauth-authorization-server", "")).decode(t, 200, &server)
	if !slices.Contains(server.Algorithms, "ES256") || !slices.Contains(server.Methods, "self_signed_tls_client_auth") || slices.Contains(server.Methods, "tls_client_auth") || !server.Bound {
		t.Errorf("%+v", server)
	}
	body := passwordForm(john, "read") + "&" + url.Values{"resource": {resource.Resource}}.Encode()
	got := h.post(t, strings.TrimPrefix(server.Token, h.Gateway), h.app, body).tokens(t)
	h.call(t, "GET", orgnews+"/articles/1", got.Access).is(t, "a token for this API", 200, "")
	other := h.publish(t, john, "Other", definition, "/other", h.backend.URL+"/v1")
	h.subscribe(t, john, h.app, other)
	h.call(t, "GET", "/t/johnsorg/other/1.0.0/articles/1", got.Access).is(t, "check 90: a token for another API", 403, "900914")
	h.call(t, "GET", "/t/johnsorg/other/1.0.0/articles/1", h.token(t, john, "read").Access).is(t, "a token for all", 200, "")
}
