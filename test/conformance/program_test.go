package conformance

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var binary = flag.String("binary", "", "the program to test; without it, it is built from the tree")

// program is the real program as a process of its own, in a folder of the test.
type program struct {
	issuer      string // the URL of its gateway
	portal      string
	certificate string // the file of its self-signed certificate
	client      *http.Client

	path    string
	environ []string
}

// start starts the program on free ports. It is killed with the test.
func start(t *testing.T) *program {
	t.Helper()
	data := t.TempDir()
	p := &program{path: *binary, certificate: filepath.Join(data, "tls.crt")}
	if p.path == "" {
		p.path = filepath.Join(t.TempDir(), "gatehouse")
		build := exec.Command("go", "build", "-trimpath", "-ldflags=-s", "-o", p.path, "./cmd/gatehouse")
		build.Dir, build.Env = filepath.Join("..", ".."), append(os.Environ(), "CGO_ENABLED=0") // as for a release
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build the program: %v\n%s", err, out)
		}
	}
	p.environ = append(os.Environ(), "GATEHOUSE_DATA="+data, "GATEHOUSE_GATEWAY_LISTEN=https://127.0.0.1:0",
		"GATEHOUSE_PORTAL_LISTEN=https://127.0.0.1:0", "GATEHOUSE_OPS_LISTEN=http://127.0.0.1:0")
	cmd := exec.Command(p.path, "serve")
	cmd.Env, cmd.Stderr = p.environ, t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 1)
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		for range lines {
		}
		_ = cmd.Wait()
	})
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			if strings.HasPrefix(s.Text(), "ready ") {
				lines <- s.Text()
			}
		}
	}()
	select {
	case line := <-lines:
		p.ready(t, line)
	case <-time.After(30 * time.Second):
		t.Fatal("the program is not ready after 30 seconds")
	}
	return p
}

// ready takes the addresses from the ready line, and makes a client that trusts the
// certificate and nothing else.
func (p *program) ready(t *testing.T, line string) {
	t.Helper()
	for word := range strings.FieldsSeq(line) {
		switch name, url, _ := strings.Cut(word, "="); name {
		case "gateway":
			p.issuer = url
		case "portal":
			p.portal = url
		}
	}
	text, err := os.ReadFile(p.certificate)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		t.Fatalf("%s holds no certificate", p.certificate)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	p.client = &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

// command runs another command of the program on the same store.
func (p *program) command(t *testing.T, stdin string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.path, args...)
	cmd.Env, cmd.Stdin = p.environ, strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("gatehouse %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
