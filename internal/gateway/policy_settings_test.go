package gateway

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

func TestSettingsThatAreRefused(t *testing.T) {
	for said, want := range map[string]string{
		`cors request {"credentials":true}`:                                         "cannot be allowed to every origin",
		`cors request {"credentials":true,"origins":["https://a.example","*"]}`:     "cannot be allowed to every origin",
		`cors request {"credentials":true,"origins":["https://a"],"headers":["*"]}`: "does not stand for all headers",
		`cors request {"credentials":true,"origins":["https://a"],"exposed":["*"]}`: "does not stand for all headers",
		`cors request {"origins":["a.example"]}`:                                    "is no origin",
		`cors request {"origins":["https://a.example/"]}`:                           "is no origin",
		`cors request {"origins":["https://a.*.example"]}`:                          "is no origin",
		`cors request {"origins":["https://u@a.example"]}`:                          "is no origin",
		`cors request {"headers":["a,b"]}`:                                          "cannot be the name of a header",
		`cors request {"methods":["get"]}`:                                          "is no method",
		`cors request {"maxAge":-1}`:                                                "use 0 to 86400",

		`query request {}`:                               "name 1 to 50",
		`query request {"set":{"":"x"}}`:                 "1 to 4096 bytes",
		`rewrite request {}`:                             "changes nothing",
		`rewrite request {"method":"HEAD"}`:              "cannot be the method",
		`rewrite request {"method":"TRACE"}`:             "cannot be the method",
		`rewrite request {"path":"/{petId}"}`:            "{petId} is no parameter of GET /pets",
		`rewrite request {"path":"/{rest}"}`:             "which GET /pets has not",
		`rewrite response {"path":"/x"}`:                 "no part on the response side",
		`mock request {"status":101}`:                    "use 200 to 599",
		`mock request {"status":204,"body":"x"}`:         "has no body",
		`mock request {"headers":{"Upgrade":"x"}}`:       "the gateway's to say",
		`mock request {"body":"x","contentType":"a\nb"}`: "no control character",

		`redirect request {}`:                                      "use an https:// URL",
		`redirect request {"to":"http://a.example"}`:               "use an https:// URL",
		`redirect request {"to":"//evil.example"}`:                 "plain form",
		`redirect request {"to":"javascript:alert(1)"}`:            "use an https:// URL",
		`redirect request {"to":"https://{petId}/x"}`:              "cannot be the host",
		`redirect request {"to":"https://a.example@evil/"}`:        "cannot be the host",
		`redirect request {"to":"https:///x"}`:                     "cannot be the host",
		`redirect request {"to":"https://a.example?x"}`:            "cannot be the host",
		`redirect request {"to":"https://a.example/{petId}"}`:      "{petId} is no parameter",
		`redirect request {"to":"https://a.example","status":300}`: "use 301, 302, 303, 307 or 308",

		`ip-allow request {}`:                               "list 1 to 500",
		`ip-allow request {"allow":["example.com"]}`:        "is no network",
		`ip-allow request {"allow":["fe80::1%eth0"]}`:       "is no network",
		`ip-allow request {"deny":["::ffff:10.0.0.0/104"]}`: "in disguise",
		`ip-allow request {"deny":["10.0.0.1/8"]}`:          "write 10.0.0.0/8",

		`backend-jwt request {"algorithm":"none"}`:          "use RS256 or ES256",
		`backend-jwt request {"lifetime":59}`:               "use 60 to 3600",
		`request-log request {"fields":["query"]}`:          "is no field of a line",
		`request-log request {"headers":["authorization"]}`: "holds credentials",
		`request-log request {"headers":["apikey"]}`:        "holds credentials",
		`request-log request {"headers":["a b"]}`:           "cannot be the name of a header",
		`request-log request {"rate":0}`:                    "use more than 0",
		`request-log request {"rate":1.5}`:                  "use more than 0",
	} {
		err := Check(petstore("pets", "/pets", func(a *gatehouse.API) { a.Settings.Policies = policies(said) }))
		if gatehouse.KindOf(err) != gatehouse.Invalid || !strings.Contains(gatehouse.MessageOf(err), want) {
			t.Errorf("%s: %v, want something with %q", said, err, want)
		}
	}
	twice := petstore("pets", "/pets", func(a *gatehouse.API) { a.Settings.Policies = policies(`cors`, `cors`) })
	if err := Check(twice); gatehouse.KindOf(err) != gatehouse.Invalid {
		t.Errorf("two cors policies: %v", err)
	}
	own := petstore("pets", "/pets", func(a *gatehouse.API) { a.Resources[0].Policies = policies(`cors`) })
	if err := Check(own); gatehouse.KindOf(err) != gatehouse.Invalid {
		t.Errorf("cors of a resource: %v", err)
	}
}

func TestAddressThatNobodyKnowsMayNotCall(t *testing.T) {
	p, err := newIPAllow(ipAllowSettings{Deny: []string{"10.0.0.0/8"}}, place{})
	if err != nil {
		t.Fatal(err)
	}
	if r := p.(admitter).admit(&facts{}, nil, nil); r != foreignAddress {
		t.Errorf("it is refused with %v", r)
	}
	if r := p.(admitter).admit(&facts{address: netip.MustParseAddr("2001:db8::1")}, nil, nil); r != nil {
		t.Errorf("an address that is not listed is refused with %v", r)
	}
}
