package tokenapi

import (
	"context"

	"github.com/gatehouse/gatehouse"
)

// passwordGrant trades a user's name and password for a token (RFC 6749, section 4.3).
// The username may end in @ and the organization key.
type passwordGrant struct{ users Users }

func (g passwordGrant) authorize(ctx context.Context, req *request) (*grantee, error) {
	name, named := req.form["username"]
	password, given := req.form["password"]
	if !named || !given {
		return nil, &Error{Code: InvalidRequest, Description: "the parameters username and password are needed"}
	}
	user, err := g.users.Authenticate(ctx, &req.client.Organization, name, password, req.from)
	if gatehouse.KindOf(err) == gatehouse.Unauthenticated {
		return nil, &Error{Code: InvalidGrant, Description: "Authentication failed: unknown user or wrong password. The username is followed by @ and the organization key.", Err: err}
	}
	if err != nil {
		return nil, err
	}
	return &grantee{user: user, scopes: req.scopes, signIn: gatehouse.SignIn{At: req.now, Methods: []string{gatehouse.ByPassword}}}, nil
}
