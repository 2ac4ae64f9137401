package conformance

import (
	"errors"
	"fmt"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

func runGoOIDC(t *testing.T, h *house, tell func(flow, func() error)) {
	ctx := oidc.ClientContext(t.Context(), h.client)
	var provider *oidc.Provider
	tell(discovery, func() (err error) {
		provider, err = oidc.NewProvider(ctx, h.issuer)
		return err
	})
	if provider == nil {
		return
	}
	config := h.config(h.reader, oidc.ScopeOpenID, "profile", "email", oidc.ScopeOfflineAccess)
	config.Endpoint = provider.Endpoint()
	var token *oauth2.Token
	tell(code, func() error {
		verifier := oauth2.GenerateVerifier()
		arrived, err := h.somebody().visit(config.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier), oidc.Nonce("a nonce")))
		if err != nil {
			return err
		}
		answer, err := arrived.answer()
		if err != nil {
			return err
		}
		token, err = config.Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(verifier))
		return errors.Join(err, complete(token, true))
	})
	if token == nil {
		return
	}
	var id *oidc.IDToken
	tell(idToken, func() (err error) {
		text, _ := token.Extra("id_token").(string)
		if id, err = provider.VerifierContext(ctx, &oidc.Config{ClientID: h.reader.ID}).Verify(ctx, text); err != nil {
			return err
		}
		if id.Nonce != "a nonce" {
			return fmt.Errorf("the nonce is %q", id.Nonce)
		}
		return id.VerifyAccessToken(token.AccessToken)
	})
	tell(userinfo, func() error {
		info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
		if err != nil {
			return err
		}
		if id == nil || info.Subject != id.Subject || info.Email == "" {
			return fmt.Errorf("userinfo says %+v", info)
		}
		return nil
	})
}
