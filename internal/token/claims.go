package token

import (
	"encoding/json"
	"strings"
)

// readClaims reads the claims of a JWT. What sign writes as a rule is read in one pass, in a
// tenth of the time; all else, and all that is wrong, goes through encoding/json.
func readClaims(text string) (claims, error) {
	if c, ok := scanClaims(text); ok {
		return c, nil
	}
	var c claims
	err := json.Unmarshal([]byte(text), &c)
	return c, err
}

// scanClaims reads claims that are plain. It is false when they are not: then they may be
// anything.
func scanClaims(text string) (c claims, plain bool) {
	s := scanner{rest: text}
	plain = s.object(c.member) && s.rest == ""
	return c, plain
}

// member reads the member of a claims set with a name. It knows those that sign writes into
// nearly every token; for others it is false.
func (c *claims) member(name string, s *scanner) bool {
	switch name {
	case "iss":
		return s.text(&c.Issuer)
	case "sub":
		return s.text(&c.Subject)
	case "aud":
		return s.texts((*[]string)(&c.Audience))
	case "client_id":
		return s.text(&c.ClientID)
	case "azp":
		return s.text(&c.Party)
	case "scope":
		return s.text(&c.Scope)
	case "iat":
		return s.number(&c.IssuedAt)
	case "nbf":
		return s.number(&c.NotBefore)
	case "exp":
		return s.number(&c.Expires)
	case "jti":
		return s.text(&c.ID)
	case "aut":
		return s.text(&c.For)
	case "org":
		return s.text(&c.Org)
	case "keytype":
		return s.text(&c.KeyType)
	case "username":
		return s.text(&c.Username)
	case "family":
		return s.text(&c.Family)
	}
	return false
}

// scanner reads the plain part of JSON (RFC 8259): objects of printable ASCII texts without
// escapes, whole numbers and lists of such texts, without white space. Each method reads one
// value off the front of rest, and is false when something else stands there.
type scanner struct{ rest string }

// object reads an object; member reads the value of each of its members.
func (s *scanner) object(member func(name string, s *scanner) bool) bool {
	if !s.next('{') {
		return false
	}
	for {
		var name string
		if !s.text(&name) || !s.next(':') || !member(name, s) {
			return false
		}
		if !s.next(',') {
			return s.next('}')
		}
	}
}

// next reads one character.
func (s *scanner) next(c byte) bool {
	if s.rest == "" || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

func (s *scanner) text(into *string) bool {
	if !s.next('"') {
		return false
	}
	for i := range len(s.rest) {
		switch c := s.rest[i]; {
		case c == '"':
			*into, s.rest = s.rest[:i], s.rest[i+1:]
			return true
		case c < ' ' || c > '~' || c == '\\':
			return false
		}
	}
	return false
}

// texts reads one text, or a list of some.
func (s *scanner) texts(into *[]string) bool {
	if !s.next('[') {
		*into = []string{""}
		return s.text(&(*into)[0])
	}
	var list []string
	for {
		var one string
		if !s.text(&one) {
			return false
		}
		list = append(list, one)
		if !s.next(',') {
			*into = list
			return s.next(']')
		}
	}
}

// number reads a whole number of up to 18 digits: it cannot overflow.
func (s *scanner) number(into *int64) bool {
	end := strings.IndexFunc(s.rest, func(r rune) bool { return r < '0' || r > '9' })
	if end < 1 || end > 18 || s.rest[0] == '0' {
		return false
	}
	*into = 0
	for _, digit := range []byte(s.rest[:end]) {
		*into = *into*10 + int64(digit-'0')
	}
	s.rest = s.rest[end:]
	return true
}
