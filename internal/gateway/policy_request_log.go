package gateway

import (
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/gatehouse/gatehouse"
)

// requestLogSettings writes a line into the gateway's log for each call of a resource, also
// for one that was refused. Queries, bodies, tokens and other credentials are in no line.
type requestLogSettings struct {
	// Fields are what a line says: method, path, resource, status, duration (up to the end of
	// the answer), address, application, key (the consumer key), user, keytype,
	// organization, api and version. By default method, resource, status, duration and application.
	Fields []string `json:"fields,omitempty"`
	// Headers are those of the request that a line repeats, up to 256 bytes of each. None that
	// holds credentials can be listed.
	Headers []string `json:"headers,omitempty"`
	// Rate is which part of the calls is written, above 0 and up to 1; a call that ends with 500
	// or more always is. By default 1: all.
	Rate *float64 `json:"rate,omitempty"`
}

// Limits of a line.
const (
	maxLoggedHeaders = 20
	maxLoggedValue   = 256  // bytes of a header
	maxLoggedPath    = 1024 // bytes
)

// secretHeaders hold credentials, of callers or of the gateway.
var secretHeaders = []string{
	"Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "Dpop", "X-Jwt-Assertion", "Apikey", "X-Api-Key", "X-Auth-Token", "X-Csrf-Token", "Internal-Key",
}

// requestLog is the compiled form.
type requestLog struct {
	fields  []string
	headers []string
	rate    float64
}

func newRequestLog(s requestLogSettings, p place) (any, error) {
	l := &requestLog{fields: s.Fields, rate: 1}
	if len(s.Fields) == 0 {
		l.fields = []string{"method", "resource", "status", "duration", "application"}
	}
	for _, f := range l.fields {
		if !slices.Contains(logFields, f) {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "%q is no field of a line: use %s", f, strings.Join(logFields, ", "))
		}
	}
	if len(s.Headers) > maxLoggedHeaders {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "there are %d headers: list up to %d", len(s.Headers), maxLoggedHeaders)
	}
	for _, name := range s.Headers {
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case name == "" || len(name) > 200 || strings.Trim(name, tokenCharacters) != "":
			return nil, gatehouse.Errorf(gatehouse.Invalid, "%q cannot be the name of a header", name)
		case slices.Contains(secretHeaders, canonical) || strings.EqualFold(name, p.api.Settings.Security.Header) || strings.EqualFold(name, p.api.Settings.Security.KeyHeader):
			return nil, gatehouse.Errorf(gatehouse.Invalid, "the header %s holds credentials, which no log may: leave it out", canonical)
		}
		l.headers = append(l.headers, canonical)
	}
	if s.Rate != nil {
		l.rate = *s.Rate
	}
	if !(l.rate > 0 && l.rate <= 1) {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "the rate is %v: use more than 0, and up to 1", l.rate)
	}
	return l, nil
}

// finish writes the line.
func (l *requestLog) finish(c *call) {
	if l.rate < 1 && c.status < http.StatusInternalServerError && rand.Float64() >= l.rate {
		return
	}
	var line []slog.Attr
	if len(c.requestID) > 0 {
		line = append(line, slog.String("id", c.requestID[0]))
	}
	for _, f := range l.fields {
		line = append(line, c.logField(f))
	}
	var headers []any
	for _, name := range l.headers {
		if values := c.r.Header[name]; len(values) > 0 {
			headers = append(headers, slog.String(name, printable(strings.Join(values, ", "), maxLoggedValue)))
		}
	}
	if len(headers) > 0 {
		line = append(line, slog.Group("headers", headers...))
	}
	c.gateway.Log.LogAttrs(c.r.Context(), slog.LevelInfo, "call", line...)
}

// logFields are the fields that logField knows.
var logFields = []string{
	"method", "path", "resource", "status", "duration", "address", "application", "key", "user", "keytype", "organization", "api", "version",
}

func (c *call) logField(name string) slog.Attr {
	d := &c.decision
	text := ""
	switch name {
	case "status":
		return slog.Int(name, c.status)
	case "duration":
		return slog.Duration(name, c.gateway.Now().Sub(c.began).Round(time.Microsecond))
	case "method":
		text = c.head.Method
	case "path":
		text = c.head.Path
	case "resource":
		text = d.Resource.Method + " " + d.Resource.Template
	case "organization":
		text = d.API.OrgKey
	case "api":
		text = d.API.Name
	case "version":
		text = d.API.Version
	case "address":
		if a := c.Address(); a.IsValid() {
			text = a.String()
		}
	default:
		text = d.caller(name)
	}
	return slog.String(name, printable(text, maxLoggedPath))
}

// caller returns a field of whoever calls; nothing for a call without a token.
func (d *Decision) caller(field string) string {
	switch {
	case d.Authorization == nil || d.Client == nil:
		return ""
	case field == "application":
		return d.Client.Application.Name
	case field == "key":
		return d.Authorization.ConsumerKey
	case field == "user":
		return d.Authorization.Username
	}
	return string(d.Authorization.KeyType)
}

// printable bounds text, and replaces what could make a terminal or a reader of lines take it
// for something else.
func printable(text string, most int) string {
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return unicode.ReplacementChar
	}, text)
}
