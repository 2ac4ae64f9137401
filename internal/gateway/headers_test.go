package gateway

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestCleanRequest(t *testing.T) {
	for _, tt := range []struct {
		check string
		names []string // as a caller may write them
		stays bool
	}{
		{"103", []string{"X-HTTP-Method", "X-HTTP-Method-Override", "X-Method-Override", "x-http-method-override"}, false},
		{"105", []string{"X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix", "X-Forwarded-Uri", "X-Forwarded-Host"}, false},
		{"113", []string{"Authorization", "AUTHORIZATION"}, false},
		{"115", []string{"X-JWT-Assertion", "X-Forwarded-User", "X-Forwarded-For", "X-Real-IP", "X-WSO2-Client-Certificate", "Forwarded"}, false},
		{"115", []string{"X_Forwarded_User", "x_jwt_assertion", "X-Forwarded_For", "A_B"}, false},
		{"116", []string{"HTTP2-Settings"}, false},
		{"", []string{"Cookie", "Accept", "apikey", "X-Custom", "Content-Type", "Xforwarded-For", "Traceparent"}, true},
	} {
		for _, name := range tt.names {
			h := http.Header{}
			h.Set(name, "value")
			cleanRequest(h)
			if got := len(h) == 1; got != tt.stays {
				t.Errorf("check %s: %s is passed on: %v, want %v", tt.check, name, got, tt.stays)
			}
		}
	}
}

func TestOnlyWebSocketUpgrades(t *testing.T) {
	for upgrade, stays := range map[string]bool{"websocket": true, "WebSocket": true, "h2c": false, "TLS/1.0": false, "websocket, h2c": false} {
		h := http.Header{"Upgrade": {upgrade}, "Connection": {"Upgrade"}}
		cleanRequest(h)
		if got := len(h) == 2; got != stays {
			t.Errorf("check 116: upgrade to %s passes: %v, want %v", upgrade, got, stays)
		}
	}
}

func TestCleanAnswer(t *testing.T) {
	h := http.Header{
		"Server": {"x"}, "X-Powered-By": {"x"}, "Access-Control-Allow-Origin": {"https://a.example"}, "Access-Control-Allow-Credentials": {"true"},
		"Set-Cookie": {"a=b"}, "Etag": {"x"},
	}
	cleanAnswer(h, false)
	if got := slices.Sorted(maps.Keys(h)); !slices.Equal(got, []string{"Etag", "Set-Cookie"}) {
		t.Errorf("check 118: the caller gets %v", got)
	}
}

func TestCaller(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, tt := range []struct {
		name, remote string
		headers      []string // X-Forwarded-For lines
		want         string
	}{
		{"the connection's address", "203.0.113.7:4000", nil, "203.0.113.7"},
		{"IPv6", "[2001:db8::1]:4000", nil, "2001:db8::1"},
		{"IPv6 with a zone", "[fe80::1%eth0]:4000", nil, "fe80::1"},
		{"check 115: a stranger is not believed", "203.0.113.7:4000", []string{"1.2.3.4"}, "203.0.113.7"},
		{"a proxy is", "10.0.0.1:4000", []string{"203.0.113.9"}, "203.0.113.9"},
		{"an IPv6 proxy is", "[fd00::1]:4000", []string{"203.0.113.9"}, "203.0.113.9"},
		{"a mapped proxy is", "[::ffff:10.0.0.1]:4000", []string{"203.0.113.9"}, "203.0.113.9"},
		{"the last address that is no proxy's", "10.0.0.1:4000", []string{"1.2.3.4, 203.0.113.9, 10.0.0.2"}, "203.0.113.9"},
		{"several lines are one list", "10.0.0.1:4000", []string{"1.2.3.4", "203.0.113.9"}, "203.0.113.9"},
		{"nonsense ends the list", "10.0.0.1:4000", []string{"1.2.3.4, x, 10.0.0.2"}, "10.0.0.2"},
		{"a proxy that says nothing", "10.0.0.1:4000", nil, "10.0.0.1"},
		{"no address", "@", nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "http://gateway.example/x", nil)
			r.RemoteAddr = tt.remote
			r.Header["X-Forwarded-For"] = tt.headers
			g := &Gateway{TrustedProxies: proxies}
			if got, _, _ := g.caller(r); got != tt.want {
				t.Errorf("caller is %q, want %q", got, tt.want)
			}
		})
	}
}

