package observe

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// Limits of the log on its way out.
const (
	maxWaiting = 1 << 20     // bytes of lines that wait; those that find no room are dropped
	flushLimit = time.Second // for what waits when the process ends
)

// Lines writes the log, and makes nobody wait for it: who reads it may have stopped, the
// disk may be full. Lines that find no room are dropped and counted, and once there is
// room again, a line tells how many.
type Lines struct {
	out  io.Writer
	note *slog.Logger // writes to out itself

	mu      sync.Mutex
	waiting []byte // whole lines
	dropped uint64
	closed  bool
	wake    chan struct{} // holds one: something waits
	ended   chan struct{}
}

// NewLines returns what writes lines of a format to out. Close it in the end.
func NewLines(out io.Writer, format string) *Lines {
	l := &Lines{out: out, note: NewLogger(out, slog.LevelInfo, format), wake: make(chan struct{}, 1), ended: make(chan struct{})}
	go l.run()
	return l
}

// Write takes one line. It never fails: a log that cannot be written is no reason not to
// do what was logged.
func (l *Lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	if l.closed || len(l.waiting)+len(line) > maxWaiting {
		l.dropped++
	} else {
		l.waiting = append(l.waiting, line...)
	}
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return len(line), nil
}

// Dropped returns how many lines were dropped since the start.
func (l *Lines) Dropped() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dropped
}

// Close writes what waits, for a second at most: a reader who has stopped must not keep
// the process from ending.
func (l *Lines) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
	select {
	case <-l.ended:
	case <-time.After(flushLimit):
	}
	return nil
}

// run writes until Close. Two buffers take turns: one is written, one is filled.
func (l *Lines) run() {
	defer close(l.ended)
	var batch []byte
	var told uint64
	torn := false // the last line was written in part
	for {
		l.mu.Lock()
		batch, l.waiting = l.waiting, batch[:0]
		closed, dropped := l.closed, l.dropped
		l.mu.Unlock()
		switch {
		case len(batch) > 0:
			torn = l.put(batch, torn)
			if !torn && dropped > told && l.tell(dropped-told) {
				told = dropped
			}
		case closed:
			return
		default:
			<-l.wake
		}
	}
}

// put writes lines, on a line of their own, and reports whether the last was torn. What
// could not be written is counted.
func (l *Lines) put(batch []byte, torn bool) bool {
	if torn {
		if _, err := io.WriteString(l.out, "\n"); err != nil {
			l.lose(batch)
			return true
		}
	}
	n, err := l.out.Write(batch)
	if err != nil {
		l.lose(batch[n:])
	}
	return n > 0 && batch[n-1] != '\n'
}

// lose counts what could not be written.
func (l *Lines) lose(rest []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dropped += uint64(bytes.Count(rest, []byte("\n")))
}

// tell tells that lines are missing here.
func (l *Lines) tell(lines uint64) bool {
	record := slog.NewRecord(time.Now(), slog.LevelWarn, "lines of the log were dropped, because nobody took them", 0)
	record.AddAttrs(slog.Uint64("lines", lines))
	return l.note.Handler().Handle(context.Background(), record) == nil
}
