package gatehousetest

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// built is the binary of a test process.
var built struct {
	once   sync.Once
	folder string
	err    error
}

// Binary returns the path of the real program, built once for a test process as it is
// built for a release. Call Main from TestMain: it removes the program.
func Binary(t testing.TB) string {
	t.Helper()
	built.once.Do(func() {
		if built.folder, built.err = os.MkdirTemp("", "gatehouse-binary-"); built.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s", "-tags="+tags, "-o", built.folder, "github.com/gatehouse/gatehouse/cmd/gatehouse")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%w: %s", err, out)
		}
	})
	if built.err != nil {
		t.Fatalf("build the program: %v", built.err)
	}
	return filepath.Join(built.folder, "gatehouse")
}

// Process is the real program as a process of its own. It is killed with the test.
type Process struct {
	// The addresses of its ready line.
	Gateway, GatewayHTTP, Portal, Ops string

	Data    string        // its folder
	Log     string        // the file that its standard error is appended to
	Started time.Duration // from the start of the process to the ready line, the last time

	binary  string
	command string
	environ []string
	cmd     *exec.Cmd
	exited  chan error

	mu      sync.Mutex
	printed strings.Builder
}

// Run starts a command that serves, "serve" or "demo", in a temporary folder on free
// ports, and waits until it is ready. Settings are "name=value", over the defaults.
func Run(t testing.TB, command string, settings ...string) *Process {
	t.Helper()
	folder := t.TempDir()
	p := &Process{Data: filepath.Join(folder, "data"), Log: filepath.Join(folder, "log"), binary: Binary(t), command: command}
	p.environ = append(os.Environ(), "GATEHOUSE_DATA="+p.Data,
		"GATEHOUSE_GATEWAY_LISTEN=https://127.0.0.1:0,http://127.0.0.1:0", "GATEHOUSE_PORTAL_LISTEN=https://127.0.0.1:0",
		"GATEHOUSE_OPS_LISTEN=http://127.0.0.1:0", "GATEHOUSE_ADMIN_PASSWORD=correct horse battery", "GATEHOUSE_DRAIN=0s")
	p.environ = append(p.environ, settings...)
	t.Cleanup(func() {
		p.Kill()
		if log, err := os.ReadFile(p.Log); t.Failed() && err == nil {
			t.Logf("the end of the log:\n%s", log[max(0, len(log)-4096):])
		}
	})
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// Restart starts the process again on what it kept, at the addresses it had: they are
// the issuer of its tokens. It must have ended.
func (p *Process) Restart(t testing.TB) {
	t.Helper()
	if p.exited != nil {
		t.Fatal("the process still runs: Kill or Stop it before Restart")
	}
	listen := slices.DeleteFunc([]string{p.Gateway, p.GatewayHTTP}, func(url string) bool { return url == "" })
	p.environ = append(p.environ, "GATEHOUSE_GATEWAY_LISTEN="+strings.Join(listen, ","), "GATEHOUSE_PORTAL_LISTEN="+p.Portal)
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
}

// start starts the process and reads its ready line.
func (p *Process) start() error {
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	p.cmd = exec.Command(p.binary, p.command)
	p.cmd.Dir, p.cmd.Env, p.cmd.Stderr = filepath.Dir(p.Log), p.environ, log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	began := time.Now()
	if err := p.cmd.Start(); err != nil {
		return err
	}
	ready := make(chan string, 1)
	p.exited = make(chan error, 1)
	go p.read(bufio.NewScanner(out), ready)
	select {
	case line := <-ready:
		p.Started = time.Since(began)
		return p.addresses(line)
	case <-time.After(30 * time.Second):
		return fmt.Errorf("%s is not ready after 30 seconds: see %s", p.command, p.Log)
	}
}

// read hands on the first line, keeps the rest, and waits for the end of the process.
func (p *Process) read(lines *bufio.Scanner, ready chan<- string) {
	for first := true; lines.Scan(); first = false {
		if first {
			ready <- lines.Text()
			continue
		}
		p.mu.Lock()
		p.printed.WriteString(lines.Text() + "\n")
		p.mu.Unlock()
	}
	close(ready)
	p.exited <- p.cmd.Wait()
}

func (p *Process) addresses(line string) error {
	words := strings.Fields(line)
	if len(words) == 0 || words[0] != "ready" {
		log, _ := os.ReadFile(p.Log)
		return fmt.Errorf("the first line of %s is %q: %s", p.command, line, log)
	}
	for _, word := range words[1:] {
		switch name, url, _ := strings.Cut(word, "="); name {
		case "gateway":
			p.Gateway = url
		case "gateway-http":
			p.GatewayHTTP = url
		case "portal":
			p.Portal = url
		case "ops":
			p.Ops = url
		}
	}
	return nil
}

// Printed returns what the process wrote on standard output behind the ready line.
func (p *Process) Printed() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.printed.String()
}

// PID returns the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends the process as kill -9 does, if it still runs.
func (p *Process) Kill() {
	if p.cmd == nil || p.cmd.Process == nil || p.exited == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.exited
	p.exited = nil
}

// Stop asks the process to end and returns its exit code.
func (p *Process) Stop(t testing.TB) int {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-p.exited:
		p.exited = nil
		if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
			t.Fatal(err)
		}
	case <-time.After(40 * time.Second):
		t.Fatal("the process did not end within 40 seconds of SIGTERM")
	}
	return p.cmd.ProcessState.ExitCode()
}

// Command runs another command of the program on the process's store and returns what
// it printed. It must succeed.
func (p *Process) Command(t testing.TB, stdin string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.binary, args...)
	var errs strings.Builder
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stderr = filepath.Dir(p.Log), p.environ, strings.NewReader(stdin), &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("gatehouse %s: %v\n%s%s", strings.Join(args, " "), err, out, errs.String())
	}
	return string(out)
}

// Client returns a client that trusts the process's certificate and follows no redirect.
func (p *Process) Client(t testing.TB) *http.Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxIdleConnsPerHost: 100}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport: transport, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
