package organization_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/organization"
)

func newPasswords(t testing.TB, workers, queue int) *organization.Passwords {
	t.Helper()
	p, err := organization.NewPasswords(workers, queue)
	must(t, err)
	return p
}

// check 152: Argon2id at OWASP's parameters, with a salt of its own for each.
func TestHash(t *testing.T) {
	p := newPasswords(t, 1, 1)
	first, err := p.Hash(t.Context(), "correct horse")
	must(t, err)
	second, err := p.Hash(t.Context(), "correct horse")
	must(t, err)
	if !strings.HasPrefix(first, "$argon2id$v=19$m=19456,t=2,p=1$") || first == second || strings.Contains(first, "horse") {
		t.Errorf("the hashes are %s and %s", first, second)
	}
	for password, want := range map[string]bool{"correct horse": true, "correct horse ": false, "correct hors": false, "Correct horse": false, "": false} {
		if got, err := p.Verify(t.Context(), first, password); err != nil || got != want {
			t.Errorf("%q: %v %v, want %v", password, got, err, want)
		}
	}
	if _, err := p.Verify(t.Context(), "$argon2id$damaged", "correct horse"); err == nil || gatehouse.KindOf(err) != gatehouse.Internal {
		t.Errorf("a damaged hash gives %v", err)
	}
}

// check 11: no byte of a long password is cut off.
func TestHashReadsEveryByte(t *testing.T) {
	p := newPasswords(t, 1, 1)
	long := strings.Repeat("x", gatehouse.MaxPassword)
	hash, err := p.Hash(t.Context(), long)
	must(t, err)
	for _, other := range []string{long[:72], long[:len(long)-1], long[:len(long)-1] + "y", long[:len(long)-1] + "\x00"} {
		if ok, err := p.Verify(t.Context(), hash, other); ok || err != nil {
			t.Errorf("a password of %d bytes passes for another: %v", len(other), err)
		}
	}
}

// check 130: with one worker and a queue of one, the third who comes is turned away at once, and
// whoever gives up waiting makes room.
func TestHashingIsBounded(t *testing.T) {
	p := newPasswords(t, 1, 1)
	leave, err := p.Hold(t.Context())
	must(t, err)
	waiting, giveUp := context.WithCancel(t.Context())
	second := make(chan error)
	go func() {
		_, err := p.Hash(waiting, "second")
		second <- err
	}()
	for p.Waiting() < 2 { // until the second has queued up
		runtime.Gosched()
	}
	if _, err := p.Hash(t.Context(), "third"); gatehouse.KindOf(err) != gatehouse.Unavailable {
		t.Errorf("the third gets %v", err)
	}
	giveUp()
	if err := <-second; gatehouse.KindOf(err) != gatehouse.Unavailable || !errors.Is(err, context.Canceled) {
		t.Errorf("who gives up gets %v", err)
	}
	leave()
	if p.Waiting() != 0 {
		t.Errorf("%d wait", p.Waiting())
	}
	_, err = p.Hash(t.Context(), "fourth")
	must(t, err)
}
