package token

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse/gatehouse"
)

// Keys are the signing keys of tokens. One of each algorithm signs; those that take its
// turn next and those that did before are published beside it (rotation.go). Private keys
// are kept sealed under the master key.
type Keys struct {
	Store     KeyStore
	MasterKey [32]byte
	Now       func() time.Time

	loaded  atomic.Pointer[keySet]
	reading sync.Mutex // so that what was read first is not put in the place of what was read last
	writing sync.Mutex
}

// KeyStore keeps signing keys, sealed.
type KeyStore interface {
	SigningKeys(ctx context.Context) (gatehouse.KeyRing, error)
	UpdateSigningKeys(ctx context.Context, rule func(gatehouse.KeyRing) ([]gatehouse.SealedKey, error)) error
	ExtendSigningKey(ctx context.Context, id string, until time.Time) error
}

// keySet never changes: a new one takes its place.
type keySet struct {
	ring     gatehouse.KeyRing
	byID     map[string]*signingKey // without those that are revoked
	byHeader map[string]*signingKey
}

type signingKey struct {
	id              string
	algorithm       string
	header          string // of every access token it signs, encoded
	signatureLength int
	private         crypto.Signer
}

// Load reads the keys, and makes an ES256 key when there is none.
func (k *Keys) Load(ctx context.Context) error {
	if err := k.Reload(ctx); err != nil {
		return err
	}
	_, err := k.signer(ctx, string(jose.ES256), k.Now())
	return err
}

// Reload reads the keys again; on an error the ones that were read before stay.
func (k *Keys) Reload(ctx context.Context) error {
	k.reading.Lock()
	defer k.reading.Unlock()
	ring, err := k.Store.SigningKeys(ctx)
	if err != nil {
		return err
	}
	before := k.loaded.Load()
	set := &keySet{ring: ring, byID: map[string]*signingKey{}, byHeader: map[string]*signingKey{}}
	for _, s := range ring {
		if !s.RevokedAt.IsZero() {
			continue
		}
		var key *signingKey
		if before != nil {
			key = before.byID[s.ID]
		}
		if key == nil {
			if key, err = k.open(s); err != nil {
				return fmt.Errorf("signing key %s: %w", s.ID, err)
			}
		}
		set.byID[key.id], set.byHeader[key.header] = key, key
	}
	k.loaded.Store(set)
	return nil
}

func (k *Keys) open(s gatehouse.SealedKey) (*signingKey, error) {
	der, err := Open(k.MasterKey, s.Sealed, s.ID)
	if err != nil {
		return nil, fmt.Errorf("the master key does not open it: is this the data folder that it was made with? %w", err)
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	header, err := json.Marshal(struct {
		Algorithm string `json:"alg"`
		KeyID     string `json:"kid"`
		Type      string `json:"typ"`
	}{s.Algorithm, s.ID, "at+jwt"})
	if err != nil {
		return nil, err
	}
	key := &signingKey{id: s.ID, algorithm: s.Algorithm, header: base64url.EncodeToString(header)}
	switch private := private.(type) {
	case *ecdsa.PrivateKey:
		key.private, key.signatureLength = private, 64
	case *rsa.PrivateKey:
		key.private, key.signatureLength = private, private.Size()
	default:
		return nil, fmt.Errorf("a key of type %T is not supported", private)
	}
	return key, nil
}

// byHeader returns the key that signs with an encoded header, or nil.
func (k *Keys) byHeader(header string) *signingKey { return k.loaded.Load().byHeader[header] }

// holds reports whether a key is there still, and not revoked.
func (k *Keys) holds(id string) bool { return k.loaded.Load().byID[id] != nil }

// signer returns the key that signs now with an algorithm, for a token that ends at a
// moment. The key is made when there is none yet: an RSA key takes a tenth of a second
// that most installations never need. That its tokens live so long is written down
// before the first of them is handed out, so that the key is kept for all of them.
func (k *Keys) signer(ctx context.Context, algorithm string, end time.Time) (*signingKey, error) {
	if key := k.ready(algorithm, end); key != nil {
		return key, nil
	}
	k.writing.Lock()
	defer k.writing.Unlock()
	if key := k.ready(algorithm, end); key != nil {
		return key, nil
	}
	if err := k.prepare(ctx, algorithm, end); err != nil {
		return nil, err
	}
	if err := k.Reload(ctx); err != nil {
		return nil, err
	}
	if key := k.ready(algorithm, end); key != nil {
		return key, nil
	}
	return nil, gatehouse.Errorf(gatehouse.Unavailable, "the signing key is being changed: try again")
}

// ready returns the signer when all is written down that must be.
func (k *Keys) ready(algorithm string, end time.Time) *signingKey {
	set := k.loaded.Load()
	sealed := set.ring.Signer(algorithm, k.Now())
	if sealed == nil || end.After(sealed.Until) {
		return nil
	}
	return set.byID[sealed.ID]
}

func (k *Keys) prepare(ctx context.Context, algorithm string, end time.Time) error {
	if sealed := k.loaded.Load().ring.Signer(algorithm, k.Now()); sealed != nil {
		return k.Store.ExtendSigningKey(ctx, sealed.ID, gatehouse.UntilFor(end))
	}
	first, err := k.make(algorithm)
	if err != nil {
		return err
	}
	first.Until = gatehouse.UntilFor(end)
	return k.Store.UpdateSigningKeys(ctx, func(ring gatehouse.KeyRing) ([]gatehouse.SealedKey, error) {
		if ring.Signer(algorithm, first.SignsAt) != nil {
			return nil, nil // another node was faster
		}
		return []gatehouse.SealedKey{first}, nil
	})
}

// make makes a key that signs from now on.
func (k *Keys) make(algorithm string) (gatehouse.SealedKey, error) {
	private, err := newPrivateKey(algorithm)
	if err != nil {
		return gatehouse.SealedKey{}, fmt.Errorf("make a signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return gatehouse.SealedKey{}, err
	}
	id, now := gatehouse.RandomText(16), k.Now()
	sealed, err := Seal(k.MasterKey, der, id)
	return gatehouse.SealedKey{ID: id, Algorithm: algorithm, Sealed: sealed, CreatedAt: now, SignsAt: now, Until: gatehouse.UntilFor(now)}, err
}

func newPrivateKey(algorithm string) (crypto.Signer, error) {
	switch jose.SignatureAlgorithm(algorithm) {
	case jose.ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jose.RS256:
		return rsa.GenerateKey(rand.Reader, 2048)
	}
	return nil, fmt.Errorf("the algorithm %q is not supported", algorithm)
}

// Public returns the public halves as a JWK Set (RFC 7517): of the keys that will sign, do,
// and did while what they signed may live.
func (k *Keys) Public() jose.JSONWebKeySet {
	set, now := k.loaded.Load(), k.Now()
	public := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for i := range set.ring {
		sealed := &set.ring[i]
		if set.ring.State(sealed, now) == gatehouse.KeyGone {
			continue
		}
		key := set.byID[sealed.ID]
		public.Keys = append(public.Keys, jose.JSONWebKey{Key: key.private.Public(), KeyID: key.id, Algorithm: key.algorithm, Use: "sig"})
	}
	return public
}
