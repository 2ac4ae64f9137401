package gateway

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// corsSettings says which pages of other origins may call the API from a browser (CORS, a
// part of the Fetch standard). It belongs to an API as a whole, and an API without it is
// open to every page, without credentials. The gateway alone speaks of CORS: what a backend
// says of it is removed. A preflight is answered without a token and reaches no backend, and
// lists the methods that the path has.
type corsSettings struct {
	// Enabled is true by default. With false the gateway does not know CORS: an OPTIONS is a call
	// like any other, so the document must have it, best with x-auth-type: None, and what the
	// backend says of CORS passes.
	Enabled *bool `json:"enabled,omitempty"`
	// Origins are those of the pages that may call, like https://app.example.com, or
	// https://*.example.com for all below it. By default ["*"]: every page.
	Origins []string `json:"origins,omitempty"`
	// Credentials lets the browser send its cookies and certificates with a call. It takes a list
	// of origins: never with *.
	Credentials bool `json:"credentials,omitempty"`
	// Methods are the ones that a page may use, of those that a path has. By default all.
	Methods []string `json:"methods,omitempty"`
	// Headers are the ones that a page may send. By default Authorization, DPoP, Content-Type,
	// Accept, SOAPAction, apikey, and without credentials every other too.
	Headers []string `json:"headers,omitempty"`
	// Exposed are the headers of an answer that a page may read, beside those that are always
	// open to it. By default none.
	Exposed []string `json:"exposed,omitempty"`
	// MaxAge is for how many seconds a browser remembers a preflight, 0 to 86400. By default 600.
	MaxAge *int `json:"maxAge,omitempty"`
}

// Limits and defaults of CORS.
const (
	maxOrigins   = 100
	maxCORSAge   = 86400
	corsAge      = 600
	pagesHeaders = "Authorization, DPoP, Content-Type, Accept, SOAPAction, apikey"
)

// cors is the compiled form.
type cors struct {
	off         bool
	every       bool // every origin
	origins     []string
	below       [][2]string // of origins with a star, what is before it and what is behind
	credentials bool
	methods     []string // nil for all
	headers     string
	exposed     string
	maxAge      string
}

// openCORS is what an API does of which nothing is said. Any origin may call, because the
// answer does not allow credentials: the browser adds no cookie, and the page must know the
// token. The star stands for all headers but Authorization.
var openCORS = &cors{every: true, headers: pagesHeaders + ", *", maxAge: strconv.Itoa(corsAge)}

func newCORS(s corsSettings, p place) (any, error) {
	c := *openCORS
	c.off, c.credentials, c.methods = s.Enabled != nil && !*s.Enabled, s.Credentials, s.Methods
	if p.resource != nil {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "it belongs to an API as a whole: put it into the policies of the API")
	}
	if err := c.setOrigins(s.Origins); err != nil {
		return nil, err
	}
	for _, m := range s.Methods {
		if !slices.Contains(gatehouse.Methods, m) {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "%q is no method: use %s", m, strings.Join(gatehouse.Methods, ", "))
		}
	}
	if s.Credentials {
		c.headers = pagesHeaders // a star would be a name like any other
	}
	var err error
	if len(s.Headers) > 0 {
		if c.headers, err = headerList(s.Headers, s.Credentials); err != nil {
			return nil, err
		}
	}
	if c.exposed, err = headerList(s.Exposed, s.Credentials); err != nil {
		return nil, err
	}
	if s.MaxAge != nil {
		if *s.MaxAge < 0 || *s.MaxAge > maxCORSAge {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "maxAge is %d: use 0 to %d seconds", *s.MaxAge, maxCORSAge)
		}
		c.maxAge = strconv.Itoa(*s.MaxAge)
	}
	return &c, nil
}

