package wire

import (
	"net"
	"syscall"
	"time"
)

// A handler that waits for a backend does not see its client leave. net/http has a second
// goroutine read each connection meanwhile, which costs more than most calls. Here one
// goroutine for all looks at those alone that wait for longer: it asks the system whether
// the connection has ended, and takes nothing from it.
const (
	lookEvery = 100 * time.Millisecond
	lookOften = 20 // times in a row; later once in so many, because thousands may wait for hours
)

// watch looks at the connections as long as there are any.
func (s *Server) watch() {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var busy []*conn
	for range tick.C {
		s.mu.Lock()
		for c := range s.conns {
			if c.current.Load() != nil {
				busy = append(busy, c)
			}
		}
		if len(s.conns) == 0 {
			s.watching = false
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		for i, c := range busy {
			c.look()
			busy[i] = nil
		}
		busy = busy[:0]
	}
}

// look ends the context of a request whose client has left.
func (c *conn) look() {
	x := c.current.Load()
	if x == nil || !x.watchable.Load() {
		return
	}
	x.looks++
	if x.looks == 1 || x.looks > lookOften && x.looks%lookOften != 0 {
		return
	}
	if c.raw == nil {
		if c.raw = rawConn(c.rwc); c.raw == nil {
			return
		}
	}
	if peek(c.raw, c.tls != nil) == ended {
		x.ctx.end()
	}
}

// rawConn finds the system's connection below c; nil when there is none.
func rawConn(c net.Conn) syscall.RawConn {
	for {
		if own, ok := c.(syscall.Conn); ok {
			raw, err := own.SyscallConn()
			if err != nil {
				return nil
			}
			return raw
		}
		above, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		c = above.NetConn()
	}
}

// presence is what the system knows of the other side.
type presence int

const (
	silent  presence = iota // it is there, or that cannot be told
	talking                 // it has sent something
	ended                   // it has closed the connection, or half of it
)
