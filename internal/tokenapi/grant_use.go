package tokenapi

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/gatehouse/gatehouse"
)

// announce tells a client that the grant type it uses is on its way out, where its
// organization says so (RFC 9745). The link leads to a page for people.
func (h *Handler) announce(w http.ResponseWriter, c *gatehouse.Client, grant string) {
	since := c.Organization.PasswordDeprecated
	if grant != gatehouse.GrantPassword || since.IsZero() {
		return
	}
	w.Header().Set("Deprecation", "@"+strconv.FormatInt(since.Unix(), 10))
	w.Header().Set("Link", "<"+h.PortalURL+"/password-grant?o="+url.QueryEscape(c.Organization.Key)+`>; rel="deprecation"; type="text/html"`)
	w.Header().Set("Access-Control-Expose-Headers", "Deprecation, Link")
}

// used tells that a client got a token by a grant type.
func (h *Handler) used(c *gatehouse.Client, grant string) {
	if h.Issued != nil {
		h.Issued(grant)
	}
	if h.GrantUsed != nil {
		h.GrantUsed(c.ConsumerKey, grant)
	}
}
