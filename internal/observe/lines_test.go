package observe_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/observe"
)

// sink is an out that can be blocked, or full.
type sink struct {
	mu    sync.Mutex // held while blocked
	full  bool       // takes half a line and fails
	text  bytes.Buffer
	wrote chan struct{}
}

func newSink() *sink { return &sink{wrote: make(chan struct{}, 1<<16)} }

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.wrote <- struct{}{} }()
	if s.full {
		n, _ := s.text.Write(p[:len(p)/2])
		return n, errors.New("no space left on device")
	}
	return s.text.Write(p)
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func TestLinesOfABlockedLogAreDroppedAndTold(t *testing.T) {
	for _, format := range formats {
		t.Run(format, func(t *testing.T) {
			out := newSink()
			lines := observe.NewLines(out, format)
			log := observe.NewLogger(lines, slog.LevelInfo, format)
			out.mu.Lock()
			long := strings.Repeat("x", 1000)
			for i := range 5000 { // 5 MB, of which two buffers hold 2 MiB
				log.Info(long, "n", i)
			}
			dropped := lines.Dropped()
			if dropped < 2500 || dropped >= 5000 {
				t.Errorf("dropped %d of 5,000", dropped)
			}
			out.mu.Unlock()
			lines.Close()
			if text := out.String(); !strings.Contains(text, "lines of the log were dropped") || !strings.Contains(text, fmt.Sprint(dropped)) {
				t.Errorf("nothing tells that %d were dropped; the end: %s", dropped, text[max(0, len(text)-300):])
			}
			if got := strings.Count(out.String(), long); got != 5000-int(dropped) {
				t.Errorf("%d lines arrived, %d were dropped", got, dropped)
			}
			if lines.Dropped() != dropped {
				t.Errorf("dropped %d more", lines.Dropped()-dropped)
			}
		})
	}
}

func TestLinesThatFailAreCountedAndLeaveNoHalf(t *testing.T) {
	out := newSink()
	out.full = true
	lines := observe.NewLines(out, "text")
	log := observe.NewLogger(lines, slog.LevelInfo, "text")
	log.Info("lost")
	<-out.wrote
	for deadline := time.Now().Add(10 * time.Second); lines.Dropped() != 1; {
		if time.Now().After(deadline) {
			t.Fatalf("dropped %d", lines.Dropped())
		}
	}
	out.mu.Lock()
	out.full = false
	out.mu.Unlock()
	log.Info("kept")
	lines.Close()
	got := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(got) != 3 || !strings.HasSuffix(got[1], "msg=kept") || !strings.HasSuffix(got[2], "lines=1") {
		t.Errorf("the log is %q", got)
	}
}

// The last lines are the ones that tell why.
func TestLinesAreWrittenAtTheEnd(t *testing.T) {
	out := newSink()
	lines := observe.NewLines(out, "text")
	log := observe.NewLogger(lines, slog.LevelInfo, "text")
	for i := range 1000 {
		log.Info("line", "n", i)
	}
	lines.Close()
	if got := strings.Count(out.String(), "\n"); got != 1000 {
		t.Errorf("%d lines of 1,000", got)
	}
}

func TestBlockedLogDoesNotKeepTheProcess(t *testing.T) {
	out := newSink()
	lines := observe.NewLines(out, "text")
	out.mu.Lock()
	defer out.mu.Unlock()
	fmt.Fprintln(lines, "nobody takes this")
	closed := make(chan struct{})
	go func() {
		lines.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Fatal("Close waits for ever")
	}
}
