package gateway

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// redirectSettings sends every caller elsewhere, and the backend is not asked. Where every
// resource of an API is answered so, the API needs no endpoint. Where it leads is written
// here: of a call it takes no more than the parameters of the path, each as a segment of the
// new one, and the query where that is wanted.
type redirectSettings struct {
	// To is an https:// URL, or a path of the same API. The path may hold parameters of the
	// resource's path, as in https://new.example.com/pets/{petId}, and for a resource that ends in
	// /* what stands in its place, as in /archive/{rest}.
	To string `json:"to"`
	// Status is 301 or 308 for good, 302, 303 or 307 for now. Callers keep method and body with
	// 307 and 308. By default 302.
	Status int `json:"status,omitempty"`
	// Query puts the query of the call behind the URL.
	Query bool `json:"query,omitempty"`
}

// redirect is the compiled form.
type redirect struct {
	host   string // with its scheme; empty for the API itself
	path   *pathTemplate
	status int
	query  bool
}

func newRedirect(s redirectSettings, _ place) (any, error) {
	d := &redirect{status: s.Status, query: s.Query}
	if s.Status == 0 {
		d.status = http.StatusFound
	}
	if !slices.Contains([]int{301, 302, 303, 307, 308}, d.status) {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "the status is %d: use 301, 302, 303, 307 or 308", d.status)
	}
	path := s.To
	if host, ok := strings.CutPrefix(s.To, "https://"); ok {
		end := strings.IndexByte(host, '/')
		if end < 0 {
			end = len(host)
		}
		d.host, path = "https://"+host[:end], host[end:]
		if path == "" {
			path = "/"
		}
		u, err := url.Parse(d.host)
		if err != nil || u.Host != host[:end] || u.Hostname() == "" || strings.Trim(u.Host, hostCharacters) != "" {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "%.100q cannot be the host of a URL: write it out, without a user name or parameters", host[:end])
		}
	} else if !strings.HasPrefix(s.To, "/") {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "to is %.100q: use an https:// URL, or a path of this API that begins with /", s.To)
	}
	var err error
	d.path, err = parseTemplate(path)
	return d, err
}

// hostCharacters are what a host and its port are written with.
const hostCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]"

func (d *redirect) fits(r *gatehouse.Resource) error { return d.path.fits(r) }

func (d *redirect) standsIn() {}

func (d *redirect) answer(c *call) bool {
	to := d.host
	if to == "" {
		to = c.gateway.URL + c.decision.API.BasePath()
	}
	to += d.path.path(c.decision.Resource, c.decision.Rest)
	if query := c.decision.security.query(c.head.Query); d.query && query != "" {
		to += "?" + plainQuery(query)
	}
	c.answerInstead(newAnswer(d.status, http.Header{"Location": {to}}, nil))
	return true
}

// plainQuery escapes what callers send in queries although no URL may hold it (RFC 3986,
// section 3.4).
func plainQuery(query string) string {
	var out strings.Builder
	for i := range len(query) {
		if c := query[i]; stands[c] || strings.IndexByte("?%;", c) >= 0 {
			out.WriteByte(c)
		} else {
			out.Write([]byte{'%', upper[c>>4], upper[c&15]})
		}
	}
	return out.String()
}
