package tokenapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Limits of key sets that live elsewhere.
const (
	remoteKeysFresh = 10 * time.Minute // after that they are read again
	remoteKeysPause = time.Minute      // between two requests to one address, whatever ids are asked for
	maxRemoteKeys   = 1 << 20          // bytes of a set
	maxRemoteSets   = 1000             // addresses that are kept in mind
)

// remoteKeys holds key sets that live at other addresses. An id that nobody knows, or an
// address that does not answer, makes one request a minute and not one each time.
type remoteKeys struct {
	mu sync.Mutex
	by map[string]*remoteSet
}

// remoteSet is one address. Its lock is held while it is read, so that those who come
// meanwhile wait for the same answer.
type remoteSet struct {
	mu   sync.Mutex
	set  jose.JSONWebKeySet
	err  error
	read time.Time
}

// get returns the key set at an address, in which a key with an id is hoped for.
func (r *remoteKeys) get(ctx context.Context, client *http.Client, address, id string, now time.Time) (jose.JSONWebKeySet, error) {
	s := r.at(address)
	s.mu.Lock()
	defer s.mu.Unlock()
	age := now.Sub(s.read)
	known := s.err == nil && (id == "" || len(s.set.Key(id)) > 0)
	if s.read.IsZero() || age > remoteKeysFresh || !known && age > remoteKeysPause {
		set, err := fetchKeys(ctx, client, address)
		if err == nil || age > remoteKeysFresh { // a set that was good a moment ago outlives a failure
			s.set, s.err = set, err
		}
		s.read = now
	}
	return s.set, s.err
}

func (r *remoteKeys) at(address string) *remoteSet {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.by[address]
	if s == nil {
		if r.by == nil || len(r.by) >= maxRemoteSets {
			r.by = map[string]*remoteSet{}
		}
		s = &remoteSet{}
		r.by[address] = s
	}
	return s
}

func fetchKeys(ctx context.Context, client *http.Client, address string) (set jose.JSONWebKeySet, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return set, err
	}
	r.Header.Set("Accept", "application/jwk-set+json, application/json")
	answer, err := client.Do(r)
	if err != nil {
		return set, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return set, fmt.Errorf("the key set is answered with %d", answer.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxRemoteKeys+1))
	if err != nil {
		return set, err
	}
	if len(text) > maxRemoteKeys {
		return set, fmt.Errorf("the key set is longer than %d bytes", maxRemoteKeys)
	}
	return set, json.Unmarshal(text, &set)
}
