package gatehouse

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// validText reports whether s may be kept as a text that people read: valid UTF-8 of at
// most limit bytes, without control characters but line breaks and tabs.
func validText(s string, limit int) bool {
	return len(s) <= limit && utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t'
	}) < 0
}

// MaxName bounds names that people give to things, in bytes.
const MaxName = 200

// CheckName checks a name that somebody gave to what; it may be empty.
func CheckName(what, name string) error {
	if !validText(name, MaxName) || strings.ContainsAny(name, "\r\n\t") {
		return Errorf(Invalid, "the name of %s must be one line of at most %d bytes, without control characters", what, MaxName)
	}
	return nil
}

// checkDescription checks a description.
func checkDescription(text string) error {
	if !validText(text, MaxDescription) {
		return Errorf(Invalid, "a description has at most %d bytes and no control characters", MaxDescription)
	}
	return nil
}
