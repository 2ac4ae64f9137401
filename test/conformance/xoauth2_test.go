package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// with returns a context that carries the client which trusts the program.
func (h *house) with(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, h.client)
}

// config is the configuration of a client for golang.org/x/oauth2.
func (h *house) config(c client, scopes ...string) *oauth2.Config {
	return &oauth2.Config{ClientID: c.ID, ClientSecret: c.Secret, RedirectURL: redirectURI, Scopes: scopes, Endpoint: oauth2.Endpoint{
		AuthURL: h.issuer + "/authorize", TokenURL: h.issuer + "/token", DeviceAuthURL: h.issuer + "/device_authorization",
	}}
}

func runXOAuth2(t *testing.T, h *house, tell func(flow, func() error)) {
	ctx := h.with(t.Context())
	store := h.config(h.store, "read")
	tell(password, func() error {
		token, err := store.PasswordCredentialsToken(ctx, john, johnsPassword)
		return errors.Join(err, complete(token, true))
	})
	tell(clientCredentials, func() error {
		c := clientcredentials.Config{ClientID: h.store.ID, ClientSecret: h.store.Secret, TokenURL: store.Endpoint.TokenURL, Scopes: []string{"read"}}
		token, err := c.Token(ctx)
		return errors.Join(err, complete(token, false))
	})
	tell(refresh, func() error {
		token, err := store.PasswordCredentialsToken(ctx, john, johnsPassword)
		if err != nil {
			return err
		}
		token.Expiry = time.Now().Add(-time.Minute)
		next, err := store.TokenSource(ctx, token).Token()
		if err := errors.Join(err, complete(next, true)); err != nil {
			return err
		}
		if next.RefreshToken == token.RefreshToken || next.AccessToken == token.AccessToken {
			return errors.New("the tokens did not rotate")
		}
		return nil
	})
	tell(code, func() error { return h.codeByXOAuth2(ctx, h.reader) })
	tell(publicCode, func() error { return h.codeByXOAuth2(ctx, h.public) })
	tell(device, func() error {
		phone := h.config(h.public, "read")
		asked, err := phone.DeviceAuth(ctx)
		if err != nil {
			return err
		}
		if _, err := h.somebody().visit(asked.VerificationURIComplete); err != nil {
			return err
		}
		token, err := phone.DeviceAccessToken(ctx, asked)
		return errors.Join(err, complete(token, true))
	})
	tell(apiCall, func() error {
		token, err := store.PasswordCredentialsToken(ctx, john, johnsPassword)
		if err != nil {
			return err
		}
		res, err := store.Client(ctx, token).Get(h.api)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("the API answers %s", res.Status)
		}
		return nil
	})
}

func (h *house) codeByXOAuth2(ctx context.Context, c client) error {
	config := h.config(c, "read", "openid")
	verifier := oauth2.GenerateVerifier()
	arrived, err := h.somebody().visit(config.AuthCodeURL("a state", oauth2.S256ChallengeOption(verifier)))
	if err != nil {
		return err
	}
	answer, err := arrived.answer()
	if err != nil {
		return err
	}
	if answer.Get("state") != "a state" || answer.Get("iss") != h.issuer {
		return fmt.Errorf("the answer is %v", answer)
	}
	token, err := config.Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(verifier))
	return errors.Join(err, complete(token, true))
}

// complete checks that a token has what it must have.
func complete(token *oauth2.Token, refreshes bool) error {
	if token == nil {
		return nil // there is an error that says why
	}
	if !token.Valid() || token.Type() != "Bearer" || token.Expiry.IsZero() || (token.RefreshToken != "") != refreshes {
		return fmt.Errorf("the token is of type %s, ends at %v, can be refreshed: %t", token.Type(), token.Expiry, token.RefreshToken != "")
	}
	return nil
}
