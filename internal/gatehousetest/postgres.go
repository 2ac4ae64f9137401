// Package gatehousetest starts real things for tests: a server in a temporary folder on
// free ports, PostgreSQL and Redis from the machine's packages. Nothing is faked.
//
//	server.go     a Gatehouse server, and how to talk to it
//	program.go    the real program as a process
//	postgres.go   a PostgreSQL server, a database for each test
//	redis.go      a Redis server, alone, as a Cluster or with a Sentinel
package gatehousetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"
)

// Databases runs test once with each kind of database, as subtests. The DSN is of an
// empty database. PostgreSQL is skipped, by name, where it is not installed.
func Databases(t *testing.T, test func(t *testing.T, dsn string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, filepath.Join(t.TempDir(), "gatehouse.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
}

// Main runs a package's tests, stops the PostgreSQL server that they started and removes
// the program that they built. Call it from TestMain where Postgres or Binary is used.
func Main(m *testing.M) int {
	code := m.Run()
	if shared.stop != nil {
		shared.stop()
	}
	if built.folder != "" {
		_ = os.RemoveAll(built.folder)
	}
	return code
}

// shared is the one PostgreSQL server of a test process.
var shared struct {
	once sync.Once
	url  string // of a database, with %s for its name
	err  error
	stop func()
	made atomic.Int64
}

// Postgres returns the DSN of a new, empty database on a private PostgreSQL server. It
// skips the test where PostgreSQL is not installed.
func Postgres(t testing.TB) string {
	t.Helper()
	shared.once.Do(func() { shared.err = startPostgres() })
	if errors.Is(shared.err, exec.ErrNotFound) {
		t.Skip("PostgreSQL is not installed: apt-get install postgresql")
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	name := fmt.Sprintf("test%d", shared.made.Add(1))
	admin, err := sql.Open("pgx", fmt.Sprintf(shared.url, "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if _, err := admin.ExecContext(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(shared.url, name)
}

func startPostgres() error {
	bin, err := postgresBin()
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "gatehouse-postgres-")
	if err != nil {
		return err
	}
	as, err := postgresUser(folder)
	if err != nil {
		return err
	}
	data := filepath.Join(folder, "data")
	run := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(bin, name), args...)
		cmd.Dir, cmd.SysProcAttr = folder, as
		return cmd
	}
	if out, err := run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync").CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	serve := run("postgres", "-D", data, "-p", strconv.Itoa(port), "-h", "127.0.0.1", "-k", folder, "-F")
	if err := serve.Start(); err != nil {
		return err
	}
	shared.url = fmt.Sprintf("postgres://postgres@127.0.0.1:%d/%%s?sslmode=disable", port)
	shared.stop = func() {
		_ = serve.Process.Signal(syscall.SIGINT) // PostgreSQL's fast shutdown
		_ = serve.Wait()
		_ = os.RemoveAll(folder)
	}
	return waitFor(fmt.Sprintf(shared.url, "postgres"))
}

// postgresBin finds the newest installed version's programs, where Debian keeps them off
// the path, or on the path.
func postgresBin() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		return filepath.Dir(slices.Max(found)), nil
	}
	path, err := exec.LookPath("postgres")
	if err != nil {
		return "", err
	}
	return filepath.Dir(path), nil
}

// postgresUser returns how to run as the user postgres, to whom the folder then belongs:
// PostgreSQL refuses to run as root.
func postgresUser(folder string) (*syscall.SysProcAttr, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	credential := &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return &syscall.SysProcAttr{Credential: credential}, os.Chown(folder, uid, gid)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

func waitFor(url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	pool, err := sql.Open("pgx", url)
	if err != nil {
		return err
	}
	defer pool.Close()
	for {
		err := pool.PingContext(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL did not start: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
