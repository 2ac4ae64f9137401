package tokenapi

import (
	"context"

	"github.com/gatehouse/gatehouse"
)

// The error codes of a poll beside access_denied (RFC 8628, section 3.5).
const (
	AuthorizationPending Code = "authorization_pending"
	SlowDown             Code = "slow_down"
	ExpiredToken         Code = "expired_token"
)

// deviceCodeGrant trades a device code for a token once the user has allowed it
// (RFC 8628, section 3.4). The device asks again and again until then.
type deviceCodeGrant struct{ h *Handler }

func (g deviceCodeGrant) authorize(ctx context.Context, req *request) (*grantee, error) {
	code := req.form["device_code"]
	if code == "" {
		return nil, &Error{Code: InvalidRequest, Description: "the parameter device_code is missing"}
	}
	var polled *gatehouse.DeviceCode
	var outcome gatehouse.DevicePoll
	err := g.h.Devices.PollDeviceCode(ctx, gatehouse.HashToken(code), func(d *gatehouse.DeviceCode) gatehouse.DevicePoll {
		polled, outcome = d, d.Poll(req.client.ConsumerKey, req.now)
		return outcome
	})
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, unknownDevice()
	}
	if err != nil {
		return nil, err
	}
	if outcome != gatehouse.DeviceGranted {
		return nil, notYet(outcome)
	}
	user, err := g.h.Users.Member(ctx, req.client.Organization.ID, polled.UserID)
	if gatehouse.KindOf(err) == gatehouse.NotFound || err == nil && user.Disabled {
		return nil, unknownDevice()
	}
	if err != nil {
		return nil, err
	}
	audience, err := withinAudience(req.audience, polled.Audience)
	return &grantee{user: user, scopes: polled.Scopes, audience: audience, signIn: polled.SignIn}, err
}

func unknownDevice() error {
	return &Error{Code: InvalidGrant, Description: "the device code is unknown, or was used"}
}

func notYet(outcome gatehouse.DevicePoll) error {
	switch outcome {
	case gatehouse.DeviceWaits:
		return &Error{Code: AuthorizationPending, Description: "the user has not answered yet: ask again after the interval"}
	case gatehouse.DeviceTooFast:
		return &Error{Code: SlowDown, Description: "ask less often: the interval is 5 seconds longer from now on"}
	case gatehouse.DeviceRefused:
		return &Error{Code: AccessDenied, Description: "the user did not allow it"}
	case gatehouse.DeviceExpired:
		return &Error{Code: ExpiredToken, Description: "the device code has expired: begin again"}
	}
	return unknownDevice()
}
