package page_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/page"
)

const hostile = `"><script>alert(1)</script><b onmouseover=alert(2) style=color:red>'`

// parts is every part with text in each field. Tests call it with plain words and with
// words that try to break out.
func parts(text string) map[string]templ.Component {
	field := page.Field{Name: "username", Label: "Username " + text, Type: "text", Value: text, Help: text, Error: text, Placeholder: text, Autocomplete: "username"}
	choice := page.Field{Name: "tier", Label: "Tier", Value: text, Options: []page.Option{{Value: text, Label: text}, {Value: "Gold", Label: "Gold"}}}
	pasted := page.Field{Name: "pasted", Label: "Definition", Type: "textarea", Code: true, Value: text}
	file := page.Field{Name: "file", Label: "OpenAPI file", Type: "file", Accept: ".json,.yaml", Optional: true}
	sample := page.Sample{ID: "curl", Title: "cURL", Fill: "$TOKEN #token", Code: []page.Span{
		page.Plain("curl -H "), page.Quoted(`"Authorization: Bearer `), page.Own(text), page.Quoted(`"`), page.Plain(" \\\n  "), page.Hole("path"), page.Faint("  # " + text),
	}}
	return map[string]templ.Component{
		"button":         page.Button{Label: text, More: text, Look: page.Primary, Icon: "key", Name: "do", Value: text}.View(),
		"button link":    page.Button{Label: text, Href: "/apis?q=" + text, Small: true}.View(),
		"button quiet":   page.Button{Label: text, Look: page.Quiet}.View(),
		"button danger":  page.Button{Label: text, More: " secret ending jDue", Look: page.Danger, Small: true}.View(),
		"field":          field.View(),
		"field choice":   choice.View(),
		"field pasted":   pasted.View(),
		"field file":     file.View(),
		"errors":         page.Errors{Fields: []page.Field{field, pasted}}.View(),
		"errors title":   page.Errors{Title: text}.View(),
		"segment":        page.Segment{Label: text, Links: []page.Link{{Label: "Production " + text, Href: "/subscriptions", Here: true}, {Label: "Sandbox", Href: "/subscriptions?env=SANDBOX"}}}.View(),
		"choice":         page.Choice{Label: "Environment", Name: "env", Value: "SANDBOX", Help: text, Options: []page.Option{{Value: "SANDBOX", Label: "Sandbox"}, {Value: text, Label: text}}}.View(),
		"notice":         page.Notice{Title: text, Text: text, Press: &page.Button{Label: "Continue", Href: "/", Small: true}}.View(),
		"notice ok":      page.Notice{Mood: page.OK, Text: text}.View(),
		"notice care":    page.Notice{Mood: page.Care, Text: text}.View(),
		"notice bad":     page.Notice{Mood: page.Bad, Title: text, Text: text}.View(),
		"empty":          page.Empty{Title: text, Text: text}.View(),
		"method":         page.Method("DELETE"),
		"scope":          page.Scope(text),
		"chip":           page.Chip(text),
		"pill":           page.Pill{Mood: page.Wait, Label: text}.View(),
		"pill state":     page.StatePill(gatehouse.Published).View(),
		"pill blocked":   page.SubscriptionPill(gatehouse.SubscriptionBlock).View(),
		"tracker":        page.Tracker{Steps: append(page.FirstCall[:2:2], page.Step{Label: text, Note: text}), At: 1}.View(),
		"ticket":         page.Ticket{ID: "secret", Label: "Consumer secret", Value: text, Text: "Store it now. We keep only a fingerprint of it, so nobody can show it again, not even us. " + text}.View(),
		"ticket token":   page.Ticket{ID: "token", Label: "Access token", Value: strings.Repeat("eyJhbGciOiJFUzI1NiIs", 12) + text, Scopes: []string{"read", text}, Left: time.Hour}.View(),
		"copyline":       page.CopyLine{ID: "key", Label: "Consumer key", Value: "wU62DjlyDBnq87GlBwplfqvmAbAa" + text, Help: text}.View(),
		"copyline large": page.CopyLine{ID: "org", Label: "Organization key", Value: text, Large: true}.View(),
		"sample":         sample.View(),
		"note":           page.Note("info", text),
		"tier":           page.TierCard{Tier: gatehouse.Tier{Name: text, Terms: gatehouse.Terms{Limit: gatehouse.Limit{Calls: 5000, Every: 1, Unit: gatehouse.PerMinute}}}, Checked: true}.View(),
		"scope pick":     page.ScopePick{Scope: gatehouse.Scope{Name: "read", Description: text}, Checked: true}.View(),
		"scope locked":   page.ScopePick{Scope: gatehouse.Scope{Name: "update"}, Locked: text}.View(),
		"anatomy":        page.Anatomy(text, "johnsorg"),
		"mark":           page.Mark{ID: text, Size: page.LargeMark}.View(),
		"problem":        page.Problem{Status: 404, Title: text, Text: text, RequestID: text, Press: &page.Button{Label: "All APIs", Href: "/"}}.View(),
	}
}

