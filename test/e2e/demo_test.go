package e2e

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/gatehousetest"
)

// shell runs a line in a shell, as somebody who pasted it.
func shell(t *testing.T, line string, environ ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
	cmd.Env = append(os.Environ(), environ...)
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%s: %v", line, err)
	}
	return string(out)
}

func needCurl(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed: apt-get install curl")
	}
}

// What `gatehouse demo` prints works when it is pasted: a token by password, a call that
// it opens, one that another scope opens, one that is refused, a refresh.
func TestDemoWorksWhenPasted(t *testing.T) {
	needCurl(t)
	p := gatehousetest.Run(t, "demo")
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(p.Printed(), "Ctrl C"); <-time.After(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the demo has printed only this:\n%s", p.Printed())
		}
	}
	var lines []string
	for line := range strings.Lines(p.Printed()) {
		if strings.HasPrefix(line, "curl ") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	wants := []string{`"access_token":"`, "The gatehouse is open", "The gatehouse is wide open", `"code":"900910"`, `"refresh_token":"`}
	if len(lines) != len(wants) {
		t.Fatalf("%d curl lines, want %d:\n%s", len(lines), len(wants), p.Printed())
	}
	for i, want := range wants {
		if out := shell(t, lines[i]); !strings.Contains(out, want) {
			t.Errorf("%s\n→ %s, want %s", lines[i], out, want)
		}
	}
	if code := p.Stop(t); code != 0 {
		t.Errorf("exit code %d after SIGTERM, want 0", code)
	}
}

// The demo prints its passwords, so nobody from outside reaches it, whatever the defaults
// of a server are: it refuses other addresses, and moves those without a host.
func TestDemoListensOnLoopback(t *testing.T) {
	binary := gatehousetest.Binary(t)
	out, err := exec.CommandContext(t.Context(), binary, "demo", "--portal-listen", "https://0.0.0.0:0").CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 2 || !strings.Contains(string(out), "loopback") {
		t.Errorf("on every address: %v %s", err, out)
	}
	p := gatehousetest.Run(t, "demo", "GATEHOUSE_GATEWAY_LISTEN=https://:0", "GATEHOUSE_PORTAL_LISTEN=https://:0")
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(strings.TrimPrefix(p.Gateway, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		ip, ok := a.(*net.IPNet)
		if !ok || ip.IP.IsLoopback() || ip.IP.IsLinkLocalUnicast() {
			continue
		}
		if c, err := net.Dial("tcp", net.JoinHostPort(ip.IP.String(), port)); err == nil {
			c.Close()
			t.Errorf("the demo answers on %s", ip.IP)
		}
	}
}

// The README's request for a token works with the names of somebody's own.
func TestReadmeTokenLineWorksWhenPasted(t *testing.T) {
	needCurl(t)
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(readme), "```\ncurl -k -d")
	block, _, closed := strings.Cut(after, "```")
	if !found || !closed {
		t.Fatal("the README has no block that begins with curl -k -d")
	}
	h := furnish(t)
	line := "curl -k -d" + block
	for old, own := range map[string]string{"jane@acme.com@acme": tom.qualified(), "password=…": "password=" + tom.password, "https://localhost:8243": h.Gateway} {
		if !strings.Contains(line, old) {
			t.Errorf("the line lacks %s: %s", old, line)
		}
		line = strings.ReplaceAll(line, old, own)
	}
	out := shell(t, line, "KEY="+h.app.key, "SECRET="+h.app.secret)
	if got := (reply{status: http.StatusOK, body: out}).tokens(t); got.Access == "" || got.Scope != "read" {
		t.Errorf("%s\n→ %s", line, out)
	}
	// The same with a body and no scope, as the password grant's page has it.
	bare := fmt.Sprintf(`curl -k -d "grant_type=password&username=%s&password=%s" -u "$KEY:$SECRET" %s/token`, tom.qualified(), tom.password, h.Gateway)
	if got := (reply{body: shell(t, bare, "KEY="+h.app.key, "SECRET="+h.app.secret)}).tokens(t); got.Scope != "default" || got.Refresh == "" {
		t.Errorf("%s\n→ %+v", bare, got)
	}
}
