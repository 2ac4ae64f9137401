package tokenapi

import (
	"context"
	"strconv"
	"time"

	"github.com/gatehouse/gatehouse"
)

// clientCredentialsGrant gives an application a token for itself, without a refresh
// token (RFC 6749, section 4.4). Its scopes are bounded by its owner's roles; the
// parameter validity_period says how many seconds it is good for.
type clientCredentialsGrant struct{}

func (clientCredentialsGrant) authorize(_ context.Context, req *request) (*grantee, error) {
	who := &grantee{scopes: req.scopes}
	text, given := req.form["validity_period"]
	if !given {
		return who, nil
	}
	seconds, err := strconv.ParseInt(text, 10, 32)
	if err != nil || seconds == 0 {
		return nil, &Error{Code: InvalidRequest, Description: "validity_period is a number of seconds, or -1 for a token that never expires"}
	}
	who.lifetime = time.Duration(seconds) * time.Second
	if seconds < 0 {
		who.lifetime = gatehouse.Never
	}
	asked := req.client.Keys
	asked.Access = who.lifetime
	if err := asked.Validate(&req.client.Organization); err != nil {
		return nil, err
	}
	return who, nil
}
