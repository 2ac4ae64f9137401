package gateway

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/observe"
)

// cleanRequest removes from a caller's headers what must not reach the backend: the
// credentials, what backends take as said by the gateway or as a better path or method
// than the one that was authorised, and every upgrade but WebSocket's. Hop-by-hop
// headers (RFC 9110, section 7.6.1) are gone before.
func cleanRequest(h http.Header) {
	for name := range h {
		if forbidden(name) {
			delete(h, name)
		}
	}
	if upgrade := h["Upgrade"]; upgrade != nil && !(len(upgrade) == 1 && strings.EqualFold(upgrade[0], "websocket")) {
		delete(h, "Upgrade")
		delete(h, "Connection")
	}
}

// forbidden reports whether a header, named in net/http's canonical case, must not be
// passed on. A name with an underscore never is: many backends read it as a hyphen.
func forbidden(name string) bool {
	if strings.IndexByte(name, '_') >= 0 {
		return true
	}
	switch name {
	case "Authorization", "Dpop", "Forwarded", "Http2-Settings", "Internal-Key",
		"X-Real-Ip", "X-Jwt-Assertion", "X-Original-Url", "X-Rewrite-Url",
		"X-Http-Method", "X-Http-Method-Override", "X-Method-Override":
		return true
	}
	return strings.HasPrefix(name, "X-Forwarded-") || strings.HasPrefix(name, "X-Wso2-")
}

// cleanAnswer removes from a backend's answer what the gateway says itself, or what is
// nobody's business. CORS is the backend's to say where the gateway does not know it.
func cleanAnswer(h http.Header, cors bool) {
	for name := range h {
		if name == "Server" || name == "X-Powered-By" || !cors && strings.HasPrefix(name, "Access-Control-") {
			delete(h, name)
		}
	}
}

// introduce tells the backend who calls, by which way, and in which trace.
func (g *Gateway) introduce(in *http.Request, out http.Header) {
	address, proto, host := g.caller(in)
	values := []string{address, proto, host, ""}
	if address != "" {
		out["X-Forwarded-For"] = values[0:1:1]
	}
	out["X-Forwarded-Proto"] = values[1:2:2]
	out["X-Forwarded-Host"] = values[2:3:3]
	if trace := in.Header["Traceparent"]; len(trace) != 1 || !validTrace(trace[0]) {
		values[3] = newTrace()
		out["Traceparent"] = values[3:4:4]
		delete(out, "Tracestate") // it belongs to the trace that is not kept
	}
}

// caller returns the address of whoever calls, and the scheme and host it called. That
// is what the connection says, unless it comes from a trusted proxy, which knows better.
func (g *Gateway) caller(r *http.Request) (address, proto, host string) {
	proto, host = "http", r.Host
	if r.TLS != nil {
		proto = "https"
	}
	address, proxied := observe.Proxies(g.TrustedProxies).Caller(r)
	if !proxied {
		return address, proto, host
	}
	if p := r.Header.Get("X-Forwarded-Proto"); p == "http" || p == "https" {
		proto = p
	}
	if h := r.Header.Get("X-Forwarded-Host"); h != "" {
		host = h
	}
	return address, proto, host
}

// validTrace reports whether s is a traceparent of version 00 (W3C Trace Context,
// section 3.2.2). Any other begins a new trace, as the standard allows.
func validTrace(s string) bool {
	if len(s) != 55 || s[:3] != "00-" || s[35] != '-' || s[52] != '-' {
		return false
	}
	trace, span := s[3:35], s[36:52]
	other := func(c rune) bool { return !('0' <= c && c <= '9' || 'a' <= c && c <= 'f') }
	return strings.IndexFunc(trace+span+s[53:], other) < 0 &&
		strings.Trim(trace, "0") != "" && strings.Trim(span, "0") != ""
}

// newTrace begins a trace. Its ids must be unlikely to meet, not impossible to guess.
// It is marked as sampled, because backends that follow the mark would record nothing.
func newTrace() string {
	var id [24]byte
	binary.BigEndian.PutUint64(id[0:], rand.Uint64())
	binary.BigEndian.PutUint64(id[8:], rand.Uint64())
	binary.BigEndian.PutUint64(id[16:], rand.Uint64()|1)
	text := [55]byte{0: '0', 1: '0', 2: '-', 35: '-', 52: '-', 53: '0', 54: '1'}
	hex.Encode(text[3:35], id[:16])
	hex.Encode(text[36:52], id[16:])
	return string(text[:])
}

// validQuery reports whether a query holds no space, control character or #. What else
// RFC 3986 does not allow in it, browsers and tools send all the same.
func validQuery(query string) bool {
	return strings.IndexFunc(query, func(c rune) bool { return c <= ' ' || c == '#' || c == 0x7f }) < 0
}

// withoutToken returns a query without any access_token (RFC 6750, section 2.3): the
// gateway does not read it there, and backends must not see it; nor other parameters that
// carry credentials. Everything else stays as it was sent. A semicolon ends a parameter
// too, because some backends think so.
func withoutToken(query string, others ...string) string {
	kept := 0
	var out strings.Builder
	for start := 0; start < len(query); {
		end := len(query)
		if i := strings.IndexAny(query[start:], "&;"); i >= 0 {
			end = start + i + 1
		}
		if secret(query[start:end], others) {
			out.WriteString(query[kept:start])
			kept = end
		}
		start = end
	}
	if kept == 0 {
		return query
	}
	out.WriteString(query[kept:])
	return strings.TrimRight(out.String(), "&;")
}

// secret reports whether a parameter carries credentials.
func secret(parameter string, others []string) bool {
	parameter = strings.TrimRight(parameter, "&;")
	return isNamed(parameter, "access_token") || slices.ContainsFunc(others, func(name string) bool { return isNamed(parameter, name) })
}

// isNamed reports whether a parameter has a name, in any spelling.
func isNamed(parameter, name string) bool {
	sent, _, _ := strings.Cut(parameter, "=")
	if len(sent) < len(name) {
		return false
	}
	decoded, err := url.QueryUnescape(sent)
	return err == nil && strings.EqualFold(decoded, name)
}
