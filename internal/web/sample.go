package web

import (
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/page"
)

// The places in samples that the Copy button fills from the one element of the page
// that shows the value. To a shell they are variables, so a sample also runs after
// TOKEN=… or SECRET=…
const (
	tokenPlace  = "$TOKEN"
	secretPlace = "$SECRET"
	fillToken   = tokenPlace + " #token"
	fillSecret  = secretPlace + " #secret"
)

// insecure is what curl needs beside itself to call a gateway with a certificate of its
// own making.
func (h *Handler) insecure() string {
	if h.SelfSigned {
		return " -k"
	}
	return ""
}

// call is a request to an API that runs as it is copied, with a token that holds
// granted; where there is a choice, to a resource that such a token opens.
func (h *Handler) call(a *gatehouse.API, granted []string) page.Sample {
	code := []page.Span{
		page.Plain("curl" + h.insecure() + " -H "), page.Quoted(`"Authorization: Bearer `), page.Own(tokenPlace), page.Quoted(`"`), page.Plain(" \\\n  "),
	}
	target := h.GatewayURL + a.BasePath()
	if best := bestResource(a.Resources, granted); best != nil {
		if best.Method != "GET" {
			code = append(code, page.Plain("-X "+best.Method+" "))
		}
		if best.Method == "POST" || best.Method == "PUT" || best.Method == "PATCH" {
			code = append(code, page.Plain("-H "), page.Quoted(`"Content-Type: application/json"`), page.Plain(" -d "), page.Quoted("'{}'"), page.Plain(" \\\n  "))
		}
		target += example(best.Template)
	}
	return page.Sample{ID: "call", Title: "cURL", Fill: fillToken, Code: append(code, page.Plain(shellWord(target)))}
}

// bestResource is the one a newcomer has the best chance with: one that the token
// opens; of these a GET without a parameter, else a GET, else the first.
func bestResource(resources []gatehouse.Resource, granted []string) *gatehouse.Resource {
	if len(resources) == 0 {
		return nil
	}
	rank := func(r gatehouse.Resource) int {
		rank := 0
		if !r.OpenTo(granted) {
			rank += 4
		}
		if r.Method != "GET" {
			rank += 2
		}
		if strings.ContainsAny(r.Template, "{*") {
			rank++
		}
		return rank
	}
	best := slices.MinFunc(resources, func(a, b gatehouse.Resource) int { return rank(a) - rank(b) })
	return &best
}

// example fills a path template in.
func example(template string) string {
	segments := strings.Split(template, "/")
	for i, s := range segments {
		if strings.HasPrefix(s, "{") {
			segments[i] = "1"
		} else if s == "*" {
			segments[i] = ""
		}
	}
	return strings.Join(segments, "/")
}

// passwordRequest is the Token API request with the password grant (RFC 6749, section
// 4.3). The password is typed, so it stays out of the shell's history, and what could
// be misread is encoded. It is one command, so it can be pasted as a whole.
func (h *Handler) passwordRequest(k *gatehouse.Keys, m *gatehouse.Member, scopes []string) page.Sample {
	code := []page.Span{
		page.Faint("stty -echo; read -r PASSWORD; stty echo; "), page.Plain("\\\n"),
		page.Plain("curl" + h.insecure() + " " + shellWord(h.GatewayURL+"/token") + " \\\n  -u "),
		page.Own(k.ConsumerKey), page.Plain(`:"`), page.Own(secretPlace), page.Plain("\" \\\n  -d grant_type=password \\\n  --data-urlencode "),
		page.Quoted(`"username=`), page.Own(m.Qualified()), page.Quoted(`"`), page.Plain(" \\\n  --data-urlencode "),
		page.Quoted(`"password=`), page.Plain("$PASSWORD"), page.Quoted(`"`),
	}
	return page.Sample{ID: "password-request", Title: "Token API request", Fill: fillSecret, Code: append(code, scopeSpans(scopes)...)}
}

// headerRequest is the same with the Basic header spelled out, for tools that do not
// make it themselves.
func (h *Handler) headerRequest(k *gatehouse.Keys, m *gatehouse.Member, scopes []string) page.Sample {
	username := strings.ReplaceAll(url.QueryEscape(m.Qualified()), "%40", "@")
	body := "grant_type=password&username=" + username
	if len(scopes) > 0 {
		body += "&scope=" + url.QueryEscape(strings.Join(scopes, " "))
	}
	return page.Sample{ID: "header-request", Title: "With the Basic header", Fill: fillSecret, Code: []page.Span{
		page.Faint("stty -echo; read -r PASSWORD; stty echo; "), page.Plain("\\\n"),
		page.Plain("curl" + h.insecure() + " -d "), page.Quoted(`"` + body + `"`), page.Plain(" --data-urlencode "), page.Quoted(`"password=$PASSWORD"`), page.Plain(" \\\n  -H "),
		page.Quoted(`"Authorization: Basic $(printf %s "`), page.Own(k.ConsumerKey), page.Quoted(":"), page.Own(secretPlace), page.Quoted(`" | base64 | tr -d '\n')"`), page.Plain(" \\\n  -H "),
		page.Quoted(`"Content-Type: application/x-www-form-urlencoded"`), page.Plain(" " + shellWord(h.GatewayURL+"/token")),
	}}
}

// clientRequest is the Token API request with client_credentials (RFC 6749, section 4.4).
func (h *Handler) clientRequest(consumerKey string, scopes []string) page.Sample {
	code := []page.Span{
		page.Plain("curl" + h.insecure() + " " + shellWord(h.GatewayURL+"/token") + " \\\n  -u "),
		page.Own(consumerKey), page.Plain(`:"`), page.Hole(secretPlace), page.Plain("\" \\\n  -d grant_type=client_credentials"),
	}
	return page.Sample{ID: "client-request", Title: "Token API", Code: append(code, scopeSpans(scopes)...)}
}

func scopeSpans(scopes []string) []page.Span {
	if len(scopes) == 0 {
		return nil
	}
	return []page.Span{page.Plain(" \\\n  --data-urlencode "), page.Quoted(shellWord("scope=" + strings.Join(scopes, " ")))}
}

// shellWord quotes s where a shell would read more than a word into it.
func shellWord(s string) string {
	plain := func(c rune) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("/:._~%@=+,-", c)
	}
	if s != "" && strings.IndexFunc(s, func(c rune) bool { return !plain(c) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
