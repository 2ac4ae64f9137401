package organization

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/go-crypt/crypt/algorithm/argon2"

	"github.com/gatehouse/gatehouse"
)

// The parameters of new hashes: OWASP's minimum for Argon2id (Password Storage Cheat
// Sheet). One hash takes 19 MiB and some 25 ms of one core.
const (
	memoryKiB   = 19 * 1024
	iterations  = 2
	parallelism = 1
)

// Hasher does the work of hashing. A password may be of any length, a hash any text.
type Hasher interface {
	// Hash returns the hash of a password, made as all are made now.
	Hash(password string) (string, error)
	// Match reports whether password is the one that hash was made from.
	Match(hash, password string) (bool, error)
}

// Passwords hashes and checks passwords with Argon2id (RFC 9106), a bounded number at
// a time: memory and cores stay for others when sign-ins flood in. Hashes that another
// system made are checked too (foreign.go).
type Passwords struct {
	Hasher Hasher // Here, unless the work is done elsewhere

	decoy   string // the hash of a password that nobody knows
	slots   chan struct{}
	waiting atomic.Int64
	queue   int64
}

// NewPasswords returns a hasher that runs up to workers hashes at once and lets up to
// queue callers wait; one more is turned away.
func NewPasswords(workers, queue int) (*Passwords, error) {
	here, err := NewHere()
	if err != nil {
		return nil, err
	}
	return &Passwords{Hasher: here, decoy: newDecoy(), slots: make(chan struct{}, workers), queue: int64(queue)}, nil
}

// Here hashes in the process that calls it.
type Here struct{ hasher *argon2.Hasher }

// NewHere returns what hashes in this process.
func NewHere() (*Here, error) {
	hasher, err := argon2.New(argon2.WithVariant(argon2.VariantID), argon2.WithMemoryInKiB(memoryKiB), argon2.WithT(iterations), argon2.WithP(parallelism))
	if err != nil {
		return nil, fmt.Errorf("argon2id: %w", err)
	}
	return &Here{hasher: hasher}, nil
}

// Hash returns the hash of a password, in the PHC string format.
func (h *Here) Hash(password string) (string, error) {
	digest, err := h.hasher.Hash(password)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return digest.Encode(), nil
}

// Match reports whether password is the one that hash was made from, whatever its kind.
func (h *Here) Match(hash, password string) (bool, error) {
	m, err := readHash(hash)
	if err != nil {
		return false, fmt.Errorf("a stored password hash: %s", err) // its kind is for who imports one
	}
	return m.MatchAdvanced(password)
}

// newDecoy returns a hash with the parameters of all others that no password is known to
// have: random bytes stand for its salt and digest.
func newDecoy() string {
	var random [48]byte
	rand.Read(random[:])
	encode := base64.RawStdEncoding.EncodeToString
	return current + encode(random[:16]) + "$" + encode(random[16:])
}

// Workers returns how many passwords are hashed at once.
func (p *Passwords) Workers() int { return cap(p.slots) }

// Waiting returns how many callers wait for a slot or hold one.
func (p *Passwords) Waiting() int64 { return p.waiting.Load() }

// Hash returns the hash of a password, in the PHC string format.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	leave, err := p.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	return p.Hasher.Hash(password)
}

// Verify reports whether password is the one that hash was made from.
func (p *Passwords) Verify(ctx context.Context, hash, password string) (bool, error) {
	leave, err := p.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	return p.match(hash, password)
}

// current is how every hash begins that is made now.
var current = fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$", memoryKiB, iterations, parallelism)

// isCurrent reports whether a hash is one that would be made now.
func isCurrent(hash string) bool { return strings.HasPrefix(hash, current) }

// match is Verify within a slot. A wrong password costs an Argon2id hash of ours besides
// what a hash of another kind costs: a fast one must not be told from no user at all. A
// right one costs that too, when it is hashed anew.
func (p *Passwords) match(hash, password string) (bool, error) {
	ok, err := p.Hasher.Match(hash, password)
	if err != nil || ok || isCurrent(hash) {
		return ok, err
	}
	_, err = p.Hasher.Match(p.decoy, password)
	return false, err
}

// enter waits for a slot.
func (p *Passwords) enter(ctx context.Context) (leave func(), err error) {
	if p.waiting.Add(1) > p.queue+int64(cap(p.slots)) {
		p.waiting.Add(-1)
		return nil, errBusy
	}
	select {
	case p.slots <- struct{}{}:
		return func() {
			<-p.slots
			p.waiting.Add(-1)
		}, nil
	case <-ctx.Done():
		p.waiting.Add(-1)
		return nil, errors.Join(errBusy, ctx.Err())
	}
}

// errBusy is a value of its own: it is answered under a flood, which must cost nothing.
var errBusy = gatehouse.Errorf(gatehouse.Unavailable, "too many people are signing in: try again in a moment")
