package gatehousetest

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"testing"

	"github.com/spf13/pflag"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/server"
)

// Server is a running Gatehouse.
type Server struct {
	*server.Server
	// Client trusts the server's self-signed certificate, follows no redirect, and keeps
	// cookies.
	Client *http.Client
}

// Start starts a server in a temporary folder on free ports; it stops with the test.
// Settings are "name=value", over the defaults.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	environ := []string{
		"GATEHOUSE_DATA=" + t.TempDir(), "GATEHOUSE_GATEWAY_LISTEN=https://127.0.0.1:0,http://127.0.0.1:0",
		"GATEHOUSE_PORTAL_LISTEN=https://127.0.0.1:0", "GATEHOUSE_OPS_LISTEN=http://127.0.0.1:0",
		"GATEHOUSE_ADMIN_PASSWORD=correct horse battery", "GATEHOUSE_DRAIN=0s",
	}
	c, err := config.Load(pflag.NewFlagSet("test", pflag.ContinueOnError), append(environ, settings...), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(t.Context(), c, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	noRedirect := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Server{Server: s, Client: &http.Client{Transport: transport, Jar: jar, CheckRedirect: noRedirect}}
}
