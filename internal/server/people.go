package server

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"net/netip"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/organization"
)

// people answers who signs in to the gateway with a name and a password (HTTP Basic
// authentication). A password costs a hash of some 25 ms, so what was right a moment ago
// is held: by a MAC of the organization, the name and the password under a key that this
// process made up and keeps nowhere. A password itself is never held, and what was wrong
// is not held at all: package organization counts it.
type people struct {
	organizations *organization.Service
	scopes        scopes
	most          int
	now           func() time.Time
	key           []byte

	mu    sync.Mutex
	drops uint64 // how often something was dropped: a sign-in that began before is not held
	held  map[[sha256.Size]byte]signedIn
}

// scopes are those of an organization.
type scopes interface {
	Scopes(ctx context.Context, orgID string) ([]gatehouse.Scope, error)
}

// signedIn is what was right a moment ago.
type signedIn struct {
	says  *gatehouse.Authorization
	until time.Time
}

// holdPeople is how long a sign-in is held when nothing changes.
const holdPeople = time.Minute

func newPeople(organizations *organization.Service, scopes scopes, most int, now func() time.Time) *people {
	p := &people{organizations: organizations, scopes: scopes, most: most, now: now, key: make([]byte, sha256.Size), held: map[[sha256.Size]byte]signedIn{}}
	rand.Read(p.key)
	return p
}

// Person returns what a member of an organization may do: with the scopes that their
// roles may have. The errors are those of organization.Authenticate.
func (p *people) Person(ctx context.Context, orgKey, name, password string, from netip.Addr) (*gatehouse.Authorization, error) {
	id := p.mac(orgKey, name, password)
	says, drops := p.find(id)
	if says != nil {
		return says, nil
	}
	org, err := p.organizations.Organization(ctx, orgKey)
	if err != nil {
		return nil, err
	}
	m, err := p.organizations.Authenticate(ctx, org, name, password, from)
	if err != nil {
		return nil, err
	}
	known, err := p.scopes.Scopes(ctx, org.ID)
	if err != nil {
		return nil, err
	}
	says = &gatehouse.Authorization{
		ID: gatehouse.NewID(p.now()), OrgKey: org.Key, KeyType: gatehouse.Production, For: gatehouse.ForUser,
		Subject: m.ID, Username: m.Qualified(), IssuedAt: p.now(), ExpiresAt: gatehouse.EndOfTime,
	}
	for i := range known {
		if known[i].OpenTo(m.Roles) {
			says.Scopes = append(says.Scopes, known[i].Name)
		}
	}
	p.hold(id, says, drops)
	return says, nil
}

// mac names credentials. The lengths keep one field from running into the next.
func (p *people) mac(fields ...string) (sum [sha256.Size]byte) {
	mac := hmac.New(sha256.New, p.key)
	for _, field := range fields {
		mac.Write([]byte{byte(len(field) >> 24), byte(len(field) >> 16), byte(len(field) >> 8), byte(len(field))})
		mac.Write([]byte(field))
	}
	mac.Sum(sum[:0])
	return sum
}

func (p *people) find(id [sha256.Size]byte) (*gatehouse.Authorization, uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, ok := p.held[id]
	if ok && !p.now().Before(s.until) {
		delete(p.held, id)
		return nil, p.drops
	}
	return s.says, p.drops
}

// hold keeps a sign-in, unless something was dropped since it began: it may have read what
// was true before. A full memory forgets one that the map happens to yield.
func (p *people) hold(id [sha256.Size]byte, says *gatehouse.Authorization, drops uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drops != drops {
		return
	}
	if len(p.held) >= p.most {
		for other := range p.held {
			delete(p.held, other)
			break
		}
	}
	p.held[id] = signedIn{says, p.now().Add(holdPeople)}
}

// drop forgets the sign-ins of a user, or all for no user.
func (p *people) drop(userID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drops++
	for id, s := range p.held {
		if userID == "" || s.says.Subject == userID {
			delete(p.held, id)
		}
	}
}
