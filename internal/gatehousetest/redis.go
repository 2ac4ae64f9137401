package gatehousetest

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// RedisServer is a private Redis or Valkey server without any data. It ends with the test.
type RedisServer struct {
	Address string // host and port

	folder string
	args   []string
	cmd    *exec.Cmd
}

// Redis starts a server on a free port.
func Redis(t testing.TB) *RedisServer {
	t.Helper()
	return startRedis(t, "--save", "", "--appendonly", "no")
}

// RedisCluster starts a Cluster of one server, which holds all slots. It refuses what a
// larger one refuses: commands whose keys are not in one slot.
func RedisCluster(t testing.TB) *RedisServer {
	t.Helper()
	s := startRedis(t, "--save", "", "--appendonly", "no", "--cluster-enabled", "yes")
	s.cli(t, "cluster", "addslotsrange", "0", "16383")
	until(t, "the cluster", func() bool {
		info, err := s.command("cluster", "info")
		return err == nil && len(info) > 16 && info[:16] == "cluster_state:ok"
	})
	return s
}

// RedisSentinel starts a server called "main", and a Sentinel that watches over it. It
// returns both.
func RedisSentinel(t testing.TB) (sentinel, server *RedisServer) {
	t.Helper()
	server = Redis(t)
	host, port, err := net.SplitHostPort(server.Address)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	if err := os.WriteFile(file, []byte("sentinel monitor main "+host+" "+port+" 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return startRedis(t, file, "--sentinel"), server
}

// startRedis starts a server with arguments of its own, the file of settings first if
// there is one.
func startRedis(t testing.TB, args ...string) *RedisServer {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	s := &RedisServer{Address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), folder: t.TempDir()}
	s.args = append(args, "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", s.folder)
	t.Cleanup(s.Kill)
	s.Start(t)
	return s
}

// Start starts the server, which must not run, and waits until it answers.
func (s *RedisServer) Start(t testing.TB) {
	t.Helper()
	s.cmd = exec.Command(redisProgram(t, "server"), s.args...)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "Redis", func() bool {
		answer, err := s.command("ping")
		return err == nil && answer == "PONG\n"
	})
}

// Kill ends the server as kill -9 does, if it runs.
func (s *RedisServer) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// cli runs a command that must succeed.
func (s *RedisServer) cli(t testing.TB, args ...string) string {
	t.Helper()
	answer, err := s.command(args...)
	if err != nil {
		t.Fatal(err, answer)
	}
	return answer
}

// Flush empties the server.
func (s *RedisServer) Flush(t testing.TB) {
	t.Helper()
	s.cli(t, "flushall")
}

// Keys returns all keys, one a line.
func (s *RedisServer) Keys(t testing.TB) string {
	t.Helper()
	return s.cli(t, "keys", "*")
}

func (s *RedisServer) command(args ...string) (string, error) {
	program, err := findRedis("cli")
	if err != nil {
		return "", err
	}
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		return "", err
	}
	answer, err := exec.Command(program, append([]string{"-h", host, "-p", port}, args...)...).Output()
	return string(answer), err
}

// redisProgram finds one of the programs. It is not skipped where it is missing: what is
// counted for all nodes together is tested on every machine.
func redisProgram(t testing.TB, which string) string {
	t.Helper()
	path, err := findRedis(which)
	if err != nil {
		t.Fatal("Redis is not installed: make packages, or apt-get install redis-server")
	}
	return path
}

func findRedis(which string) (string, error) {
	path, err := exec.LookPath("redis-" + which)
	if err != nil {
		path, err = exec.LookPath("valkey-" + which)
	}
	return path, err
}

func until(t testing.TB, what string, ready func() bool) {
	t.Helper()
	for began := time.Now(); !ready(); <-time.After(10 * time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("%s is not ready after 30 seconds", what)
		}
	}
}

// TTL returns how many seconds a key is kept from now on.
func (s *RedisServer) TTL(t testing.TB, key string) int {
	t.Helper()
	seconds, err := strconv.Atoi(strings.TrimSpace(s.cli(t, "ttl", key)))
	if err != nil {
		t.Fatal(err)
	}
	return seconds
}