func frame(text string, member bool) page.Frame {
	org := gatehouse.Organization{Key: "johnsorg", Name: "Johns Org " + text, SignUp: true}
	f := page.Frame{Title: "APIs " + text, Area: page.Store, Organization: &org, Nav: "/", Here: "/?q=" + text, Query: text, CSRF: text, Notice: &page.Notice{Mood: page.OK, Text: text}}
	if member {
		f.Member = &gatehouse.Member{User: gatehouse.User{Username: "john@johns.org", Name: "John Doe " + text}, Organization: org, Roles: []gatehouse.Role{gatehouse.Publisher}}
	}
	return f
}

func render(t testing.TB, c templ.Component) string {
	t.Helper()
	var b bytes.Buffer
	if err := c.Render(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func respond(t testing.TB, f page.Frame, body templ.Component) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	if err := page.Render(w, httptest.NewRequest("GET", "/", nil), http.StatusOK, f, body); err != nil {
		t.Fatal(err)
	}
	return w
}

// allowed checks what the Content-Security-Policy would refuse, and that nothing of
// the hostile text became an element or an attribute.
func allowed(t *testing.T, text string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for node := range doc.Descendants() {
		if node.Type != html.ElementNode {
			continue
		}
		if node.Data == "style" || node.Data == "script" && node.FirstChild != nil {
			t.Errorf("<%s> with content: %s", node.Data, node.FirstChild.Data)
		}
		for _, a := range node.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				t.Errorf("<%s %s=%q>: inline styles and handlers are forbidden", node.Data, a.Key, a.Val)
			}
			if (a.Key == "href" || a.Key == "src" || a.Key == "action") && (strings.Contains(a.Val, ":") && !strings.HasPrefix(a.Val, "/") || strings.HasPrefix(a.Val, "//")) {
				t.Errorf("<%s %s=%q> leads out of the site", node.Data, a.Key, a.Val)
			}
		}
	}
}

func TestPartsKeepThePolicyWhateverTheyShow(t *testing.T) {
	for _, text := range []string{"plain words", hostile, `" onmouseover="alert(1)`, "javascript:alert(1)", "</textarea></pre></title><script>x</script>"} {
		for name, part := range parts(text) {
			t.Run(name, func(t *testing.T) { allowed(t, render(t, part)) })
		}
		for _, member := range []bool{false, true} {
			allowed(t, respond(t, frame(text, member), page.Empty{Title: text}.View()).Body.String())
		}
	}
}

func TestPartsShowTheirText(t *testing.T) {
	silent := map[string]bool{"mark": true, "method": true, "pill state": true, "pill blocked": true, "field file": true}
	for name, part := range parts("Zaphod") {
		if got := render(t, part); !silent[name] && !strings.Contains(got, "Zaphod") {
			t.Errorf("%s does not show its text: %s", name, got)
		}
	}
}

func TestHeadersOfAPage(t *testing.T) {
	w := respond(t, frame("", true), page.Empty{}.View())
	for name, want := range map[string]string{
		"Content-Type":               "text/html; charset=utf-8",
		"Cache-Control":              "no-store",
		"Referrer-Policy":            "no-referrer",
		"X-Content-Type-Options":     "nosniff",
		"Cross-Origin-Opener-Policy": "same-origin",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, want := range []string{"default-src 'self'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"} {
		if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, want) || strings.Contains(csp, "unsafe") {
			t.Errorf("the policy %q lacks %s", csp, want)
		}
	}
}

