package organization_test

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// guess tries wrong passwords.
func (h *house) guess(t testing.TB, n int, name string, from netip.Addr) {
	t.Helper()
	for i := range n {
		if h.signsIn(t, name, fmt.Sprint("wrong password ", i), from) {
			t.Fatal("a wrong password is let in")
		}
	}
}

// check 153: after ten wrong passwords the right one is refused like a wrong one, for
// every spelling of the account, from everywhere; and not for ever.
func TestWrongPasswordsSlowAnAccountDown(t *testing.T) {
	h := open(t)
	h.guess(t, 5, "john@johns.org", home)
	h.guess(t, 5, "John@Johns.org@johnsorg", abroad)
	for _, name := range []string{"john@johns.org", "john@johns.org@johnsorg", "JOHN@johns.org"} {
		if h.signsIn(t, name, rightPassword, home) {
			t.Errorf("%s is not slowed down", name)
		}
	}
	h.now = h.now.Add(time.Second)
	if !h.signsIn(t, "john@johns.org", rightPassword, home) {
		t.Error("the right password is refused after the delay")
	}
}

// check 153: 100 attempts at once are ten tries, not a hundred, while many right
// passwords at once are all let in.
func TestABurstIsNoWayAround(t *testing.T) {
	for name, right := range map[string]bool{"wrong": false, "right": true} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			var in atomic.Int64
			var wg sync.WaitGroup
			burst := 100
			if right {
				burst = 25
			}
			for i := range burst {
				password := fmt.Sprint("wrong password ", i)
				if right || i == 99 {
					password = rightPassword
				}
				wg.Go(func() {
					if h.signsIn(t, "john@johns.org", password, abroad) {
						in.Add(1)
					}
				})
			}
			wg.Wait()
			if right && in.Load() != int64(burst) {
				t.Errorf("%d of 25 right passwords are let in", in.Load())
			}
			if !right && h.signsIn(t, "john@johns.org", rightPassword, abroad) && in.Load() == 0 {
				t.Error("a hundred wrong passwords slowed nothing down")
			}
		})
	}
}

// check 153: who signed in from an address before is let in there, whatever strangers do.
func TestAVictimIsLetInFromWhereTheyWereBefore(t *testing.T) {
	h := open(t)
	if !h.signsIn(t, "john@johns.org", rightPassword, home) {
		t.Fatal("the right password is refused")
	}
	h.guess(t, 30, "john@johns.org", abroad)
	h.guess(t, 60, "nobody", home)
	if !h.signsIn(t, "john@johns.org", rightPassword, home) {
		t.Error("locked out by others")
	}
	if h.signsIn(t, "john@johns.org", rightPassword, abroad) {
		t.Error("the account is not slowed down elsewhere")
	}
	h.guess(t, 10, "john@johns.org", home)
	if h.signsIn(t, "john@johns.org", rightPassword, home) {
		t.Error("at home one may guess without an end")
	}
}

// check 153: an address that tries many accounts is slowed down for all of them.
func TestWrongPasswordsSlowAnAddressDown(t *testing.T) {
	h := open(t)
	for i := range 50 {
		h.guess(t, 1, fmt.Sprint("nobody", i), abroad)
	}
	if h.signsIn(t, "john@johns.org", rightPassword, abroad) {
		t.Error("the address is not slowed down")
	}
	if !h.signsIn(t, "john@johns.org", rightPassword, home) {
		t.Error("another address is slowed down")
	}
	h.now = h.now.Add(time.Second)
	if !h.signsIn(t, "john@johns.org", rightPassword, abroad) {
		t.Error("the address is locked out")
	}
}
