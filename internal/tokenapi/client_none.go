package tokenapi

import "github.com/gatehouse/gatehouse"

// mayBePublic checks what a client that proves nothing may do: whoever knows its key can
// pretend to be it, so it gets no token of its own (RFC 6749, section 4.4), and people's
// passwords do not go through it unless its keys say so.
func mayBePublic(c *gatehouse.Client, grant string) error {
	switch {
	case !c.Public():
	case grant == gatehouse.GrantClientCredentials, grant == gatehouse.GrantPassword && !c.Metadata.PublicPassword:
		return &Error{Code: UnauthorizedClient, Description: "a public client may not use the grant type " + grant}
	}
	return nil
}

// confidential checks that a client proved who it is.
func confidential(c *gatehouse.Client) error {
	if c.Public() {
		return refusedClient(nil)
	}
	return nil
}
