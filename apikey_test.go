package gatehouse_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

func TestNewAPIKey(t *testing.T) {
	var k gatehouse.APIKey
	key := gatehouse.NewAPIKey(&k, time.Now())
	if !gatehouse.ValidAPIKey(key) || k.Hash != gatehouse.HashToken(key) || !strings.HasSuffix(key, k.Hint) || strings.Contains(k.Hash, key) {
		t.Errorf("%s is kept as %+v", key, k)
	}
	if other := gatehouse.NewAPIKey(&k, time.Now()); other == key {
		t.Error("two keys are the same")
	}
	for _, text := range []string{"", "ghk_", key[1:], key + "a", strings.Replace(key, "ghk_", "ghs_", 1), key[:len(key)-1] + "-", key[:len(key)-1] + "\x00"} {
		if gatehouse.ValidAPIKey(text) {
			t.Errorf("%q is no key", text)
		}
	}
}

func TestWhereAPIKeysMayBeUsed(t *testing.T) {
	var k gatehouse.APIKey
	if !k.From(netip.Addr{}) || !k.By("") {
		t.Error("a key without restrictions may be used anywhere")
	}
	if err := k.Restrict("152.23.5.6, 192.168.1.2/24,2001:c00::/23", ""); err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]bool{
		"152.23.5.6": true, "152.23.5.7": false, "192.168.1.6": true, "192.168.5.6": false, "2001:c00:0:0:0:0:c:4": true, "2061:c00::": false,
	} {
		if got := k.From(netip.MustParseAddr(address)); got != want {
			t.Errorf("from %s: %v", address, got)
		}
	}
	if k.From(netip.Addr{}) {
		t.Error("from nobody knows where")
	}
	for _, tt := range []struct {
		pattern, referer string
		want             bool
	}{
		{"www.a.com/p", "www.a.com/p", true},
		{"www.a.com/p", "https://www.a.com/p?q=1#x", true},
		{"www.a.com/p", "https://WWW.a.com/p", true},
		{"www.a.com/p", "https://www.a.com/p/q", false},
		{"www.a.com/p", "https://www.a.com.evil/p", false},
		{"www.a.com/p", "https://evil/www.a.com/p", false},
		{"www.a.com/p", "https://www.a.com@evil/p", false},
		{"www.a.com/p", "", false},
		{"sub.a.com/*", "https://sub.a.com/", true},
		{"sub.a.com/*", "https://sub.a.com", true},
		{"sub.a.com/*", "https://sub.a.com/p/q", true},
		{"sub.a.com/*", "https://other.a.com/p", false},
		{"sub.a.com", "https://sub.a.com/p", true},
		{"sub.a.com/p/*", "https://sub.a.com/p/q", true},
		{"sub.a.com/p/*", "https://sub.a.com/q", false},
		{"*.a.com/*", "https://x.y.a.com/p", true},
		{"*.a.com/*", "https://a.com/p", false},
		{"*.a.com/*", "https://xa.com/p", false},
		{"*.a.com/*", "https://x.a.com:8443/p", false},
		{"localhost:3000", "http://localhost:3000/p", true},
		{"www.a.com/p", "://", false},
	} {
		if err := k.Restrict("", tt.pattern); err != nil {
			t.Fatal(err)
		}
		if got := k.By(tt.referer); got != tt.want {
			t.Errorf("%s by %q: %v, want %v", tt.pattern, tt.referer, got, tt.want)
		}
	}
	for _, bad := range [][2]string{{"1.2.3", ""}, {"1.2.3.4/33", ""}, {"fe80::1%eth0/64", ""}, {"", "https://a.com"}, {"", "a.*.com"}, {"", "a.com/*/b"}, {"", "a.com/p?q"}, {strings.Repeat("1.2.3.4,", 51), ""}} {
		if err := k.Restrict(bad[0], bad[1]); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func FuzzReferer(f *testing.F) {
	f.Add("*.a.com/*", "https://x.a.com/p")
	f.Add("a.com/p", "a.com/p")
	f.Fuzz(func(t *testing.T, pattern, referer string) {
		var k gatehouse.APIKey
		if k.Restrict("", pattern) != nil || len(k.Referers) == 0 {
			return
		}
		host, _, _ := strings.Cut(strings.TrimPrefix(k.Referers[0], "*."), "/")
		if len(k.Referers) == 1 && k.By(referer) && !strings.Contains(strings.ToLower(referer), host) {
			t.Fatalf("%q lets %q in", pattern, referer)
		}
	})
}
