package observe

import (
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const redacted = "[redacted]"

// secretEndings are how names of attributes end that hold secrets: access_token,
// clientSecret, Set-Cookie, X-JWT-Assertion.
var secretEndings = []string{
	"authorization", "cookie", "password", "passwd", "secret", "token", "assertion", "credentials", "verifier",
	"apikey", "api_key", "api-key", "privatekey", "private_key",
}

// secretNames are names that hold secrets though longer names with the same ending,
// like status_code, do not.
var secretNames = map[string]bool{"code": true, "user_code": true, "device_code": true, "authorization_code": true, "otp": true}

func secretName(name string) bool {
	name = strings.ToLower(name)
	for _, ending := range secretEndings {
		if strings.HasSuffix(name, ending) {
			return true
		}
	}
	return secretNames[name]
}

// replaceAttr is the last thing that happens to an attribute before it is written.
func replaceAttr(_ []string, a slog.Attr) slog.Attr {
	switch {
	case secretName(a.Key):
		return slog.String(a.Key, redacted)
	case a.Value.Kind() == slog.KindString:
		if text := a.Value.String(); tidy(text) != text {
			return slog.String(a.Key, tidy(text))
		}
	case a.Value.Kind() == slog.KindAny:
		return slog.Attr{Key: a.Key, Value: tame(a.Value.Any())}
	}
	return a
}

// tame lets only values through whose text is known. Headers, forms, requests and
// structs become the name of their type, because secrets hide in their fields.
func tame(v any) slog.Value {
	switch v := v.(type) {
	case nil, slog.Level, time.Time, *slog.Source:
		return slog.AnyValue(v)
	case *url.URL:
		return slog.StringValue(tidy((&url.URL{Scheme: v.Scheme, Host: v.Host, Path: v.Path}).String()))
	case error:
		return slog.StringValue(tidy(v.Error()))
	case fmt.Stringer, []string:
		return slog.StringValue(tidy(fmt.Sprint(v)))
	}
	return slog.StringValue(fmt.Sprintf("[%T]", v))
}

var (
	// parameter matches the value of a parameter in a query, a form or JSON.
	parameter = regexp.MustCompile(`(?i)([a-z_-]*(?:token|secret|password|assertion|verifier)|[?&]code)(=|"\s*:\s*")[^&\s",;]+`)
	// credentials matches what follows the scheme in an Authorization header.
	credentials = regexp.MustCompile(`(?i)\b(bearer|basic|dpop)(\s+)[a-z0-9._~+/=-]{12,}`)
	// userInfo matches the password in a URL.
	userInfo = regexp.MustCompile(`(://[^\s/?#:@]*:)[^\s/?#@]+@`)
)

// tidy takes secrets out of a text and writes as escapes those characters that
// terminals obey or that reorder a line and that Go's handlers leave alone; what they
// escape themselves is left to them. It is the net below: an error that repeats a
// secret is wrong.
func tidy(text string) string {
	if strings.ContainsAny(text, "=:") {
		text = parameter.ReplaceAllString(text, "${1}${2}"+redacted)
		text = userInfo.ReplaceAllString(text, "${1}"+redacted+"@")
	}
	if strings.ContainsRune(text, ' ') {
		text = credentials.ReplaceAllString(text, "${1}${2}"+redacted)
	}
	if strings.IndexFunc(text, obeyed) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if obeyed(r) {
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func obeyed(r rune) bool { return r >= ' ' && !unicode.IsPrint(r) }
