package gatehouse_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// check 140: which addresses may be dialled, under each rule. Columns: private, public,
// and the list 10.1.0.0/16,127.0.0.1/32,fd00:7::/32,169.254.0.0/16.
func TestEgressAllows(t *testing.T) {
	rules := []string{"private", "public", "10.1.0.0/16,127.0.0.1/32, fd00:7::/32,169.254.0.0/16"}
	for address, allowed := range map[string]string{
		"93.184.215.14:443":               "yy.", // public
		"[2606:2800:21f::1]:443":          "yy.",
		"[::ffff:93.184.215.14]:443":      "yy.",
		"127.0.0.1:80":                    "y.y", // this machine
		"127.8.8.8:80":                    "y..",
		"[::1]:80":                        "y..",
		"[::ffff:127.0.0.1]:80":           "y.y",
		"10.1.2.3:80":                     "y.y", // private networks
		"10.2.0.1:80":                     "y..",
		"172.16.0.1:80":                   "y..",
		"192.168.1.1:80":                  "y..",
		"[fd00:7::1]:80":                  "y.y",
		"[fd00::1]:80":                    "y..",
		"100.64.0.1:80":                   "y..", // shared by carriers
		"198.18.0.1:80":                   "y..", // benchmarks
		"192.0.2.1:80":                    "y..", // documentation
		"[2001:db8::1]:80":                "y..",
		"[3fff::1]:80":                    "y..",
		"240.0.0.1:80":                    "y..",
		"0.1.2.3:80":                      "y..",
		"[64:ff9b::7f00:1]:80":            "y..", // loopback behind a translator
		"[64:ff9b:1::a01:203]:80":         "y..",
		"[2002:7f00:1::]:80":              "y..", // loopback in a 6to4 address
		"[2001::1]:80":                    "y..", // Teredo
		"[::7f00:1]:80":                   "y..", // the old way to write an IPv4 address
		"[fec0::1]:80":                    "y..", // the old site-local addresses
		"[5f00::1]:80":                    "y..", // not assigned for this
		"0.0.0.0:80":                      "...", // never
		"[::]:80":                         "...",
		"[::ffff:0.0.0.0]:80":             "...",
		"169.254.169.254:80":              "...",
		"[::ffff:169.254.169.254]:80":     "...",
		"[fe80::1]:80":                    "...",
		"[fe80::1%eth0]:80":               "...",
		"224.0.0.1:80":                    "...",
		"[ff02::1]:80":                    "...",
		"255.255.255.255:80":              "...",
		"10.1.0.9:6379":                   "...", // this server's Redis
		"[::ffff:10.1.0.9]:6379":          "...",
		"10.1.0.9:6380":                   "y.y",
		"127.0.0.1:9443":                  "...", // this server's own listener on every address
		"[::1]:9443":                      "...",
		"93.184.215.14:9443":              "yy.", // the same port of somebody else
		"[2606:2800:21f::1%eth0]:443":     "yy.",
		"[::ffff:10.1.2.3]:80":            "y.y",
		"[2606:2800:21f::169.254.1.1]:80": "yy.",
	} {
		for i, rule := range rules {
			t.Run(rule+" "+address, func(t *testing.T) {
				e, err := gatehouse.ParseEgress(rule)
				if err != nil {
					t.Fatal(err)
				}
				e.Protect(netip.MustParseAddrPort("[::ffff:10.1.0.9]:6379"), netip.MustParseAddrPort("0.0.0.0:9443"))
				got := e.Allows(netip.MustParseAddrPort(address), netip.Addr.IsLoopback)
				if want := allowed[i] == 'y'; got != want {
					t.Errorf("allowed: %v, want %v", got, want)
				}
			})
		}
	}
}

func TestParseEgress(t *testing.T) {
	for rule, ok := range map[string]bool{
		"private": true, "public": true, "10.0.0.0/8": true, "10.0.0.1/8": true, "10.0.0.0/8, fd00::/8": true,
		"": false, "Private": false, "private,10.0.0.0/8": false, "10.0.0.1": false, "10.0.0.0/8,": false, "10.0.0.0/33": false, "fe80::%eth0/10": false,
		"::ffff:10.0.0.0/104": false, // it would match nothing: mapped addresses are compared as IPv4
	} {
		t.Run(rule, func(t *testing.T) {
			_, err := gatehouse.ParseEgress(rule)
			wantKind(t, err, ok, gatehouse.Invalid)
		})
	}
}

func FuzzParseEgress(f *testing.F) {
	for _, seed := range []string{"private", "public", "10.1.0.0/16,192.168.7.0/24", "::/0", "0.0.0.0/0", "::ffff:0:0/96", "10.0.0.0/8,"} {
		f.Add(seed, []byte{169, 254, 169, 254})
	}
	f.Fuzz(func(t *testing.T, rule string, raw []byte) {
		e, err := gatehouse.ParseEgress(rule)
		if (e == nil) == (err == nil) {
			t.Fatalf("%v, %v", e, err)
		}
		ip, ok := netip.AddrFromSlice(raw)
		if err != nil || !ok {
			return
		}
		all, _ := gatehouse.ParseEgress("private")
		nobody := func(netip.Addr) bool { return false }
		allowed := e.Allows(netip.AddrPortFrom(ip, 80), nobody)
		if allowed && !all.Allows(netip.AddrPortFrom(ip, 80), nobody) {
			t.Errorf("%q allows %v, which no rule may", rule, ip)
		}
		if allowed != e.Allows(netip.AddrPortFrom(ip.Unmap(), 80), nobody) {
			t.Errorf("%q tells two spellings of %v apart", rule, ip)
		}
		if rule != "private" && rule != "public" {
			model := false
			for text := range strings.SplitSeq(rule, ",") {
				model = model || netip.MustParsePrefix(strings.TrimSpace(text)).Contains(ip.Unmap())
			}
			if allowed && !model {
				t.Errorf("%q allows %v", rule, ip)
			}
		}
	})
}
