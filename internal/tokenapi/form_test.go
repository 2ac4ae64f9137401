package tokenapi

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// FuzzParseForm holds parseForm to net/url: it accepts what net/url reads as each
// parameter once, and reads the same. It knows no semicolons, as a form has none.
func FuzzParseForm(f *testing.F) {
	for _, seed := range []string{"", "a=b", "a=b&a=c", "a=%zz", "a=+%2B&b", "&&a&", "=x", "resource=a&resource=b", "a=b;c=d", "a=\x00", "%61=1&a=2", strings.Repeat("&", 200)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		got, err := parseForm(body)
		if strings.Count(body, "&") >= maxParameters {
			if err == nil {
				t.Error("too many parameters are accepted")
			}
			return
		}
		if strings.Contains(body, ";") { // net/url refuses what RFC 1866 meant as a separator
			return
		}
		model, modelErr := url.ParseQuery(body)
		once := modelErr == nil
		if resources := model["resource"]; len(resources) > 1 { // the one that may stand several times
			model["resource"] = []string{strings.Join(resources, " ")}
		}
		for _, values := range model {
			once = once && len(values) == 1
		}
		if (err == nil) != once {
			t.Fatalf("%q: error %v; net/url reads %v, %v", body, err, model, modelErr)
		}
		if err != nil {
			return
		}
		if len(got) != len(model) {
			t.Errorf("%q: %v, want %v", body, got, model)
		}
		for name, values := range model {
			if v, ok := got[name]; !ok || v != values[0] {
				t.Errorf("%q: %q is %q, want %q", body, name, v, values[0])
			}
		}
	})
}

// FuzzParseBasic holds parseBasic to net/http.
func FuzzParseBasic(f *testing.F) {
	for _, seed := range []string{"", "Basic", "Basic eDp5", "basic eDp5", "Basic  eDp5 ", "Bearer eDp5", "Basic eA==", "Basic eDp5\n", "Basic\teDp5", "Basic Og=="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got, ok := parseBasic(header)
		r := http.Request{Header: http.Header{"Authorization": {header}}}
		key, secret, modelOK := r.BasicAuth()
		if modelOK && (!ok || got.key != key || got.secret != secret) {
			t.Errorf("%q: %v %v; net/http reads %q %q", header, got, ok, key, secret)
		}
		if ok && !modelOK { // more spaces around the credentials are tolerated, and nothing else
			trimmed := header[:5] + " " + strings.Trim(header[5:], " ")
			if key, secret, modelOK = (&http.Request{Header: http.Header{"Authorization": {trimmed}}}).BasicAuth(); !modelOK || got.key != key || got.secret != secret {
				t.Errorf("%q: %v is read", header, got)
			}
		}
		again, ok2 := parseBasic("Basic " + base64.StdEncoding.EncodeToString([]byte(got.key+":"+got.secret)))
		if ok && (!ok2 || again != got) {
			t.Errorf("%v is not read again: %v", got, again)
		}
	})
}

func TestDescriptionsHoldWhatTheyMay(t *testing.T) {
	if got := describable("a \"b\" \\ ü\n\x7f~"); got != "a 'b' '    ~" {
		t.Errorf("%q", got)
	}
}
