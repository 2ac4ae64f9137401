package tokenapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// The codes that answer an authorization request beside those of the token endpoint
// (RFC 6749, section 4.1.2.1; OpenID Connect Core, section 3.1.2.6; RFC 9101, section 7).
const (
	UnsupportedResponseType Code = "unsupported_response_type"
	RequestNotSupported     Code = "request_not_supported"
	RequestURINotSupported  Code = "request_uri_not_supported"
	InvalidRequestURI       Code = "invalid_request_uri"
)

// answer sends the browser back to the client with parameters, state and iss (RFC 9207)
// among them: in the address, or by a form (OAuth 2.0 Form Post Response Mode). The
// address never has a fragment.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, req *gatehouse.AuthorizationRequest, parameters url.Values) error {
	parameters.Set("iss", h.Issuer)
	if req.State != "" {
		parameters.Set("state", req.State)
	}
	quiet(w.Header())
	if req.FormPost {
		return writePage(w, http.StatusOK, formPost, gatehouse.PolicySource(req.RedirectURI), struct {
			To     template.URL // one of the client's registered URIs, whose scheme was checked then
			Fields url.Values
		}{template.URL(req.RedirectURI), parameters})
	}
	mark := "?"
	if strings.Contains(req.RedirectURI, "?") {
		mark = "&"
	}
	w.Header().Set("Location", req.RedirectURI+mark+parameters.Encode())
	w.WriteHeader(http.StatusSeeOther) // never 307, which would repeat a password (RFC 9700, section 4.12)
	return nil
}

func (h *Handler) answerError(w http.ResponseWriter, r *http.Request, req *gatehouse.AuthorizationRequest, err error) error {
	e := h.classed(r.Context(), err)
	if h.Refused != nil {
		h.Refused(string(e.Code))
	}
	return h.answer(w, r, req, url.Values{"error": {string(e.Code)}, "error_description": {describable(e.Description)}})
}

// browser adapts a handler that a person's browser is sent to: errors become a page.
func (h *Handler) browser(serve func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		quiet(w.Header())
		err := error(&Error{Code: InvalidRequest, Status: http.StatusMethodNotAllowed, Description: "use GET or POST"})
		if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodPost {
			err = serve(w, r)
		} else {
			w.Header().Set("Allow", "GET, POST")
		}
		if err == nil {
			return
		}
		e := h.classed(r.Context(), err)
		if h.Refused != nil {
			h.Refused(string(e.Code))
		}
		if err := writePage(w, e.status(), problem, "'none'", e); err != nil {
			h.Log.ErrorContext(r.Context(), "error page failed", "err", err)
		}
	})
}

// quiet keeps what is in an address from being stored, and from the next site.
func quiet(header http.Header) {
	header.Set("Cache-Control", "no-store")
	header.Set("Pragma", "no-cache")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
}

// The pages of the endpoints themselves. They load nothing from anywhere, because the
// gateway's listener has no styles and scripts to load. What they say in line is named by
// its hash in their policy.
const (
	pageStyle = `:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1.5rem}h1{font-size:1.4rem}p::first-letter{text-transform:uppercase}button{font:inherit;padding:.5rem 1rem}`
	submitNow = `document.forms[0].submit()`
)

var (
	formPost = template.Must(template.New("form_post").Parse(`<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Back to the application</title><style>` + pageStyle + `</style></head>
<body><form method="post" action="{{.To}}">{{range $name, $values := .Fields}}{{range $values}}<input type="hidden" name="{{$name}}" value="{{.}}">{{end}}{{end}}
<h1>Back to the application</h1><p>If nothing happens, press the button.</p><button>Continue</button></form><script>` + submitNow + `</script></body></html>
`))
	problem = template.Must(template.New("problem").Parse(`<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>That does not work</title><style>` + pageStyle + `</style></head>
<body><h1>The application sent you here with a request that does not work</h1><p>{{.Description}}</p><p><code>{{.Code}}</code></p><p>Go back, and tell whoever runs the application.</p></body></html>
`))
)

// writePage writes a page whose forms lead to one place alone.
func writePage(w http.ResponseWriter, status int, t *template.Template, formAction string, data any) error {
	var text bytes.Buffer
	if err := t.Execute(&text, data); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src "+inline(pageStyle)+"; script-src "+inline(submitNow)+
		"; base-uri 'none'; frame-ancestors 'none'; form-action "+formAction)
	w.WriteHeader(status)
	_, err := w.Write(text.Bytes())
	return err
}

// inline names a style or a script that stands in a page for its policy.
func inline(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