func TestForwardedHostAndProto(t *testing.T) {
	r := httptest.NewRequest("GET", "http://gateway.example/x", nil)
	r.Header.Set("X-Forwarded-Proto", "https")
	r.Header.Set("X-Forwarded-Host", "api.example")
	r.RemoteAddr = "10.0.0.1:1"
	if _, proto, host := (&Gateway{}).caller(r); proto != "http" || host != "gateway.example" {
		t.Errorf("check 115: a stranger is believed: %s %s", proto, host)
	}
	trusting := &Gateway{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	if _, proto, host := trusting.caller(r); proto != "https" || host != "api.example" {
		t.Errorf("a trusted proxy is not believed: %s %s", proto, host)
	}
	r.Header.Set("X-Forwarded-Proto", "javascript")
	if _, proto, _ := trusting.caller(r); proto != "http" {
		t.Errorf("%s was taken for a scheme", proto)
	}
}

func TestTrace(t *testing.T) {
	const good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for _, bad := range []string{
		"", good[1:], good + "-x", strings.ToUpper(good), "01" + good[2:], strings.Replace(good, "4bf9", "4bg9", 1),
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
		strings.Replace(good, "6-0", "6_0", 1), good[:54] + "-",
	} {
		if validTrace(bad) {
			t.Errorf("%q was taken for a traceparent", bad)
		}
	}
	if !validTrace(good) {
		t.Errorf("%q was not taken", good)
	}
	a, b := newTrace(), newTrace()
	if !validTrace(a) || a == b || a[3:35] == b[3:35] {
		t.Errorf("new traces are %s and %s", a, b)
	}
}

func TestWithoutToken(t *testing.T) {
	for query, want := range map[string]string{
		"":                                "",
		"a=1&b=2":                         "a=1&b=2",
		"access_token=x":                  "",
		"a=1&access_token=x":              "a=1",
		"access_token=x&a=1":              "a=1",
		"a=1&access_token=x&b=2":          "a=1&b=2",
		"access_token=x&access_token=y":   "",
		"a=1&access%5Ftoken=x&b=2":        "a=1&b=2",
		"%61ccess_token=x&b=%zz":          "b=%zz",
		"a=1;access_token=x;b=2":          "a=1;b=2",
		"ACCESS_TOKEN=x":                  "",
		"access_token":                    "",
		"my_access_token=1&access_tokens": "my_access_token=1&access_tokens",
		"a=access_token=1":                "a=access_token=1",
		"b=%&&a=+&access_tokenx=%":        "b=%&&a=+&access_tokenx=%",
	} {
		if got := withoutToken(query); got != want {
			t.Errorf("check 111: withoutToken(%q) = %q, want %q", query, got, want)
		}
	}
}

func FuzzWithoutToken(f *testing.F) {
	for _, seed := range []string{"a=1&access_token=x", "access%5ftoken", "&&;;access_token;a", "a;access_token=&b", "%", "a=b&%61pikey=c&d", "APIKey"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		got := withoutToken(query, "apikey")
		isToken := func(p string) bool { return isNamed(p, "access_token") || isNamed(p, "apikey") }
		pieces := func(s string) []string {
			return slices.DeleteFunc(strings.FieldsFunc(s, func(c rune) bool { return c == '&' || c == ';' }), isToken)
		}
		if want := pieces(query); !slices.Equal(pieces(got), want) || len(want) != len(strings.FieldsFunc(got, func(c rune) bool { return c == '&' || c == ';' })) {
			t.Fatalf("withoutToken(%q) = %q", query, got)
		}
	})
}
