package conformance

import (
	"errors"
	"testing"
	"time"

	zitadel "github.com/zitadel/oidc/v3/pkg/client"
	"github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/client/rs"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

func runZitadelRS(t *testing.T, h *house, tell func(flow, func() error)) {
	ctx := t.Context()
	token, err := h.config(h.store, "read").PasswordCredentialsToken(h.with(ctx), john, johnsPassword)
	if err != nil {
		t.Fatal(err)
	}
	introspect := func(server rs.ResourceServer, err error) error {
		if err != nil {
			return err
		}
		got, err := rs.Introspect[*oidc.IntrospectionResponse](ctx, server, token.AccessToken)
		if err != nil {
			return err
		}
		if !got.Active || got.Subject == "" || got.Expiration.AsTime().IsZero() {
			return errors.New("the token is not active, or says nothing")
		}
		return nil
	}
	tell(discovery, func() error {
		_, err := zitadel.Discover(ctx, h.issuer, h.client)
		return err
	})
	tell(introspection, func() error {
		return introspect(rs.NewResourceServerClientCredentials(ctx, h.issuer, h.store.ID, h.store.Secret, rs.WithClient(h.client)))
	})
	tell(privateKey, func() error {
		return introspect(rs.NewResourceServerJWTProfile(ctx, h.issuer, h.keyed.ID, h.keyed.KeyID, []byte(h.keyed.PEM), rs.WithClient(h.client)))
	})
}

// assertionByZitadel makes a client assertion as the library's own handlers do.
func assertionByZitadel(party rp.RelyingParty) (string, error) {
	return zitadel.SignedJWTProfileAssertion(party.OAuthConfig().ClientID, []string{party.Issuer()}, 5*time.Minute, party.Signer())
}
