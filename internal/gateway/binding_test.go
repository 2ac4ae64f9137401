package gateway

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

const world = "https://api.example"

// boundFacts knows tokens that are bound to a key or a certificate, or asked for a
// resource.
func boundFacts() *facts {
	f := petFacts()
	token := func(name string, change func(*gatehouse.Authorization)) {
		a := *f.tokens["user"]
		change(&a)
		f.tokens[name] = &a
	}
	bind := func(jkt, x5t string) func(*gatehouse.Authorization) {
		return func(a *gatehouse.Authorization) { a.Binding = gatehouse.Binding{JKT: jkt, X5T: x5t} }
	}
	token("bound-proven", bind("key", ""))
	token("bound-unproven", bind("key", ""))
	token("bound-unreachable", bind("key", ""))
	token("stolen-proven", bind("another", ""))
	token("certified", bind("", "certificate"))
	token("both-proven", bind("key", "certificate"))
	for name, resource := range map[string]string{
		"gateway": world, "api": world + "/pets/v1", "api-in-full": world + "/t/default/pets/v1", "other": world + "/old/v1", "below": world + "/pets/v1/pets",
		"longer": world + "/pets/v12", "elsewhere": "https://evil.example/pets/v1", "organization": world + "/t/johnsorg/pets/v1",
	} {
		token("for-"+name, func(a *gatehouse.Authorization) { a.Audience = []string{resource} })
	}
	token("for-two", func(a *gatehouse.Authorization) { a.Audience = []string{world + "/old/v1", world + "/pets/v1"} })
	return f
}

func TestDecideOnBoundTokens(t *testing.T) {
	for _, tt := range []struct {
		name, authorization, certificate string
		want                             *Refusal // nil means that the call is forwarded
	}{
		{"a proof that holds", "DPoP bound-proven", "", nil},
		{"the scheme in another case", "dpop bound-proven", "", nil},
		{"check 87: no proof, or one that does not hold", "DPoP bound-unproven", "", badProof},
		{"check 87: a proof by another key", "DPoP stolen-proven", "", badProof},
		{"check 88: a bound token as Bearer", "Bearer bound-proven", "", wrongScheme},
		{"check 88: a stolen bound token as Bearer", "Bearer stolen-proven", "", wrongScheme},
		{"check 89: a Bearer token is not upgraded", "DPoP user", "", wrongScheme},
		{"a proof that cannot be checked", "DPoP bound-unreachable", "", unclassified},
		{"an invalid token", "DPoP nobody", "", invalidToken},
		{"no token", "DPoP ", "", missingCredentials},
		{"check 67: the certificate it is bound to", "Bearer certified", "certificate", nil},
		{"check 67: no certificate", "Bearer certified", "", missingCertificate},
		{"check 67: another client's certificate", "Bearer certified", "other", missingCertificate},
		{"bound to both, both proven", "DPoP both-proven", "certificate", nil},
		{"bound to both, no certificate", "DPoP both-proven", "", missingCertificate},
		{"bound to both, as Bearer", "Bearer both-proven", "certificate", wrongScheme},
		{"a certificate that nothing asks for", "Bearer user", "certificate", nil},
		{"asked for the gateway", "Bearer for-gateway", "", nil},
		{"asked for this API", "Bearer for-api", "", nil},
		{"asked for this API by its full path", "Bearer for-api-in-full", "", nil},
		{"asked for this API and another", "Bearer for-two", "", nil},
		{"check 90: asked for another API", "Bearer for-other", "", otherAudience},
		{"check 90: asked for a longer path", "Bearer for-longer", "", otherAudience},
		{"check 90: asked for a part", "Bearer for-below", "", otherAudience},
		{"check 90: asked for another server", "Bearer for-elsewhere", "", otherAudience},
		{"check 90: asked for another organization's", "Bearer for-organization", "", otherAudience},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := boundFacts()
			f.certificate = tt.certificate
			d := Decide(petTable(t), f, &Head{Method: "GET", Path: "/pets/v1/pets", Authorization: tt.authorization, Gateway: world})
			if d.Refusal != tt.want || (d.Outcome == Forward) != (tt.want == nil) {
				t.Errorf("%+v", d.Refusal)
			}
		})
	}
}

func TestChallenges(t *testing.T) {
	const metadata = `resource_metadata="https://api.example/.well-known/oauth-protected-resource/pets/v1"`
	for _, tt := range []struct {
		name, authorization string
		want                []string // what each challenge begins with
	}{
		{"without a token there are two ways", "", []string{`Bearer realm="Gatehouse", ` + metadata, `DPoP realm="Gatehouse", ` + metadata + `, algs="ES256 PS256 EdDSA RS256"`}},
		{"a bad token", "Bearer nobody", []string{`Bearer realm="Gatehouse", error="invalid_token"`}},
		{"a bad proof", "DPoP bound-unproven", []string{`DPoP realm="Gatehouse", error="invalid_dpop_proof"`}},
		{"a bound token as Bearer", "Bearer bound-proven", []string{`DPoP realm="Gatehouse", error="invalid_token"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := Decide(petTable(t), boundFacts(), &Head{Method: "GET", Path: "/pets/v1/pets", Authorization: tt.authorization, Gateway: world})
			w := httptest.NewRecorder()
			d.write(w, world)
			got := w.Header().Values("WWW-Authenticate")
			if len(got) != len(tt.want) {
				t.Fatalf("%q", got)
			}
			for i, want := range tt.want {
				if !strings.HasPrefix(got[i], want) || !strings.Contains(got[i], metadata) {
					t.Errorf("%q, want %q", got[i], want)
				}
			}
		})
	}
}
