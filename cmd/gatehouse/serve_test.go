package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// freePorts are the flags of a server that is in nobody's way.
const freePorts = " --gateway-listen=https://127.0.0.1:0,http://127.0.0.1:0 --portal-listen=https://127.0.0.1:0 --ops-listen=http://127.0.0.1:0"

// started is a server that has printed its ready line.
type started struct {
	cmd    *exec.Cmd
	ready  string
	rest   *bufio.Reader // of standard output
	stderr bytes.Buffer  // whole after stop
}

func start(t *testing.T, cmd *exec.Cmd) *started {
	t.Helper()
	s := &started{cmd: cmd}
	cmd.Stderr = &s.stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.rest = bufio.NewReader(out)
	if s.ready, err = s.rest.ReadString('\n'); err != nil {
		cmd.Wait()
		t.Fatalf("no ready line: %v\n%s", err, &s.stderr)
	}
	return s
}

// stop ends the server as an operator does and returns what else it printed.
func (s *started) stop(t *testing.T) string {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(s.rest)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("ended with %v\n%s", err, &s.stderr)
	}
	return string(rest)
}

func TestServe(t *testing.T) {
	dir := t.TempDir()
	first := start(t, command(t, dir, nil, "serve"+freePorts))
	holds(t, "the ready line", first.ready, []string{"ready gateway=https://127.0.0.1:", " portal=https://127.0.0.1:", " ops=http://127.0.0.1:", " gateway-http=http://127.0.0.1:"})
	if rest := first.stop(t); rest != "" {
		t.Errorf("more than the ready line: %s", rest)
	}
	holds(t, "stderr", first.stderr.String(), []string{"made a self-signed certificate", "user admin with the password "})

	second := start(t, command(t, dir, nil, "serve"+freePorts))
	second.stop(t)
	if strings.Contains(second.stderr.String(), "password") || strings.Contains(second.stderr.String(), "certificate") {
		t.Errorf("the second start repeats the first: %s", &second.stderr)
	}
}

