package tokenapi

import (
	"context"
	"slices"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Sessions remembers which clients know of a browser session.
type Sessions interface {
	CreateSessionClient(ctx context.Context, sid, consumerKey, userID string, until time.Time) error
	TakeSessionClients(ctx context.Context, sid string) (consumerKeys []string, err error)
}

// idToken returns the ID token that goes with an access token, "" when openid was not
// granted or the token speaks for no user. A client that wants to hear of the end of the
// user's session is remembered with it.
func (h *Handler) idToken(ctx context.Context, c *gatehouse.Client, a *gatehouse.Authorization, accessToken string, user *gatehouse.Member) (string, error) {
	if user == nil || !slices.Contains(a.Scopes, "openid") {
		return "", nil
	}
	if a.SignIn.Session != "" && c.Metadata.BackchannelLogoutURI != "" {
		err := h.Sessions.CreateSessionClient(ctx, a.SignIn.Session, c.ConsumerKey, a.Subject, a.IssuedAt.Add(gatehouse.SessionLength))
		if err != nil {
			return "", err
		}
	}
	return h.Tokens.IDToken(ctx, c, a, accessToken, &user.User)
}

// narrow returns what a client may be granted of the scopes asked for: for a user when
// there is one, else for itself. Without refresh tokens there is no offline access.
func (h *Handler) narrow(ctx context.Context, c *gatehouse.Client, user *gatehouse.Member, asked []string) ([]string, error) {
	known, err := h.Scopes.Scopes(ctx, c.Organization.ID)
	if err != nil {
		return nil, err
	}
	roles := c.Owner.Roles
	if user != nil {
		roles = user.Roles
	}
	if user == nil || !c.MayUse(gatehouse.GrantRefreshToken) {
		asked = slices.DeleteFunc(slices.Clone(asked), func(s string) bool { return s == "offline_access" })
	}
	return gatehouse.Narrow(c.Metadata.Registered(asked), gatehouse.Known(known), roles), nil
}
