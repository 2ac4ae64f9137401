package gateway_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// change changes the API echo and has the gateway take it up.
func change(t *testing.T, g *gateway.Gateway, how func(*gatehouse.API)) {
	t.Helper()
	s := g.APIs.(*store)
	s.mu.Lock()
	a := *s.apis["echo"]
	how(&a)
	s.apis["echo"] = &a
	s.mu.Unlock()
	if err := g.Apply(t.Context(), "echo"); err != nil {
		t.Fatal(err)
	}
}

func states(g *gateway.Gateway) map[string]string {
	states := map[string]string{}
	for _, t := range g.Targets() {
		states[t.Target] = t.State
	}
	return states
}

// What is known of a target stays for as long as its address does, whatever else changes.
func TestStateOutlivesChanges(t *testing.T) {
	dead, well := nobody(t), newCounted(t, ok)
	g, front := serve(t, dead, behind(gatehouse.Backend{
		Balance: gatehouse.Failover, More: []gatehouse.Target{{URL: well.URL}}, Tuning: gatehouse.Tuning{Breaker: gatehouse.Breaker{Failures: 1}},
	}))
	send(t, front, "GET", "")
	is := func(name string, want map[string]string) {
		t.Helper()
		got := states(g)
		if len(got) != len(want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
		for target, state := range want {
			if got[target] != state {
				t.Errorf("%s: %v, want %v", name, got, want)
			}
		}
	}
	is("after a failure", map[string]string{dead: "suspended", well.URL: "up"})
	change(t, g, func(a *gatehouse.API) { a.Tiers = []string{"Gold"} })
	is("another tier", map[string]string{dead: "suspended", well.URL: "up"})
	if err := g.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	is("all loaded anew", map[string]string{dead: "suspended", well.URL: "up"})
	change(t, g, func(a *gatehouse.API) { a.Settings.Backends.Production.Tuning.InFlight = 7 })
	is("another setting of the backend", map[string]string{dead: "suspended", well.URL: "up"})
	change(t, g, func(a *gatehouse.API) { a.Settings.Backends.Production.More[0].URL = well.URL + "/v2" })
	is("another address beside it", map[string]string{dead: "suspended", well.URL + "/v2": "up"})
	change(t, g, func(a *gatehouse.API) { a.Sandbox = well.URL })
	is("a sandbox", map[string]string{dead: "suspended", well.URL + "/v2": "up", well.URL: "up"})
	change(t, g, func(a *gatehouse.API) {
		a.Settings.Backends, a.Sandbox, a.Production = gatehouse.Backends{}, "", well.URL
	})
	is("the address goes", map[string]string{well.URL: "up"})
	change(t, g, func(a *gatehouse.API) { a.Production = dead })
	is("and comes back, as if it were new", map[string]string{dead: "up"})
	change(t, g, func(a *gatehouse.API) { a.State = gatehouse.Retired })
	is("the API is retired", map[string]string{})
}

// Calls that run when their API changes keep their place and end by themselves.
func TestCallsOutliveChanges(t *testing.T) {
	arrived, answer := make(chan bool), make(chan bool)
	target := newCounted(t, func(http.ResponseWriter, *http.Request) { arrived <- true; <-answer })
	g, front := serve(t, target.URL, behind(gatehouse.Backend{Tuning: gatehouse.Tuning{InFlight: 1}}))
	var call sync.WaitGroup
	call.Go(func() {
		if res, text, _ := send(t, front, "GET", ""); res.StatusCode != 200 {
			t.Errorf("the call that runs: %d %s", res.StatusCode, text)
		}
	})
	<-arrived
	change(t, g, func(a *gatehouse.API) {
		a.Settings.Backends.Production.Tuning.IdleTimeout = gatehouse.Duration(time.Second)
	})
	if res, _, code := send(t, front, "GET", ""); res.StatusCode != 503 || code != "900801" {
		t.Errorf("a second call after the change: %d %s", res.StatusCode, code)
	}
	change(t, g, func(a *gatehouse.API) { a.State = gatehouse.Retired })
	answer <- true
	call.Wait()
}

// connections tells how many connections a server has, idle or not.
type connections struct {
	mu   sync.Mutex
	open int
	now  chan int
}

func watch(s *httptest.Server) *connections {
	c := &connections{now: make(chan int, 1000)}
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		c.mu.Lock()
		defer c.mu.Unlock()
		switch state {
		case http.StateNew:
			c.open++
		case http.StateClosed:
			c.open--
		}
		c.now <- c.open
	}
	return c
}

// until waits until there are as many connections.
func (c *connections) until(t *testing.T, want int) {
	t.Helper()
	for {
		c.mu.Lock()
		open := c.open
		c.mu.Unlock()
		if open == want {
			return
		}
		select {
		case <-c.now:
		case <-time.After(10 * time.Second):
			t.Fatalf("%d connections, want %d", open, want)
		}
	}
}

