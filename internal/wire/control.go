package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"time"
)

// Hijack hands the connection over, with what has been read of it.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if a.hijacked {
		return nil, nil, http.ErrHijacked
	}
	if a.status != 0 && a.head != nil {
		if err := a.FlushError(); err != nil {
			return nil, nil, err
		}
	}
	c := a.conn
	if err := errors.Join(c.deadline.forget(), c.rwc.SetWriteDeadline(time.Time{})); err != nil {
		return nil, nil, err
	}
	a.hijacked = true
	c.current.Store(nil)
	c.state.Store(hijacked)
	c.server.forget(c)
	rest := bytes.NewReader(slices.Clone(c.in.buf[c.in.r:c.in.w]))
	return c.rwc, bufio.NewReadWriter(bufio.NewReader(io.MultiReader(rest, c.rwc)), bufio.NewWriter(c.rwc)), nil
}

// SetReadDeadline, SetWriteDeadline and EnableFullDuplex are for http.ResponseController.

func (a *answer) SetReadDeadline(t time.Time) error {
	a.conn.deadline.until = time.Time{}
	return a.conn.rwc.SetReadDeadline(t)
}

func (a *answer) SetWriteDeadline(t time.Time) error {
	a.conn.bounded = true
	return a.conn.rwc.SetWriteDeadline(t)
}

func (a *answer) EnableFullDuplex() error { return nil } // it always is
