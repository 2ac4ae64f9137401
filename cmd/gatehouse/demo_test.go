package main

import (
	"testing"

	"github.com/gatehouse/gatehouse/internal/config"
)

// The demo prints its passwords, so it must not be reached from outside.
func TestTheDemoListensOnLoopback(t *testing.T) {
	for asked, want := range map[string]string{
		":8243": "127.0.0.1:8243", ":0": "127.0.0.1:0", "127.0.0.1:1": "127.0.0.1:1", "127.8.8.8:1": "127.8.8.8:1", "[::1]:1": "[::1]:1", "localhost:1": "localhost:1",
		"0.0.0.0:8243": "", "[::]:8243": "", "192.168.1.1:1": "", "gate.example:1": "",
	} {
		list := []config.Listener{{TLS: true, Addr: asked}}
		err := onLoopback(nil, list)
		if (err == nil) != (want != "") || err == nil && list[0].Addr != want {
			t.Errorf("%s: listens on %s, %v; want %q", asked, list[0].Addr, err, want)
		}
	}
}
