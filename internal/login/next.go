package login

import (
	"net/http"
	"net/url"
	"strings"
)

// next returns where to go afterwards: the parameter next when it is a path of this
// site, else the Store.
func next(r *http.Request) string {
	if to := r.FormValue("next"); isLocal(to) {
		return to
	}
	return "/"
}

// isLocal reports whether a browser that is sent to a path stays on this site, however
// generously it reads the path: //host and /\host name another host (WHATWG URL,
// section 4.4), and so may what comes out of an escape or of a line break.
func isLocal(to string) bool {
	if len(to) > 2000 || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
		return false
	}
	for _, c := range []byte(to) {
		if c <= ' ' || c == '\\' || c >= 0x7f {
			return false
		}
	}
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil {
		return false
	}
	return !strings.Contains(u.Path, "//") && !strings.ContainsAny(u.Path, "\\\r\n\t")
}
