// Package proof checks that whoever sends a token or a credential holds the key that it
// is bound to.
//
//	proof.go         which addresses a proof may name, and how they compare
//	dpop.go          DPoP proofs (RFC 9449)
//	certificate.go   thumbprints of TLS certificates (RFC 8705)
//	once.go          what may be used once, remembered on this node too
//
// It does not own the question what a token is bound to (package token), nor what comes
// of a proof that fails.
package proof

import (
	"net"
	"net/url"
	"strings"
)

// Origins are the addresses that a server answers on: scheme and host, as in
// https://api.example.com. A proof names one of them.
type Origins []string

// ParseOrigins returns the origins of base URLs, in normal form. An address of this
// machine is called localhost too.
func ParseOrigins(urls ...string) Origins {
	var origins Origins
	for _, text := range urls {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" {
			continue
		}
		origins = append(origins, origin(u))
		if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsLoopback() {
			local := url.URL{Scheme: u.Scheme, Host: strings.TrimSuffix("localhost:"+u.Port(), ":")}
			origins = append(origins, origin(&local))
		}
	}
	return origins
}

// origin returns scheme and host in normal form (RFC 3986, section 6.2.3): lower case,
// without the port that the scheme means anyhow.
func origin(u *url.URL) string {
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	}
	return scheme + "://" + host
}

// Names reports whether text is the URL of a path at one of the origins. Its query and
// fragment do not count (RFC 9449, section 4.3).
func (o Origins) Names(text, path string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil {
		return false
	}
	at := origin(u)
	for _, own := range o {
		if own == at {
			return plainPath(u.EscapedPath()) == plainPath(path)
		}
	}
	return false
}

// plainPath returns an escaped path with one spelling (RFC 3986, section 6.2.2): what
// stands for itself is not escaped, and escapes are in upper case.
func plainPath(path string) string {
	if path == "" {
		return "/"
	}
	if !strings.Contains(path, "%") {
		return path
	}
	var out strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] != '%' || i+2 >= len(path) {
			out.WriteByte(path[i])
			continue
		}
		escape := strings.ToUpper(path[i : i+3])
		if c, err := url.PathUnescape(escape); err == nil && plain(c[0]) {
			out.WriteByte(c[0])
		} else {
			out.WriteString(escape)
		}
		i += 2
	}
	return out.String()
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~!$&'()*+,=:@", c) >= 0
}
