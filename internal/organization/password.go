package organization

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
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

// Passwords hashes and checks passwords with Argon2id (RFC 9106), a bounded number at
// a time: memory and cores stay for others when sign-ins flood in.
type Passwords struct {
	hasher  *argon2.Hasher
	decoy   string // the hash of a password that nobody knows
	slots   chan struct{}
	waiting atomic.Int64
	queue   int64
}

// NewPasswords returns a hasher that runs up to workers hashes at once and lets up to
// queue callers wait; one more is turned away.
func NewPasswords(workers, queue int) (*Passwords, error) {
	hasher, err := argon2.New(argon2.WithVariant(argon2.VariantID), argon2.WithMemoryInKiB(memoryKiB), argon2.WithT(iterations), argon2.WithP(parallelism))
	if err != nil {
		return nil, fmt.Errorf("argon2id: %w", err)
	}
	return &Passwords{hasher: hasher, decoy: newDecoy(), slots: make(chan struct{}, workers), queue: int64(queue)}, nil
}

// newDecoy returns a hash with the parameters of all others that no password is known to
// have: random bytes stand for its salt and digest.
func newDecoy() string {
	var random [48]byte
	rand.Read(random[:])
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", memoryKiB, iterations, parallelism, encode(random[:16]), encode(random[16:]))
}

// Waiting returns how many callers wait for a slot or hold one.
func (p *Passwords) Waiting() int64 { return p.waiting.Load() }

// Hash returns the hash of a password, in the PHC string format.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	leave, err := p.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	digest, err := p.hasher.Hash(password)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return digest.Encode(), nil
}

// Verify reports whether password is the one that hash was made from.
func (p *Passwords) Verify(ctx context.Context, hash, password string) (bool, error) {
	digest, err := argon2.Decode(hash)
	if err != nil {
		return false, fmt.Errorf("a stored password hash is damaged: %w", err)
	}
	leave, err := p.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	return digest.MatchAdvanced(password)
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