// Connections to a backend that nobody needs any more are closed at once; those of other
// APIs are not, and APIs that call the same host alike share them.
func TestPoolsGoWithTheirLastUser(t *testing.T) {
	target := httptest.NewUnstartedServer(http.HandlerFunc(ok))
	conns := watch(target)
	target.Start()
	defer target.Close()
	g, front := serve(t, target.URL, nil)
	s := g.APIs.(*store)
	second := echoAPI(target.URL + "/v2")
	second.ID, second.Name, second.Context = "second", "second", "/second"
	second.Resources[0].Auth = gatehouse.AuthNone
	s.apis["second"] = second
	if err := g.Apply(t.Context(), "second"); err != nil {
		t.Fatal(err)
	}
	send(t, front, "GET", "")
	raw(t, front, "GET /second/1.0/any HTTP/1.1\nHost: g\nConnection: close\n\n")
	conns.until(t, 1)
	change(t, g, func(a *gatehouse.API) {
		a.Settings.Backends.Production.Tuning.FirstByteTimeout = gatehouse.Duration(time.Second)
	})
	send(t, front, "GET", "")
	conns.until(t, 2) // one of each pool
	change(t, g, func(a *gatehouse.API) { a.State = gatehouse.Retired })
	conns.until(t, 1)
	s.mu.Lock()
	delete(s.apis, "second")
	s.mu.Unlock()
	if err := g.Apply(t.Context(), "second"); err != nil {
		t.Fatal(err)
	}
	conns.until(t, 0)
}

// Health checks take a target out before a call finds it, and bring it back.
func TestHealthChecks(t *testing.T) {
	var well atomic.Bool
	checked := make(chan string)
	target := backend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			return
		}
		select {
		case checked <- r.Header.Get("Authorization"):
		case <-r.Context().Done():
		}
		if !well.Load() {
			w.Header().Set("Location", "/")
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	g, front := serve(t, target+"/v1", func(g *gateway.Gateway) {
		g.Secrets = paper{}
		behind(gatehouse.Backend{
			Security: gatehouse.BackendSecurity{Type: gatehouse.BasicSecurity, Username: "u", Password: sealed(t, "", "p")},
			Tuning: gatehouse.Tuning{HealthCheck: gatehouse.HealthCheck{
				Path: "/healthz?deep=1", Interval: gatehouse.Duration(10 * time.Millisecond), Timeout: gatehouse.Duration(10 * time.Second), Unhealthy: 2, Healthy: 2,
			}},
		})(g)
	})
	checks := func(n int) {
		for range n {
			if authorization := <-checked; authorization != "" {
				t.Errorf("a check brings %q", authorization)
			}
		}
	}
	checks(3) // the third begins when the second is over
	if res, text, code := send(t, front, "GET", ""); res.StatusCode != 503 || code != "303001" {
		t.Errorf("after two checks that failed: %d %s", res.StatusCode, text)
	}
	well.Store(true)
	checks(3) // the one that ran may have failed yet
	checks(1)
	if res, text, _ := send(t, front, "GET", ""); res.StatusCode != 200 {
		t.Errorf("after two checks that succeeded: %d %s", res.StatusCode, text)
	}
	change(t, g, func(a *gatehouse.API) { a.Settings.Backends.Production.Tuning.HealthCheck = gatehouse.HealthCheck{} })
}

// A backend may be known by an authority of its own, and may want the gateway's
// certificate; one without the other is refused.
func TestBackendCertificates(t *testing.T) {
	target := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	target.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	certificate, key := selfSigned(t, "gateway")
	block, _ := pem.Decode([]byte(certificate))
	own, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AddCert(own)
	target.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}
	target.StartTLS()
	defer target.Close()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: target.Certificate().Raw}))
	for _, tt := range []struct {
		name   string
		tls    gatehouse.BackendTLS
		status int
	}{
		{"both", gatehouse.BackendTLS{CA: ca, Certificate: certificate, Key: sealed(t, "", key)}, 200},
		{"an unknown authority", gatehouse.BackendTLS{Certificate: certificate, Key: sealed(t, "", key)}, 502},
		{"no certificate", gatehouse.BackendTLS{CA: ca}, 502},
		{"a key that does not open", gatehouse.BackendTLS{CA: ca, Certificate: certificate, Key: sealed(t, "other", key)}, 502},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, front := serve(t, target.URL, func(g *gateway.Gateway) {
				g.Secrets = paper{}
				behind(gatehouse.Backend{TLS: tt.tls})(g)
			})
			if res, text, _ := send(t, front, "GET", ""); res.StatusCode != tt.status || tt.status == 200 && text != "gateway" {
				t.Errorf("answer %d %s, want %d", res.StatusCode, text, tt.status)
			}
		})
	}
	api := echoAPI(target.URL)
	_, other := selfSigned(t, "other")
	for name, t2 := range map[string]gatehouse.BackendTLS{
		"no PEM":                     {CA: "-----BEGIN NOTHING-----"},
		"a key of another":           {Certificate: certificate, Key: gatehouse.NewBackendSecret(other)},
		"a key instead of authority": {CA: key},
	} {
		api.Settings.Backends.Production.TLS = t2
		if err := gateway.Check(api); gatehouse.KindOf(err) != gatehouse.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func selfSigned(t *testing.T, name string) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	keyDER, keyErr := x509.MarshalPKCS8PrivateKey(private)
	if err = errors.Join(err, keyErr); err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
}
