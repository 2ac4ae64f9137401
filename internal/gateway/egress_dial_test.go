package gateway_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// spellings are ways to write this machine's address.
var spellings = []string{
	"127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "[::]", "localhost", "localhost.", "LOCALHOST", "127.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "127.0.0.1.",
}

// Checks 140 and 141: however this server's own listener is written, neither a call nor a
// health check nor a token request reaches it.
func TestOwnListenerIsReachedByNoSpelling(t *testing.T) {
	l, err := net.Listen("tcp", ":0") // on every address, as a server's own listener is
	if err != nil {
		t.Fatal(err)
	}
	var reached atomic.Int64
	own := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), ConnState: func(_ net.Conn, s http.ConnState) {
		if s == http.StateActive {
			reached.Add(1)
		}
	}}
	go own.Serve(l)
	defer own.Close()
	address := netip.MustParseAddrPort(l.Addr().String())
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	protect := func(g *gateway.Gateway) {
		g.Egress = new(gatehouse.Egress)
		g.Egress.Protect(netip.AddrPortFrom(netip.IPv4Unspecified(), address.Port()))
	}
	elsewhere := backend(t, ok)
	for _, host := range spellings {
		t.Run(host, func(t *testing.T) {
			own := "http://" + host + ":" + port
			_, front := serve(t, own, protect)
			if res, text, _ := send(t, front, "GET", ""); res.StatusCode != 502 && res.StatusCode != 503 {
				t.Errorf("check 141: a call is answered %d %s", res.StatusCode, text)
			}
			tokens := secured(t, elsewhere, gatehouse.BackendSecurity{
				Type: gatehouse.OAuthSecurity, Grant: gatehouse.BackendClientCredentials, TokenURL: own, ClientID: "c", ClientSecret: sealed(t, "", "s"),
			}, protect)
			if res, text, _ := send(t, tokens, "GET", ""); res.StatusCode != 502 {
				t.Errorf("check 140: a call whose token comes from there is answered %d %s", res.StatusCode, text)
			}
			logged := make(lineByLine, 1)
			serve(t, own, func(g *gateway.Gateway) {
				protect(g)
				g.Log = slog.New(slog.NewTextHandler(logged, nil))
				behind(gatehouse.Backend{Tuning: gatehouse.Tuning{HealthCheck: gatehouse.HealthCheck{
					Path: "/", Interval: gatehouse.Duration(time.Millisecond), Timeout: gatehouse.Duration(5 * time.Second), Unhealthy: 1, Healthy: 1,
				}}})(g)
			})
			select {
			case line := <-logged:
				if !strings.Contains(line, "taken out") {
					t.Errorf("check 140: a health check there: %s", line)
				}
			case <-time.After(10 * time.Second):
				t.Error("check 140: a health check there succeeds")
			}
		})
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("check 141: the listener was reached %d times", n)
	}
}

// lineByLine takes the first lines of a log.
type lineByLine chan string

func (l lineByLine) Write(line []byte) (int, error) {
	select {
	case l <- string(line):
	default:
	}
	return len(line), nil
}

// Check 140, DNS rebinding: a name that points to a fine address when it is first asked for
// and to this server's own the next time opens no connection then. The rule is asked
// about what is dialled, not about what was resolved before.
func TestNameThatPointsElsewhereTheSecondTime(t *testing.T) {
	own, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	address := netip.MustParseAddrPort(own.Addr().String())
	fine, err := net.Listen("tcp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), address.Port()).String())
	if err != nil {
		t.Skip(err)
	}
	defer fine.Close()
	var rule gatehouse.Egress
	rule.Protect(address)
	answers := newNames(t)
	dialer := gateway.Dialer(&rule)
	dialer.Resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", answers.address)
	}}
	dial := func(to string) error {
		addr := netip.MustParseAddr(to)
		answers.a.Store(&addr)
		conn, err := dialer.DialContext(t.Context(), "tcp", net.JoinHostPort("rebind.example.", own.Addr().String()[len("127.0.0.1:"):]))
		if err == nil {
			conn.Close()
		}
		return err
	}
	if err := dial("127.0.0.2"); err != nil {
		t.Fatalf("the fine address: %v", err)
	}
	if err := dial("127.0.0.1"); err == nil {
		t.Error("check 140: the name leads to this server's own listener")
	}
	if err := dial("169.254.169.254"); err == nil {
		t.Error("check 140: the name leads to the cloud's metadata")
	}
}

// names is a name server that gives every name the same address.
type names struct {
	address string
	a       atomic.Pointer[netip.Addr]
}

func newNames(t *testing.T) *names {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	n := &names{address: conn.LocalAddr().String()}
	go func() {
		question := make([]byte, 1500)
		for {
			length, from, err := conn.ReadFrom(question)
			if err != nil {
				return
			}
			if answer, err := n.answer(question[:length]); err == nil {
				conn.WriteTo(answer, from)
			}
		}
	}()
	return n
}

func (n *names) answer(question []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil {
		return nil, err
	}
	m.Response, m.Additionals = true, nil
	for _, q := range m.Questions {
		if q.Type == dnsmessage.TypeA {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
				Body:   &dnsmessage.AResource{A: n.a.Load().As4()},
			})
		}
	}
	return m.Pack()
}
