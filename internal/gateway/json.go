package gateway

import (
	"encoding/json"
	"unicode/utf8"
)

// jsonScan reads a text of JSON (RFC 8259) once from its beginning to its end, without
// building anything of it, and stops where it is no JSON or passes a limit. What it lets
// through, encoding/json takes too.
type jsonScan struct {
	limits  jsonLimits
	text    []byte
	at      int
	values  int // of all kinds, how many there were
	deepest int // how many objects and arrays stood within each other at most
}

// jsonLimits are the limits of a scan. All but the last three must be given.
type jsonLimits struct {
	depth      int // objects and arrays within each other
	properties int // of one object
	elements   int // of one array
	text       int // bytes of a string between its quotes, or of a number
	name       int // bytes of a property's name between its quotes
	number     int // bytes of a number; 0 means as many as of a string
	exponent   int // digits of a number's exponent; 0 means any
	unique     bool
}

// jsonFault is what keeps a text from being let through.
type jsonFault uint8

// The faults.
const (
	jsonSound jsonFault = iota
	jsonBroken
	jsonDeep
	jsonProperties
	jsonElements
	jsonText
	jsonName
	jsonTwice // a name stands twice in one object
	jsonFaults
)

// scanJSON scans a text, which must hold one value.
func scanJSON(text []byte, limits jsonLimits) (jsonScan, jsonFault) {
	s := jsonScan{limits: limits, text: text}
	if !utf8.Valid(text) {
		return s, jsonBroken
	}
	s.space()
	fault := s.value(0)
	if s.space(); fault == jsonSound && s.at < len(text) {
		fault = jsonBroken
	}
	return s, fault
}

func (s *jsonScan) space() {
	for s.at < len(s.text) && (s.text[s.at] == ' ' || s.text[s.at] == '\n' || s.text[s.at] == '\r' || s.text[s.at] == '\t') {
		s.at++
	}
}

// take reads one character if it is the next.
func (s *jsonScan) take(c byte) bool {
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

// value reads a value that stands within depth objects and arrays. It calls itself for
// what is within, so the limit of the depth bounds the stack.
func (s *jsonScan) value(depth int) jsonFault {
	s.values++
	if s.at == len(s.text) {
		return jsonBroken
	}
	switch c := s.text[s.at]; {
	case c == '{' || c == '[':
		if depth++; depth > s.limits.depth {
			return jsonDeep
		}
		s.deepest = max(s.deepest, depth)
		s.at++
		if c == '{' {
			return s.object(depth)
		}
		return s.array(depth)
	case c == '"':
		return s.quoted(s.limits.text, jsonText)
	case c == '-' || digit(c):
		return s.number()
	}
	return s.word()
}

func (s *jsonScan) object(depth int) jsonFault {
	if s.space(); s.take('}') {
		return jsonSound
	}
	var seen map[string]bool
	if s.limits.unique {
		seen = map[string]bool{}
	}
	for n := 1; ; n++ {
		if n > s.limits.properties {
			return jsonProperties
		}
		s.space()
		from := s.at
		if fault := s.quoted(s.limits.name, jsonName); fault != jsonSound {
			return fault
		}
		if seen != nil && repeated(seen, s.text[from:s.at]) {
			return jsonTwice
		}
		if s.space(); !s.take(':') {
			return jsonBroken
		}
		s.space()
		if fault := s.value(depth); fault != jsonSound {
			return fault
		}
		if s.space(); s.take('}') {
			return jsonSound
		}
		if !s.take(',') {
			return jsonBroken
		}
	}
}

// repeated notes a name, and reports whether it was there: however it is spelled.
func repeated(seen map[string]bool, quoted []byte) bool {
	var name string
	if err := json.Unmarshal(quoted, &name); err != nil {
		return true // it was scanned, so this cannot be
	}
	before := seen[name]
	seen[name] = true
	return before
}

func (s *jsonScan) array(depth int) jsonFault {
	if s.space(); s.take(']') {
		return jsonSound
	}
	for n := 1; ; n++ {
		if n > s.limits.elements {
			return jsonElements
		}
		s.space()
		if fault := s.value(depth); fault != jsonSound {
			return fault
		}
		if s.space(); s.take(']') {
			return jsonSound
		}
		if !s.take(',') {
			return jsonBroken
		}
	}
}

// quoted reads a string of up to limit bytes between its quotes, as they are written.
func (s *jsonScan) quoted(limit int, long jsonFault) jsonFault {
	if !s.take('"') {
		return jsonBroken
	}
	from := s.at
	for s.at < len(s.text) {
		c := s.text[s.at]
		s.at++
		switch {
		case c == '"':
			if s.at-1-from > limit {
				return long
			}
			return jsonSound
		case c < ' ':
			return jsonBroken
		case c == '\\' && !s.escape():
			return jsonBroken
		}
	}
	return jsonBroken
}

// escape reads what follows a backslash.
func (s *jsonScan) escape() bool {
	if s.at == len(s.text) {
		return false
	}
	c := s.text[s.at]
	s.at++
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
	default:
		return false
	}
	for range 4 {
		if s.at == len(s.text) {
			return false
		}
		if _, ok := unhex(s.text[s.at]); !ok {
			return false
		}
		s.at++
	}
	return true
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

func (s *jsonScan) digits() int {
	from := s.at
	for s.at < len(s.text) && digit(s.text[s.at]) {
		s.at++
	}
	return s.at - from
}

func (s *jsonScan) number() jsonFault {
	from := s.at
	s.take('-')
	if !s.take('0') && s.digits() == 0 {
		return jsonBroken
	}
	if s.take('.') && s.digits() == 0 {
		return jsonBroken
	}
	if s.take('e') || s.take('E') {
		if !s.take('+') {
			s.take('-')
		}
		switch n := s.digits(); {
		case n == 0:
			return jsonBroken
		case s.limits.exponent > 0 && n > s.limits.exponent:
			return jsonText
		}
	}
	limit := s.limits.text
	if s.limits.number > 0 {
		limit = s.limits.number
	}
	if s.at-from > limit {
		return jsonText
	}
	return jsonSound
}

func (s *jsonScan) word() jsonFault {
	for _, word := range []string{"true", "false", "null"} {
		if len(s.text)-s.at >= len(word) && string(s.text[s.at:s.at+len(word)]) == word {
			s.at += len(word)
			return jsonSound
		}
	}
	return jsonBroken
}
