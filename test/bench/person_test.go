package bench

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// verifier is what the application proves with that a code is its own (RFC 7636).
var verifier = strings.Repeat("v", 43)

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// person is john with a browser, who signed in and allows whatever he is asked.
type person struct {
	h       *house
	browser *http.Client
	csrf    string // of the forms of his session
}

func (h *house) signIn(b *testing.B) *person {
	b.Helper()
	jar, _ := cookiejar.New(nil) // it knows no error without options
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxIdleConnsPerHost: chains}
	b.Cleanup(transport.CloseIdleConnections)
	p := &person{h: h, browser: &http.Client{Transport: transport, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	_, page, err := p.visit("GET", h.Portal+"/login", nil)
	if err == nil {
		_, _, err = p.visit("POST", h.Portal+"/login", fields(page, "username", "john@johns.org@johnsorg", "password", password))
	}
	if err == nil {
		_, page, err = p.visit("GET", h.Portal+"/device", nil)
	}
	if err != nil {
		b.Fatal(err)
	}
	p.csrf = fields(page).Get("csrf")
	return p
}

// visit opens a page, or sends a form to it, and returns where the answer leads or what
// it holds.
func (p *person) visit(method, address string, form url.Values) (location, page string, err error) {
	r, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return "", "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := p.browser.Do(r)
	if err != nil {
		return "", "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%s %s: %s", method, address, res.Status)
	}
	return res.Header.Get("Location"), string(text), err
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)

// fields are the hidden fields of a page's form, with more.
func fields(page string, more ...string) url.Values {
	form := url.Values{}
	for _, field := range hidden.FindAllStringSubmatch(page, -1) {
		form.Set(field[1], html.UnescapeString(field[2]))
	}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

// code lets the application have an authorization code. Its consent page is shown once,
// and what was allowed is remembered.
func (p *person) code() (string, error) {
	location, _, err := p.visit("GET", p.h.GatewayHTTP+"/authorize?"+url.Values{
		"response_type": {"code"}, "client_id": {p.h.key}, "redirect_uri": {callback}, "scope": {"read"},
		"code_challenge": {challenge()}, "code_challenge_method": {"S256"},
	}.Encode(), nil)
	if err != nil {
		return "", err
	}
	location, page, err := p.visit("GET", location, nil)
	if err == nil && location == "" {
		location, _, err = p.visit("POST", p.h.Portal+"/consent", fields(page, "decision", "allow"))
	}
	if err != nil {
		return "", err
	}
	back, err := url.Parse(location)
	if err != nil {
		return "", err
	}
	return back.Query().Get("code"), nil
}

// device returns the device code of a device that may act for him.
func (p *person) device() (string, error) {
	var begun struct {
		DeviceCode string `json:"device_code"`
		UserCode   string `json:"user_code"`
	}
	if err := p.h.post("/device_authorization", "scope=read", "", &begun); err != nil {
		return "", err
	}
	_, _, err := p.visit("POST", p.h.Portal+"/device/answer", url.Values{"csrf": {p.csrf}, "user_code": {begun.UserCode}, "answer": {"allow"}})
	return begun.DeviceCode, err
}
