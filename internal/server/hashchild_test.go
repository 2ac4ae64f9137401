package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// marker is a hasher whose hashes tell who made them.
type marker struct {
	name string
	work func() // what a hash takes; nil for nothing
}

func (m marker) Hash(password string) (string, error) {
	if m.work != nil {
		m.work()
	}
	return m.name + ":" + password, nil
}

func (m marker) Match(hash, password string) (bool, error) {
	if hash == "damaged" {
		return false, errors.New("a stored password hash: damaged")
	}
	made, err := m.Hash(password)
	return hash == made, err
}

// inChild starts a child that is two goroutines of the test; killed and ended are told.
func inChild(hasher marker, workers int) *hashChild {
	askedOf, asks := io.Pipe()
	hears, says := io.Pipe()
	kill := func() {
		_ = askedOf.CloseWithError(errors.New("killed"))
		_ = says.Close()
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = answerAll(askedOf, says, workers, hasher)
		_ = says.Close()
	}()
	return newHashChild(asks, hears, kill, func() { <-ended })
}

// nursery starts children in turn, as told, and counts them. The last is started again.
type nursery struct {
	next    []func() (*hashChild, error)
	started int
}

func (n *nursery) start() (*hashChild, error) {
	next := n.next[min(n.started, len(n.next)-1)]
	n.started++
	return next()
}

func newApart(t *testing.T, next ...func() (*hashChild, error)) (*apart, *nursery, *bytes.Buffer) {
	t.Helper()
	log, n := &bytes.Buffer{}, &nursery{next: next}
	a := &apart{
		here: marker{name: "here"}, start: n.start, log: slog.New(slog.NewTextHandler(log, nil)), now: time.Now,
		patience: 10 * time.Second, idle: time.Hour,
	}
	t.Cleanup(a.close)
	return a, n, log
}

func good() (*hashChild, error) { return inChild(marker{name: "child"}, 2), nil }

// dying dies of its first question.
func dying() (*hashChild, error) {
	var c *hashChild
	c = inChild(marker{name: "dying", work: func() { c.kill() }}, 2)
	return c, nil
}

// mute takes questions and answers none.
func mute() (*hashChild, error) {
	hears, says := io.Pipe()
	askedOf, asks := io.Pipe()
	go func() { _, _ = io.Copy(io.Discard, askedOf) }()
	return newHashChild(asks, hears, func() { _ = says.Close() }, func() { _ = askedOf.Close() }), nil
}

// babbling answers what was not asked.
func babbling() (*hashChild, error) {
	askedOf, asks := io.Pipe()
	go func() { _, _ = io.Copy(io.Discard, askedOf) }()
	return newHashChild(asks, strings.NewReader("panic: runtime error"), func() {}, func() { _ = askedOf.Close() }), nil
}

func none() (*hashChild, error) { return nil, errors.New("no more processes") }

func TestHashingApart(t *testing.T) {
	a, _, log := newApart(t, good)
	hash, err := a.Hash("correct horse")
	if err != nil || hash != "child:correct horse" {
		t.Errorf("the hash is %q, %v", hash, err)
	}
	for password, want := range map[string]bool{"correct horse": true, "correct": false, "": false} {
		if right, err := a.Match(hash, password); err != nil || right != want {
			t.Errorf("%q: %v, %v", password, right, err)
		}
	}
	if _, err := a.Match("damaged", "correct horse"); err == nil || err.Error() != "a stored password hash: damaged" {
		t.Errorf("a damaged hash: %v", err)
	}
	if log.Len() > 0 {
		t.Errorf("the log: %s", log)
	}
}

// No sign-in is lost, whatever becomes of the child, and what becomes of it is told once.
func TestHashingOutlivesTheChild(t *testing.T) {
	for name, test := range map[string]struct {
		children []func() (*hashChild, error)
		password string
		want     string
		started  int
		log      string
	}{
		"one dies: the next answers":             {children: []func() (*hashChild, error){dying, good}, want: "child:", started: 2},
		"two die: hashed here":                   {children: []func() (*hashChild, error){dying}, want: "here:", started: 2, log: "died"},
		"one hangs: hashed here":                 {children: []func() (*hashChild, error){mute, good}, want: "here:", started: 1, log: "in time"},
		"none can be started: hashed here":       {children: []func() (*hashChild, error){none}, want: "here:", started: 1, log: "no more processes"},
		"nonsense: the next answers":             {children: []func() (*hashChild, error){babbling, good}, want: "child:", started: 2},
		"a password beyond bounds: hashed here":  {children: []func() (*hashChild, error){good}, password: strings.Repeat("x", maxText+1), want: "here:"},
		"one dies, and no next: hashed here":     {children: []func() (*hashChild, error){dying, none}, want: "here:", started: 2, log: "no more processes"},
		"a password of all bytes that may be":    {children: []func() (*hashChild, error){good}, password: strings.Repeat("\x00\xff", (maxText-len("child:"))/2), want: "child:", started: 1},
		"one dies, the next hangs: hashed here.": {children: []func() (*hashChild, error){dying, mute}, want: "here:", started: 2, log: "in time"},
	} {
		t.Run(name, func(t *testing.T) {
			a, n, log := newApart(t, test.children...)
			if strings.Contains(name, "hang") {
				a.patience = 50 * time.Millisecond
			}
			if hash, err := a.Hash(test.password); err != nil || hash != test.want+test.password {
				t.Errorf("the hash is %.40q, %v", hash, err)
			}
			if n.started != test.started {
				t.Errorf("%d children were started, want %d", n.started, test.started)
			}
			if got := strings.Count(log.String(), "\n"); !strings.Contains(log.String(), test.log) || test.log == "" && got > 0 || test.log != "" && got != 1 {
				t.Errorf("the log: %s", log)
			}
		})
	}
}

