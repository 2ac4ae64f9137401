package organization

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-crypt/crypt/algorithm"
	"github.com/go-crypt/crypt/algorithm/argon2"
	"github.com/go-crypt/crypt/algorithm/bcrypt"
	"github.com/go-crypt/crypt/algorithm/pbkdf2"
	"github.com/go-crypt/crypt/algorithm/scrypt"
	"github.com/go-crypt/crypt/algorithm/shacrypt"

	"github.com/gatehouse/gatehouse"
)

// wso2Prefix begins the hash of a password that came from a WSO2 user store with
// PasswordDigest SHA-256: $wso2-sha256$salt$digest, both as they stand in its columns.
const wso2Prefix = "$wso2-sha256$"

// matcher is a password hash that was read.
type matcher interface {
	MatchAdvanced(password string) (bool, error)
}

// scheme is one way of hashing passwords: how its hashes begin, how they are read, and how
// much work the numbers in one of them may ask for. The bounds keep a hash that somebody
// imported from taking all memory or a core for seconds.
type scheme struct {
	prefixes []string
	read     func(string) (matcher, error)
	cost     *regexp.Regexp // of the numbers that ask for work; nil where there are none
	most     []int
}

var schemes = []scheme{
	{[]string{"$argon2id$", "$argon2i$"}, reader(argon2.Decode), regexp.MustCompile(`\$m=(\d+),t=(\d+),p=(\d+)\$`), []int{128 << 10, 16, 16}},
	{[]string{"$2a$", "$2b$", "$2y$"}, reader(bcrypt.Decode), regexp.MustCompile(`^\$2[aby]\$(\d+)\$`), []int{15}},
	{[]string{"$scrypt$"}, reader(scrypt.Decode), regexp.MustCompile(`\$ln=(\d+),r=(\d+),p=(\d+)\$`), []int{17, 8, 4}},
	{[]string{"$pbkdf2-sha256$", "$pbkdf2-sha512$"}, reader(pbkdf2.Decode), regexp.MustCompile(`^\$pbkdf2-sha\d+\$(\d+)\$`), []int{5_000_000}},
	{[]string{"$5$rounds=", "$6$rounds="}, reader(shacrypt.Decode), regexp.MustCompile(`^\$[56]\$rounds=(\d+)\$`), []int{5_000_000}},
	{[]string{"$5$", "$6$"}, reader(shacrypt.Decode), nil, nil}, // 5000 rounds
	{[]string{wso2Prefix}, readWSO2, nil, nil},
}

func reader(decode func(string) (algorithm.Digest, error)) func(string) (matcher, error) {
	return func(hash string) (matcher, error) { return decode(hash) }
}

var errUnknownHash = gatehouse.Errorf(gatehouse.Invalid, "the password hash is of no known kind: it begins with $argon2id$, $2b$, $scrypt$, $pbkdf2-sha256$, $pbkdf2-sha512$, $5$, $6$ or $wso2-sha256$")

// readHash reads a password hash of any kind that is known.
func readHash(hash string) (matcher, error) {
	begins := func(prefix string) bool { return strings.HasPrefix(hash, prefix) }
	for i := range schemes {
		s := &schemes[i]
		if !slices.ContainsFunc(s.prefixes, begins) {
			continue
		}
		if !s.affordable(hash) {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "the password hash asks for more work than is done here: let its owner set a new password")
		}
		m, err := s.read(hash)
		if err != nil {
			return nil, &gatehouse.Error{Kind: gatehouse.Invalid, Message: "the password hash is damaged", Err: err}
		}
		return m, nil
	}
	return nil, errUnknownHash
}

func (s *scheme) affordable(hash string) bool {
	if s.cost == nil {
		return true
	}
	numbers := s.cost.FindStringSubmatch(hash)
	if numbers == nil {
		return false
	}
	for i, most := range s.most {
		if n, err := strconv.Atoi(numbers[i+1]); err != nil || n > most {
			return false
		}
	}
	return true
}

// wso2 is the digest of a WSO2 user store: SHA-256 of the password and the salt behind it,
// where the salt is the text of its column, undecoded.
type wso2 struct {
	salt string
	sum  []byte
}

func readWSO2(hash string) (matcher, error) {
	salt, digest, ok := strings.Cut(strings.TrimPrefix(hash, wso2Prefix), "$")
	sum, err := base64.StdEncoding.DecodeString(digest)
	if !ok || err != nil || len(sum) != sha256.Size {
		return nil, errors.Join(errors.New("it is not $wso2-sha256$salt$digest"), err)
	}
	return &wso2{salt: salt, sum: sum}, nil
}

// MatchAdvanced reports whether password is the one.
func (w *wso2) MatchAdvanced(password string) (bool, error) {
	sum := sha256.Sum256([]byte(password + w.salt))
	return subtle.ConstantTimeCompare(sum[:], w.sum) == 1, nil
}
