package tokenapi

import "context"

// jwtBearerGrant trades a JWT of an issuer that the organization trusts for a token of the
// member it names (RFC 7523, section 2.1), without a refresh token: the client brings the
// next assertion instead (RFC 7521, section 4.1).
type jwtBearerGrant struct{ h *Handler }

func (g jwtBearerGrant) authorize(ctx context.Context, req *request) (*grantee, error) {
	text := req.form["assertion"]
	if text == "" {
		return nil, &Error{Code: InvalidRequest, Description: "the parameter assertion is missing"}
	}
	a, err := g.h.readJWT(ctx, req.client, text)
	if err != nil {
		return nil, err
	}
	user, err := g.h.redeem(ctx, req.client, a)
	return &grantee{user: user, scopes: req.scopes, single: true}, err
}