func TestAnErrorLeavesNoHalfPage(t *testing.T) {
	w := httptest.NewRecorder()
	broken := templ.ComponentFunc(func(context.Context, io.Writer) error { return io.ErrUnexpectedEOF })
	if err := page.Render(w, httptest.NewRequest("GET", "/", nil), 200, frame("", false), broken); err == nil {
		t.Fatal("the error was lost")
	}
	if w.Body.Len() > 0 || len(w.Header()) > 0 {
		t.Errorf("%d bytes and %v were sent", w.Body.Len(), w.Header())
	}
}

func TestHeaderShowsEachTheirOwnLinks(t *testing.T) {
	tests := []struct {
		name   string
		roles  []gatehouse.Role
		signUp bool
		has    []string
		hasNot []string
	}{
		{"a visitor", nil, true, []string{">APIs<", ">My Subscriptions<", ">Sign in<", ">Sign up<", "/signup?next=%2Fapis%2F1&amp;o=johnsorg", `href="/o/johnsorg/"`}, []string{">Publisher<", ">Organization<", "/logout"}},
		{"a visitor where sign-up is off", nil, false, []string{">Sign in<"}, []string{">Sign up<"}},
		{"a subscriber", []gatehouse.Role{gatehouse.Subscriber}, true, []string{">Organization<", "john@johns.org@johnsorg", "Sign out"}, []string{">Publisher<", ">Sign in<"}},
		{"a creator", []gatehouse.Role{gatehouse.Creator}, true, []string{">Publisher<", ">Organization<"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := frame("", test.roles != nil)
			f.Organization.SignUp, f.Here = test.signUp, "/apis/1"
			if f.Member != nil {
				f.Member.Roles = test.roles
			}
			got := respond(t, f, page.Empty{}.View()).Body.String()
			for _, want := range test.has {
				if !strings.Contains(got, want) {
					t.Errorf("%s is missing", want)
				}
			}
			for _, not := range test.hasNot {
				if strings.Contains(got, not) {
					t.Errorf("%s is there", not)
				}
			}
		})
	}
}

func TestThemeIsInTheFirstByte(t *testing.T) {
	for cookie, want := range map[string]string{"dark": `<html lang="en" data-theme="dark">`, "light": `<html lang="en" data-theme="light">`, "system": `<html lang="en">`, `"><script>`: `<html lang="en">`} {
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(&http.Cookie{Name: page.ThemeCookie, Value: cookie})
		f := frame("", false)
		f.Theme = page.ThemeOf(r)
		if got := respond(t, f, page.Empty{}.View()).Body.String(); !strings.Contains(got, want) {
			t.Errorf("theme %q: %.80s lacks %s", cookie, got, want)
		}
	}
}

func TestASecretStandsInOneTextNode(t *testing.T) { // check 155 begins here: one place to find it
	const secret = "ghs_0123456789abcdefghij"
	got := render(t, page.Ticket{ID: "secret", Label: "Consumer secret", Value: secret}.View())
	if n := strings.Count(got, secret); n != 1 || !strings.Contains(got, ">"+secret+"</textarea>") {
		t.Errorf("the secret stands in %d places: %s", n, got)
	}
}