func (c *cors) setOrigins(origins []string) error {
	if len(origins) > maxOrigins {
		return gatehouse.Errorf(gatehouse.Invalid, "there are %d origins: name up to %d", len(origins), maxOrigins)
	}
	c.every = len(origins) == 0 || slices.Contains(origins, "*")
	if c.every && c.credentials {
		return gatehouse.Errorf(gatehouse.Invalid, "credentials cannot be allowed to every origin: name the origins, like https://app.example.com")
	}
	for _, origin := range origins {
		if origin == "*" {
			continue
		}
		before, behind, wild := strings.Cut(strings.ToLower(origin), "//*.")
		u, err := url.Parse(strings.Replace(origin, "//*.", "//", 1))
		if err != nil || u.Scheme == "" || u.Host == "" || u.Scheme+"://"+u.Host != strings.ToLower(strings.Replace(origin, "//*.", "//", 1)) || strings.Contains(u.Host, "*") {
			return gatehouse.Errorf(gatehouse.Invalid, "%q is no origin: use a scheme and a host, like https://app.example.com or https://*.example.com, without a path", origin)
		}
		if wild {
			c.below = append(c.below, [2]string{before + "//", "." + behind})
		} else {
			c.origins = append(c.origins, strings.ToLower(origin))
		}
	}
	return nil
}

// headerList checks names of headers. A star stands for all of them, but not to a browser
// that sends credentials.
func headerList(names []string, credentials bool) (string, error) {
	for _, name := range names {
		switch {
		case name == "" || len(name) > 200 || strings.Trim(name, tokenCharacters) != "":
			return "", gatehouse.Errorf(gatehouse.Invalid, "%q cannot be the name of a header", name)
		case name == "*" && credentials:
			return "", gatehouse.Errorf(gatehouse.Invalid, "with credentials a star does not stand for all headers: name them")
		}
	}
	if len(names) > maxHeaderChanges {
		return "", gatehouse.Errorf(gatehouse.Invalid, "there are %d headers: name up to %d", len(names), maxHeaderChanges)
	}
	return strings.Join(names, ", "), nil
}

// corsOf returns what the policies of an API say of CORS.
func corsOf(shared []named[any]) (*cors, error) {
	said := openCORS
	for _, p := range shared {
		c, ok := p.does.(*cors)
		if ok && said != openCORS {
			return nil, policyError(p.kind, gatehouse.Errorf(gatehouse.Invalid, "an API has one: put all settings into it"))
		}
		if ok {
			said = c
		}
	}
	return said, nil
}

// allows reports whether pages of an origin may call.
func (c *cors) allows(origin string) bool {
	if c.every || slices.Contains(c.origins, origin) {
		return true
	}
	return slices.ContainsFunc(c.below, func(b [2]string) bool {
		rest, ok := strings.CutPrefix(origin, b[0])
		rest, also := strings.CutSuffix(rest, b[1])
		return ok && also && rest != "" && strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz0123456789.-") == ""
	})
}

// open lets the page that calls, if one does, read the answer, and reports whether it may.
// An answer that differs from origin to origin says so, also to a caller without one.
func (c *cors) open(h http.Header, origin []string) bool {
	if c.off {
		return false
	}
	if !c.every {
		h.Add("Vary", "Origin")
	}
	if len(origin) != 1 || !c.allows(origin[0]) {
		return false
	}
	if c.every {
		h.Set("Access-Control-Allow-Origin", "*")
		return true
	}
	h.Set("Access-Control-Allow-Origin", origin[0])
	if c.credentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	return true
}

// preflight answers a browser that asks whether a page of another origin may call a path
// that has the methods in allow. A page that may not is told nothing.
func (c *cors) preflight(w http.ResponseWriter, origin []string, allow string) {
	h := w.Header()
	if c.open(h, origin) {
		if c.methods != nil {
			methods := slices.DeleteFunc(strings.Split(allow, ", "), func(m string) bool { return !slices.Contains(c.methods, m) })
			allow = strings.Join(methods, ", ")
		}
		h.Set("Access-Control-Allow-Methods", allow)
		h.Set("Access-Control-Allow-Headers", c.headers)
		h.Set("Access-Control-Max-Age", c.maxAge)
	}
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
}
