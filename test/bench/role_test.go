package bench

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// roleVariable tells the test's binary to be another program instead, in a process of its
// own: its value is the role and, after a space, what the role needs to know.
const roleVariable = "GATEHOUSE_BENCH_ROLE"

const (
	floorRole   = "floor"   // with the backend's URL
	backendRole = "backend" // with nothing
)

// play plays a role for as long as the process lives.
func play(role string) {
	switch name, with, _ := strings.Cut(role, " "); name {
	case floorRole:
		serveFloor(with)
	case backendRole:
		serveBackend()
	default:
		panic("there is no role " + role)
	}
}

// startRole starts a process that plays a role. The first line it prints is its URL.
func startRole(b *testing.B, role string) (address string, pid int) {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(line), cmd.Process.Pid
}
