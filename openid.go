package gatehouse

import (
	"net/url"
	"slices"
	"strings"
)

// OpenIDScopes are the scopes of OpenID Connect (Core, sections 5.4 and 11). They need
// no role, and those beside openid only mean something together with it.
var OpenIDScopes = []string{"openid", "profile", "email", "address", "phone", "offline_access"}

// ClaimNamesSupported are the claims that Claims may return.
var ClaimNamesSupported = []string{"name", "preferred_username", "email", "email_verified"}

// Claims returns what is known of u under the names of OpenID Connect Core, section 5.1:
// what scopes stand for (section 5.4), and what was asked for by name. Of an address and
// a telephone number nothing is known, so their scopes add nothing.
func (u *User) Claims(scopes, names []string) map[string]any {
	wanted := func(claim, scope string) bool { return slices.Contains(scopes, scope) || slices.Contains(names, claim) }
	claims := map[string]any{}
	if u.Name != "" && wanted("name", "profile") {
		claims["name"] = u.Name
	}
	if wanted("preferred_username", "profile") {
		claims["preferred_username"] = u.Username
	}
	if strings.Contains(u.Username, "@") {
		if wanted("email", "email") {
			claims["email"] = u.Username
		}
		if wanted("email_verified", "email") {
			claims["email_verified"] = false
		}
	}
	return claims
}

// IDTokenAlgorithms are those that may sign ID tokens, the default first.
var IDTokenAlgorithms = []string{"RS256", "ES256"}

// IDTokenAlg returns the algorithm that signs the client's ID tokens.
func (m *ClientMetadata) IDTokenAlg() string {
	if m.IDTokenAlgorithm == "" {
		return IDTokenAlgorithms[0]
	}
	return m.IDTokenAlgorithm
}

// validateOpenID checks the rules of what a client says of its sign-ins and sign-outs.
// Which addresses backchannel_logout_uri may have is asked when it is dialled.
func (m *ClientMetadata) validateOpenID() error {
	if !slices.Contains(IDTokenAlgorithms, m.IDTokenAlg()) {
		return Errorf(Invalid, "id_token_signed_response_alg %q is not supported: use one of %v", m.IDTokenAlgorithm, IDTokenAlgorithms)
	}
	if err := validRedirects(m.PostLogoutRedirectURIs); err != nil {
		return err
	}
	if m.BackchannelLogoutURI == "" {
		return nil
	}
	u, err := url.Parse(m.BackchannelLogoutURI)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || strings.Contains(m.BackchannelLogoutURI, "#") || len(m.BackchannelLogoutURI) > maxURI {
		return Errorf(Invalid, "backchannel_logout_uri must be an https:// or http:// URL without a user name and a fragment")
	}
	return nil
}
