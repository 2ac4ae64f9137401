package bench

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse/gatehouse"
)

// nginx is what its configuration needs to know.
type nginx struct {
	Name             string
	Folder, Testdata string
	Cores            int
	Plain, Secure    string // addresses
	Certificate, Key string
	Backend          string

	Checks       bool // as check.lua does
	Modules      []string
	Issuer, Base string
}

// Where Debian's packages put what check.lua needs.
const (
	nginxModules = "/usr/lib/nginx/modules/"
	luaLibraries = "/usr/lib/*/lua/5.1/"
)

// missing names the packages that nginx lacks on this machine, if any.
func (n *nginx) missing() string {
	if _, err := exec.LookPath("nginx"); err != nil {
		return "nginx"
	}
	var packages []string
	for file, name := range map[string]string{
		nginxModules + "ngx_http_lua_module.so": "libnginx-mod-http-lua",
		luaLibraries + "_openssl.so":            "lua-luaossl",
		luaLibraries + "cjson.so":               "lua-cjson",
	} {
		if found, _ := filepath.Glob(file); n.Checks && len(found) == 0 {
			packages = append(packages, name)
		}
	}
	return strings.Join(packages, " ")
}

// start starts nginx before the limited house's backend and returns its URLs, and the CPU
// time of its master and its workers.
func (n *nginx) start(b *testing.B, l *limited) (plain, secure string, cpu cpuTime) {
	b.Helper()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	testdata, err := filepath.Abs("testdata")
	must(err)
	n.Folder, n.Testdata, n.Cores = b.TempDir(), testdata, runtime.GOMAXPROCS(0)
	n.Plain, n.Secure = freeAddress(b), freeAddress(b)
	n.Certificate, n.Key = filepath.Join(l.data, "tls.crt"), filepath.Join(l.data, "tls.key")
	n.Backend = strings.TrimPrefix(l.backend, "http://")
	if n.Checks {
		n.Modules = []string{nginxModules + "ndk_http_module.so", nginxModules + "ngx_http_lua_module.so"}
		n.Issuer, n.Base = l.Gateway, limitedBase
		must(n.tell(l))
	}
	text, err := template.ParseFiles("testdata/nginx.conf.tmpl")
	must(err)
	var conf bytes.Buffer
	must(text.Execute(&conf, n))
	must(os.WriteFile(filepath.Join(n.Folder, "nginx.conf"), conf.Bytes(), 0o600))
	master := exec.Command("nginx", "-p", n.Folder, "-c", filepath.Join(n.Folder, "nginx.conf"), "-e", "stderr")
	master.Stderr = os.Stderr
	must(master.Start())
	b.Cleanup(func() {
		_ = master.Process.Signal(syscall.SIGTERM) // killed, it would leave its workers behind
		_ = master.Wait()
	})
	var workers []int
	must(await(func() (err error) {
		if workers, err = childrenOf(master.Process.Pid); err == nil && len(workers) != n.Cores {
			err = fmt.Errorf("it has %d workers, not %d", len(workers), n.Cores)
		}
		return err
	}))
	return "http://" + n.Plain, "https://" + n.Secure, cpuOfAll(append(workers, master.Process.Pid))
}

// perMinute returns how many calls a minute the tier called name allows.
func perMinute(tiers []gatehouse.Tier, name string) int64 {
	tier, _ := gatehouse.FindTier(tiers, name)
	return tier.Limit.Calls
}

// tell writes down for check.lua what the gateway knows.
func (n *nginx) tell(l *limited) error {
	key, id, err := l.signingKey()
	if err != nil {
		return err
	}
	var resources, subscriptions strings.Builder
	for i := range 50 {
		fmt.Fprintf(&resources, "things%d read %d\n", i, perMinute(gatehouse.AdvancedTiers, resourceTier))
	}
	for _, s := range append(l.subscribers, l.few) {
		fmt.Fprintln(&subscriptions, s.key, perMinute(gatehouse.SubscriptionTiers, s.tier))
	}
	for name, text := range map[string]string{"key.pem": key, "key.id": id, "resources": resources.String(), "subscriptions": subscriptions.String()} {
		if err := os.WriteFile(filepath.Join(n.Folder, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// signingKey returns the public key that access tokens are signed with, in PEM, and its id.
func (l *limited) signingKey() (key, id string, err error) {
	res, err := l.client.Get(l.GatewayHTTP + "/jwks")
	if err != nil {
		return "", "", err
	}
	defer res.Body.Close()
	var set jose.JSONWebKeySet
	if err := json.NewDecoder(res.Body).Decode(&set); err != nil {
		return "", "", err
	}
	for _, k := range set.Keys {
		if public, ok := k.Key.(*ecdsa.PublicKey); ok {
			der, err := x509.MarshalPKIXPublicKey(public)
			return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), k.KeyID, err
		}
	}
	return "", "", fmt.Errorf("%s/jwks: %s, no EC key", l.GatewayHTTP, http.StatusText(res.StatusCode))
}

// freeAddress returns an address that nobody listens on: nginx cannot choose one itself.
func freeAddress(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// await waits until nginx is ready: it listens before it has its workers.
func await(ready func() error) error {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := ready()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("nginx is not ready: %w", err)
		}
	}
}

// childrenOf returns the processes that a process has started.
func childrenOf(pid int) (pids []int, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil, err
	}
	for _, word := range strings.Fields(string(text)) {
		var child int
		if _, err := fmt.Sscan(word, &child); err != nil {
			return nil, err
		}
		pids = append(pids, child)
	}
	return pids, nil
}
