package wire

import (
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// appendStatus appends a status line.
func appendStatus(out []byte, status int) []byte {
	out = append(out, "HTTP/1.1 "...)
	out = strconv.AppendInt(out, int64(status), 10)
	out = append(out, ' ')
	if text := http.StatusText(status); text != "" {
		out = append(out, text...)
	} else {
		out = append(out, "status code "...)
		out = strconv.AppendInt(out, int64(status), 10)
	}
	return append(out, "\r\n"...)
}

// appendField appends a header line. What would break the line becomes a space.
func appendField(out []byte, name, value string) []byte {
	out = append(out, name...)
	out = append(out, ": "...)
	value = trim(value)
	if validValue(value) {
		out = append(out, value...)
	} else {
		for i := range len(value) {
			if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
				out = append(out, ' ')
			} else {
				out = append(out, c)
			}
		}
	}
	return append(out, "\r\n"...)
}

// appendFields appends a header, but not what skip names. What is no header name would
// break a line, and is left out.
func appendFields(out []byte, h http.Header, skip func(name string) bool) []byte {
	for name, values := range h {
		if skip(name) || name == "" || !tokenChars.holds(name) {
			continue
		}
		for _, value := range values {
			out = appendField(out, name, value)
		}
	}
	return out
}

// ownFields are what an answer's head says in words of our own, and announced trailers.
func ownFields(name string) bool {
	switch name {
	case "Content-Length", "Transfer-Encoding", "Connection", "Date":
		return true
	}
	return strings.HasPrefix(name, http.TrailerPrefix)
}

// date is a Date header's value, made once a second.
type date struct{ now atomic.Pointer[dated] }

type dated struct {
	second int64
	text   string
}

func (d *date) at(now time.Time) string {
	second := now.Unix()
	if made := d.now.Load(); made != nil && made.second == second {
		return made.text
	}
	made := &dated{second, now.UTC().Format(http.TimeFormat)}
	d.now.Store(made)
	return made.text
}

// bodiless reports whether an answer with a status has no body (RFC 9110, section 6.4.1).
func bodiless(status int) bool {
	return status < 200 || status == http.StatusNoContent || status == http.StatusNotModified
}
