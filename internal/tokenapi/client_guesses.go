package tokenapi

import (
	"net/netip"
	"sync"
	"time"
)

// Guesses counts wrong consumer secrets by consumer key and address, on this node. After
// maxGuesses within a minute from one address nothing is compared for it any more until
// a minute has passed since the first: random secrets hold 230 bits, so this keeps floods
// off more than it keeps secrets. A nil *Guesses counts nothing.
type Guesses struct {
	mu sync.Mutex
	by map[guesser]*guessed
}

// guesser is a consumer key with the address that presents it.
type guesser struct{ key, address string }

// guessed is how often a guesser was wrong, since when.
type guessed struct {
	wrong int
	since time.Time
}

const (
	maxGuesses    = 10
	guessWindow   = time.Minute
	maxGuessers   = 20_000
	maxGuesserKey = 256 // bytes of a key that are counted under
)

// normal bounds a guesser, and takes a network that one IPv6 host has to itself as one
// address.
func (g guesser) normal() guesser {
	if len(g.key) > maxGuesserKey {
		g.key = g.key[:maxGuesserKey]
	}
	host := g.address
	if with, err := netip.ParseAddrPort(host); err == nil {
		host = with.Addr().String()
	}
	ip, err := netip.ParseAddr(host)
	if err == nil && ip.Unmap().Is6() {
		if p, err := ip.WithZone("").Prefix(64); err == nil {
			host = p.String()
		}
	}
	g.address = host
	return g
}

// wait returns how long a guesser must wait before it is listened to.
func (s *Guesses) wait(g guesser, now time.Time) time.Duration {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.by[g.normal()]
	if e == nil || e.wrong < maxGuesses {
		return 0
	}
	return max(0, e.since.Add(guessWindow).Sub(now))
}

// wrong counts a wrong secret.
func (s *Guesses) wrong(g guesser, now time.Time) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g = g.normal()
	e := s.by[g]
	if e == nil || now.Sub(e.since) >= guessWindow {
		s.makeRoom(now)
		e = &guessed{since: now}
		s.by[g] = e
	}
	e.wrong++
}

// right forgets what a guesser got wrong before.
func (s *Guesses) right(g guesser) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.by, g.normal())
}

// makeRoom keeps the map bounded: it drops what is over, and everything when that is not
// enough, so that no flood of made-up keys can fill the memory.
func (s *Guesses) makeRoom(now time.Time) {
	if s.by == nil {
		s.by = map[guesser]*guessed{}
	}
	if len(s.by) < maxGuessers {
		return
	}
	for g, e := range s.by {
		if now.Sub(e.since) >= guessWindow {
			delete(s.by, g)
		}
	}
	if len(s.by) >= maxGuessers {
		clear(s.by)
	}
}
