package bench

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

// inputs is how many requests a slice of a grant has: each uses something up that was made
// before.
const inputs = 500

// grant is a row: what is asked for, and what must be paid for it in any program.
type grant struct {
	name    string
	what    string                   // of it, if not all
	produce func() (string, error)   // an input of a request
	ask     func(input string) error // a request with it

	pays     string                   // what must be paid beside an empty POST
	stored   func() (string, error)   // an input of keep
	keep     func(input string) error // its transactions; nil when it has none
	verifies bool                     // a signature that the client brings
}

// BenchmarkGrants measures the grants that are asked with something made for them. All but
// the token exchange use it up.
func BenchmarkGrants(b *testing.B) {
	h := furnish(b)
	floorURL, floorCPU := startFloor(b, h.backend)
	sign, verify := signature(b)
	grants := h.grants(b, openAlone(b))
	for _, g := range grants {
		b.Run(g.name, func(b *testing.B) {
			asking := newStock(inputs, g.produce).usedUp(chains, cpuOfTree(b, h.PID()), func(_ int, input string) error { return g.ask(input) })
			empty := contender{workers: chains, number: 4 * inputs, cpu: floorCPU, do: func(int) error { return h.send("POST", floorURL+"/empty", "") }}
			bare := newStock(inputs, g.stored).usedUp(chains, ownCPU, func(worker int, input string) error { return g.bare(worker, input, sign, verify) })
			var f []figure
			for b.Loop() {
				f = byTurns(b, asking, empty, bare)
			}
			report(b, "POST /token, "+g.name+g.what, f[0], g.pays+" + empty POST", fmt.Sprintf("%s + %s", f[2], f[1]), median(f[1].cpu)+median(f[2].cpu))
		})
	}
}

// bare does what must be done for a token: sign it, verify what the client brought, and
// keep what must be kept.
func (g *grant) bare(worker int, input string, sign, verify contender) error {
	err := sign.do(worker)
	if err == nil && g.verifies {
		err = verify.do(worker)
	}
	if err == nil && g.keep != nil {
		err = g.keep(input)
	}
	return err
}

func (h *house) grants(b *testing.B, a *alone) []grant {
	b.Helper()
	john := h.signIn(b)
	access, _, err := h.ask(passwordForm())
	if err != nil {
		b.Fatal(err)
	}
	once := func() (string, error) { return gatehouse.NewID(time.Now()), nil }
	return []grant{
		{
			name: "authorization_code", what: " with PKCE", produce: john.code,
			ask:  h.asking(gatehouse.GrantAuthorizationCode, "code", "redirect_uri", callback, "code_verifier", verifier),
			pays: "ES256 signature, its 2 transactions", stored: a.code, keep: a.useCode,
		},
		{
			name: "device_code", what: ", the last poll", produce: john.device,
			ask:  h.asking(gatehouse.GrantDeviceCode, "device_code"),
			pays: "ES256 signature, its 2 transactions", stored: a.device, keep: a.useDevice,
		},
		{
			name: "jwt_bearer", produce: func() (string, error) { return h.issuer.jwt(h.Gateway) },
			ask:  h.asking(gatehouse.GrantJWTBearer, "assertion", "scope", "read"),
			pays: "ES256 check and signature, its transaction", stored: once, keep: a.useOnce, verifies: true,
		},
		{
			name: "saml2_bearer", produce: func() (string, error) { return h.issuer.saml(h.Gateway) },
			ask:  h.asking(gatehouse.GrantSAML2Bearer, "assertion", "scope", "read"),
			pays: "ES256 check and signature, its transaction", stored: once, keep: a.useOnce, verifies: true,
		},
		{
			name: "token_exchange", what: " of a known token", produce: func() (string, error) { return access, nil },
			ask:  h.asking(gatehouse.GrantTokenExchange, "subject_token", "subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
			pays: "ES256 signature", stored: once,
		},
		{
			name: "client_credentials", what: " with DPoP", produce: func() (string, error) { return h.issuer.proof(h.Gateway + "/token") },
			ask:  func(proof string) error { _, _, err := h.prove("grant_type=client_credentials", proof); return err },
			pays: "ES256 check and signature, its transaction", stored: once, keep: a.useOnce, verifies: true,
		},
	}
}

// asking asks for a token by a grant with an input as one parameter, and more.
func (h *house) asking(grant, parameter string, more ...string) func(input string) error {
	return func(input string) error {
		form := url.Values{"grant_type": {grant}, parameter: {input}}
		for i := 0; i < len(more); i += 2 {
			form.Set(more[i], more[i+1])
		}
		_, _, err := h.ask(form.Encode())
		return err
	}
}
