package server

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// Refused connections are let go politely, but not so many at once that this becomes
// the load.
const (
	maxPolite   = 256
	politeLimit = time.Second
)

// door lets connections in, up to a number: those beyond it are told so at once, and
// cost neither a handshake nor a goroutine that stays.
type door struct {
	net.Listener
	tls  bool
	most int64 // 0 means no limit
	pace pace

	open    atomic.Int64
	refused atomic.Uint64
	polite  atomic.Int64
}

// Accept returns the next connection that is let in.
func (d *door) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if n := d.open.Add(1); d.most == 0 || n <= d.most {
			return &conn{Conn: c, opened: time.Now(), pace: d.pace, closed: func() { d.open.Add(-1) }}, nil
		}
		d.open.Add(-1)
		d.refused.Add(1)
		if d.polite.Add(1) > maxPolite {
			d.polite.Add(-1)
			c.Close()
			continue
		}
		go d.refuse(c)
	}
}

// busy is the answer to a connection that is one too many.
const busyText = "too many connections: try again in a moment\n"

var busy = fmt.Sprintf("HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nRetry-After: 1\r\nConnection: close\r\n\r\n%s", len(busyText), busyText)

// busyAlert is a fatal alert, internal_error, in the clear: the handshake has not begun
// (RFC 8446, section 6).
var busyAlert = string([]byte{21, tls.VersionTLS12 >> 8, tls.VersionTLS12 & 0xff, 0, 2, 2, 80})

// refuse answers and closes. What the client sends meanwhile is read away: a connection
// that is closed on unread bytes is reset, and the answer with it.
func (d *door) refuse(c net.Conn) {
	defer d.polite.Add(-1)
	defer c.Close()
	if c.SetDeadline(time.Now().Add(politeLimit)) != nil {
		return
	}
	answer := busy
	if d.tls {
		answer = busyAlert
	}
	if _, err := io.WriteString(c, answer); err != nil {
		return
	}
	if c.(*net.TCPConn).CloseWrite() == nil { // listen opens no other kind
		_, _ = io.CopyN(io.Discard, c, maxHead)
	}
}
