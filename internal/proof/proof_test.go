package proof

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/gatehouse/gatehouse"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// store is what nodes share.
type store struct {
	mu   sync.Mutex
	used map[string]bool
	err  error
}

func (s *store) UseOnce(_ context.Context, hash string, _ time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if s.used[hash] {
		return gatehouse.Errorf(gatehouse.Conflict, "used")
	}
	if s.used == nil {
		s.used = map[string]bool{}
	}
	s.used[hash] = true
	return nil
}

func node(s *store) *DPoP {
	return &DPoP{Origins: ParseOrigins("https://api.example"), Once: s, Now: func() time.Time { return start }}
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// sign makes a proof: go-jose writes what we read.
func sign(tb testing.TB, algorithm jose.SignatureAlgorithm, key crypto.Signer, header, says map[string]any) string {
	tb.Helper()
	opts := &jose.SignerOptions{EmbedJWK: true}
	for name, value := range header {
		opts.WithHeader(jose.HeaderKey(name), value)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, opts)
	if err != nil {
		tb.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(says).Serialize()
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// good is what a proof says that holds, changed by pairs of name and value; nil removes.
func good(change ...any) map[string]any {
	says := map[string]any{"jti": "one", "htm": "POST", "htu": "https://api.example/token", "iat": start.Unix()}
	for i := 0; i < len(change); i += 2 {
		if says[change[i].(string)] = change[i+1]; change[i+1] == nil {
			delete(says, change[i].(string))
		}
	}
	return says
}

var typed = map[string]any{"typ": "dpop+jwt"}

func TestProofsThatHold(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for algorithm, key := range map[jose.SignatureAlgorithm]crypto.Signer{jose.ES256: newKey(t), jose.PS256: rsaKey, jose.RS256: rsaKey, jose.EdDSA: edKey} {
		got, err := node(&store{}).Check(t.Context(), []string{sign(t, algorithm, key, typed, good())}, "POST", "/token", "")
		sum, _ := (&jose.JSONWebKey{Key: key.Public()}).Thumbprint(crypto.SHA256)
		if err != nil || got != base64.RawURLEncoding.EncodeToString(sum) {
			t.Errorf("%s: %q, %v", algorithm, got, err)
		}
	}
	for name, says := range map[string]map[string]any{
		"query and fragment":     good("htu", "https://api.example/token?a=b#c"),
		"port, case and escapes": good("htu", "HTTPS://API.example:443/%74oken"),
		"a minute ago":           good("iat", start.Unix()-60),
		"in a minute":            good("iat", start.Unix()+60),
		"a fraction":             good("iat", float64(start.Unix())+0.5),
	} {
		if _, err := node(&store{}).Check(t.Context(), []string{sign(t, jose.ES256, newKey(t), typed, says)}, "POST", "/token", ""); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	withToken := sign(t, jose.ES256, newKey(t), typed, good("ath", hashOf("token")))
	if _, err := node(&store{}).Check(t.Context(), []string{withToken}, "POST", "/token", "token"); err != nil {
		t.Error(err)
	}
}

// Check 87.
func TestProofsThatDoNot(t *testing.T) {
	key := newKey(t)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	proof := func(header map[string]any, says map[string]any) string { return sign(t, jose.ES256, key, header, says) }
	encode := base64.RawURLEncoding.EncodeToString
	holds := proof(typed, good())
	_, rest, _ := strings.Cut(holds, ".")
	raw := func(header string) string { return encode([]byte(header)) + "." + rest }
	for name, headers := range map[string][]string{
		"no header":                  {},
		"two headers":                {holds, holds},
		"an empty header":            {""},
		"two proofs in one":          {holds + "," + holds},
		"too long":                   {strings.Repeat("a", MaxLength+1)},
		"another typ":                {proof(map[string]any{"typ": "JWT"}, good())},
		"no typ":                     {proof(nil, good())},
		"alg none":                   {raw(`{"typ":"dpop+jwt","alg":"none","jwk":{"kty":"EC"}}`)},
		"a shared key":               {raw(`{"typ":"dpop+jwt","alg":"HS256","jwk":{"kty":"oct","k":"AAAA"}}`)},
		"a private key":              {raw(`{"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":"` + encode(make([]byte, 32)) + `","y":"` + encode(make([]byte, 32)) + `","d":"` + encode(make([]byte, 32)) + `"}}`)},
		"no key":                     {raw(`{"typ":"dpop+jwt","alg":"ES256"}`)},
		"a short key":                {sign(t, jose.RS256, weak, typed, good())},
		"another key's":              {holds[:len(holds)-4] + "AAAA"},
		"crit":                       {proof(map[string]any{"typ": "dpop+jwt", "crit": []string{"b64"}, "b64": true}, good())},
		"no jti":                     {proof(typed, good("jti", nil))},
		"a long jti":                 {proof(typed, good("jti", strings.Repeat("a", 257)))},
		"another method":             {proof(typed, good("htm", "GET"))},
		"the method in another case": {proof(typed, good("htm", "post"))},
		"no method":                  {proof(typed, good("htm", nil))},
		"another path":               {proof(typed, good("htu", "https://api.example/revoke"))},
		"another case of the path":   {proof(typed, good("htu", "https://api.example/Token"))},
		"another host":               {proof(typed, good("htu", "https://evil.example/token"))},
		"another scheme":             {proof(typed, good("htu", "http://api.example/token"))},
		"a user name":                {proof(typed, good("htu", "https://me@api.example/token"))},
		"a path alone":               {proof(typed, good("htu", "/token"))},
		"no URL":                     {proof(typed, good("htu", nil))},
		"no iat":                     {proof(typed, good("iat", nil))},
		"iat as text":                {proof(typed, good("iat", "now"))},
		"too old":                    {proof(typed, good("iat", start.Unix()-61))},
		"from the future":            {proof(typed, good("iat", start.Unix()+61))},
		"a huge iat":                 {proof(typed, good("iat", 1e300))},
		"an ath without a token":     {proof(typed, good("ath", hashOf("token")))},
	} {
		t.Run(name, func(t *testing.T) {
			s := &store{}
			_, err := node(s).Check(t.Context(), headers, "POST", "/token", "")
			if gatehouse.KindOf(err) != gatehouse.Unauthenticated || len(s.used) > 0 {
				t.Errorf("%v; used up: %v", err, s.used)
			}
		})
	}
	for name, says := range map[string]map[string]any{"no ath": good(), "another token's ath": good("ath", hashOf("other"))} {
		if _, err := node(&store{}).Check(t.Context(), []string{proof(typed, says)}, "POST", "/token", "token"); gatehouse.KindOf(err) != gatehouse.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Check 86: a proof is good once, also at once and on the other node.
func TestProofIsGoodOnce(t *testing.T) {
	shared := &store{}
	nodes := []*DPoP{node(shared), node(shared)}
	proof := sign(t, jose.ES256, newKey(t), typed, good())
	var wg sync.WaitGroup
	results := make([]error, 20)
	for i := range results {
		wg.Go(func() { _, results[i] = nodes[i%2].Check(t.Context(), []string{proof}, "POST", "/token", "") })
	}
	wg.Wait()
	held := 0
	for _, err := range results {
		if err == nil {
			held++
		} else if gatehouse.KindOf(err) != gatehouse.Unauthenticated {
			t.Error(err)
		}
	}
	if held != 1 {
		t.Errorf("the proof held %d times", held)
	}
	other := sign(t, jose.ES256, newKey(t), typed, good())
	if _, err := nodes[0].Check(t.Context(), []string{other}, "POST", "/token", ""); err != nil {
		t.Errorf("the same jti of another key: %v", err)
	}
}

func TestMemory(t *testing.T) {
	now := start
	down := gatehouse.Errorf(gatehouse.Unavailable, "down")
	shared := &store{}
	m := &Memory{Store: shared, Now: func() time.Time { return now }}
	use := func(hash string) error { return m.UseOnce(t.Context(), hash, now) }
	if err := use("a"); err != nil {
		t.Fatal(err)
	}
	if err := use("a"); gatehouse.KindOf(err) != gatehouse.Conflict {
		t.Errorf("used twice here: %v", err)
	}
	other := &Memory{Store: shared, Now: m.Now}
	if err := other.UseOnce(t.Context(), "a", now); gatehouse.KindOf(err) != gatehouse.Conflict {
		t.Errorf("used on the other node: %v", err)
	}
	shared.err = down
	if err := use("b"); err != nil {
		t.Errorf("without the store: %v", err)
	}
	if err := use("b"); gatehouse.KindOf(err) != gatehouse.Conflict {
		t.Errorf("used twice without the store: %v", err)
	}
	now = now.Add(remember + time.Second)
	if err := use("c"); err != nil {
		t.Error(err)
	}
	if err := use("b"); gatehouse.KindOf(err) != gatehouse.Conflict {
		t.Errorf("forgotten too early: %v", err)
	}
	shared.err = errors.New("broken")
	if err := use("d"); err == nil {
		t.Error("an error of the store is hidden")
	}
	for i := range maxRemembered + 10 {
		m.fresh(string(rune(i)) + "x")
	}
	if n := len(m.used) + len(m.older); n > maxRemembered {
		t.Errorf("remembers %d", n)
	}
}

func TestOrigins(t *testing.T) {
	o := ParseOrigins("https://127.0.0.1:8243", "http://API.example:80", "", "::")
	for text, want := range map[string]bool{
		"https://127.0.0.1:8243/a": true, "https://localhost:8243/a": true, "http://api.example/a": true, "http://api.example:80/a": true,
		"https://localhost/a": false, "https://api.example/a": false, "http://api.example/a/": false, "%": false,
	} {
		if o.Names(text, "/a") != want {
			t.Errorf("%s", text)
		}
	}
	if !o.Names("http://api.example", "/") || !o.Names("http://api.example/%2fa%7e", "/%2Fa~") {
		t.Error("one path in two spellings is two")
	}
}

func FuzzProof(f *testing.F) {
	f.Add(sign(f, jose.ES256, newKey(f), typed, good()), "https://api.example/%7")
	f.Add("a.b.c", "/%zz%")
	f.Fuzz(func(t *testing.T, proof, u string) {
		if _, err := node(&store{}).Check(t.Context(), []string{proof}, "POST", "/x", ""); err == nil {
			t.Error("a proof for another URL holds")
		}
		node(nil).Origins.Names(u, u)
	})
}
