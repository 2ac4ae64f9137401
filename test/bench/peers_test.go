package bench

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

// peer is a program that stands between the same callers and the same backend.
type peer struct {
	name          string
	plain, secure string // its URLs; secure may be empty
	cpu           cpuTime
	checks        bool // tokens, scopes, subscriptions and limits
}

// BenchmarkPeers measures the gateway beside its peers. Whoever checks is seen to check
// before it is measured.
func BenchmarkPeers(b *testing.B) {
	l := furnishLimited(b)
	peers := l.peers(b)
	for _, p := range peers {
		if p.checks {
			l.check(b, p)
		}
	}
	if _, err := exec.LookPath("wrk"); err != nil {
		comparison.add("load from the test's process: apt-get install wrk")
	}
	requests := l.requests()
	b.Run("saturated", func(b *testing.B) {
		compare(b, "saturated", peers, func(p peer) load { return flood(b, p.plain, requests) })
	})
	b.Run("light", func(b *testing.B) {
		compare(b, "4,000 a second", peers, func(p peer) load { return paced(b, p.plain, requests, 4000) })
	})
	b.Run("TLS", func(b *testing.B) {
		secure := slices.DeleteFunc(slices.Clone(peers), func(p peer) bool { return p.secure == "" })
		compare(b, "saturated over TLS", secure, func(p peer) load { return flood(b, p.secure, requests) })
	})
	b.Run("new", func(b *testing.B) {
		checking := slices.DeleteFunc(slices.Clone(peers), func(p peer) bool { return !p.checks })
		l.compareFirstCalls(b, checking)
	})
}

// peers starts whatever is installed, the gateway first.
func (l *limited) peers(b *testing.B) []peer {
	b.Helper()
	floorURL, floorCPU := startFloor(b, l.backend)
	all := []peer{
		{"the gateway", l.GatewayHTTP, l.Gateway, cpuOfTree(b, l.PID()), true},
		{"httputil.ReverseProxy without checks", floorURL, "", floorCPU, false},
	}
	for _, n := range []nginx{{Name: "nginx without checks"}, {Name: "nginx + Lua, the same checks", Checks: true}} {
		if missing := n.missing(); missing != "" {
			comparison.add(n.Name + ": skipped, apt-get install " + missing)
			continue
		}
		plain, secure, cpu := n.start(b, l)
		all = append(all, peer{n.Name, plain, secure, cpu, n.Checks})
	}
	return all
}

// compare measures peers by turns and adds a row for each. The first is what the others
// are compared with.
func compare(b *testing.B, what string, peers []peer, with func(peer) load) {
	b.Helper()
	var contenders []contender
	for _, p := range peers {
		contenders = append(contenders, contender{length: 2 * time.Second, load: with(p), cpu: p.cpu})
	}
	for b.Loop() {
		addComparison(b, what, peers, byTurns(b, contenders...))
	}
}

func addComparison(b *testing.B, what string, peers []peer, figures []figure) {
	b.Helper()
	b.ReportMetric(0, "ns/op") // the time of all rounds together, which is nobody's
	b.ReportMetric(median(figures[0].cpu), "cpu-µs/op")
	for i, f := range figures {
		latency := func(sorted []float64) string {
			if median(sorted) == 0 {
				return ""
			}
			return fmt.Sprintf("%.2f", median(sorted))
		}
		comparison.add(what+": "+peers[i].name, f.String(), figures[0].over(f), fmt.Sprintf("%.0f", median(f.rate)), latency(f.p50), latency(f.p99))
	}
}

// compareFirstCalls measures peers with tokens that they have not seen.
func (l *limited) compareFirstCalls(b *testing.B, peers []peer) {
	b.Helper()
	var contenders []contender
	for _, p := range peers {
		var made, used atomic.Int64
		tokens := newStock(4000, func() (string, error) {
			return l.subscribers[made.Add(1)%subscribers].newToken(l.house, scopedForm)
		})
		contenders = append(contenders, tokens.usedUp(callers, p.cpu, func(_ int, token string) error {
			return l.send("GET", p.plain+limitedPath(int(used.Add(1))), token)
		}))
	}
	for b.Loop() {
		addComparison(b, "tokens never seen before", peers, byTurns(b, contenders...))
	}
}

// check sees that a peer checks what it is said to check.
func (l *limited) check(b *testing.B, p peer) {
	b.Helper()
	good := l.subscribers[0].token
	last := strings.LastIndexByte(good, '.') + 10 // a character within the signature
	other := "A"
	if good[last] == 'A' {
		other = "B"
	}
	forged := good[:last] + other + good[last+1:]
	for _, c := range []struct {
		name, token string
		status      int
	}{
		{"a good token", good, http.StatusOK},
		{"no token", "", http.StatusUnauthorized},
		{"a forged token", forged, http.StatusUnauthorized},
		{"a token without the scope", l.subscribers[0].unscoped, http.StatusForbidden},
	} {
		for _, server := range []string{p.plain, p.secure} {
			if status, err := l.status(server, c.token); err != nil || status != c.status {
				b.Fatalf("%s answers %s with %d, want %d: %v", p.name, c.name, status, c.status, err)
			}
		}
	}
	limit := perMinute(gatehouse.SubscriptionTiers, l.few.tier)
	for range 2*limit + 1 { // the minute may end on the way
		switch status, err := l.status(p.plain, l.few.token); {
		case err != nil:
			b.Fatal(err)
		case status == http.StatusTooManyRequests:
			return
		}
	}
	b.Fatalf("%s lets more than %d calls a minute through", p.name, limit)
}

// status calls with a token, or none, and returns the answer's status. Over TLS, all
// peers must speak the same.
func (l *limited) status(server, token string) (int, error) {
	r, err := http.NewRequest("GET", server+limitedPath(0), nil)
	if err != nil {
		return 0, err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := l.client.Do(r)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	if s := res.TLS; s != nil && (s.Version != tls.VersionTLS13 || s.CipherSuite != tls.TLS_AES_128_GCM_SHA256) {
		return 0, fmt.Errorf("%s with %s", tls.VersionName(s.Version), tls.CipherSuiteName(s.CipherSuite))
	}
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}
