package config

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// Listener is an address to listen on.
type Listener struct {
	TLS  bool
	Addr string // host:port; the host may be empty, the port 0
}

// String returns l as ParseListener reads it.
func (l Listener) String() string {
	if l.TLS {
		return "https://" + l.Addr
	}
	return "http://" + l.Addr
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}(\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*$`)

// isHost reports whether text is an IP address or a name, which a certificate can hold.
func isHost(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil || len(text) <= 253 && hostName.MatchString(text)
}

// ParseListener reads https://HOST:PORT or http://HOST:PORT.
func ParseListener(text string) (Listener, error) {
	wrong := fmt.Errorf("%q is no address to listen on: use https://HOST:PORT or http://HOST:PORT, like https://:8243 or http://127.0.0.1:8280", text)
	scheme, addr, ok := strings.Cut(text, "://")
	if !ok || scheme != "http" && scheme != "https" {
		return Listener{}, wrong
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return Listener{}, wrong
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return Listener{}, wrong
	}
	if host != "" && !isHost(host) {
		return Listener{}, wrong
	}
	return Listener{TLS: scheme == "https", Addr: net.JoinHostPort(host, strconv.FormatUint(number, 10))}, nil
}

// someListeners reads a list that must not be empty.
func someListeners(text string) ([]Listener, error) {
	if text == "" || text == none {
		return nil, fmt.Errorf("name at least one address, like https://:8243; a process that serves one part alone has a role")
	}
	return anyListeners(text)
}

func anyListeners(text string) ([]Listener, error) { return parseList(text, ParseListener) }
