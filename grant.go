package gatehouse

import (
	"slices"
	"time"
)

// The grant types beyond RFC 6749, by the name that requests carry.
const (
	GrantDeviceCode    = "urn:ietf:params:oauth:grant-type:device_code"    // RFC 8628
	GrantJWTBearer     = "urn:ietf:params:oauth:grant-type:jwt-bearer"     // RFC 7523
	GrantSAML2Bearer   = "urn:ietf:params:oauth:grant-type:saml2-bearer"   // RFC 7522
	GrantTokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange" // RFC 8693
)

// SupportedGrants is what keys may be allowed to use, those of new keys first. The
// others are switched on for each application.
var SupportedGrants = append(slices.Clone(DefaultGrants), GrantAuthorizationCode, GrantDeviceCode, GrantJWTBearer, GrantSAML2Bearer, GrantTokenExchange)

// GrantUse is how often keys used a grant type, and when last: it tells an owner which
// applications still depend on one.
type GrantUse struct {
	ConsumerKey string
	Grant       string
	Uses        int64
	LastDay     time.Time // midnight UTC of the day of the last use
}

// Day returns midnight UTC of t's day.
func Day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }
