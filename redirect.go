package gatehouse

import (
	"net/netip"
	"net/url"
	"strings"
)

// Limits of redirect URIs.
const (
	maxURI       = 2000 // bytes of one
	maxRedirects = 50
)

// ErrRedirect is in the chain of the error for a redirect URI that breaks the rules, so
// that a registration can be told which of its members was wrong.
var ErrRedirect error = &Error{Kind: Invalid, Message: "the redirect URI is not allowed"}

// validRedirects checks the rules of an application's redirect URIs.
func validRedirects(uris []string) error {
	if len(uris) > maxRedirects {
		return &Error{Kind: Invalid, Message: "an application has at most 50 redirect URIs", Err: ErrRedirect}
	}
	for _, uri := range uris {
		if !ValidRedirect(uri) {
			return &Error{Kind: Invalid, Err: ErrRedirect,
				Message: "a redirect URI must be an https:// URL, an http:// URL of 127.0.0.1, [::1] or localhost, or have a scheme of the application's own with a dot in it, like com.example.app:/back; and no fragment, wildcard or user name"}
		}
	}
	return nil
}

// ValidRedirect reports whether uri may be a redirect URI: it must be one that only the
// client receives (RFC 9700, section 2.1; RFC 8252, sections 7.1 to 7.3).
func ValidRedirect(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil || len(uri) > maxURI || strings.ContainsAny(uri, "#*\\ ") || u.User != nil {
		return false
	}
	switch u.Scheme {
	case "https":
		return u.Hostname() != "" && u.Opaque == ""
	case "http":
		return u.Opaque == "" && loopback(u.Hostname())
	}
	// A scheme without a dot may be another program's, or the browser's own: javascript:,
	// data:, file:.
	return strings.Contains(u.Scheme, ".")
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
