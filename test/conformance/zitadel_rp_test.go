package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/client/tokenexchange"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/oauth2"
)

type zitadelTokens = *oidc.Tokens[*oidc.IDTokenClaims]

func runZitadelRP(t *testing.T, h *house, tell func(flow, func() error)) {
	ctx := t.Context()
	var party rp.RelyingParty
	tell(discovery, func() (err error) {
		party, err = h.party(ctx, h.reader)
		return err
	})
	if party == nil {
		return
	}
	tell(clientCredentials, func() error {
		machine, err := h.party(ctx, h.reader)
		if err != nil {
			return err
		}
		machine.OAuthConfig().Scopes = nil
		token, err := rp.ClientCredentials(ctx, machine, url.Values{})
		return errors.Join(err, complete(token, false))
	})
	somebody := h.somebody()
	var tokens zitadelTokens
	tell(code, func() (err error) {
		tokens, err = codeByZitadel(ctx, party, somebody)
		return err
	})
	if tokens == nil {
		return
	}
	tell(publicCode, func() error {
		phone, err := h.party(ctx, h.public)
		if err != nil {
			return err
		}
		_, err = codeByZitadel(ctx, phone, h.somebody())
		return err
	})
	tell(privateKey, func() error {
		vault, err := h.party(ctx, h.keyed)
		if err != nil {
			return err
		}
		tokens, err := codeByZitadel(ctx, vault, h.somebody())
		if err != nil {
			return err
		}
		assertion, err := assertionByZitadel(vault)
		if err != nil {
			return err
		}
		_, err = rp.RefreshTokens[*oidc.IDTokenClaims](ctx, vault, tokens.RefreshToken, assertion, oidc.ClientAssertionTypeJWTAssertion)
		return err
	})
	tell(idToken, func() error {
		_, err := rp.VerifyTokens[*oidc.IDTokenClaims](ctx, tokens.AccessToken, tokens.IDToken, party.IDTokenVerifier())
		return err
	})
	tell(userinfo, func() error {
		info, err := rp.Userinfo[*oidc.UserInfo](ctx, tokens.AccessToken, tokens.TokenType, tokens.IDTokenClaims.Subject, party)
		if err == nil && info.Email == "" {
			return fmt.Errorf("userinfo says %+v", info)
		}
		return err
	})
	tell(refresh, func() error {
		next, err := rp.RefreshTokens[*oidc.IDTokenClaims](ctx, party, tokens.RefreshToken, "", "")
		if err != nil {
			return err
		}
		if next.RefreshToken == tokens.RefreshToken {
			return errors.New("the refresh token did not rotate")
		}
		tokens.Token = next.Token
		return nil
	})
	tell(exchange, func() error { return h.exchangeByZitadel(ctx) })
	tell(device, func() error {
		asked, err := rp.DeviceAuthorization(ctx, []string{"read"}, party, nil)
		if err != nil {
			return err
		}
		if _, err := h.somebody().visit(asked.VerificationURIComplete); err != nil {
			return err
		}
		got, err := rp.DeviceAccessToken(ctx, asked.DeviceCode, time.Duration(asked.Interval)*time.Second, party)
		if err == nil && got.AccessToken == "" {
			return errors.New("there is no access token")
		}
		return err
	})
	tell(revocation, func() error {
		if err := rp.RevokeToken(ctx, party, tokens.RefreshToken, "refresh_token"); err != nil {
			return err
		}
		if _, err := rp.Userinfo[*oidc.UserInfo](ctx, tokens.AccessToken, tokens.TokenType, tokens.IDTokenClaims.Subject, party); err == nil {
			return errors.New("the access token of the pair still works")
		}
		return nil
	})
	tell(endSession, func() error {
		at, err := rp.EndSession(ctx, party, tokens.IDToken, signedOutURI, "bye", "", nil)
		if err != nil {
			return err
		}
		arrived, err := somebody.visit(at.String())
		if err != nil {
			return err
		}
		if arrived.URL != signedOutURI+"?state=bye" {
			return fmt.Errorf("the browser arrived at %s", arrived.URL)
		}
		return nil
	})
}

// party is the relying party of a client.
func (h *house) party(ctx context.Context, c client) (rp.RelyingParty, error) {
	options := []rp.Option{rp.WithHTTPClient(h.client), rp.WithSigningAlgsFromDiscovery()}
	if c.PEM != "" {
		options = append(options, rp.WithJWTProfile(rp.SignerFromKeyAndKeyID([]byte(c.PEM), c.KeyID)))
	}
	scopes := []string{oidc.ScopeOpenID, oidc.ScopeEmail, oidc.ScopeOfflineAccess}
	return rp.NewRelyingPartyOIDC(ctx, h.issuer, c.ID, c.Secret, redirectURI, scopes, options...)
}

// codeByZitadel signs somebody in, with PKCE, and authenticates by the party's key where it
// has one.
func codeByZitadel(ctx context.Context, party rp.RelyingParty, somebody *person) (zitadelTokens, error) {
	verifier := oauth2.GenerateVerifier()
	arrived, err := somebody.visit(rp.AuthURL("state", party, rp.WithCodeChallenge(oauth2.S256ChallengeFromVerifier(verifier))))
	if err != nil {
		return nil, err
	}
	answer, err := arrived.answer()
	if err != nil {
		return nil, err
	}
	options := []rp.CodeExchangeOpt{rp.WithCodeVerifier(verifier)}
	if signer := party.Signer(); signer != nil {
		assertion, err := assertionByZitadel(party)
		if err != nil {
			return nil, err
		}
		options = append(options, rp.WithClientAssertionJWT(assertion))
	}
	return rp.CodeExchange[*oidc.IDTokenClaims](ctx, answer.Get("code"), party, options...)
}

func (h *house) exchangeByZitadel(ctx context.Context) error {
	subject, err := h.config(h.store, "read").PasswordCredentialsToken(h.with(ctx), john, johnsPassword)
	if err != nil {
		return err
	}
	exchanger, err := tokenexchange.NewTokenExchangerClientCredentials(ctx, h.issuer, h.store.ID, h.store.Secret, tokenexchange.WithHTTPClient(h.client))
	if err != nil {
		return err
	}
	got, err := tokenexchange.ExchangeToken(ctx, exchanger, subject.AccessToken, oidc.AccessTokenType, "", "", nil, nil, []string{"read"}, oidc.AccessTokenType)
	if err == nil && (got.AccessToken == "" || got.IssuedTokenType != oidc.AccessTokenType) {
		return fmt.Errorf("a token of type %s was issued", got.IssuedTokenType)
	}
	return err
}
