package server

import (
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse/internal/organization"
)

// Times of the hashing child.
const (
	hashPatience = 5 * time.Second // for one answer; the slowest hash that may be imported takes about two
	hashIdle     = time.Minute     // without a question, then it ends: it is started again at need
	hashPause    = time.Minute     // after it has failed twice in a row
)

// apart hashes passwords in a child process that lets everybody else go first: the kernel
// takes the core from it when a call comes, as Go's scheduler does not. It runs while people
// sign in. When it dies its questions are put to a fresh one, and then answered here.
type apart struct {
	here     organization.Hasher
	start    func() (*hashChild, error)
	log      *slog.Logger
	now      func() time.Time
	patience time.Duration
	idle     time.Duration

	mu     sync.Mutex
	child  *hashChild
	asking int         // questions that wait for an answer
	rest   *time.Timer // ends an idle child; nil while there is none
	paused time.Time   // until then all is hashed here
	told   bool        // that it is
	closed bool
}

// HashApart has passwords hashed in a child process from now on: this program, started
// with a command that calls HashWorker.
func (s *Server) HashApart(command string) {
	workers := s.Organization.Passwords.Workers()
	s.apart = &apart{
		here: s.Organization.Passwords.Hasher, log: s.log, now: time.Now, patience: hashPatience, idle: hashIdle,
		start: func() (*hashChild, error) { return startHashChild(command, workers) },
	}
	s.Organization.Passwords.Hasher = s.apart
}

// Hash returns the hash of a password.
func (a *apart) Hash(password string) (string, error) {
	said, ok := a.ask(frame{kind: askHash, second: password})
	switch {
	case ok && said.kind == sayHash:
		return said.first, nil
	case ok && said.kind == sayFailed:
		return "", errors.New(said.first)
	}
	return a.here.Hash(password)
}

// Match reports whether password is the one that hash was made from.
func (a *apart) Match(hash, password string) (bool, error) {
	said, ok := a.ask(frame{kind: askMatch, first: hash, second: password})
	switch {
	case ok && (said.kind == sayYes || said.kind == sayNo):
		return said.kind == sayYes, nil
	case ok && said.kind == sayFailed:
		return false, errors.New(said.first)
	}
	return a.here.Match(hash, password)
}

// Why a child gave no answer.
var (
	errHashDied   = errors.New("the child process died")
	errHashLate   = errors.New("the child process did not answer in time")
	errHashPaused = errors.New("no child process for now")
)

// ask returns the child's answer, if there is one.
func (a *apart) ask(question frame) (said frame, ok bool) {
	if !question.fits() {
		return frame{}, false
	}
	said, err := a.try(question)
	if errors.Is(err, errHashDied) {
		said, err = a.try(question)
	}
	if err != nil {
		a.pause(err)
	}
	return said, err == nil
}

// try puts a question to the child that runs. One that is too slow for it is ended.
func (a *apart) try(question frame) (frame, error) {
	c, err := a.enter()
	if err != nil {
		return frame{}, err
	}
	late := time.AfterFunc(a.patience, c.kill)
	said, ok := c.ask(question)
	inTime := late.Stop()
	a.leave(c, ok)
	switch {
	case ok:
		return said, nil
	case inTime:
		return frame{}, errHashDied
	}
	return frame{}, errHashLate
}

// enter returns the child that runs, or starts one.
func (a *apart) enter() (*hashChild, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || a.now().Before(a.paused) {
		return nil, errHashPaused
	}
	if a.child == nil {
		c, err := a.start()
		if err != nil {
			return nil, err
		}
		a.child = c
	}
	if a.asking++; a.rest != nil {
		a.rest.Stop()
		a.rest = nil
	}
	return a.child, nil
}

// leave ends one question. A child that did not answer it is not asked again.
func (a *apart) leave(c *hashChild, answered bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if answered {
		a.told = false
	} else {
		c.kill()
		if a.child == c {
			a.child = nil
		}
	}
	if a.asking--; a.asking == 0 && a.child != nil {
		a.rest = time.AfterFunc(a.idle, a.sleep)
	}
}

// sleep ends a child that nobody has asked for a while.
func (a *apart) sleep() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.asking == 0 && a.child != nil {
		a.child.end()
		a.child = nil
	}
}

// pause has all hashed here for a while. Why is told once, until a child works again.
func (a *apart) pause(why error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || a.now().Before(a.paused) {
		return
	}
	a.paused = a.now().Add(hashPause)
	if !a.told {
		a.log.Warn("passwords are hashed in the server, where calls wait for them: the child process failed; it is tried again every minute", "err", why)
	}
	a.told = true
}

// close ends the child and waits until it has. What is asked later is hashed here.
func (a *apart) close() {
	if a == nil {
		return
	}
	a.mu.Lock()
	c := a.child
	a.child, a.closed = nil, true
	if a.rest != nil {
		a.rest.Stop()
	}
	a.mu.Unlock()
	if c == nil {
		return
	}
	c.end()
	late := time.AfterFunc(time.Second, c.kill)
	defer late.Stop()
	<-c.ended
}

// hashChild is a child process that answers questions.
type hashChild struct {
	kill  func()        // ends it at once; may be called often
	ended chan struct{} // closed when it has ended

	writing sync.Mutex
	in      io.WriteCloser

	mu      sync.Mutex
	number  uint32
	waiting map[uint32]chan frame // by the number of the question; nil when the child is gone
}

// newHashChild follows a child that has been started.
func newHashChild(in io.WriteCloser, out io.Reader, kill, wait func()) *hashChild {
	c := &hashChild{kill: kill, ended: make(chan struct{}), in: in, waiting: map[uint32]chan frame{}}
	go func() {
		c.hear(out)
		kill() // what talks nonsense is not waited for
		wait()
		close(c.ended)
	}()
	return c
}

// hear hands on answers until there are none any more.
func (c *hashChild) hear(out io.Reader) {
	for {
		said, err := readFrame(out)
		c.mu.Lock()
		if err != nil {
			for _, who := range c.waiting {
				close(who)
			}
			c.waiting = nil
			c.mu.Unlock()
			return
		}
		if who := c.waiting[said.number]; who != nil {
			delete(c.waiting, said.number)
			who <- said
		}
		c.mu.Unlock()
	}
}

// ask waits for the answer to a question; there is none when the child dies before.
func (c *hashChild) ask(question frame) (said frame, ok bool) {
	answered := make(chan frame, 1)
	c.mu.Lock()
	if c.waiting == nil {
		c.mu.Unlock()
		return frame{}, false
	}
	c.number++
	question.number = c.number
	c.waiting[question.number] = answered
	c.mu.Unlock()

	c.writing.Lock()
	err := writeFrame(c.in, question)
	c.writing.Unlock()
	if err != nil {
		c.kill() // which ends the wait
	}
	said, ok = <-answered
	return said, ok
}

// end lets the child end when it has nothing left to read.
func (c *hashChild) end() { _ = c.in.Close() }
