package tokenapi

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// Limits of a request to the Token API.
const (
	maxForm       = 64 << 10 // bytes of the body
	maxParameters = 100
)

// form is the parameters of a request, each once; several resources stand in one, with
// spaces between.
type form map[string]string

// has reports whether a parameter is there, if only empty.
func (f form) has(name string) bool {
	_, there := f[name]
	return there
}

// readForm reads the form in a request's body. What OAuth forbids is refused: parameters
// in the URL, a parameter twice (RFC 6749, section 3.2), another content type.
func readForm(w http.ResponseWriter, r *http.Request) (form, error) {
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		return nil, &Error{Code: InvalidRequest, Description: "parameters in the URL are not allowed: send them in the body"}
	}
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/x-www-form-urlencoded" {
		return nil, &Error{Code: InvalidRequest, Description: "use the content type application/x-www-form-urlencoded"}
	}
	if r.Header.Get("Content-Encoding") != "" {
		return nil, &Error{Code: InvalidRequest, Status: http.StatusUnsupportedMediaType, Description: "a compressed body is not accepted"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, &Error{Code: InvalidRequest, Status: http.StatusRequestEntityTooLarge, Description: "the body is too large", Err: tooLarge}
	}
	if err != nil {
		return nil, &Error{Code: InvalidRequest, Description: "the body did not arrive", Err: err}
	}
	return parseForm(string(body))
}

func parseForm(body string) (form, error) {
	f := form{}
	if body == "" {
		return f, nil
	}
	if strings.Count(body, "&") >= maxParameters {
		return nil, &Error{Code: InvalidRequest, Description: "the body holds too many parameters"}
	}
	for pair := range strings.SplitSeq(body, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		n, err1 := url.QueryUnescape(name)
		v, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return nil, &Error{Code: InvalidRequest, Description: "the body holds a damaged % escape"}
		}
		if n == "resource" && f.has(n) { // the one that may stand several times (RFC 8707, section 2); a URI holds no space
			v = f[n] + " " + v
		} else if f.has(n) {
			return nil, &Error{Code: InvalidRequest, Description: "a parameter stands twice in the body"}
		}
		f[n] = v
	}
	return f, nil
}
