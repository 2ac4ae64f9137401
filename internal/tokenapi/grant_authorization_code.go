package tokenapi

import (
	"context"

	"github.com/gatehouse/gatehouse"
)

// authorizationCodeGrant trades a code for tokens (RFC 6749, section 4.1.3), with the
// proof that it is the one who asked for the code (RFC 7636). A second use ends the
// tokens of the first (RFC 6749, section 10.5).
type authorizationCodeGrant struct{ h *Handler }

func (g authorizationCodeGrant) authorize(ctx context.Context, req *request) (*grantee, error) {
	text := req.form["code"]
	if text == "" {
		return nil, &Error{Code: InvalidRequest, Description: "the parameter code is missing"}
	}
	var code *gatehouse.Code
	use := gatehouse.CodeRefused
	err := g.h.Codes.UseCode(ctx, gatehouse.HashToken(text), req.now, func(c *gatehouse.Code) error {
		code, use = c, c.Use(&req.client.Keys, req.form["redirect_uri"], req.form["code_verifier"], req.binding.JKT, req.now)
		if use != gatehouse.CodeGives {
			return refusedCode()
		}
		return nil
	})
	switch {
	case use == gatehouse.CodeReused:
		return nil, g.reused(ctx, req, code)
	case gatehouse.KindOf(err) == gatehouse.NotFound:
		return nil, refusedCode()
	case err != nil:
		return nil, err
	}
	audience, err := withinAudience(req.audience, code.Audience)
	if err != nil {
		return nil, err
	}
	user, err := g.h.Users.Member(ctx, req.client.Organization.ID, code.UserID)
	if gatehouse.KindOf(err) == gatehouse.NotFound || err == nil && user.Disabled {
		return nil, refusedCode()
	}
	return &grantee{user: user, scopes: code.Scopes, audience: audience, family: code.Family, signIn: code.SignIn}, err
}

func (g authorizationCodeGrant) reused(ctx context.Context, req *request, code *gatehouse.Code) error {
	if err := g.h.Refresh.Revoke(ctx, req.client.RevokeFamily(code.Family, req.now)); err != nil {
		return err
	}
	g.h.Log.WarnContext(ctx, "an authorization code was used twice: its tokens are revoked", "consumer_key", code.ConsumerKey, "family", code.Family)
	return refusedCode()
}

// refusedCode is one answer, whatever the reason.
func refusedCode() error {
	return &Error{Code: InvalidGrant, Description: "the code is unknown, used or expired, or was not given for this application, redirect_uri and code_verifier"}
}
