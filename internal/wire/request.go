package wire

import (
	"net/http"
	"net/url"
	"strings"
)

// parseRequest reads the head of a request into r and u. Its body, its context and what the
// connection knows are not in it yet. The length of the body is chunked, or 0 when there is
// none.
func parseRequest(text string, r *http.Request, u *url.URL) (length int64, err error) {
	end := strings.IndexByte(text, '\n')
	if end < 0 {
		return 0, errRequestLine
	}
	if err := requestLine(text[:end-1], len(text) > sharedHead, r); err != nil {
		return 0, err
	}
	if err := parseTarget(r.Method, r.RequestURI, u); err != nil {
		return 0, err
	}
	r.URL = u
	if r.Header, err = fields(text[end+1:]); err != nil {
		return 0, err
	}
	if length, err = bodyLength(r.Header, r.ProtoMinor); err != nil {
		return 0, err
	}
	if r.Trailer, err = announced(r.Header, length); err != nil {
		return 0, err
	}
	switch r.ContentLength = length; length {
	case chunked:
		r.TransferEncoding = chunkedEncoding
	case untilClose: // no request ends so
		length, r.ContentLength = 0, 0
	}
	r.Close = leaves(r.Header, r.ProtoMinor)
	return length, readHost(r)
}

var chunkedEncoding = []string{"chunked"}

// requestLine reads the first line (RFC 9112, section 3).
func requestLine(line string, own bool, r *http.Request) error {
	method, rest, _ := strings.Cut(line, " ")
	target, version, _ := strings.Cut(rest, " ")
	switch {
	case method == "" || target == "" || !tokenChars.holds(method):
		return errRequestLine
	case version == "HTTP/1.1":
		r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
	case version == "HTTP/1.0":
		r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.0", 1, 0
	case len(version) == 8 && strings.HasPrefix(version, "HTTP/") && version[6] == '.':
		return errVersion
	default:
		return errRequestLine
	}
	if own {
		method, target = strings.Clone(method), strings.Clone(target)
	}
	r.Method, r.RequestURI = method, target
	return nil
}

// parseTarget takes a request target apart. Most are plain paths, perhaps with a query;
// net/url reads the others, and would read these alike.
func parseTarget(method, target string, u *url.URL) error {
	if target[0] == '/' {
		path, query, found := strings.Cut(target, "?")
		if plainPath.holds(path) && found == (query != "") && validValue(query) && strings.IndexByte(query, '\t') < 0 {
			u.Path, u.RawQuery = path, query
			return nil
		}
	}
	authority := method == http.MethodConnect && target[0] != '/'
	if authority {
		target = "http://" + target
	}
	parsed, err := url.ParseRequestURI(target)
	if err != nil {
		return errTarget
	}
	if authority {
		parsed.Scheme = ""
	}
	*u = *parsed
	return nil
}

// readHost finds out whom a request is for (RFC 9112, section 3.2): what the target says, else
// the one Host header.
func readHost(r *http.Request) error {
	hosts := r.Header["Host"]
	if len(hosts) > 1 || len(hosts) == 0 && r.ProtoMinor == 1 {
		return errHost
	}
	if len(hosts) == 1 {
		if !hostChars.holds(hosts[0]) {
			return errHost
		}
		r.Host = hosts[0]
		delete(r.Header, "Host")
	}
	if r.URL.Host != "" {
		r.Host = r.URL.Host
	}
	return nil
}

// leaves reports whether a message is the last one that its sender wants on its connection
// (RFC 9112, section 9.3).
func leaves(h http.Header, minor int) bool {
	options := h["Connection"]
	return hasToken(options, "close") || minor == 0 && !hasToken(options, "keep-alive")
}
