package gateway

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

func policies(said ...string) []gatehouse.Policy {
	var list []gatehouse.Policy
	for _, s := range said { // name, side and settings, parted by spaces
		name, rest, _ := strings.Cut(s, " ")
		side, settings, _ := strings.Cut(rest, " ")
		list = append(list, gatehouse.Policy{Name: name, Side: gatehouse.Side(strings.Trim(side, "-")), Settings: json.RawMessage(settings)})
	}
	return list
}

func TestPoliciesThatAreRefused(t *testing.T) {
	for said, want := range map[string]string{
		`nothing`:                                              "there is no policy",
		`graphql request {"schema":"type"}`:                    "the schema cannot be read",
		`graphql request {"scopes":{"pets":["a"]}}`:            "is no operation",
		`graphql request {"costs":{"pets":-1}}`:                "costs -1",
		`websocket - {"maxMessage":99999999999}`:               "maxMessage is 0 to",
		`headers request {"remov":["X"]}`:                      `unknown field "remov"`,
		`headers request {"remove":"X"}`:                       "cannot unmarshal",
		`headers request {"set":{"X":"1"}}x`:                   "one JSON object",
		`headers request {}`:                                   "name 1 to 50",
		`headers`:                                              "name 1 to 50",
		`headers request {"remove":["X Y"]}`:                   "cannot be the name of a header",
		`headers request {"remove":[""]}`:                      "cannot be the name of a header",
		`headers request {"set":{"content-length":"1"}}`:       "the gateway's to say",
		`headers request {"add":{"X-Forwarded-User":"root"}}`:  "the gateway's to say",
		`headers request {"rename":{"X":"transfer-encoding"}}`: "the gateway's to say",
		`headers request {"set":{"X":"a\r\nSet-Cookie: b=c"}}`: "no control character",
		`headers response {"remove":["www-authenticate"]}`:     "the gateway's to say",
	} {
		err := Check(petstore("pets", "/pets", func(a *gatehouse.API) { a.Settings.Policies = policies(said) }))
		if gatehouse.KindOf(err) != gatehouse.Invalid || !strings.Contains(gatehouse.MessageOf(err), want) {
			t.Errorf("%s: %v, want something with %q", said, err, want)
		}
	}
}

func TestPoliciesOfTheResourceRunBehindThoseOfTheAPI(t *testing.T) {
	a := petstore("pets", "/pets", func(a *gatehouse.API) {
		a.Settings.Policies = policies(`headers request {"set":{"X-Who":"API","X-API":"1"}}`, `headers response {"set":{"X-Back":"API"}}`)
		a.Resources[0].Policies = policies(`headers request {"set":{"X-Who":"resource"},"rename":{"X-Old":"X-New"},"remove":["X-Gone"],"add":{"X-More":"2"}}`)
	})
	c := chainOf(t, a)
	out := &http.Request{Header: http.Header{"X-Who": {"caller"}, "X-Old": {"old"}, "X-Gone": {"x"}, "X-More": {"1"}}}
	for _, p := range c.rewriters {
		p.rewrite(nil, out)
	}
	want := http.Header{"X-Who": {"resource"}, "X-Api": {"1"}, "X-New": {"old"}, "X-More": {"1", "2"}}
	if text(out.Header) != text(want) {
		t.Errorf("the backend gets %v, want %v", out.Header, want)
	}
	answer := &http.Response{Header: http.Header{"X-Who": {"backend"}}}
	for _, p := range c.responders {
		if err := p.respond(nil, answer); err != nil {
			t.Fatal(err)
		}
	}
	if want := (http.Header{"X-Who": {"backend"}, "X-Back": {"API"}}); text(answer.Header) != text(want) {
		t.Errorf("the caller gets %v, want %v", answer.Header, want)
	}
}

// chainOf compiles the policies of an API's first resource.
func chainOf(tb testing.TB, a *gatehouse.API) *chain {
	tb.Helper()
	shared, err := compilePolicies(a.Settings.Policies, place{api: a})
	if err != nil {
		tb.Fatal(err)
	}
	c, err := newChain(shared, place{api: a}, &a.Resources[0])
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // tests marshal what marshals
	}
	return string(b)
}
