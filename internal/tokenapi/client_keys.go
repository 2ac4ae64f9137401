package tokenapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse/gatehouse"
)

// KeySets reads the public keys of clients: from their metadata, or from their jwks_uri,
// where they are read again when they are old or lack a key, and never more often than
// once in a short while, whatever strangers send.
type KeySets struct {
	// Outbound makes the calls: it bounds their time, and asks the egress rule about the
	// address.
	Outbound *http.Client
	Now      func() time.Time

	mu sync.Mutex
	by map[string]*fetched
}

// fetched is what a jwks_uri gave when it was last asked.
type fetched struct {
	mu  sync.Mutex // held while it is asked
	set *jose.JSONWebKeySet
	at  time.Time
}

const (
	keysFresh   = 10 * time.Minute // for so long keys are not read again, but for a kid that is not there
	keysRetry   = time.Minute      // between two readings in any case
	maxKeySets  = 2000
	maxKeysBody = 1 << 20
)

// errKeys is the one thing that is told of keys that could not be read.
var errKeys = errors.New("the client's keys could not be read")

// of returns a client's keys; those of a jwks_uri anew when none of them has the kid.
func (s *KeySets) of(ctx context.Context, m *gatehouse.ClientMetadata, kid string) (*jose.JSONWebKeySet, error) {
	if m.JWKSURI == "" {
		return parseKeys(m.JWKS)
	}
	if s == nil {
		return nil, errKeys
	}
	f := s.entry(m.JWKSURI)
	f.mu.Lock()
	defer f.mu.Unlock()
	now := s.Now()
	missing := f.set == nil || kid != "" && len(f.set.Key(kid)) == 0
	if age := now.Sub(f.at); age >= keysFresh || missing && age >= keysRetry {
		f.at = now
		if set, err := s.fetch(ctx, m.JWKSURI); err == nil {
			f.set = set
		}
	}
	if f.set == nil {
		return nil, errKeys
	}
	return f.set, nil
}

func (s *KeySets) entry(uri string) *fetched {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.by[uri]
	if f == nil {
		if s.by == nil || len(s.by) >= maxKeySets {
			s.by = map[string]*fetched{}
		}
		f = &fetched{}
		s.by[uri] = f
	}
	return f
}

func (s *KeySets) fetch(ctx context.Context, uri string) (*jose.JSONWebKeySet, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	res, err := s.Outbound.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxKeysBody))
	if err != nil || res.StatusCode != http.StatusOK {
		return nil, errKeys
	}
	return parseKeys(text)
}

// parseKeys reads a key set. A key that cannot be read is left out: it may be of a kind
// that is newer than we are (RFC 7517, section 5).
func parseKeys(text []byte) (*jose.JSONWebKeySet, error) {
	var raw struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, errKeys
	}
	var set jose.JSONWebKeySet
	for _, k := range raw.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(k, &key) == nil && key.IsPublic() {
			set.Keys = append(set.Keys, key)
		}
	}
	return &set, nil
}
