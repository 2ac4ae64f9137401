package gatehouse

import (
	"net/netip"
	"net/url"
	"slices"
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

// RedirectsTo reports whether uri is one of k's redirect URIs, letter by letter. The port
// of a loopback address alone may be another: programs listen on the one that is free
// (RFC 8252, section 7.3). The name localhost has no such freedom.
func (k *Keys) RedirectsTo(uri string) bool {
	if slices.Contains(k.Callbacks, uri) {
		return true
	}
	asked, ok := withoutPort(uri)
	return ok && slices.ContainsFunc(k.Callbacks, func(registered string) bool {
		r, ok := withoutPort(registered)
		return ok && r == asked
	})
}

// PolicySource returns how a Content-Security-Policy names the place that a redirect URI
// leads to, for form-action: browsers ask it about the redirects after a form too. What
// its grammar has no words for is named by the scheme alone.
func PolicySource(uri string) string {
	u, err := url.Parse(uri)
	switch {
	case err != nil || u.Scheme == "":
		return "'none'"
	case u.Host == "" || strings.ContainsAny(u.Host, "[];, "):
		return u.Scheme + ":"
	}
	return u.Scheme + "://" + u.Host
}

// withoutPort cuts the port out of an http URI to a loopback address, leaving every
// other letter in its place.
func withoutPort(uri string) (string, bool) {
	for _, host := range []string{"http://127.0.0.1", "http://[::1]"} {
		rest, ok := strings.CutPrefix(uri, host)
		if !ok {
			continue
		}
		if port, ok := strings.CutPrefix(rest, ":"); ok {
			rest = strings.TrimLeft(port, "0123456789")
		}
		if rest == "" || rest[0] == '/' || rest[0] == '?' {
			return host + rest, true
		}
	}
	return "", false
}
