//go:build unix

package wire

import (
	"errors"
	"syscall"
)

// peek asks the system what it has of a connection. Over TLS an end may stand behind an
// alert: what is as long as one counts for that, because nothing else is sent before an
// answer.
func peek(raw syscall.RawConn, secure bool) (p presence) {
	err := raw.Control(func(fd uintptr) {
		var record [5]byte
		n, _, err := syscall.Recvfrom(int(fd), record[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		switch {
		case err == syscall.EAGAIN || err == syscall.EINTR:
		case err != nil || n == 0:
			p = ended
		case secure && n == len(record) && alert(record):
			p = ended
		default:
			p = talking
		}
	})
	if err != nil {
		return ended // it is closed on this side
	}
	return p
}

// alert reports whether a TLS record is an alert: by its type, or encrypted by its length,
// which is that of two bytes, a type and a tag (RFC 8446, section 5.2).
func alert(record [5]byte) bool {
	const alertType, dataType, sealed = 21, 23, 2 + 1 + 16
	return record[0] == alertType || record[0] == dataType && record[3] == 0 && record[4] == sealed
}

// outOfFiles reports whether a connection was not accepted because too many are open.
func outOfFiles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ECONNABORTED)
}