func TestServeOnATakenAddressFails(t *testing.T) {
	s := start(t, command(t, t.TempDir(), nil, "serve"+freePorts))
	defer s.stop(t)
	_, ops, _ := strings.Cut(s.ready, " ops=")
	ops, _, _ = strings.Cut(ops, " ")
	_, stderr, code := run(t, command(t, t.TempDir(), nil, "serve --gateway-listen=http://127.0.0.1:0 --portal-listen=http://127.0.0.1:0 --ops-listen="+ops))
	if code != 1 || !strings.Contains(stderr, "ops-listen "+ops) {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

func TestDemoPrintsWhatWorksAndIsThrownAway(t *testing.T) {
	temporary := t.TempDir()
	s := start(t, command(t, t.TempDir(), []string{"TMPDIR=" + temporary}, "demo"+freePorts))
	if !strings.HasPrefix(s.ready, "ready gateway=") {
		t.Errorf("began with %s", s.ready)
	}
	for line := ""; !strings.Contains(line, "curl"); {
		var err error
		if line, err = s.rest.ReadString('\n'); err != nil {
			t.Fatalf("no curl line: %v", err)
		}
	}
	s.stop(t)
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestOrganizationsAndPeople(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "pw"), []byte("canary-password\r\nsecond line\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		args, stdin    string
		code           int
		stdout, stderr []string
	}{
		{"org create acme --name Acme", "", 0, words("KEY NAME acme Acme"), nil},
		{"org create acme", "", 1, nil, []string{"there is an organization acme already"}},
		{"org create Acme", "", 1, nil, []string{"cannot be an organization key"}},
		{"org create", "", 2, nil, []string{"accepts 1 arg(s)"}},
		{"org list --output=json", "", 0, []string{"[", `"key": "acme"`, `"name": "Acme"`, `"createdAt"`, "]"}, nil},
		{"org update acme --name Acme2 --password-grant deprecated --sign-up off --never-expiring on --output=json", "", 0, []string{`"name": "Acme2"`, `"passwordGrant": "deprecated"`, `"signUp": false`, `"neverExpiring": true`}, nil},
		{"org update acme --password-grant off --output=json", "", 0, []string{`"name": "Acme2"`, `"passwordGrant": "off"`, `"signUp": false`}, nil},
		{"org update acme --password-grant perhaps", "", 2, nil, []string{"use on or off or deprecated"}},
		{"org update nowhere --sign-up on", "", 1, nil, []string{"no such organization"}},
		{"issuer add --org acme --issuer https://login.example --jwks-uri https://login.example/jwks --claim email", "", 0, words("ID KIND jwt https://login.example email"), nil},
		{"issuer add --org acme --issuer https://login.example --jwks-uri https://login.example/jwks", "", 1, nil, []string{"exists already"}},
		{"issuer add --org acme --issuer https://idp.example --certificate-file pw", "", 1, nil, []string{"the certificate is not PEM"}},
		{"issuer add --org acme --issuer https://idp.example", "", 1, nil, []string{"needs either its keys"}},
		{"issuer add --org nowhere --issuer i --jwks-uri https://i.example", "", 1, nil, []string{"there is no organization nowhere"}},
		{"issuer list --org acme --output=json", "", 0, []string{`"kind": "jwt"`, `"issuer": "https://login.example"`}, nil},
		{"issuer delete 0 --org acme", "", 1, nil, []string{"no such trusted issuer"}},
		{"org lost", "", 2, nil, []string{`unknown command "lost": did you mean`}},
		{"user create john@johns.org --org acme --role subscriber --role editor --password-file pw", "", 0, words("USERNAME john@johns.org acme editor,subscriber"), nil},
		{"user create jane --org acme --password-file -", "canary-password", 0, words("jane acme subscriber"), nil},
		{"user create joe --org acme --password-file -", "short", 1, nil, []string{"use 8 or more"}},
		{"user create joe --org acme", "", 2, nil, []string{"--password-file FILE"}},
		{"user create joe --org nowhere --password-file pw", "", 1, nil, []string{"there is no organization nowhere"}},
		{"user create joe --org acme --password-file none", "", 1, nil, []string{"password-file: open none"}},
		{"org create beta", "", 0, words("beta"), nil},
		{"user create john@johns.org --org beta --password-file -", "canary-password\n", 0, words("john@johns.org beta"), nil}, // the password of the file, without its line's end
		{"user create jane --org beta --password-file -", "canary-other", 1, nil, []string{"with another password"}},
		{"org delete beta", "", 0, nil, []string{"deleted organization beta"}},
		{"user list --org acme --output=json", "", 0, []string{`"username": "jane"`, `"organization": "acme"`, `"subscriber"`, `"username": "john@johns.org"`, `"editor"`}, nil},
		{"user password jane --password-file -", "canary-password-2\n", 0, nil, []string{"changed the password of jane"}},
		{"user roles jane --org acme --role reader,editor", "", 0, nil, []string{"changed the roles of jane in organization acme"}},
		{"user roles nobody --org acme", "", 1, nil, []string{"has no member nobody"}},
		{"user delete jane --org acme", "", 0, nil, []string{"removed jane from organization acme"}},
		{"user delete jane --org acme", "", 1, nil, []string{"has no member jane"}},
		{"org delete acme", "", 0, nil, []string{"deleted organization acme"}},
		{"org list --output=json", "", 0, []string{"[]"}, nil},
	} {
		cmd := command(t, dir, nil, step.args)
		cmd.Stdin = strings.NewReader(step.stdin)
		stdout, stderr, code := run(t, cmd)
		if code != step.code {
			t.Errorf("%s: exit code %d, want %d\n%s", step.args, code, step.code, stderr)
		}
		holds(t, step.args+": stdout", stdout, step.stdout)
		holds(t, step.args+": stderr", stderr, step.stderr)
		if strings.Contains(stdout+stderr, "canary") {
			t.Errorf("%s shows a password", step.args)
		}
	}
}
