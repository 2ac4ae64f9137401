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

// apart hashes passwords in a child process that lets everybody else go first. One that
// dies loses nothing: its questions are put to a fresh child, and then answered here.
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
	closed bool
}

// HashApart has passwords hashed in a child process from now on: this program, started
// with a command that calls HashWorker.
func (s *Server) HashApart(command string) {
	s.apart = &apart{
		here: s.Organization.Passwords.Hasher, log: s.log, now: time.Now, patience: hashPatience, idle: hashIdle,
		start: func() (*hashChild, error) { return startHashChild(command, s.hashWorkers) },
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

// ask returns the child's answer, if there is one: of a second child, when the first died
// of something else than that it was too slow.
func (a *apart) ask(question frame) (said frame, ok bool) {
	if !question.fits() {
		return frame{}, false
	}
	for range 2 {
		c, err := a.enter()
		if err != nil {
			a.pause(err)
			return frame{}, false
		}
		if c == nil {
			return frame{}, false
		}
		late := time.AfterFunc(a.patience, c.kill)
		said, ok := c.ask(question)
		intime := late.Stop()
		a.leave(c, ok)
		if ok {
			return said, true
		}
		if !intime {
			a.pause(errors.New("it did not answer in time"))
			return frame{}, false
		}
	}
	a.pause(errors.New("it died twice"))
	return frame{}, false
}

// enter returns the child that runs, or starts one; none while hashing pauses.
func (a *apart) enter() (*hashChild, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || a.now().Before(a.paused) {
		return nil, nil
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
	if !answered {
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

// pause has all hashed here for a while, and tells why.
func (a *apart) pause(why error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.now().Before(a.paused) {
		return
	}
	a.paused = a.now().Add(hashPause)
	a.log.Warn("passwords are hashed in the server for a minute: the child process for it failed", "err", why)
}

// Close ends the child and waits until it has.
func (a *apart) Close() {
	a.mu.Lock()
	c := a.child
	a.child, a.closed = nil, true
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
