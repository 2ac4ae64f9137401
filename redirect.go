package gatehouse

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Bounds of redirect URIs.
const (
	MaxRedirectURIs = 100
	maxRedirectURI  = 2000 // bytes
)

// CheckRedirectURI tells whether uri may be registered as a redirect URI: an absolute
// https URI; http to this machine's loopback alone (RFC 9700, section 2.6); or a scheme
// of the application's own, named like a domain (RFC 8252, section 7.1), which leaves
// out javascript:, data: and their like. No fragment, no user, no wildcard.
func CheckRedirectURI(uri string) error {
	u, err := url.Parse(uri)
	plain := strings.IndexFunc(uri, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"'<>\*`, r) }) < 0
	switch {
	case err != nil, !plain, len(uri) > maxRedirectURI, strings.Contains(uri, "#"), u.User != nil:
	case u.Scheme == "https" && u.Hostname() != "" && u.Opaque == "",
		u.Scheme == "http" && loopbackHost(u.Hostname()),
		strings.Contains(u.Scheme, "."):
		return nil
	}
	return Errorf(Invalid, "%q cannot be a redirect URI: use https, http://127.0.0.1 or a scheme like com.example.app, without a fragment and wildcards", uri)
}

func loopbackHost(host string) bool {
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
