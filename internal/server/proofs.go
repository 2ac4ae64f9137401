package server

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/proof"
	"github.com/gatehouse/gatehouse/internal/tokenapi"
)

// proofs is what clients and callers prove themselves against, one for all listeners:
// what is counted at one of them counts at the others.
type proofs struct {
	atTokens  *proof.DPoP // by the store alone: without it no token is issued anyhow
	atGateway *proof.DPoP // by this node's memory while the store does not answer
	keySets   *tokenapi.KeySets
	guesses   *tokenapi.Guesses
	clientCAs *x509.CertPool
	mutualTLS bool
	outbound  *http.Client
}

func (s *Server) openProofs(c config.Config) error {
	urls := []string{s.GatewayURL, s.PortalURL}
	for _, ls := range []listeners{s.atGateway, s.atPortal} {
		for _, l := range ls {
			urls = append(urls, l.url())
		}
	}
	origins := proof.ParseOrigins(urls...)
	s.proofs = proofs{
		atTokens:  &proof.DPoP{Origins: origins, Once: s.db, Now: time.Now},
		atGateway: &proof.DPoP{Origins: origins, Once: &proof.Memory{Store: s.db, Now: time.Now}, Now: time.Now},
		guesses:   &tokenapi.Guesses{},
		outbound:  newOutbound(c.BackendNetworks),
	}
	s.proofs.keySets = &tokenapi.KeySets{Outbound: s.proofs.outbound, Now: time.Now}
	for _, l := range s.atGateway {
		s.proofs.mutualTLS = s.proofs.mutualTLS || l.tls
	}
	if c.ClientCA == "" {
		return nil
	}
	text, err := os.ReadFile(c.ClientCA)
	if err != nil {
		return fmt.Errorf("client-ca: %w", err)
	}
	s.proofs.clientCAs = x509.NewCertPool()
	if !s.proofs.clientCAs.AppendCertsFromPEM(text) {
		return fmt.Errorf("client-ca: %s holds no certificate in PEM", c.ClientCA)
	}
	return nil
}

// prove hands the Token API what clients prove themselves against.
func (p *proofs) prove(h *tokenapi.Handler) {
	h.Proofs, h.KeySets, h.Guesses, h.ClientCAs, h.MutualTLS = p.atTokens, p.keySets, p.guesses, p.clientCAs, p.mutualTLS
}
