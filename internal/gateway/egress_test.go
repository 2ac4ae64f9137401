package gateway

import (
	"net"
	"net/netip"
	"testing"

	"github.com/gatehouse/gatehouse"
)

func TestAddressIsCheckedWhenDialled(t *testing.T) {
	public, err := gatehouse.ParseEgress("public")
	if err != nil {
		t.Fatal(err)
	}
	private, err := gatehouse.ParseEgress("private")
	if err != nil {
		t.Fatal(err)
	}
	private.Protect(netip.MustParseAddrPort("0.0.0.0:9443"))
	for _, tt := range []struct {
		name    string
		egress  *gatehouse.Egress
		address string
		allowed bool
	}{
		{"check 140: a public address", public, "93.184.215.14:443", true},
		{"check 140: loopback for strangers", public, "127.0.0.1:80", false},
		{"check 140: metadata of the cloud", private, "169.254.169.254:80", false},
		{"check 140: mapped metadata of the cloud", private, "[::ffff:169.254.169.254]:80", false},
		{"check 141: this server's own listener", private, "127.0.0.1:9443", false},
		{"check 141: another port of this machine", private, "127.0.0.1:9000", true},
		{"no rule allows nothing", nil, "93.184.215.14:443", false},
		{"what is no address", private, "backend.example:80", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := Dialer(tt.egress).ControlContext(t.Context(), "tcp", tt.address, nil); (err == nil) != tt.allowed {
				t.Errorf("%s is allowed: %v, want %v", tt.address, err == nil, tt.allowed)
			}
		})
	}
}

func TestLocal(t *testing.T) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Skip(err)
	}
	for _, a := range addrs {
		ip, _ := netip.ParsePrefix(a.String())
		if !local(ip.Addr()) {
			t.Errorf("%s is this machine's", a)
		}
	}
	if local(netip.MustParseAddr("203.0.113.1")) {
		t.Error("203.0.113.1 is nobody's")
	}
}
