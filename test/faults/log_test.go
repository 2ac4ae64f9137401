//go:build faults

package faults

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

var droppedLine = regexp.MustCompile(`lines of the log were dropped.* lines=(\d+)`)

// R28: nobody reads the log, or the disk is full. Calls go on, and what was dropped is
// counted. At the level debug each call is a line.
func TestR28LogThatNobodyTakes(t *testing.T) {
	n := 20_000
	h := furnish(t, "GATEHOUSE_LOG_LEVEL=debug")
	token := h.signIn(t).Access
	calm := percentile(h.latencies(token, 1000), 0.99)
	path := h.Log
	defer func() { h.Log = os.DevNull }() // the end of the log is shown when a test fails: neither of these ends
	for _, sink := range []string{"a pipe that is full", "a disk that is full"} {
		if code := h.Stop(t); code != 0 {
			t.Fatalf("ended with %d", code)
		}
		must(t, os.Remove(path))
		var pipe *os.File
		if sink == "a disk that is full" {
			must(t, os.Symlink("/dev/full", path))
		} else {
			must(t, syscall.Mkfifo(path, 0o600))
			var err error
			pipe, err = os.OpenFile(path, os.O_RDWR, 0) // somebody has it open and does not read
			must(t, err)
			defer pipe.Close()
		}
		h.Restart(t)
		h.client.CloseIdleConnections()
		calls, failed := h.callsInParallel(token, n)
		none(t, "R28", fmt.Sprintf("calls that failed of %d, %s", n, sink), failed)
		busy := percentile(h.latencies(token, 1000), 0.99)
		figures.add(t, "R28", "99th of calls, "+sink, fmt.Sprint(ms(busy), " (before: ", ms(calm), ")"), "twice", busy <= 2*calm)
		dropped := int(h.metric(t, "gatehouse_log_lines_dropped_total"))
		figures.add(t, "R28", fmt.Sprintf("lines dropped and counted of %d, %s", calls+1000, sink), dropped, "some", dropped > 0)
		if dropped == 0 {
			t.Errorf("%s: nothing was dropped", sink)
		}
		if pipe != nil {
			lines, told := drainLog(t, pipe, h, token)
			counted := int(h.metric(t, "gatehouse_log_lines_dropped_total"))
			figures.add(t, "R28", fmt.Sprintf("lines told when the pipe opens, beside %d that came", lines), told, fmt.Sprint("what was counted: ", counted), told == counted)
			if told != counted {
				t.Errorf("the log tells of %d dropped lines, %d were counted", told, counted)
			}
		}
	}
}

func (h *house) callsInParallel(token string, n int) (made int, failed []string) {
	answers := make(chan int, n)
	h.each(n, func(int) { answers <- h.calls(token) })
	close(answers)
	for status := range answers {
		if made++; status != http.StatusOK {
			failed = append(failed, fmt.Sprint("answered ", status))
		}
	}
	return made, failed
}

// drainLog reads what waits, then calls until a line tells how many were dropped.
func drainLog(t *testing.T, pipe *os.File, h *house, token string) (lines, told int) {
	t.Helper()
	found := make(chan int, 1)
	go func() {
		defer close(found)
		for in := bufio.NewScanner(pipe); in.Scan(); lines++ {
			if match := droppedLine.FindStringSubmatch(in.Text()); match != nil {
				n, err := strconv.Atoi(match[1])
				if err != nil {
					t.Error(err)
				}
				found <- n
				return
			}
			if !strings.Contains(in.Text(), "level=") {
				t.Errorf("not a line: %s", in.Text())
			}
		}
	}()
	for range 100 {
		select {
		case told = <-found:
			go func() { // what comes afterwards is not to block again
				for in := bufio.NewScanner(pipe); in.Scan(); {
				}
			}()
			return lines, told
		case <-time.After(100 * time.Millisecond):
			h.calls(token)
		}
	}
	t.Fatal("no line tells that lines were dropped")
	return lines, told
}
