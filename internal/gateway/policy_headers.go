package gateway

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// headersSettings changes headers: those of the request that the backend gets, or those
// of the answer that the caller gets. It removes first, then renames, then sets, then
// adds. What the gateway itself says, and what tells where a message ends, stays as it is.
type headersSettings struct {
	// Remove takes headers away.
	Remove []string `json:"remove,omitempty"`
	// Rename gives headers another name: {"X-Old": "X-New"}. One that is not there is left out.
	Rename map[string]string `json:"rename,omitempty"`
	// Set gives headers a value, in the place of any that they had.
	Set map[string]string `json:"set,omitempty"`
	// Add gives headers a further value.
	Add map[string]string `json:"add,omitempty"`
}

// maxHeaderChanges bounds how many headers one policy changes.
const maxHeaderChanges = 50

// headers is the compiled form: each list sorted by name, so that the same settings do the
// same in every call.
type headers struct {
	side   gatehouse.Side
	remove []string
	rename [][2]string
	set    [][2]string
	add    [][2]string
}

func newHeaders(s headersSettings, p place) (any, error) {
	h := headers{side: p.side}
	if n := len(s.Remove) + len(s.Rename) + len(s.Set) + len(s.Add); n == 0 || n > maxHeaderChanges {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "remove, rename, set and add name %d headers together: name 1 to %d", n, maxHeaderChanges)
	}
	for _, name := range s.Remove {
		if err := changeable(name); err != nil {
			return nil, err
		}
		h.remove = append(h.remove, http.CanonicalHeaderKey(name))
	}
	var err error
	if h.rename, err = headerPairs(s.Rename, changeable); err != nil {
		return nil, err
	}
	for i := range h.rename {
		h.rename[i][1] = http.CanonicalHeaderKey(h.rename[i][1])
	}
	if h.set, err = headerPairs(s.Set, validHeaderValue); err != nil {
		return nil, err
	}
	h.add, err = headerPairs(s.Add, validHeaderValue)
	return h, err
}

// headerPairs sorts what is said of headers by their names, and checks both parts.
func headerPairs(said map[string]string, second func(string) error) ([][2]string, error) {
	var pairs [][2]string
	for name, value := range said {
		if err := changeable(name); err != nil {
			return nil, err
		}
		if err := second(value); err != nil {
			return nil, err
		}
		pairs = append(pairs, [2]string{http.CanonicalHeaderKey(name), value})
	}
	slices.SortFunc(pairs, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return pairs, nil
}

// changeable refuses names that are none, and headers that are not a policy's to change.
func changeable(name string) error {
	if name == "" || len(name) > 200 || strings.Trim(name, tokenCharacters) != "" {
		return gatehouse.Errorf(gatehouse.Invalid, "%q cannot be the name of a header", name)
	}
	canonical := http.CanonicalHeaderKey(name)
	if slices.Contains(fixedHeaders, canonical) || strings.HasPrefix(canonical, "X-Forwarded-") {
		return gatehouse.Errorf(gatehouse.Invalid, "the header %s is the gateway's to say: leave it out", canonical)
	}
	return nil
}

// tokenCharacters are what names of headers are made of (RFC 9110, section 5.6.2).
const tokenCharacters = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// fixedHeaders tell where a message ends, where it goes, or what the gateway decided.
var fixedHeaders = []string{
	"Connection", "Content-Length", "Host", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
	"Forwarded", "X-Jwt-Assertion", "X-Request-Id", "Ratelimit-Limit", "Ratelimit-Remaining", "Ratelimit-Reset", "Retry-After", "Www-Authenticate",
}

// validHeaderValue refuses values that would end the header (RFC 9110, section 5.5).
func validHeaderValue(value string) error {
	if len(value) > 4096 || strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
		return gatehouse.Errorf(gatehouse.Invalid, "the value of a header has up to 4096 bytes and no control character")
	}
	return nil
}

func (h headers) rewrite(_ *call, out *http.Request) {
	if h.side == gatehouse.RequestSide {
		h.change(out.Header)
	}
}

func (h headers) respond(_ *call, res *http.Response) error {
	if h.side == gatehouse.ResponseSide {
		h.change(res.Header)
	}
	return nil
}

func (h headers) change(header http.Header) {
	for _, name := range h.remove {
		delete(header, name)
	}
	for _, r := range h.rename {
		if values, ok := header[r[0]]; ok {
			delete(header, r[0])
			header[r[1]] = values
		}
	}
	for _, s := range h.set {
		header[s[0]] = []string{s[1]}
	}
	for _, a := range h.add {
		header[a[0]] = append(slices.Clip(header[a[0]]), a[1])
	}
}
