package gatehousetest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Children returns the ids of a process's children, as Linux tells them. What they do is
// done for the process, and counts when it is measured.
func Children(t testing.TB, pid int) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(files) == 0 {
		t.Fatalf("the processes of this machine: %d, %v", len(files), err)
	}
	parent := fmt.Sprint(pid)
	var children []int
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		name := strings.LastIndexByte(string(text), ')') // which may hold anything
		if after := strings.Fields(string(text[name+1:])); after[1] == parent && after[0] != "Z" {
			child, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if err != nil {
				t.Fatal(err)
			}
			children = append(children, child)
		}
	}
	return children
}
