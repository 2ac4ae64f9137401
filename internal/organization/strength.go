package organization

import (
	_ "embed"
	"strings"
	"unicode"

	"github.com/gatehouse/gatehouse"
)

// common is the passwords that people are known to choose, one a line, in lower case. It is
// generated (tools/common).
//
//go:embed common.txt
var common string

// CheckNewPassword tells whether password may be set where names are what strangers know
// of its owner: it keeps the rules of gatehouse.CheckNewPassword and is not among the
// first that anybody would try (OWASP ASVS v5, 6.2.4 and 6.2.11).
func CheckNewPassword(password string, names ...string) error {
	if err := gatehouse.CheckNewPassword(password, append(names, "gatehouse")...); err != nil {
		return err
	}
	if tooEasy(password) {
		return gatehouse.Errorf(gatehouse.Invalid, "that password is too easy to guess: it is a common one, or a pattern. A few unusual words are good")
	}
	return nil
}

// Names lists what strangers know of a user of some organizations.
func Names(username, name string, orgs ...*gatehouse.Organization) []string {
	mailbox, _, _ := strings.Cut(username, "@")
	names := append(strings.Fields(name), username, mailbox, name)
	for _, o := range orgs {
		names = append(names, o.Key, o.Name)
	}
	return names
}

// tooEasy reports whether a password is a run of characters like abcdefgh or 11111111, a
// few characters over and over, or a common password with little before or behind it.
func tooEasy(password string) bool {
	word := strings.ToLower(password)
	if run(word) {
		return true
	}
	if word = repeated(word); len(word) < gatehouse.MinPassword {
		return true
	}
	for _, stem := range []string{word, letters(word), trim(word), trim(letters(word)), letters(trim(word))} {
		if isCommon(stem) && len(word)-len(stem) < gatehouse.MinPassword {
			return true
		}
	}
	return false
}

func isCommon(word string) bool {
	return len(word) >= 4 && (strings.HasPrefix(common, word+"\n") || strings.Contains(common, "\n"+word+"\n"))
}

// letters reads digits and signs as the letters that people put them for.
func letters(s string) string {
	return strings.NewReplacer("@", "a", "4", "a", "3", "e", "1", "i", "0", "o", "5", "s", "$", "s", "7", "t").Replace(s)
}

// trim takes away what is no letter at either end.
func trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return r < 'a' || 'z' < r })
}

// run reports whether every character of s, from a letter or digit on, follows the one
// before it by the same step of one or none.
func run(s string) bool {
	if len(s) < 2 || !unicode.IsLetter(rune(s[0])) && !unicode.IsDigit(rune(s[0])) {
		return false
	}
	step := int(s[1]) - int(s[0])
	for i := 1; i < len(s); i++ {
		if int(s[i])-int(s[i-1]) != step {
			return false
		}
	}
	return -1 <= step && step <= 1
}

// repeated returns the shortest string that s repeats, or s itself.
func repeated(s string) string {
	if i := strings.Index((s + s)[1:], s); i+1 < len(s) {
		return s[:i+1]
	}
	return s
}
