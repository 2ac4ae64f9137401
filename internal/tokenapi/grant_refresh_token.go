package tokenapi

import (
	"context"
	"crypto/sha256"
	"slices"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/token"
)

// refreshTokenGrant trades a refresh token for the next pair (RFC 6749, section 6). The
// token is used up by it; using it twice revokes its family (RFC 9700, section 4.14.2),
// but for a grace in which the same client gets the identical pair once more.
type refreshTokenGrant struct{ h *Handler }

func (g refreshTokenGrant) authorize(ctx context.Context, req *request) (*grantee, error) {
	presented := req.form["refresh_token"]
	if presented == "" {
		return nil, &Error{Code: InvalidRequest, Description: "the parameter refresh_token is missing"}
	}
	t, user, err := g.h.Refresh.RefreshToken(ctx, gatehouse.HashToken(presented))
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, refusedRefresh()
	}
	if err != nil {
		return nil, err
	}
	if err := req.holds(t); err != nil {
		return nil, err
	}
	switch t.Use(&req.client.Keys, req.now) {
	case gatehouse.RefreshRotates:
	case gatehouse.RefreshReplays:
		again, err := replay(t, presented)
		return &grantee{again: again}, err
	case gatehouse.RefreshReused:
		return nil, g.h.reused(ctx, req.client, t)
	default:
		return nil, refusedRefresh()
	}
	scopes, err := within(req.scopes, t.Scopes)
	if err != nil {
		return nil, err
	}
	audience, err := withinAudience(req.audience, t.Audience)
	if err != nil {
		return nil, err
	}
	if user.Disabled {
		return nil, refusedRefresh()
	}
	who := &grantee{user: user, scopes: scopes, audience: audience, rotates: t, presented: presented, signIn: t.SignIn}
	if req.client.Metadata.KeepsRefreshTokens() {
		who.rotates, who.family = nil, t.Family
	}
	return who, nil
}

// within checks that nothing is asked for beyond what was granted at first. Nothing
// asked for means all of it.
func within(asked, granted []string) ([]string, error) {
	if len(asked) == 0 {
		return granted, nil
	}
	for _, s := range asked {
		if !slices.Contains(granted, s) {
			return nil, &Error{Code: InvalidScope, Description: "a refresh may ask for scopes that were granted at first, not for others"}
		}
	}
	return asked, nil
}

func refusedRefresh() error {
	return &Error{Code: InvalidGrant, Description: "the refresh token is unknown, used, revoked or expired"}
}

// reused revokes the family of a refresh token that was used twice.
func (h *Handler) reused(ctx context.Context, c *gatehouse.Client, t *gatehouse.RefreshToken) error {
	if err := h.Refresh.Revoke(ctx, c.RevokeFamily(t.Family, h.Now())); err != nil {
		return err
	}
	h.Log.WarnContext(ctx, "a refresh token was used twice: its family is revoked", "consumer_key", c.ConsumerKey, "family", t.Family)
	return refusedRefresh()
}

// rotate stores the next refresh token in place of the one that was used. When another use
// of it came first, or a revocation, it leads to what that makes of it.
func (h *Handler) rotate(ctx context.Context, c *gatehouse.Client, who *grantee, next *gatehouse.RefreshToken, text []byte) ([]byte, error) {
	sealed, err := sealReplay(c, text, who.presented)
	if err != nil {
		return nil, err
	}
	rotated, err := h.Refresh.RotateRefreshToken(ctx, who.rotates.Hash, next, sealed)
	if err != nil || rotated {
		return text, overtaken(err)
	}
	t, _, err := h.Refresh.RefreshToken(ctx, who.rotates.Hash)
	if err != nil {
		return nil, overtaken(err)
	}
	switch t.Use(&c.Keys, next.IssuedAt) {
	case gatehouse.RefreshReplays:
		return replay(t, who.presented)
	case gatehouse.RefreshReused:
		return nil, h.reused(ctx, c, t)
	}
	return nil, refusedRefresh()
}

// sealReplay returns an answer sealed with the refresh token that it was given for, nil
// where the keys have no grace: whoever reads the database learns nothing from it.
func sealReplay(c *gatehouse.Client, text []byte, presented string) ([]byte, error) {
	if c.Grace == 0 {
		return nil, nil
	}
	sealed, err := token.Seal(sha256.Sum256([]byte(replayPurpose+presented)), text, replayPurpose)
	return []byte(sealed), err
}

func replay(t *gatehouse.RefreshToken, presented string) ([]byte, error) {
	return token.Open(sha256.Sum256([]byte(replayPurpose+presented)), string(t.Replay), replayPurpose)
}

const replayPurpose = "gatehouse refresh replay:"