func TestASampleIsExactlyWhatIsCopied(t *testing.T) {
	sample := page.Sample{ID: "s", Title: "cURL", Code: []page.Span{page.Plain("curl \\\n  -u "), page.Own("key"), page.Plain(":"), page.Hole("$SECRET")}}
	doc, err := html.Parse(strings.NewReader(render(t, sample.View())))
	if err != nil {
		t.Fatal(err)
	}
	var got string
	for node := range doc.Descendants() {
		if node.Data == "pre" {
			for text := range node.Descendants() {
				if text.Type == html.TextNode {
					got += text.Data
				}
			}
		}
	}
	if want := "curl \\\n  -u key:$SECRET"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestMarksTellAPIsApart(t *testing.T) {
	a, b := page.Mark{ID: "a"}.View(), page.Mark{ID: "b"}.View()
	if render(t, a) == render(t, b) || render(t, a) != render(t, page.Mark{ID: "a"}.View()) {
		t.Error("a mark must follow from the id, and from nothing else")
	}
}

func TestProblemsOfOursSayNothing(t *testing.T) {
	p := page.ProblemOf(io.ErrUnexpectedEOF, 500, "01K")
	if got := render(t, p.View()); strings.Contains(got, "EOF") || !strings.Contains(got, "01K") {
		t.Errorf("got %s", got)
	}
	p = page.ProblemOf(gatehouse.Errorf(gatehouse.Conflict, "take another name"), 409, "01K")
	if got := render(t, p.View()); !strings.Contains(got, "Take another name.") {
		t.Errorf("got %s", got)
	}
}

func TestMomentsAreSaidAsPeopleSayThem(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{0: ">now<", 90 * time.Second: "1 min ago", 5 * time.Hour: "5 h ago", 72 * time.Hour: "3 d ago", 90 * 24 * time.Hour: "27 Aug 2026", -time.Hour: "in 60 minutes"} {
		if got := render(t, page.Ago(now.Add(-d), now)); !strings.Contains(got, want) {
			t.Errorf("%v ago is %s, want %s", d, got, want)
		}
	}
	if got := render(t, page.Ago(time.Time{}, now)); !strings.Contains(got, "never") {
		t.Errorf("got %s", got)
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1\u202f000", 1234567: "1\u202f234\u202f567"} {
		if got := page.Thousands(n); got != want {
			t.Errorf("Thousands(%d) is %q, want %q", n, got, want)
		}
	}
}

// linked are the paths of everything a page loads.
func linked(t testing.TB) []string {
	t.Helper()
	body := respond(t, frame("", true), page.Empty{}.View()).Body.String()
	return regexp.MustCompile(`/static/[a-z]+\.[0-9a-f]{12}\.[a-z]+`).FindAllString(body, -1)
}

func TestAssetsAreSmallAndKeptForEver(t *testing.T) {
	limits := map[string]int{".css": 16 << 10, ".js": 6 << 10, ".svg": 4 << 10}
	paths := linked(t)
	if len(paths) < 4 {
		t.Fatalf("a page loads %v: too little", paths)
	}
	for _, path := range paths {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Accept-Encoding", "gzip")
		w := httptest.NewRecorder()
		page.Static().ServeHTTP(w, r)
		if w.Code != 200 || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
		if size, limit := w.Body.Len(), limits[filepath.Ext(path)]; size > limit {
			t.Errorf("%s has %d bytes over the wire, more than %d", path, size, limit)
		}
		z, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		unzipped, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		plain := httptest.NewRecorder()
		page.Static().ServeHTTP(plain, httptest.NewRequest("GET", path, nil))
		if plain.Header().Get("Content-Encoding") != "" || !bytes.Equal(plain.Body.Bytes(), unzipped) {
			t.Errorf("%s differs with and without gzip", path)
		}
	}
}

func TestOtherPathsAreNotThere(t *testing.T) {
	for _, path := range []string{"/static/", "/static/app.css", "/static/app.000000000000.css", "/static/../page.go"} {
		w := httptest.NewRecorder()
		page.Static().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// TestGallery writes all parts on one page into the folder GALLERY, to be looked at:
//
//	GALLERY=/tmp/gallery go test -run Gallery ./internal/page
func TestGallery(t *testing.T) {
	folder := os.Getenv("GALLERY")
	if folder == "" {
		t.Skip("GALLERY names no folder")
	}
	write := func(path string, content []byte) {
		path = filepath.Join(folder, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range linked(t) {
		w := httptest.NewRecorder()
		page.Static().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		write(path, w.Body.Bytes())
	}
	for _, theme := range []page.Theme{page.Light, page.Dark} {
		f := frame("", true)
		f.Theme = theme
		write(string(theme)+".html", respond(t, f, gallery()).Body.Bytes())
	}
}

func gallery() templ.Component {
	all := parts("of the house")
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		io.WriteString(w, `<div class="wrap"><div class="head"><h1>All parts</h1></div><div class="stack">`)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			io.WriteString(w, `<section class="card"><header><h2>`+name+`</h2></header><div class="body">`)
			if err := all[name].Render(ctx, w); err != nil {
				return err
			}
			io.WriteString(w, `</div></section>`)
		}
		_, err := io.WriteString(w, `</div></div>`)
		return err
	})
}
