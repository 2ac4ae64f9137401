package tokenapi

import (
	"context"
	"net/http"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/respond"
)

// DeviceCodes keeps what devices wait for.
type DeviceCodes interface {
	CreateDeviceCode(ctx context.Context, d *gatehouse.DeviceCode, atMost int64, now time.Time) error
	PollDeviceCode(ctx context.Context, hash string, rule func(*gatehouse.DeviceCode) gatehouse.DevicePoll) error
}

// maxDeviceCodes bounds how many codes of one client may wait for an answer at a time.
// With so many, a guess of a user code finds one of them with a chance of 1 in 2.5
// million.
const maxDeviceCodes = 10_000

// deviceAuthorization is an answer of RFC 8628, section 3.2.
type deviceAuthorization struct {
	DeviceCode              string `json:"device_code"`
	UserCode                string `json:"user_code"`
	VerificationURI         string `json:"verification_uri"`
	VerificationURIComplete string `json:"verification_uri_complete"`
	ExpiresIn               int64  `json:"expires_in"`
	Interval                int64  `json:"interval"`
}

// deviceAuthorization serves POST /device_authorization (RFC 8628, section 3.1): a device
// gets a code to poll with, and another to show to its user.
func (h *Handler) deviceAuthorization(w http.ResponseWriter, r *http.Request) error {
	if h.deviceEndpoint() == "" {
		return &Error{Code: Unavailable, Description: "this server does not know where people answer devices: its operator must set --portal-url"}
	}
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	client, err := h.authenticate(r, f)
	if err != nil {
		return err
	}
	if err := mayUse(client, gatehouse.GrantDeviceCode); err != nil {
		return err
	}
	scopes, err := gatehouse.ParseScopes(f["scope"])
	if err != nil {
		return &Error{Code: InvalidScope, Description: gatehouse.MessageOf(err)}
	}
	audience, err := h.audience(client, f)
	if err != nil {
		return err
	}
	deviceCode, userCode, err := h.newDeviceCode(r.Context(), client, gatehouse.Carries{Scopes: scopes, Audience: audience})
	if err != nil {
		return err
	}
	page := h.PortalURL + "/device"
	respond.JSON(w, http.StatusOK, deviceAuthorization{
		DeviceCode: deviceCode, UserCode: userCode, VerificationURI: page, VerificationURIComplete: page + "?user_code=" + userCode,
		ExpiresIn: int64(gatehouse.DeviceLifetime / time.Second), Interval: int64(gatehouse.DeviceInterval / time.Second),
	})
	return nil
}

// deviceEndpoint is where devices begin, empty where people could not answer them.
func (h *Handler) deviceEndpoint() string {
	if h.PortalURL == "" {
		return ""
	}
	return h.Issuer + "/device_authorization"
}

// newDeviceCode stores a request and returns its two codes. A user code is short, so it
// may be taken: then it is another.
func (h *Handler) newDeviceCode(ctx context.Context, c *gatehouse.Client, carries gatehouse.Carries) (deviceCode, userCode string, err error) {
	now := h.Now()
	for range 3 {
		deviceCode, userCode = gatehouse.NewDeviceCode(), gatehouse.NewUserCode()
		err = h.Devices.CreateDeviceCode(ctx, &gatehouse.DeviceCode{
			Hash: gatehouse.HashToken(deviceCode), UserCode: gatehouse.HashToken(userCode), ConsumerKey: c.ConsumerKey, Carries: carries,
			State: gatehouse.DevicePending, Interval: gatehouse.DeviceInterval, ExpiresAt: now.Add(gatehouse.DeviceLifetime),
		}, maxDeviceCodes, now)
		if gatehouse.KindOf(err) != gatehouse.Conflict {
			break
		}
	}
	if gatehouse.KindOf(err) == gatehouse.TooMany {
		return "", "", &Error{Code: Unavailable, Status: http.StatusTooManyRequests, Description: gatehouse.MessageOf(err), Err: err}
	}
	return deviceCode, userCode, err
}
