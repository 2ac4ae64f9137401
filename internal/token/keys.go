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

// Keys are the signing keys of access tokens. The newest key of an algorithm signs; all
// of them verify. Private keys are kept sealed under the master key.
type Keys struct {
	Store     KeyStore
	MasterKey [32]byte
	Now       func() time.Time

	loaded atomic.Pointer[keySet]
	making sync.Mutex
}

// KeyStore keeps signing keys, sealed.
type KeyStore interface {
	SigningKeys(ctx context.Context) ([]gatehouse.SealedKey, error)
	CreateSigningKey(ctx context.Context, k gatehouse.SealedKey) error
}

// keySet never changes: a new one takes its place.
type keySet struct {
	all      []*signingKey
	byHeader map[string]*signingKey
}

type signingKey struct {
	id              string
	algorithm       string
	header          string // of every token it signs, encoded
	signatureLength int
	private         crypto.Signer
}

// Load reads the keys, and makes an ES256 key when there is none.
func (k *Keys) Load(ctx context.Context) error {
	if err := k.Reload(ctx); err != nil {
		return err
	}
	_, err := k.signer(ctx, string(jose.ES256))
	return err
}

// Reload reads the keys again; on an error the ones that were read before stay.
func (k *Keys) Reload(ctx context.Context) error {
	sealed, err := k.Store.SigningKeys(ctx)
	if err != nil {
		return err
	}
	set := &keySet{byHeader: map[string]*signingKey{}}
	for _, s := range sealed {
		key, err := k.open(s)
		if err != nil {
			return fmt.Errorf("signing key %s: %w", s.ID, err)
		}
		set.all = append(set.all, key)
		set.byHeader[key.header] = key
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

// signer returns the key that signs now with an algorithm. It is made when there is
// none yet: an RSA key takes a tenth of a second that most installations never need.
func (k *Keys) signer(ctx context.Context, algorithm string) (*signingKey, error) {
	if key := k.newest(algorithm); key != nil {
		return key, nil
	}
	k.making.Lock()
	defer k.making.Unlock()
	if key := k.newest(algorithm); key != nil {
		return key, nil
	}
	if err := k.make(ctx, algorithm); err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	if err := k.Reload(ctx); err != nil {
		return nil, err
	}
	return k.newest(algorithm), nil
}

func (k *Keys) newest(algorithm string) *signingKey {
	set := k.loaded.Load()
	for i := len(set.all) - 1; i >= 0; i-- {
		if set.all[i].algorithm == algorithm {
			return set.all[i]
		}
	}
	return nil
}

func (k *Keys) make(ctx context.Context, algorithm string) error {
	private, err := newPrivateKey(algorithm)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	id := gatehouse.RandomText(16)
	sealed, err := Seal(k.MasterKey, der, id)
	if err != nil {
		return err
	}
	return k.Store.CreateSigningKey(ctx, gatehouse.SealedKey{ID: id, Algorithm: algorithm, Sealed: sealed, CreatedAt: k.Now()})
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

// Public returns the public halves as a JWK Set (RFC 7517).
func (k *Keys) Public() jose.JSONWebKeySet {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, key := range k.loaded.Load().all {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.private.Public(), KeyID: key.id, Algorithm: key.algorithm, Use: "sig"})
	}
	return set
}
