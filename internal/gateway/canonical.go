package gateway

import (
	"strings"
	"unicode/utf8"
)

// canonical returns the one spelling of a path that is matched, authorised and sent
// to the backend; false when the path has a spelling that two readers could take for
// two different resources. It works on the raw request target, because a path that
// was decoded once can no longer be told from one that was sent that way.
//
// In the canonical form (RFC 3986, section 6.2.2) whatever may stand for itself does,
// and the escapes that remain have upper-case hex digits. Refused are dot segments
// and empty ones, slashes, backslashes, semicolons and percent signs in disguise,
// control characters, escapes that are not UTF-8, and bytes that no path may hold.
// A slash at the end is kept: matching ignores it, the backend gets it.
func canonical(path string) (string, bool) {
	if path == "" || path[0] != '/' {
		return "", false
	}
	plain := 1
	for plain < len(path) && stands[path[plain]] {
		plain++
	}
	if plain < len(path) {
		var ok bool
		if path, ok = decoded(path, plain); !ok {
			return "", false
		}
	}
	return path, plainSegments(path)
}

// decoded rewrites the escapes of a path whose first n bytes need no change.
func decoded(path string, n int) (string, bool) {
	out := make([]byte, n, len(path))
	copy(out, path)
	for i := n; i < len(path); {
		if stands[path[i]] {
			out = append(out, path[i])
			i++
			continue
		}
		c, ok := escape(path[i:])
		switch {
		case !ok || c < ' ' || c == 0x7f || strings.IndexByte(`/\%;`, c) >= 0:
			return "", false
		case stands[c]:
			out = append(out, c)
			i += 3
		case c < utf8.RuneSelf:
			out = append(out, '%', upper[c>>4], upper[c&15])
			i += 3
		default:
			size := escapedRune(path[i:])
			if size == 0 {
				return "", false
			}
			out = append(out, strings.ToUpper(path[i:i+3*size])...)
			i += 3 * size
		}
	}
	return string(out), true
}

const upper = "0123456789ABCDEF"

// stands tells which bytes stand for themselves in a canonical path: pchar of RFC 3986,
// section 3.3, and the slash, without the semicolon, behind which some servers hide
// parameters that others take for a part of the name.
var stands = func() (table [256]bool) {
	for c := range table {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		digit := '0' <= c && c <= '9'
		table[c] = letter || digit || c < utf8.RuneSelf && strings.IndexByte("-._~!$&'()*+,=:@/", byte(c)) >= 0
	}
	return table
}()

// escape reads the escape that s begins with.
func escape(s string) (byte, bool) {
	if len(s) < 3 || s[0] != '%' {
		return 0, false
	}
	high, ok := unhex(s[1])
	low, also := unhex(s[2])
	return high<<4 | low, ok && also
}

func unhex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// escapedRune returns how many escapes at the beginning of s are one character beyond
// ASCII in UTF-8; 0 when they are none, as with overlong forms.
func escapedRune(s string) int {
	var b [utf8.UTFMax]byte
	n := 0
	for n < len(b) {
		c, ok := escape(s[3*n:])
		if !ok {
			break
		}
		b[n] = c
		n++
	}
	r, size := utf8.DecodeRune(b[:n])
	if r == utf8.RuneError && size <= 1 {
		return 0
	}
	return size
}

// plainSegments reports whether no segment of path is "." or "..", and none but the
// last is empty.
func plainSegments(path string) bool {
	for path != "" {
		segment, rest := cut(path)
		if segment == "" && rest != "" || segment == "." || segment == ".." {
			return false
		}
		path = rest
	}
	return true
}

// cut splits a path that begins with a slash behind its first segment.
func cut(path string) (segment, rest string) {
	if i := strings.IndexByte(path[1:], '/'); i >= 0 {
		return path[1 : i+1], path[i+1:]
	}
	return path[1:], ""
}
