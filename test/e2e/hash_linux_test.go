package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gatehouse/gatehouse/internal/gatehousetest"
)

// check 130: passwords are hashed in one child, whose every thread lets calls go first. A
// password stands neither in its arguments nor in its environment, which are public or
// nearly so. When it is killed the next sign-in has another.
func TestPasswordsAreHashedInAChild(t *testing.T) {
	h := furnish(t)
	child := h.hashChild(t)
	if got := procFile(t, child, "cmdline"); !strings.HasPrefix(got, "gatehouse\x00hash-worker\x00") || len(got) > 40 {
		t.Errorf("its arguments are %q", got)
	}
	if got, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", child)); err == nil && len(got) > 0 {
		t.Errorf("its environment is %q", got)
	}
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", child))
	if err != nil || len(threads) < 2 {
		t.Fatalf("its threads: %v, %v", threads, err)
	}
	for _, thread := range threads {
		text, err := os.ReadFile(filepath.Join(thread, "stat"))
		if err != nil {
			continue // it has ended
		}
		_, after, _ := strings.Cut(string(text), ") ")
		if nice := strings.Fields(after)[16]; nice != "10" {
			t.Errorf("thread %s has the priority %s, want 10", filepath.Base(thread), nice)
		}
	}
	ended := watch(t, child)
	if err := syscall.Kill(child, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	ended()
	if next := h.hashChild(t); next == child {
		t.Errorf("child %d lives on after kill -9", child)
	}
	if log, err := os.ReadFile(h.Log); err != nil || strings.Contains(string(log), "hashed in the server") {
		t.Errorf("%v; the log: %s", err, log)
	}
}

// However the server ends, its child ends.
func TestNoChildIsLeftBehind(t *testing.T) {
	h := furnish(t)
	ended := watch(t, h.hashChild(t))
	if code := h.Stop(t); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	ended()
	h.Restart(t)
	h.client.CloseIdleConnections()
	ended = watch(t, h.hashChild(t))
	h.Kill()
	ended()
}

// hashChild signs in and returns the id of the one child that did the work.
func (h *house) hashChild(t *testing.T) int {
	t.Helper()
	h.token(t, john, "read")
	h.post(t, "/token", h.app, passwordForm(person{john.name, john.org, "not his password"}, "")).fails(t, "a wrong password", http.StatusBadRequest, "invalid_grant")
	children := gatehousetest.Children(t, h.PID())
	if len(children) != 1 {
		t.Fatalf("the children are %v, want one", children)
	}
	return children[0]
}

// watch returns what waits for the end of a process.
func watch(t *testing.T, pid int) (ended func()) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return func() {
		t.Helper()
		for {
			n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 10_000)
			if err == unix.EINTR {
				continue
			}
			if err != nil || n == 0 {
				t.Fatalf("process %d lives on after ten seconds: %v", pid, err)
			}
			return
		}
	}
}

func procFile(t *testing.T, pid int, name string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
