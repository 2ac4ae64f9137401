package conformance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// person is somebody with a browser that runs no script. They fill in whatever form they
// are shown and press its first button.
type person struct {
	h       *house
	browser *http.Client
}

// somebody returns a person who is not signed in.
func (h *house) somebody() *person {
	p := &person{h: h}
	jar, _ := cookiejar.New(nil) // it knows no error without options
	p.browser = &http.Client{Transport: h.client.Transport, Timeout: h.client.Timeout, Jar: jar,
		CheckRedirect: func(r *http.Request, _ []*http.Request) error {
			if !h.own(r.URL) {
				return http.ErrUseLastResponse
			}
			return nil
		}}
	return p
}

// own reports whether a URL is one of the program's.
func (h *house) own(u *url.URL) bool {
	base := u.Scheme + "://" + u.Host
	return base == h.issuer || base == h.portal
}

// arrival is where a browser ends: outside the program, or on a page that asks nothing.
type arrival struct {
	URL  string `json:"url"`
	Body string `json:"body"` // the form that was posted there, if it was one
}

// answer returns what the authorization server told the client.
func (a *arrival) answer() (url.Values, error) {
	u, err := url.Parse(a.URL)
	if err != nil {
		return nil, err
	}
	values := u.Query()
	if a.Body != "" {
		if values, err = url.ParseQuery(a.Body); err != nil {
			return nil, err
		}
	}
	if values.Get("code") == "" {
		return nil, fmt.Errorf("no code came back: %s %s", a.URL, a.Body)
	}
	return values, nil
}

// visit opens a URL and answers forms until the browser arrives somewhere.
func (p *person) visit(to string) (*arrival, error) {
	res, err := p.browser.Get(to)
	for range 6 {
		if err != nil {
			return nil, err
		}
		if to, err := res.Location(); err == nil {
			_ = res.Body.Close()
			return &arrival{URL: to.String()}, nil
		}
		page, err := html.Parse(res.Body)
		_ = res.Body.Close()
		if err != nil {
			return nil, err
		}
		if res.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s answers %s: %s", res.Request.URL, res.Status, words(page))
		}
		action, fields := p.fill(page)
		if fields == nil {
			return &arrival{URL: res.Request.URL.String()}, nil
		}
		target, err := res.Request.URL.Parse(action)
		if err != nil {
			return nil, err
		}
		if !p.h.own(target) {
			return &arrival{URL: target.String(), Body: fields.Encode()}, nil
		}
		res, err = p.browser.PostForm(target.String(), fields)
	}
	return nil, fmt.Errorf("the forms of %s do not end", to)
}

// fill fills in the first form of a page's body and presses its first button. Without a
// form there are no fields.
func (p *person) fill(page *html.Node) (action string, fields url.Values) {
	body := page
	if main := find(page, "main"); main != nil {
		body = main
	}
	form := find(body, "form")
	if form == nil {
		return "", nil
	}
	fields = url.Values{}
	pressed := false
	for n := range form.Descendants() {
		name := attribute(n, "name")
		switch {
		case n.Data == "button" && !pressed:
			pressed = true
			if name != "" {
				fields.Set(name, attribute(n, "value"))
			}
		case n.Data != "input" || name == "":
		case name == "username":
			fields.Set(name, john)
		case name == "password":
			fields.Set(name, johnsPassword)
		default:
			fields.Set(name, attribute(n, "value"))
		}
	}
	return attribute(form, "action"), fields
}

// find returns the first element of a name.
func find(in *html.Node, name string) *html.Node {
	for n := range in.Descendants() {
		if n.Type == html.ElementNode && n.Data == name {
			return n
		}
	}
	return nil
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// words returns what a page says, in short.
func words(page *html.Node) string {
	if main := find(page, "main"); main != nil {
		page = main
	}
	var said []string
	for n := range page.Descendants() {
		if n.Type == html.TextNode {
			said = append(said, strings.Fields(n.Data)...)
		}
	}
	return strings.Join(said[:min(len(said), 60)], " ")
}

// lend lends persons to programs that are not written in Go: a POST of {"url":…} is a
// visit, answered with the arrival. Who asks at one path is one person.
func (h *house) lend(t *testing.T) string {
	t.Helper()
	persons := map[string]*person{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if persons[r.URL.Path] == nil {
			persons[r.URL.Path] = h.somebody()
		}
		var ask arrival
		err := json.NewDecoder(r.Body).Decode(&ask)
		got := &arrival{}
		if err == nil {
			got, err = persons[r.URL.Path].visit(ask.URL)
		}
		if err == nil {
			err = json.NewEncoder(w).Encode(got)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}
