package wire

import (
	"net/http"
	"net/textproto"
	"strings"
)

// set is a set of characters.
type set [256]bool

func setOf(more string) (s set) {
	for c := '0'; c <= '9'; c++ {
		s[c] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		s[c], s[c-'a'+'A'] = true, true
	}
	for i := range len(more) {
		s[more[i]] = true
	}
	return s
}

// holds reports whether all of text is in s.
func (s *set) holds(text string) bool {
	for i := range len(text) {
		if !s[text[i]] {
			return false
		}
	}
	return true
}

var (
	tokenChars = setOf("!#$%&'*+-.^_`|~")     // RFC 9110, section 5.6.2
	hostChars  = setOf("!$%&'()*+,-.:;=[]_~") // RFC 3986, section 3.2.2, and a port
	plainPath  = setOf("-_.~/$&+,:;=@")       // what a path holds as it is
)

// validValue reports whether a header's value holds no control character but the tab
// (RFC 9110, section 5.5).
func validValue(v string) bool {
	for len(v) >= 8 && plainWord(v) {
		v = v[8:]
	}
	for i := range len(v) {
		if c := v[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// plainWord reports whether none of the first eight bytes of v is below a space or 0x7f. It
// looks at all of them at once: a borrow, or a carry, shows in the top bit of a byte.
func plainWord(v string) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	_ = v[7]
	word := uint64(v[0]) | uint64(v[1])<<8 | uint64(v[2])<<16 | uint64(v[3])<<24 | uint64(v[4])<<32 | uint64(v[5])<<40 | uint64(v[6])<<48 | uint64(v[7])<<56
	dels := word ^ 0x7f*ones
	return ((word-' '*ones)&^word|(dels-ones)&^dels)&tops == 0
}

// trim removes white space around a value (RFC 9110, section 5.6.3).
func trim(v string) string {
	for v != "" && (v[0] == ' ' || v[0] == '\t') {
		v = v[1:]
	}
	for v != "" && (v[len(v)-1] == ' ' || v[len(v)-1] == '\t') {
		v = v[:len(v)-1]
	}
	return v
}

// fields reads the lines of a head, each with its end, into a header. Lines that continue
// the one before (RFC 9112, section 5.2) have no name, and are refused.
func fields(text string) (http.Header, error) {
	n := strings.Count(text, "\n")
	if n > maxFields {
		return nil, errManyFields
	}
	own := len(text) > sharedHead // so that a value that is kept does not keep a large head
	h, values := make(http.Header, n), make([]string, n)
	for text != "" {
		end := strings.IndexByte(text, '\n')
		line := text[:end-1]
		text = text[end+1:]
		name, value, found := strings.Cut(line, ":")
		switch value = trim(value); {
		case !found || name == "":
			return nil, errField
		case !tokenChars.holds(name):
			return nil, errFieldName
		case !validValue(value):
			return nil, errFieldValue
		}
		if own {
			name, value = strings.Clone(name), strings.Clone(value)
		}
		name = textproto.CanonicalMIMEHeaderKey(name)
		if before := h[name]; before != nil {
			h[name] = append(before, value)
			continue
		}
		values[0] = value
		h[name] = values[0:1:1]
		values = values[1:]
	}
	return h, nil
}

// hasToken reports whether a list, in one header or several, has an element, in any case.
func hasToken(values []string, token string) bool {
	for _, list := range values {
		for list != "" {
			var element string
			element, list, _ = strings.Cut(list, ",")
			if strings.EqualFold(trim(element), token) {
				return true
			}
		}
	}
	return false
}

// Lengths of bodies that no number tells.
const (
	chunked    = -1
	untilClose = -2
)

// bodyLength returns what a head says of the body behind it: its length, chunked, or
// untilClose when it says nothing (RFC 9112, section 6.3). Transfer-Encoding is taken out of
// the header. Whatever could be read in two ways is refused.
func bodyLength(h http.Header, minor int) (int64, error) {
	encodings, lengths := h["Transfer-Encoding"], h["Content-Length"]
	if encodings != nil {
		switch {
		case minor == 0:
			return 0, errOldEncoding
		case len(encodings) != 1 || !strings.EqualFold(encodings[0], "chunked"):
			return 0, errEncoding
		case lengths != nil:
			return 0, errTwoEnds
		}
		delete(h, "Transfer-Encoding")
		return chunked, nil
	}
	if lengths == nil {
		return untilClose, nil
	}
	if len(lengths) != 1 {
		return 0, errLength
	}
	return parseLength(lengths[0])
}

// parseLength reads a Content-Length.
func parseLength(s string) (int64, error) {
	if s == "" || len(s) > 18 { // 18 digits always fit
		return 0, errLength
	}
	var n int64
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, errLength
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, nil
}

// announced takes the Trailer header out and returns the trailers that it names, without
// their values; nil when there are none to come.
func announced(h http.Header, length int64) (http.Header, error) {
	lists := h["Trailer"]
	if lists == nil || length != chunked {
		return nil, nil
	}
	delete(h, "Trailer")
	trailer := http.Header{}
	for _, list := range lists {
		for name := range strings.SplitSeq(list, ",") {
			if name = textproto.CanonicalMIMEHeaderKey(trim(name)); name == "" {
				continue
			}
			if framing(name) {
				return nil, errTrailerFields
			}
			trailer[name] = nil
		}
	}
	if len(trailer) == 0 {
		return nil, nil
	}
	return trailer, nil
}

// framing reports whether a header says where a message ends or whom it is for, which no
// trailer may (RFC 9110, section 6.5.1).
func framing(name string) bool {
	switch name {
	case "Transfer-Encoding", "Content-Length", "Trailer", "Host":
		return true
	}
	return false
}