// After a failure children have a minute's rest; then one is tried again.
func TestHashingApartPauses(t *testing.T) {
	a, n, log := newApart(t, none, none, good)
	now := time.Now()
	a.now = func() time.Time { return now }
	for i, step := range []struct {
		later   time.Duration
		want    string
		started int
		lines   int
	}{
		{0, "here:", 1, 1},
		{hashPause - 1, "here:", 1, 1},
		{1, "here:", 2, 1}, // fails again, which is not told again
		{hashPause, "child:", 3, 1},
	} {
		now = now.Add(step.later)
		hash, err := a.Hash("")
		if err != nil || hash != step.want || n.started != step.started || strings.Count(log.String(), "\n") != step.lines {
			t.Errorf("step %d: %q, %v after %d starts; the log:\n%s", i, hash, err, n.started, log)
		}
	}
}

// A child that nobody asks ends, and is started again at need.
func TestAnIdleHashChildEnds(t *testing.T) {
	var last *hashChild
	a, n, _ := newApart(t, func() (c *hashChild, err error) {
		last, err = good()
		return last, err
	})
	a.idle = 0
	for i := range 3 {
		if hash, err := a.Hash(""); err != nil || hash != "child:" || n.started != i+1 {
			t.Fatalf("%q, %v by child %d", hash, err, n.started)
		}
		<-last.ended
	}
}

func TestHashingAfterClose(t *testing.T) {
	a, n, log := newApart(t, good)
	_, _ = a.Hash("")
	a.close()
	a.close()
	if hash, err := a.Hash(""); err != nil || hash != "here:" || n.started != 1 || log.Len() > 0 {
		t.Errorf("%q, %v by child %d; the log: %s", hash, err, n.started, log)
	}
}

// check 130: the child works at no more hashes at a time than it was told, and each answer
// finds who asked, also when a child dies meanwhile.
func TestManyHashesApart(t *testing.T) {
	const workers, askers, each = 2, 8, 50
	var most, done atomic.Int64
	var c *hashChild
	child := func() (*hashChild, error) {
		var running atomic.Int64
		c = inChild(marker{name: "child", work: func() {
			now := running.Add(1)
			for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
			}
			for range 100 {
				runtime.Gosched() // to whoever would be one too many
			}
			running.Add(-1)
		}}, workers)
		return c, nil
	}
	a, n, _ := newApart(t, child)
	var asking sync.WaitGroup
	for asker := range askers {
		asking.Go(func() {
			for i := range each {
				password := fmt.Sprint(asker, " ", i)
				if hash, err := a.Hash(password); err != nil || hash != "child:"+password && hash != "here:"+password {
					t.Errorf("%q: %q, %v", password, hash, err)
				}
				if done.Add(1) == askers*each/2 {
					a.mu.Lock()
					c.kill()
					a.mu.Unlock()
				}
			}
		})
	}
	asking.Wait()
	if most.Load() > workers {
		t.Errorf("%d hashes at once, want %d at most", most.Load(), workers)
	}
	if n.started != 2 {
		t.Errorf("%d children, want 2: one was killed", n.started)
	}
}

func FuzzReadFrame(f *testing.F) {
	var seed bytes.Buffer
	_ = writeFrame(&seed, frame{kind: askMatch, number: 7, first: "$argon2id$", second: "correct horse"})
	f.Add(seed.Bytes())
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{askHash, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, text []byte) {
		read := bytes.NewReader(text)
		got, err := readFrame(read)
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := writeFrame(&again, got); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if used := text[:len(text)-read.Len()]; !bytes.Equal(again.Bytes(), used) {
			t.Errorf("%q was read and is written as %q", used, again.Bytes())
		}
	})
}

// A question that is no question, or is cut off, ends the child: whoever asks it is not the server.
func TestAnswerAllEnds(t *testing.T) {
	var whole bytes.Buffer
	_ = writeFrame(&whole, frame{kind: askHash, number: 1, second: "correct horse"})
	for name, test := range map[string]struct {
		in   string
		want bool
	}{
		"nothing":                {"", true},
		"a head that is cut off": {whole.String()[:4], false},
		"texts cut off":          {whole.String()[:frameHead+3], false},
		"a kind of none":         {"\x09\x00\x00\x00\x01\x00\x00\x00\x00", false},
		"texts beyond bounds":    {"\x01\x00\x00\x00\x01\x10\x01\x00\x00" + strings.Repeat("x", maxText+1), false},
	} {
		if err := answerAll(strings.NewReader(test.in), io.Discard, 1, marker{}); (err == nil) != test.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
