//go:build faults

package db

import (
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
)

var passed atomic.Int64

// failpoint kills the process at the nth pass of a place, when the file that FAILPOINT
// names holds "place n". The file is removed first: a process that starts again lives.
func failpoint(place string) {
	file := os.Getenv("FAILPOINT")
	if file == "" {
		return
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return
	}
	var where string
	var n int64
	if _, err := fmt.Sscan(string(text), &where, &n); err != nil || where != place || passed.Add(1) < n {
		return
	}
	_ = os.Remove(file)
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}
